"""Positions of a source: names to JSON values, nested by objects. Pure.

What a checkpoint brings is laid over what is stored, name by name: a partition of the source that
had no rows keeps its position. None forgets one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from tablestore.errors import InvalidInputError

_BYTES_MAX: Final = 1 << 20
_ABSENT: Final = object()

Progress = Literal["ahead", "same", "behind", "mixed"]


def check_offsets(offsets: object, job: str) -> dict[str, Any]:
    """A copy of the offsets that a user gives.

    Raises:
        InvalidInputError: they would not come back as they are, or are too large.
    """
    if not isinstance(offsets, Mapping):
        raise InvalidInputError(
            f"job {job!r}: offsets are a dict of names to positions, found {offsets!r:.80}"
        )
    try:
        text = json.dumps(dict(offsets), allow_nan=False)
        copy: dict[str, Any] = json.loads(text)
        same = copy == offsets
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInputError(f"job {job!r}: offsets must be JSON values: {error}") from None
    if not same or len(text) > _BYTES_MAX:
        raise InvalidInputError(
            f"job {job!r}: offsets are stored as JSON of at most {_BYTES_MAX} bytes and must come "
            f"back as they were given: names are text, lists are no tuples; found {offsets!r:.80}"
        )
    return copy


def moved(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The positions after a checkpoint."""
    after = dict(before)
    for name, value in changes.items():
        if value is None:
            after.pop(name, None)
        elif isinstance(value, Mapping):
            inner = after.get(name)
            after[name] = moved(inner if isinstance(inner, Mapping) else {}, value)
        else:
            after[name] = value
    return after


def progress(before: Mapping[str, Any], changes: Mapping[str, Any]) -> Progress:
    """Where changes stand beside the positions that are stored.

    Numbers are ahead where they are greater; other values where they differ.
    """
    found: set[Progress] = set()
    for name, value in changes.items():
        found.add(_progress(before.get(name, _ABSENT), value))
    found.discard("same")
    if len(found) > 1:
        return "mixed"
    return found.pop() if found else "same"


def _progress(before: object, value: object) -> Progress:
    if isinstance(value, Mapping):
        inner = progress(before if isinstance(before, Mapping) else {}, value)
        return "ahead" if inner == "same" and not isinstance(before, Mapping) else inner
    if value is None:
        return "same" if before is _ABSENT else "ahead"
    if _is_number(before) and _is_number(value):
        if before == value:
            return "same"
        return "ahead" if value > before else "behind"  # type: ignore[operator]
    return "same" if before == value and type(before) is type(value) else "ahead"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
