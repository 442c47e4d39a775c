"""Dates, times of day and timestamps as integers, and their ISO text.

Units: dates are days since 1970-01-01; times of day and timestamps are nanoseconds, because
Paimon's TIMESTAMP(9) is finer than Python's ``datetime``.
"""

from __future__ import annotations

import datetime as dt
import re

DAY_NS = 86_400_000_000_000
_EPOCH = dt.date(1970, 1, 1).toordinal()
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?", re.ASCII)
_ZONE = re.compile(r"\s*(?:([zZ]|UTC)|([+-])(\d{2}):?(\d{2})?)", re.ASCII)


def days_of(value: dt.date) -> int:
    """Days since 1970-01-01."""
    return value.toordinal() - _EPOCH


def parse_date(text: str) -> int | None:
    """Days of ``2026-11-01``; None when the text is not such a date."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return days_of(dt.date(int(found[1]), int(found[2]), int(found[3])))
    except ValueError:
        return None


def parse_time(text: str) -> int | None:
    """Nanoseconds of ``12:30``, ``12:30:05`` or ``12:30:05.123``; None for other text."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), int(found[3] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    nanos = int((found[4] or "").ljust(9, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000_000 + nanos


def parse_timestamp(text: str) -> tuple[int, bool] | None:
    """Epoch nanoseconds of an ISO timestamp or date, and whether the text named an offset.

    Returns:
        (nanoseconds, True) in UTC for text with ``Z`` or an offset, (nanoseconds, False) of the
        wall clock for text without, None for other text.
    """
    text = text.strip()
    date = _DATE.match(text)
    if date is None:
        return None
    days = parse_date(date[0])
    rest = text[date.end() :]
    if days is None or not rest:
        return None if days is None else (days * DAY_NS, False)
    clock = _TIME.match(rest, 1) if rest[0] in "T t" else None
    if clock is None:
        return None
    nanos = parse_time(clock[0])
    offset = _parse_zone(rest[clock.end() :])
    if nanos is None or offset is None:
        return None
    return days * DAY_NS + nanos - offset[0], offset[1]


def _parse_zone(text: str) -> tuple[int, bool] | None:
    if not text:
        return 0, False
    found = _ZONE.fullmatch(text)
    if found is None:
        return None
    if found[1]:
        return 0, True
    hours, minutes = int(found[3]), int(found[4] or 0)
    if hours > 18 or minutes > 59:
        return None
    nanos = (hours * 60 + minutes) * 60_000_000_000
    return (nanos if found[2] == "+" else -nanos), True


def format_date(days: int) -> str:
    """ISO text of a day; ``day <n>`` outside the years 1 to 9999."""
    ordinal = days + _EPOCH
    if not 1 <= ordinal <= dt.date.max.toordinal():
        return f"day {days}"
    return dt.date.fromordinal(ordinal).isoformat()


def format_time(nanos: int) -> str:
    """ISO text of nanoseconds since midnight, with as many fractional digits as needed."""
    seconds, fraction = divmod(nanos, 1_000_000_000)
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return text + (f".{fraction:09}".rstrip("0") if fraction else "")


def format_timestamp(nanos: int, *, zoned: bool) -> str:
    """ISO text of epoch nanoseconds; ends with ``Z`` when `zoned`."""
    days, clock = divmod(nanos, DAY_NS)
    return f"{format_date(days)} {format_time(clock)}{'Z' if zoned else ''}"
