"""Constants fitted to a column's type: what compares with what, and on which scale."""

from __future__ import annotations

import enum
import struct
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import pyarrow as pa

from tablestore.predicate import temporal
from tablestore.predicate.arrow_literal import UNIT_NS, is_bytes, is_text
from tablestore.predicate.literal import Literal


class Family(enum.Enum):
    """Columns whose comparisons follow the same rules."""

    BOOLEAN = enum.auto()
    INTEGER = enum.auto()
    DECIMAL = enum.auto()
    FLOAT = enum.auto()
    TEXT = enum.auto()
    BYTES = enum.auto()
    DATE = enum.auto()
    TIME = enum.auto()
    TIMESTAMP = enum.auto()
    ZONED = enum.auto()
    NESTED = enum.auto()


class Grid(NamedTuple):
    """The values of a column as whole multiples of `unit` from `low` to `high`."""

    unit: Fraction
    low: int
    high: int


_TESTS = (
    (pa.types.is_boolean, Family.BOOLEAN),
    (pa.types.is_integer, Family.INTEGER),
    (pa.types.is_decimal, Family.DECIMAL),
    (pa.types.is_floating, Family.FLOAT),
    (is_text, Family.TEXT),
    (is_bytes, Family.BYTES),
    (pa.types.is_date, Family.DATE),
    (pa.types.is_time32, Family.TIME),
)
# The kinds of constants that pyarrow compares with a column of a family just as SQL does.
_SAME_IN_ARROW = {
    Family.BOOLEAN: {"bool"},
    Family.INTEGER: {"int"},
    Family.DECIMAL: {"int", "decimal"},
    Family.FLOAT: {"int", "float"},
    Family.TEXT: {"str"},
    Family.BYTES: {"bytes"},
    Family.DATE: {"date"},
    Family.TIME: {"time"},
    Family.TIMESTAMP: {"timestamp"},
    Family.ZONED: {"timestamptz"},
    Family.NESTED: set[str](),
}
_FORMS = {
    Family.DATE: "a date such as '2026-11-01'",
    Family.TIME: "a time such as '12:30:00.123'",
    Family.TIMESTAMP: "a timestamp without an offset such as '2026-11-01 12:30:00'",
    Family.ZONED: "a timestamp such as '2026-11-01T12:30:00Z'",
    **dict.fromkeys((Family.INTEGER, Family.DECIMAL, Family.FLOAT), "a number"),
}
_SPECIAL = {"nan": "nan", "infinity": "inf", "inf": "inf", "-infinity": "-inf", "-inf": "-inf"}


def storage_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values themselves: that of the dictionary's for an encoded column."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def family_of(kind: pa.DataType) -> Family:
    """The family of a column's Arrow type."""
    if pa.types.is_timestamp(kind):
        return Family.TIMESTAMP if kind.tz is None else Family.ZONED
    return next((family for test, family in _TESTS if test(kind)), Family.NESTED)


def grid_of(kind: pa.DataType) -> Grid | None:
    """The grid of a column's type, in nanoseconds for dates and times; None if it has none."""
    match family_of(kind):
        case Family.INTEGER:
            bits = kind.bit_width
            if pa.types.is_unsigned_integer(kind):
                return Grid(Fraction(1), 0, 2**bits - 1)
            return Grid(Fraction(1), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        case Family.DECIMAL:
            limit = 10**kind.precision - 1
            return Grid(Fraction(10) ** -kind.scale, -limit, limit)
        case Family.DATE:
            return Grid(Fraction(temporal.DAY_NS), -(2**31), 2**31 - 1)
        case Family.TIME:
            # Milliseconds even for time32[s]: one representation for every bound TIME.
            return Grid(Fraction(1_000_000), -(2**31), 2**31 - 1)
        case Family.TIMESTAMP | Family.ZONED:
            return Grid(Fraction(UNIT_NS[kind.unit]), -(2**63), 2**63 - 1)
        case _:
            return None


def measure(value: Literal, family: Family) -> Fraction | int | float | None:
    """A constant on the scale of `grid_of`; None when it does not compare with the family.

    A float is returned only for an infinite number or NaN.
    """
    raw = value.value
    kind = value.kind
    if family in {Family.INTEGER, Family.DECIMAL}:
        return _number(value, shortest=family is Family.DECIMAL)
    if not isinstance(raw, int):
        return None
    if family is Family.TIME:
        return Fraction(raw) if kind == "time" else None
    if kind == "date" or (kind == "int" and family is Family.DATE):
        return Fraction(raw * temporal.DAY_NS)
    if kind == "timestamp" or (kind == "timestamptz" and family is Family.ZONED):
        return Fraction(raw)
    return None


def _number(value: Literal, *, shortest: bool) -> Fraction | int | float | None:
    raw = value.value
    if value.kind not in {"int", "decimal", "float"} or isinstance(raw, (str, bytes)):
        return None
    if isinstance(raw, int):
        return raw
    if not isinstance(raw, float):
        return Fraction(raw or 0)
    if raw != raw or raw in {float("inf"), float("-inf")}:
        return raw
    return Fraction(Decimal(repr(raw))) if shortest else Fraction(raw)


def on_grid(count: int, kind: pa.DataType) -> Literal:
    """The bound constant for `count` units of a column's grid."""
    match family_of(kind):
        case Family.DECIMAL:
            sign, digits = int(count < 0), tuple(int(d) for d in str(abs(count)))
            return Literal(Decimal((sign, digits, -kind.scale)), "decimal")
        case Family.DATE:
            return Literal(count, "date")
        case Family.TIME:
            return Literal(count, "millis")
        case Family.TIMESTAMP:
            return Literal(count * UNIT_NS[kind.unit], "timestamp")
        case Family.ZONED:
            return Literal(count * UNIT_NS[kind.unit], "timestamptz")
        case _:
            return Literal(count, "int")


def float_of(value: Literal) -> float | None:
    """A number as the nearest double, as SQL casts it; None for what is no number."""
    raw = value.value
    if value.kind not in {"int", "decimal", "float"} or isinstance(raw, (str, bytes)):
        return None
    try:
        return float(raw or 0)
    except OverflowError:
        return float("inf") if (raw or 0) > 0 else float("-inf")


def holds(value: float, kind: pa.DataType) -> bool:
    """Whether a floating-point type of less than 64 bits holds a double without rounding."""
    code = {16: "<e", 32: "<f", 64: "<d"}[kind.bit_width]
    try:
        return value != value or struct.unpack(code, struct.pack(code, value))[0] == value
    except OverflowError:
        return False


def read_text(text: str, family: Family) -> Literal | None:
    """A text constant read for a column of another family; None when it has no such form."""
    text = text.strip()
    match family:
        case Family.INTEGER | Family.DECIMAL | Family.FLOAT:
            special = _SPECIAL.get(text.lower())
            return None if special is None else Literal(float(special), "float")
        case Family.TIME:
            nanos = temporal.parse_time(text)
            return None if nanos is None else Literal(nanos, "time")
        case Family.DATE | Family.TIMESTAMP | Family.ZONED:
            days = temporal.parse_date(text)
            if days is not None:
                return Literal(days, "date")
            found = temporal.parse_timestamp(text)
            return found and Literal(found[0], "timestamptz" if found[1] else "timestamp")
        case _:
            return None


def form_of(family: Family) -> str:
    """What a text constant for the family looks like; empty when text never compares."""
    return _FORMS.get(family, "")


def same_in_arrow(value: Literal, kind: pa.DataType) -> bool:
    """Whether pyarrow compares the constant with the column as SQL does."""
    family = family_of(kind)
    if value.kind not in _SAME_IN_ARROW[family] or value.is_nan:
        return False
    # pyarrow casts either side to the other's type; beyond these bounds that may round.
    if family is Family.FLOAT and value.kind == "int":
        return isinstance(value.value, int) and abs(value.value) <= 2**11
    return True
