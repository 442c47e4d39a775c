"""Sizes, durations and booleans as option texts spell them.

Source: ``org.apache.paimon.options.MemorySize``, ``org.apache.paimon.utils.TimeUtils``.
"""

from __future__ import annotations

import re
from typing import Final

from tablestore.errors import InvalidInputError

_NUMBER_AND_UNIT = re.compile(r"([0-9]+)\s*([a-z\u00b5]*)\Z")

_BYTES: Final = {
    **dict.fromkeys(("", "b", "byte", "bytes"), 1),
    **dict.fromkeys(("k", "kb", "kib", "kibibytes"), 1 << 10),
    **dict.fromkeys(("m", "mb", "mib", "mebibytes"), 1 << 20),
    **dict.fromkeys(("g", "gb", "gib", "gibibytes"), 1 << 30),
    **dict.fromkeys(("t", "tb", "tib", "tebibytes"), 1 << 40),
}

_NANOS: Final = {
    **dict.fromkeys(("ns", "nano", "nanos", "nanosecond", "nanoseconds"), 1),
    **dict.fromkeys(("us", "\u00b5s", "micro", "micros", "microsecond", "microseconds"), 10**3),
    **dict.fromkeys(("", "ms", "milli", "millis", "millisecond", "milliseconds"), 10**6),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 10**9),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60 * 10**9),
    **dict.fromkeys(("h", "hour", "hours"), 3600 * 10**9),
    **dict.fromkeys(("d", "day", "days"), 86400 * 10**9),
}

_MS_STEPS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"))


def parse_bytes(text: str) -> int:
    """The bytes of a size such as ``128 mb``; a number without unit is bytes.

    Raises:
        InvalidInputError: the text is not a size.
    """
    number, unit = _split(text)
    if unit not in _BYTES:
        raise InvalidInputError(f"{text!r} is not a size: write e.g. '128 mb' or '4 kb'")
    return number * _BYTES[unit]


def parse_duration_ms(text: str) -> int:
    """The milliseconds of a duration such as ``1 h``; a number without unit is milliseconds.

    Raises:
        InvalidInputError: the text is not a duration.
    """
    number, unit = _split(text)
    if unit not in _NANOS:
        raise InvalidInputError(f"{text!r} is not a duration: write e.g. '1 h', '10 s' or '2 d'")
    return number * _NANOS[unit] // 10**6


def parse_bool(text: str) -> bool:
    """True or False from ``true`` or ``false`` in any case.

    Raises:
        InvalidInputError: the text is neither.
    """
    value = {"true": True, "false": False}.get(text.strip().lower())
    if value is None:
        raise InvalidInputError(f"{text!r} is neither 'true' nor 'false'")
    return value


def format_duration_ms(duration_ms: int) -> str:
    """A duration for people to read: ``250 ms``, ``1.5 h``."""
    for step, unit in _MS_STEPS:
        if duration_ms >= step:
            return f"{duration_ms / step:.4g} {unit}"
    return f"{duration_ms} ms"


def _split(text: str) -> tuple[int, str]:
    match = _NUMBER_AND_UNIT.match(text.strip().lower())
    return (int(match[1]), match[2]) if match else (0, "?")
