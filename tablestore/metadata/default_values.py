"""Whether the text of a column default can be a value of the column's type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final

from tablestore.errors import InvalidInputError
from tablestore.types.model import AtomicType, DataField

_INTEGER_BITS: Final = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64}
_TRUTHS: Final = frozenset({"t", "true", "y", "yes", "1", "f", "false", "n", "no", "0"})


def check_default(field: DataField) -> None:
    """Refuse a default that is not a value of the column's type.

    Raises:
        InvalidInputError: names the column, its type and the default.
    """
    if field.default is None or not isinstance(field.type, AtomicType):
        return
    check = _CHECKS.get(field.type.name)
    try:
        fits = check is None or check(field.type, field.default.strip())
    except (ValueError, InvalidOperation):
        fits = False
    if not fits:
        raise InvalidInputError(
            f"column {field.name!r}: the default {field.default!r} is not a value of "
            f"{field.type.with_nullable(True)}",
            column=field.name,
        )


def _integer(kind: AtomicType, text: str) -> bool:
    half = 1 << (_INTEGER_BITS[kind.name] - 1)
    return -half <= int(text) < half


def _number(kind: AtomicType, text: str) -> bool:
    return isinstance(float(text), float)


def _decimal(kind: AtomicType, text: str) -> bool:
    value = Decimal(text)
    whole_digits = (kind.precision or 0) - (kind.scale or 0)
    return value.is_finite() and abs(value) < Decimal(10) ** whole_digits


def _truth(kind: AtomicType, text: str) -> bool:
    return text.lower() in _TRUTHS


def _date(kind: AtomicType, text: str) -> bool:
    return bool(dt.date.fromisoformat(text))


def _time(kind: AtomicType, text: str) -> bool:
    return dt.time.fromisoformat(text) is not None


def _timestamp(kind: AtomicType, text: str) -> bool:
    # Python keeps microseconds, a TIMESTAMP(9) has three digits more
    seconds, _, fraction = text.partition(".")
    return bool(dt.datetime.fromisoformat(seconds)) and (not fraction or fraction.isdigit())


_CHECKS: Final[Mapping[str, Callable[[AtomicType, str], bool]]] = {
    **dict.fromkeys(_INTEGER_BITS, _integer),
    **dict.fromkeys(("FLOAT", "DOUBLE"), _number),
    "DECIMAL": _decimal,
    "BOOLEAN": _truth,
    "DATE": _date,
    "TIME": _time,
    **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_LTZ"), _timestamp),
}
