"""Constants from Python, numpy and pyarrow values."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tablestore.errors import InvalidInputError
from tablestore.predicate import temporal
from tablestore.predicate.literal import NULL, Literal

if TYPE_CHECKING:
    from collections.abc import Callable


def literal(value: object) -> Literal:
    """The constant for a Python, numpy or pyarrow value.

    Args:
        value: None, bool, int, float, Decimal, str, bytes, date, time, datetime (with or without a
            time zone), a numpy or a pyarrow scalar.

    Raises:
        InvalidInputError: for a value of any other type.
    """
    if isinstance(value, Literal):
        return value
    for kind, make in _MAKERS:
        if isinstance(value, kind):
            return make(value)
    foreign = _foreign(value)
    if foreign is None:
        raise InvalidInputError(
            f"a filter cannot compare with a {type(value).__name__}: expected a number, text, "
            f"bytes, bool, date, time or datetime, found {value!r}"
        )
    return foreign


def _decimal(value: Decimal) -> Literal:
    if not value.is_finite():
        return Literal(float(value), "float")
    # Exact arithmetic on 10**999999999 would take all memory, and beyond 400 digits no column can
    # tell the number from an infinite (or an infinitesimal) one.
    if value and value.adjusted() > 400:
        return Literal(float("-inf") if value < 0 else float("inf"), "float")
    if value and value.adjusted() < -400:
        value = Decimal((value.as_tuple().sign, (1,), -400))
    return Literal(value, "decimal")


def _text(value: str) -> Literal:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"a filter text must be valid Unicode, found a lone surrogate in {value!r}"
        ) from None
    return Literal(str(value), "str")


def _datetime(value: dt.datetime) -> Literal:
    if value != value:  # pandas.NaT
        return NULL
    zoned = value.utcoffset()
    wall = value.replace(tzinfo=None)
    nanos = temporal.days_of(wall) * temporal.DAY_NS + _clock(wall.time())
    nanos += int(getattr(value, "nanosecond", 0))  # pandas.Timestamp
    if zoned is None:
        return Literal(nanos, "timestamp")
    return Literal(nanos - zoned // dt.timedelta(microseconds=1) * 1000, "timestamptz")


def _clock(value: dt.time) -> int:
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return (seconds * 1_000_000 + value.microsecond) * 1000


def _time(value: dt.time) -> Literal:
    if value.tzinfo is not None:
        raise InvalidInputError(f"a filter time must have no time zone, found {value!r}")
    return Literal(_clock(value), "time")


# bool before int and datetime before date: the one is a subclass of the other.
_MAKERS: tuple[tuple[type, Callable[[Any], Literal]], ...] = (
    (type(None), lambda _: NULL),
    (bool, lambda v: Literal(v, "bool")),
    (int, lambda v: Literal(int(v), "int")),
    (float, lambda v: Literal(float(v), "float")),
    (Decimal, _decimal),
    (str, _text),
    (bytes, lambda v: Literal(bytes(v), "bytes")),
    (bytearray, lambda v: Literal(bytes(v), "bytes")),
    (memoryview, lambda v: Literal(bytes(v), "bytes")),
    (dt.datetime, _datetime),
    (dt.date, lambda v: Literal(temporal.days_of(v), "date")),
    (dt.time, _time),
)


_NUMPY_KINDS = frozenset("biufSU")


def _foreign(value: object) -> Literal | None:
    """A numpy or pyarrow scalar, recognised without importing either."""
    module = type(value).__module__
    if module.startswith("pyarrow") and hasattr(value, "as_py"):
        from tablestore.predicate.arrow_literal import literal_of_scalar

        return literal_of_scalar(value)
    kind: object = getattr(getattr(value, "dtype", None), "kind", None)
    if kind != "M" or not hasattr(value, "astype"):
        item = value.item() if kind in _NUMPY_KINDS and hasattr(value, "item") else None
        return literal(item) if isinstance(item, (bool, int, float, str, bytes)) else None
    nanos = int(value.astype("datetime64[ns]").astype("int64"))
    return NULL if nanos == -(2**63) else Literal(nanos, "timestamp")
