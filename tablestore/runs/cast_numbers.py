"""Numbers, booleans and decimals from one type to another, with the results of Java.

Narrowing integers wraps, real numbers saturate, decimals round half up and are null where they do
not fit.

Source: ``org.apache.paimon.casting.NumericPrimitiveCastRule``, ``DecimalToDecimalCastRule``,
``NumericPrimitiveToDecimalCastRule``, ``DecimalToNumericPrimitiveCastRule``.
"""

from __future__ import annotations

import decimal
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import CorruptDataError
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    from tablestore.types.model import AtomicType

_WIDEST_DECIMAL: Final = 76
_CONTEXT: Final = decimal.Context(prec=400, rounding=decimal.ROUND_HALF_UP)


def integer_to_integer(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Widened, or the low bits."""
    return pc.cast(array, to_arrow(new), safe=False)


def to_real(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """The nearest FLOAT or DOUBLE."""
    if old.name == "DECIMAL":  # the text is exact; Arrow's own conversion is off by an ulp at times
        return array.cast(pa.string()).cast(to_arrow(new))
    if old.name == "BOOLEAN":
        array = array.cast(pa.int8())
    return pc.cast(array, to_arrow(new), safe=False)


def real_to_integer(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Towards zero; saturates to INT or BIGINT, then the low bits; NaN is 0."""
    reals = array.cast(pa.float64()).fill_null(0.0).to_numpy(zero_copy_only=False)
    reals = np.trunc(np.nan_to_num(reals, nan=0.0, posinf=np.inf, neginf=-np.inf))
    if new.name == "BIGINT":
        top = float(2**63)
        inside = np.where((reals >= top) | (reals < -top), 0.0, reals).astype(np.int64)
        whole = np.where(reals >= top, np.iinfo(np.int64).max, inside)
        whole = np.where(reals < -top, np.iinfo(np.int64).min, whole)
    else:
        bounds = np.iinfo(np.int32)
        whole = np.clip(reals, bounds.min, bounds.max).astype(np.int64)
    return pc.cast(with_nulls(whole, array), to_arrow(new), safe=False)


def integer_to_boolean(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """True but for 0."""
    return pc.not_equal(array, pa.scalar(0, array.type))


def boolean_to_integer(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """1 or 0."""
    return array.cast(pa.int8()).cast(to_arrow(new))


def decimal_to_integer(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Towards zero, then the low bits."""
    whole = array.cast(
        options=pc.CastOptions(
            target_type=pa.int64(), allow_int_overflow=True, allow_decimal_truncate=True
        )
    )
    return pc.cast(whole, to_arrow(new), safe=False)


def whole_to_decimal(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Exact; null where it does not fit."""
    integers = array.cast(pa.int8()) if old.name == "BOOLEAN" else array
    return decimal_to_decimal(integers.cast(pa.decimal128(19, 0)), old, new)


def decimal_to_decimal(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Rounded half up to the new scale; null where it does not fit."""
    precision, scale = new.precision or 0, new.scale or 0
    held = array.type.scale
    wide = array.cast(pa.decimal256(_WIDEST_DECIMAL, held))
    if held > scale:
        wide = pc.round(wide, ndigits=scale, round_mode="half_towards_infinity")
    limit = decimal.Decimal(10) ** (precision - scale)
    top = pa.scalar(limit, pa.decimal256(_WIDEST_DECIMAL, held))
    fits = pc.and_(pc.less(wide, top), pc.greater(wide, pc.negate(top)))
    kept = pc.if_else(fits, wide, pa.scalar(None, wide.type))
    return kept.cast(to_arrow(new))


def real_to_decimal(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """By the shortest decimal text of the number as a DOUBLE, rounded half up.

    Raises:
        CorruptDataError: NaN or an infinity, which have no decimal.
    """
    wide = array.cast(pa.float64())
    if not pc.all(pc.is_finite(wide)).as_py() and pc.any(pc.invert(pc.is_finite(wide))).as_py():
        raise CorruptDataError("value", expected=f"a finite number for {new}", found="NaN or ±∞")
    # bits, so that 0.0 and -0.0 need no thought
    coded = wide.view(pa.int64()).dictionary_encode()
    reals = coded.dictionary.view(pa.float64()).to_pylist()
    found = [to_scale(decimal.Decimal(repr(real)), new) for real in reals]
    return pa.array(found, to_arrow(new)).take(coded.indices)


def to_scale(number: decimal.Decimal, new: AtomicType) -> decimal.Decimal | None:
    """A decimal with the digits of a type, rounded half up; None where it does not fit."""
    precision, scale = new.precision or 0, new.scale or 0
    if number and number.adjusted() > precision - scale:
        return None
    if number and number.adjusted() < -scale - 1:
        return decimal.Decimal(0).scaleb(-scale)
    rounded = number.quantize(decimal.Decimal(1).scaleb(-scale), context=_CONTEXT)
    return rounded if abs(rounded) < decimal.Decimal(10) ** (precision - scale) else None


def with_nulls(values: np.ndarray, like: pa.Array) -> pa.Array:
    """An Arrow array of the values with the nulls of another array."""
    if not like.null_count:
        return pa.array(values)
    return pa.array(values, mask=like.is_null().to_numpy(zero_copy_only=False))
