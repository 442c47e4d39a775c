"""Numbers that an option of a new table may have.

Source: ``org.apache.paimon.schema.SchemaValidation``, ``org.apache.paimon.mergetree.Levels``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tablestore.errors import InvalidInputError
from tablestore.options.spec import parse_int, parse_long
from tablestore.options.units import parse_bytes
from tablestore.options.values import OptionValues

_AT_LEAST: Final = {
    "num-sorted-run.compaction-trigger": (parse_int, 1),
    "num-levels": (parse_int, 2),
    "target-file-row-num": (parse_long, 1),
    "target-file-size": (parse_bytes, 1),
    "write-buffer-size": (parse_bytes, 1),
    "snapshot.num-retained.min": (parse_int, 1),
    "changelog.num-retained.min": (parse_int, 1),
}
_HOURS: Final = {"compaction.offpeak.start.hour": 23, "compaction.offpeak.end.hour": 24}
_NO_LIMIT: Final = (1 << 31) - 1


def check_ranges(options: Mapping[str, str]) -> None:
    """Refuse numbers that make no sense.

    Raises:
        InvalidInputError: names the option and its least value, or the two that contradict.
    """
    values = OptionValues(options)
    for key, (parse, least) in _AT_LEAST.items():
        found = values.maybe(key, parse)
        if found is not None and found < least:
            raise InvalidInputError(
                f"option {key!r} must be at least {least}, found {options[key]!r}",
                option=key,
                value=options[key],
            )
    for key, most in _HOURS.items():
        hour = values.number(key)
        if not -1 <= hour <= most:
            raise InvalidInputError(
                f"option {key!r} is an hour from 0 to {most}, or -1 for none, found {hour}",
                option=key,
                value=hour,
            )
    low, high = _retained(values, "snapshot", (1, _NO_LIMIT))
    _retained(values, "changelog", (low, high))


def _retained(values: OptionValues, what: str, default: tuple[int, int]) -> tuple[int, int]:
    """How many snapshots or changelogs are kept at least and at most.

    Raises:
        InvalidInputError: at least more than at most.
    """
    least, most = (f"{what}.num-retained.{end}" for end in ("min", "max"))
    low, high = values.maybe(least, parse_int), values.maybe(most, parse_int)
    low, high = (default[0] if low is None else low, default[1] if high is None else high)
    if low > high:
        raise InvalidInputError(
            f"option {least!r} ({low}) must not be larger than {most!r} ({high})", option=least
        )
    return low, high
