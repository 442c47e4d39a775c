"""The key range of data files as values that compare like Paimon's keys."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from tablestore.format.binary_row import Timestamp, decode_row
from tablestore.lsm.levels import Keys

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.types.model import DataType


def key_ranges(types: Sequence[DataType]) -> Keys[DataFileMeta]:
    """How to compare the files of a table by key.

    Args:
        types: of the trimmed primary key.
    """

    @cache
    def key(stored: bytes) -> tuple[Any, ...]:
        return comparable_key(decode_row(stored, types))

    return Keys(lambda meta: key(meta.min_key), lambda meta: key(meta.max_key))


def comparable_key(values: Sequence[Any]) -> tuple[Any, ...]:
    """A decoded key as values that compare like Paimon's keys.

    Nulls come first; floats as in Java: -0.0 before 0.0, NaN last.
    """
    return tuple(_comparable(value) for value in values)


def _comparable(value: object) -> object:
    if value is None:
        return (0, 0)
    if isinstance(value, float):
        if value != value:
            return (2, 0.0, 0)
        return (1, value, 0 if str(value).startswith("-") else 1)
    if isinstance(value, Timestamp):
        return (1, value.millis, value.nanos_of_milli)
    return (1, value)
