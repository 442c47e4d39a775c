"""Statistics of data files: bounds and null counts, collected batch by batch.

Values compare as Java compares them: text and binary as unsigned bytes, -0.0 below 0.0. A FLOAT or
DOUBLE column with a NaN gets no bounds, nor do BINARY columns: releases before 2.0 compare bytes
as signed numbers and would skip files that match. Nested columns have no statistics at all.

Source: ``org.apache.paimon.statistics``, ``org.apache.paimon.stats.SimpleStatsConverter``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.format.binary_row import encode_row
from tablestore.format.binary_slots import BINARY_TYPES, TIMESTAMP_TYPES
from tablestore.format.manifest import EMPTY_STATS, SimpleStats
from tablestore.format.stats_mode import (
    FULL,
    KEY_STATS_MODE,
    StatsMode,
    column_modes,
    truncate_max,
    truncate_min,
)
from tablestore.format.values import arrow_scalar_value
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.types.model import DataField, DataType

__all__ = [
    "KEY_STATS_MODE",
    "ColumnStats",
    "StatsMode",
    "column_modes",
    "column_stats",
    "encode_key_stats",
    "encode_value_stats",
    "has_bounds",
    "has_stats",
]

Bounds = tuple[Any, Any, int]

_FLOATS: Final = frozenset({"FLOAT", "DOUBLE"})
_ORDERED: Final = (
    frozenset({"CHAR", "VARCHAR", "BOOLEAN", "DECIMAL", "TINYINT", "SMALLINT", "INT", "BIGINT"})
    | frozenset({"DATE", "TIME"})
    | TIMESTAMP_TYPES
    | _FLOATS
)
_NO_BOUNDS: Final = AtomicType("BIGINT")


class ColumnStats:
    """Smallest value, largest value and null count of one column, fed batch by batch.

    Args:
        kind: the column's type.
        mode: what is kept; less is computed where less is kept.

    Cost:
        one pass over each batch, two for FLOAT and DOUBLE.
    """

    def __init__(self, kind: DataType, mode: StatsMode = FULL) -> None:
        self.kind = kind
        self.mode = mode
        self._bounds = mode.bounds and has_bounds(kind)
        self._float = isinstance(kind, AtomicType) and kind.name in _FLOATS
        self._low: Any = None
        self._high: Any = None
        self._nulls = 0

    def add(self, array: pa.Array | pa.ChunkedArray) -> None:
        """Takes in one more batch of the column's values."""
        nulls = array.null_count
        self._nulls += nulls
        if not self._bounds or nulls == len(array):
            return
        if self._float and pc.any(pc.is_nan(array)).as_py():
            self._bounds = False
            self._low = self._high = None
            return
        found = pc.min_max(_used_values(array))
        low, high = arrow_scalar_value(found["min"]), arrow_scalar_value(found["max"])
        if self._low is None or low < self._low:
            self._low = low
        if self._high is None or high > self._high:
            self._high = high

    def finish(self) -> Bounds:
        """Smallest value, largest value (``None`` where unknown) and null count so far."""
        low, high = self._low, self._high
        if low is None:
            return None, None, self._nulls
        if self._float:  # min_max does not tell the zeros apart; these bound both
            return low if low else -0.0, high if high else 0.0, self._nulls
        if isinstance(low, str) and self.mode.length is not None:
            return *_truncated(low, high, self.mode.length), self._nulls
        return low, high, self._nulls


def _used_values(array: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """The array, or the values of a dictionary that occur in it."""
    if isinstance(array, pa.DictionaryArray):
        return array.dictionary.take(pc.unique(array.indices.drop_null()))
    return array


def has_bounds(kind: DataType) -> bool:
    """Whether columns of the type get bounds."""
    return isinstance(kind, AtomicType) and kind.name in _ORDERED


def has_stats(kind: DataType) -> bool:
    """Whether columns of the type get statistics: nested ones and VARIANT do not."""
    return has_bounds(kind) or (isinstance(kind, AtomicType) and kind.name in BINARY_TYPES)


def column_stats(
    array: pa.Array | pa.ChunkedArray, kind: DataType, mode: StatsMode = FULL
) -> Bounds:
    """The statistics of a column that is there as a whole."""
    stats = ColumnStats(kind, mode)
    stats.add(array)
    return stats.finish()


def encode_value_stats(
    fields: Sequence[DataField], columns: Sequence[ColumnStats], *, dense: bool = True
) -> tuple[SimpleStats, tuple[str, ...] | None]:
    """``_VALUE_STATS`` and ``_VALUE_STATS_COLS`` of a file.

    Args:
        fields: the columns written to the file, in order.
        columns: the statistics of each.
        dense: leave columns without statistics out and name the others; else keep a slot, unknown,
            for each of them, which is the form of releases before 1.0.

    Returns:
        the statistics and the names of their columns, ``None`` for all.
    """
    kept = [_is_kept(column) for column in columns]
    if not dense or all(kept):
        return _encode(columns, kept), None
    left = [(f, c) for f, c, keep in zip(fields, columns, kept, strict=True) if keep]
    stats = _encode([column for _, column in left], [True] * len(left))
    return stats, tuple(field.name for field, _ in left)


def encode_key_stats(fields: Sequence[DataField], columns: Sequence[ColumnStats]) -> SimpleStats:
    """``_KEY_STATS`` of a file: a slot for every column of the trimmed primary key.

    Args:
        fields: the key columns in key order.
        columns: the statistics of each, of mode ``KEY_STATS_MODE``.

    Raises:
        InvalidInputError: as many statistics as key columns are needed.
    """
    if len(fields) != len(columns):
        raise InvalidInputError(f"{len(fields)} key columns with {len(columns)} statistics")
    return _encode(columns, [True] * len(columns))


def _is_kept(column: ColumnStats) -> bool:
    return column.mode.counts and has_stats(column.kind)


def _encode(columns: Sequence[ColumnStats], known: Sequence[bool]) -> SimpleStats:
    bounds: list[tuple[Any, Any, int | None]] = [
        column.finish() if known_ else (None, None, None)
        for column, known_ in zip(columns, known, strict=True)
    ]
    if not bounds:
        return EMPTY_STATS
    # columns without bounds may have a type that no row can hold; every null slot is zero then
    types = [column.kind if has_bounds(column.kind) else _NO_BOUNDS for column in columns]
    lows, highs, nulls = zip(*bounds, strict=True)
    return SimpleStats(encode_row(lows, types), encode_row(highs, types), nulls)


def _truncated(low: str, high: str, length: int) -> tuple[Any, Any]:
    cut = truncate_max(high, length)
    return (None, None) if cut is None else (truncate_min(low, length), cut)
