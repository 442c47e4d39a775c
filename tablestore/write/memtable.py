"""Rows that wait for a flush, sorted piece by piece while they arrive.

Gathering a whole buffer in key order jumps through memory for every cell. Here each piece of input
is put in key order while it is still in the processor's cache, so that a flush reads a few
sequential streams, window by window, and never holds the buffer twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tablestore.merge.groups import Merged, gathered
from tablestore.merge.keys import key_lanes, pack, stable_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.rules import MergeRules

_PIECE_ROWS: Final = 131072
"""Rows that are sorted together as they arrive; about a megabyte a column."""


@dataclass(frozen=True)
class Rows:
    """Rows of any buckets with what the writer knows of each.

    Attributes:
        batch: the table's columns.
        groups: group number of each row (``write.router``).
        sequences: sequence number of each row.
        kinds: row kind of each row, or None where all are inserts.
    """

    batch: pa.RecordBatch
    groups: NDArray[np.int64]
    sequences: NDArray[np.int64]
    kinds: NDArray[np.int8] | None

    def __len__(self) -> int:
        return len(self.groups)

    def slice(self, start: int, end: int) -> Rows:
        """Rows ``start`` to ``end``; copies nothing."""
        kinds = None if self.kinds is None else self.kinds[start:end]
        return Rows(
            self.batch.slice(start, end - start),
            self.groups[start:end],
            self.sequences[start:end],
            kinds,
        )

    def take(self, order: NDArray[np.intp]) -> Rows:
        """The rows with these numbers; consecutive ones are a slice."""
        first, count = int(order[0]), len(order)
        if int(order[-1]) - first == count - 1 and bool(np.all(order[1:] > order[:-1])):
            return self.slice(first, first + count)
        kinds = None if self.kinds is None else self.kinds[order]
        return Rows(
            self.batch.take(pa.array(order)), self.groups[order], self.sequences[order], kinds
        )


class Memtable:
    """Rows in memory; equal keys keep the order in which they came.

    Args:
        key_at: positions of the trimmed primary key's columns.
    """

    def __init__(self, key_at: Sequence[int]) -> None:
        self._key_at = tuple(key_at)
        self._sorted: list[Rows] = []
        self._fresh: list[Rows] = []
        self._fresh_rows = 0

    def add(self, rows: Rows) -> None:
        """Take rows in."""
        self._fresh.append(rows)
        self._fresh_rows += len(rows)
        if self._fresh_rows >= _PIECE_ROWS:
            self._settle()

    def clear(self) -> None:
        """Forget all rows."""
        self._sorted, self._fresh, self._fresh_rows = [], [], 0

    def _settle(self) -> None:
        """Put what came since the last time in order, as one piece."""
        if self._fresh:
            piece = _joined(self._fresh)
            order = stable_order(self._lanes([piece]))
            self._sorted.append(piece.take(order))
        self._fresh, self._fresh_rows = [], 0

    def _lanes(self, pieces: Sequence[Rows]) -> list[NDArray[np.uint64]]:
        """What the pieces' rows sort by: group, then key."""
        lanes = [_concatenated([piece.groups for piece in pieces]).view(np.uint64)]
        columns = [
            pa.concat_arrays([piece.batch.column(index) for piece in pieces])
            for index in self._key_at
        ]
        return pack([*lanes, *key_lanes(columns)])

    def drain(self, rules: MergeRules, window_rows: int) -> Iterator[Rows]:
        """The merged rows by group and key, and forget all.

        A window holds rows of one group, or small groups whole.

        Args:
            rules: merge the versions of a key.
            window_rows: rows of a window at most.
        """
        if self._sorted:
            self._settle()
        pieces = self._sorted or ([_joined(self._fresh)] if self._fresh else [])
        self.clear()
        if not pieces:
            return
        names = pieces[0].batch.schema.names

        def column(name: str) -> pa.Array:
            index = names.index(name)
            return pa.concat_arrays([piece.batch.column(index) for piece in pieces])

        merged = rules.merge(
            rules.group(self._lanes(pieces), column, age=None, kind=_kinds(pieces)), column, names
        )
        if not len(merged.rows):
            return
        replaced = {name: gathered(column, name, source) for name, source in merged.columns.items()}
        groups = _concatenated([piece.groups for piece in pieces])[merged.rows]
        gather = _Gather(pieces)
        for start, end in _windows(groups, window_rows):
            yield _replaced(gather.rows(merged.rows[start:end]), merged, replaced, start, end)


def _replaced(
    rows: Rows, merged: Merged, columns: Mapping[str, pa.Array], start: int, end: int
) -> Rows:
    """The rows of results ``start`` to ``end`` with what the engine put in their place."""
    batch, kinds = rows.batch, rows.kinds
    for name, values in columns.items():
        index = batch.schema.get_field_index(name)
        batch = batch.set_column(index, batch.schema.field(index), values.slice(start, end - start))
    if merged.kind is not None:
        kinds = merged.kind[start:end]
    return Rows(batch, rows.groups, rows.sequences, kinds)


class _Gather:
    """Rows of several pieces by their number in all of them."""

    def __init__(self, pieces: Sequence[Rows]) -> None:
        self._pieces = pieces
        self._starts = np.cumsum([0, *(len(piece) for piece in pieces)])
        lengths = np.diff(self._starts)
        self._piece_of = np.repeat(np.arange(len(pieces), dtype=np.int32), lengths)

    def rows(self, numbers: NDArray[np.intp]) -> Rows:
        """The rows with these numbers; reads only the stretch of each piece that they lie in."""
        piece_of = self._piece_of[numbers]
        first = np.full(len(self._pieces), np.iinfo(np.int64).max)
        last = np.full(len(self._pieces), -1)
        np.minimum.at(first, piece_of, numbers)
        np.maximum.at(last, piece_of, numbers)
        used = np.flatnonzero(last >= 0)
        parts = []
        shift = np.zeros(len(self._pieces), dtype=np.int64)
        there = 0
        for index in used.tolist():
            start = int(self._starts[index])
            low, high = int(first[index]), int(last[index]) + 1
            parts.append(self._pieces[index].slice(low - start, high - start))
            shift[index] = there - low
            there += high - low
        return _joined(parts).take(numbers + shift[piece_of])


def _windows(groups: NDArray[np.int64], rows: int) -> Iterator[tuple[int, int]]:
    """Spans of at most ``rows`` rows; a span that crosses groups begins and ends at their edges."""
    ends = np.append(np.flatnonzero(groups[1:] != groups[:-1]) + 1, len(groups)).tolist()
    start = edge = 0
    for end in ends:
        if end - start > rows:
            if edge > start:
                yield start, edge
                start = edge
            while end - start > rows:
                yield start, start + rows
                start += rows
        edge = end
    if edge > start:
        yield start, edge


def _joined(pieces: Sequence[Rows]) -> Rows:
    if len(pieces) == 1:
        return pieces[0]
    return Rows(
        pa.concat_batches([piece.batch for piece in pieces]),
        np.concatenate([piece.groups for piece in pieces]),
        np.concatenate([piece.sequences for piece in pieces]),
        _kinds(pieces),
    )


def _concatenated(arrays: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _kinds(pieces: Sequence[Rows]) -> NDArray[np.int8] | None:
    if all(piece.kinds is None for piece in pieces):
        return None
    return np.concatenate(
        [
            np.zeros(len(piece), dtype=np.int8) if piece.kinds is None else piece.kinds
            for piece in pieces
        ]
    )
