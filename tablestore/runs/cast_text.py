"""Text and bytes from and to other types, with the results of Java.

What Java's own text rules decide is worked out once for each distinct value.

Source: ``org.apache.paimon.casting`` (``…ToStringCastRule``, ``StringTo…CastRule``),
``org.apache.paimon.utils.BinaryStringUtils``, ``DateTimeUtils``.
"""

from __future__ import annotations

import decimal
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import CorruptDataError
from tablestore.format.binary_slots import Timestamp
from tablestore.format.partition import partition_text
from tablestore.runs.cast_moments import split
from tablestore.runs.cast_moments_text import text_to_date, text_to_stamp, text_to_time
from tablestore.runs.cast_numbers import to_scale
from tablestore.types.arrow import to_arrow
from tablestore.types.model import MAX_LENGTH

if TYPE_CHECKING:
    from tablestore.types.model import AtomicType

Value = Any  # of a column
_TRUE: Final = frozenset({"t", "true", "y", "yes", "1"})
_FALSE: Final = frozenset({"f", "false", "n", "no", "0"})
_INTEGER: Final = re.compile(r"([+-]?)([0-9]*)(?:\.[0-9]*)?")
_REAL: Final = re.compile(
    r"[+-]?(?:NaN|Infinity|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fFdD]?)"
)
_HEX_REAL: Final = re.compile(
    r"([+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?"
)
# Java's BigDecimal takes the digits of every script
_DECIMAL: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,10})?")
_BITS: Final = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}


def text_to_text(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Cut to the length; CHAR is padded with blanks."""
    length = new.length or 1
    if length == MAX_LENGTH:
        return array
    cut = pc.utf8_slice_codeunits(array, 0, length)
    return pc.utf8_rpad(cut, width=length, padding=" ") if new.name == "CHAR" else cut


def plain_to_text(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Integers and booleans."""
    return text_to_text(array.cast(pa.string()), old, new)


def spelled_to_text(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Decimals, real numbers, dates and times as Java spells them."""
    if old.name in {"FLOAT", "DOUBLE"}:
        # bits, so that 0.0 and -0.0 stay apart
        coded = array.view(pa.int32() if old.name == "FLOAT" else pa.int64()).dictionary_encode()
        values = coded.dictionary.view(array.type).to_pylist()
    elif old.name in {"DATE", "TIME"}:
        coded = array.view(pa.int32()).dictionary_encode()
        values = coded.dictionary.to_pylist()
    else:
        coded = array.dictionary_encode()
        values = coded.dictionary.to_pylist()
    return text_to_text(_spelled(values, old).take(coded.indices), old, new)


def stamp_to_text(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Timestamps with the digits of their precision."""
    coded = array.view(pa.int64()).dictionary_encode()
    millis, nanos = split(coded.dictionary.view(array.type))
    values = [Timestamp(int(m), int(n)) for m, n in zip(millis, nanos, strict=True)]
    return _spelled(values, old).take(coded.indices)


def _spelled(values: list[Value], old: AtomicType) -> pa.Array:
    return pa.array([partition_text(value, old, legacy=False) for value in values], pa.string())


def bytes_to_text(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """The bytes as UTF-8, neither cut nor padded; what is not UTF-8 becomes U+FFFD."""
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        return by_distinct(array, lambda value: value.decode("utf-8", "replace"), pa.string())


def text_to_bytes(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """The UTF-8 bytes, as ``bytes_to_bytes``."""
    return bytes_to_bytes(array.cast(pa.binary()), old, new)


def bytes_to_bytes(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Cut to the length; BINARY is padded with zeros."""
    length = new.length or 1
    if length == MAX_LENGTH:
        return array
    cut = pc.binary_slice(array, 0, length)
    if new.name != "BINARY":
        return cut
    return by_distinct(cut, lambda value: value.ljust(length, b"\0"), pa.binary())


def text_to_boolean(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """t, true, y, yes, 1 and f, false, n, no, 0 in any case."""
    return by_distinct(array, _boolean, pa.bool_())


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in _TRUE and word not in _FALSE:
        _reject(text, "BOOLEAN")
    return word in _TRUE


def text_to_integer(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Digits with a sign; a fraction is cut off.

    Raises:
        CorruptDataError: another text, or out of range.
    """
    limit = 1 << (_BITS[new.name] - 1)

    def integer(text: str) -> int:
        match = _INTEGER.fullmatch(text)
        if match is None or len(match[1]) == len(text):
            _reject(text, new.name)
        value = int(match[1] + (match[2] or "0"))
        if not -limit <= value < limit:
            _reject(text, new.name)
        return value

    return by_distinct(array, integer, to_arrow(new))


def text_to_real(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """What Java's parser of floating-point numbers takes; blanks around are ignored."""
    single = new.name == "FLOAT"

    def real(text: str) -> float:
        stripped = text.strip("".join(map(chr, range(33))))
        if (hexed := _HEX_REAL.fullmatch(stripped)) is not None:
            return float.fromhex(hexed[1])
        if _REAL.fullmatch(stripped) is None:
            _reject(text, new.name)
        digits = stripped if stripped[-1] in "yN" else stripped.rstrip("fFdD")
        return _single(digits) if single else float(digits)

    return by_distinct(array, real, to_arrow(new))


def _single(digits: str) -> float:
    """The nearest FLOAT of a text; by way of a DOUBLE it would be rounded twice."""
    try:
        return float(pa.scalar(digits.lstrip("+")).cast(pa.float32()).as_py())
    except pa.ArrowInvalid:  # out of range
        with np.errstate(over="ignore", under="ignore"):
            return float(np.float32(float(digits)))


def text_to_decimal(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """A decimal number, rounded half up; null where it does not fit."""

    def number(text: str) -> decimal.Decimal | None:
        if _DECIMAL.fullmatch(text) is None or abs(_exponent(text)) > 2**31 - 1:
            _reject(text, new.sql())
        return to_scale(decimal.Decimal(text), new)

    return by_distinct(array, number, to_arrow(new))


def _exponent(text: str) -> int:
    return int(re.split("[eE]", text)[1]) if "e" in text.lower() else 0


def moment_from_text(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Dates, times and timestamps by their text, or by a whole number of units."""
    if new.name == "DATE":
        return by_distinct(array, text_to_date, pa.int32()).view(pa.date32())
    if new.name == "TIME":
        return by_distinct(array, text_to_time, pa.int32()).view(pa.time32("ms"))
    target = to_arrow(new)
    coded = array.dictionary_encode()
    values = [
        None if text is None else text_to_stamp(text, new) for text in coded.dictionary.to_pylist()
    ]
    return pa.array(values, pa.int64()).view(target).take(coded.indices)


def by_distinct(
    array: pa.Array, convert: Callable[[Value], Value], target: pa.DataType
) -> pa.Array:
    """Every value converted, each distinct one once; null stays null."""
    coded = array.dictionary_encode()
    values = [None if value is None else convert(value) for value in coded.dictionary.to_pylist()]
    return pa.array(values, target).take(coded.indices)


def _reject(text: str, wanted: str) -> NoReturn:
    raise CorruptDataError("value", expected=f"text that is {wanted}", found=repr(text[:60]))
