"""Single tests on Arrow columns, with the order of values that Paimon's readers use.

Order: numbers by value; NaN equals NaN and is greater than every other number, as Java's
``Double.compare`` has it; 0.0 equals -0.0, as SQL has it and ``Double.compare`` has not; text and
bytes by unsigned bytes (for text the order of code points); false before true. Null gives null.

Source: Paimon ``CompareUtils``, except for the zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.predicate.arrow_literal import UNIT_NS
from tablestore.predicate.arrow_scalar import FALSE, TRUE, UNKNOWN, array_of, scalar_of
from tablestore.predicate.fit import Family, family_of, holds
from tablestore.predicate.identity import ById
from tablestore.predicate.literal import Literal
from tablestore.predicate.temporal import DAY_NS

Values: TypeAlias = "pa.Array | pa.ChunkedArray"
_ARROW: dict[str, Callable[..., Values]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_EXACT = pa.decimal256(76, 0)


def compare_value(op: str, array: Values, value: Literal) -> Values:
    """``array op value`` for a bound constant."""
    if family_of(array.type) is not Family.FLOAT:
        return _ARROW[op](array, scalar_of(value.value, array.type))
    number = value.value
    assert isinstance(number, float)
    array = _wide_enough(array, [number])
    nan = pc.is_nan(array)
    if number != number:
        return _compare_nan(op, array, nan)
    found = _ARROW[op](array, scalar_of(number, array.type))
    return pc.or_(found, nan) if op[0] == ">" else found


def _compare_nan(op: str, array: Values, nan: Values) -> Values:
    """``array op NaN``: only NaN equals it, nothing is greater."""
    match op:
        case "=" | ">=":
            return nan
        case "!=" | "<":
            return pc.invert(nan)
        case _:
            return fixed(array, op == "<=")


def fixed(array: Values, truth: bool) -> Values:  # noqa: FBT001 - the answer itself
    """`truth` for each value, null for null."""
    return pc.if_else(pc.is_valid(array), TRUE if truth else FALSE, UNKNOWN)


def is_in(array: Values, values: tuple[Literal, ...]) -> Values:
    """SQL's IN: a miss is unknown when one of the values is null."""
    if family_of(array.type) is Family.FLOAT:
        numbers = [value.value for value in values if isinstance(value.value, float)]
        array = _wide_enough(array, numbers)
    found = pc.is_in(array, value_set=_value_set(ById(values), array.type))
    missed = UNKNOWN if any(value.is_null for value in values) else FALSE
    answer = pc.if_else(found, TRUE, missed)
    return pc.if_else(pc.is_valid(array), answer, UNKNOWN)


@lru_cache(maxsize=16)
def _value_set(key: ById, kind: pa.DataType) -> pa.Array:
    known = [value.value for value in key.values if not value.is_null]
    # pyarrow's is_in takes NaN for equal to NaN, but tells the zeros apart.
    known += [-value for value in known if isinstance(value, float) and value == 0]
    return array_of(known, kind)


def _wide_enough(array: Values, numbers: Sequence[float]) -> Values:
    """A floating-point column, in DOUBLE where its own type cannot hold one of the numbers."""
    if array.type.bit_width > 16 and all(holds(number, array.type) for number in numbers):
        return array
    return array.cast(pa.float64())


def compare_columns(op: str, left: Values, right: Values) -> Values:
    """``left op right`` for two columns of families that compare."""
    families = {family_of(left.type), family_of(right.type)}
    if Family.FLOAT in families:
        return _compare_floats(op, _double(left), _double(right))
    if left.type != right.type:
        if families & {Family.DATE, Family.TIMESTAMP, Family.ZONED}:
            left, right = _nanos(left), _nanos(right)
        elif Family.DECIMAL in families:
            scale = max(getattr(left.type, "scale", 0), getattr(right.type, "scale", 0))
            common = pa.decimal256(76, scale)
            left, right = left.cast(common), right.cast(common)
    return _ARROW[op](left, right)


def _double(array: Values) -> Values:
    # SQL rounds a BIGINT beside a DOUBLE; a safe cast would refuse those beyond 2**53.
    return array.cast(pa.float64(), safe=False)


def _nanos(array: Values) -> Values:
    """Dates or timestamps as exact epoch nanoseconds: int64 ends in 2262, milliseconds do not."""
    if family_of(array.type) is Family.DATE:
        days = array.cast(pa.date32()).cast(pa.int32()).cast(pa.decimal256(38, 0))
        return pc.multiply(days, scalar_of(Decimal(DAY_NS), pa.decimal256(20, 0))).cast(_EXACT)
    counts = array.cast(pa.int64()).cast(pa.decimal256(38, 0))
    unit = scalar_of(Decimal(UNIT_NS[array.type.unit]), pa.decimal256(20, 0))
    return pc.multiply(counts, unit).cast(_EXACT)


def _compare_floats(op: str, left: Values, right: Values) -> Values:
    if op in {">", "<="}:
        left, right = right, left
    if op in {"=", "!="}:
        both = pc.and_kleene(pc.is_nan(left), pc.is_nan(right))
        found = pc.or_kleene(pc.equal(left, right), both)
        return pc.invert(found) if op == "!=" else found
    beside_nan = pc.and_kleene(pc.is_nan(right), pc.invert(pc.is_nan(left)))
    less = pc.or_kleene(pc.less(left, right), beside_nan)
    return less if op in {"<", ">"} else pc.invert(less)
