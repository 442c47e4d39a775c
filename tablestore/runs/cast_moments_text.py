"""Text as a date, a time or a timestamp, by Java's rules, in zone UTC.

Source: ``org.apache.paimon.utils.DateTimeUtils``.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from typing import TYPE_CHECKING, Final, NoReturn

from tablestore.errors import CorruptDataError
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    from tablestore.types.model import AtomicType

_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAYS_BEFORE_YEAR_1: Final = 366  # of year 0, which Python does not have
_WHOLE: Final = re.compile(r"-?[0-9]+")
_DIGITS: Final = re.compile(r"[0-9]+")
_CLOCK: Final = re.compile(r"\s*([0-9]+)\s*(?::\s*([0-9]+)\s*(?::\s*([0-9]+)\s*(?:\.(.*))?)?)?")
_STAMP: Final = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})"
    r"(?: ([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:\.([0-9]{0,9}))?"
    r"|T([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{0,9}))?)?)?"
)
_NANOS_A_UNIT: Final = {0: 10**9, 3: 10**6, 6: 10**3, 9: 1}
_ARROW_NANOS: Final = {"ms": 10**6, "us": 10**3, "ns": 1}


def text_to_date(text: str) -> int:
    """Days since 1970: of a whole number, or of ``y[-m[-d]]`` before the first blank.

    Raises:
        CorruptDataError: any other text.
    """
    if (days := _whole(text, 32)) is not None:
        return days
    head = text[: text.index(" ")] if " " in text[1:] and not text.startswith(" ") else text
    parts = [part.strip() for part in head.split("-", 2)]
    if not all(_DIGITS.fullmatch(part) for part in parts) or any(len(p) > 9 for p in parts):
        _reject(text, "DATE")
    year, month, day = (*map(int, parts), 1, 1)[:3]
    found = _day_number(year, month, day)
    if found is None:
        _reject(text, "DATE")
    return found


def text_to_time(text: str) -> int:
    """Milliseconds of the day: a whole number of them, or ``h[:m[:s[.f]]]``, of any size.

    Raises:
        CorruptDataError: any other text.
    """
    if (millis := _whole(text, 32)) is not None:
        return millis
    match = _CLOCK.fullmatch(text)
    if match is None or any(len(part or "") > 4 for part in match.groups()[:3]):
        _reject(text, "TIME")
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    digits = re.match(r"[0-9]*", match[4] or "")
    fraction = int((digits[0] if digits else "")[:3].ljust(3, "0"))
    return ((hour * 60 + minute) * 60 + second) * 1000 + fraction


def text_to_stamp(text: str, new: AtomicType) -> int:
    """A timestamp in the unit of its Arrow type.

    A whole number counts units of the precision 0, 3, 6 or 9; not for TIMESTAMP_LTZ.

    Raises:
        CorruptDataError: any other text.
    """
    precision = 6 if new.precision is None else new.precision
    unit = _ARROW_NANOS[to_arrow(new).unit]
    if new.name == "TIMESTAMP" and precision in _NANOS_A_UNIT:
        number = _whole(text, 64)
        if number is not None:
            scaled = number * (_NANOS_A_UNIT[precision] // unit)
            return (scaled + 2**63) % 2**64 - 2**63  # the product wraps around in Java
    match = _STAMP.fullmatch(text)
    nanos = None if match is None else _moment(match, precision)
    if nanos is None or not -(2**63) <= nanos // unit < 2**63:
        _reject(text, new.sql())
    return nanos // unit


def _moment(match: re.Match[str], precision: int) -> int | None:
    """Nanoseconds since 1970, or None for what the calendar does not have."""
    year, month, day = (int(part) for part in match.groups()[:3])
    clock = match.groups()[3:7] if match[4] is not None else match.groups()[7:]
    hour, minute, second = (int(part or 0) for part in clock[:3])
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= 31 and minute < 60 and second < 60):
        return None
    fraction = (clock[3] or "").ljust(9, "0")
    if hour > 24 or (hour == 24 and (minute or second or int(fraction))):
        return None
    # the 30th of February is its last day
    days = _day_number(year, month, min(day, calendar.monthrange(year, month)[1]))
    if days is None:
        return None
    kept = int(fraction[:precision].ljust(9, "0"))
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 10**9 + kept


def _day_number(year: int, month: int, day: int) -> int | None:
    """Days since 1970 of a day in the years 0 to 9999."""
    shift = 0
    if year == 0:  # a leap year, as is 4
        year, shift = 4, dt.date(4, 1, 1).toordinal() + _DAYS_BEFORE_YEAR_1 - 1
    try:
        return dt.date(year, month, day).toordinal() - shift - _EPOCH
    except ValueError:
        return None


def _whole(text: str, bits: int) -> int | None:
    """The number that the whole text is, where it has no more bits."""
    if _WHOLE.fullmatch(text) is None or len(text) > 20:
        return None
    number = int(text)
    return number if -(1 << (bits - 1)) <= number < 1 << (bits - 1) else None


def _reject(text: str, wanted: str) -> NoReturn:
    raise CorruptDataError("value", expected=f"text that is {wanted}", found=repr(text[:60]))
