"""Merge overlapping sorted runs in key windows of bounded size.

Each run gives batches in key order. A window holds, of every run, the rows below the smallest key
that is the last loaded one of some run; nothing of those keys is still to come, so all versions of
a key meet in one window even where they stand on both sides of a batch's edge.

Invariant: at most about two batches of each run are in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.merge.groups import MergeEngine, group_rows
from tablestore.merge.keys import KeyTuple, key_at, key_lanes, rows_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEPT_BYTES_MAX = 2
"""Bytes that a passed-on slice may keep in memory for a byte of its own."""


@dataclass(frozen=True)
class WindowShape:
    """What the batches of all runs hold.

    Attributes:
        key: positions of the key columns, in key order.
        sequence: position of the sequence number; None where the runs are given oldest first and
            every row of a run is newer than all rows of the runs before it.
        kind: position of the row kind; None where all rows are adds.
        output: positions of the columns to give.
        keep_deletes: give keys whose newest row is a retract, too.
        ordered: give rows in key order; otherwise each window's rows come run by run, which spares
            a gather.
    """

    key: tuple[int, ...]
    sequence: int | None
    kind: int | None
    output: tuple[int, ...]
    keep_deletes: bool = False
    ordered: bool = True


class _Cursor:
    """The loaded, not yet merged rows of one run."""

    def __init__(self, batches: Iterable[pa.RecordBatch], key: tuple[int, ...]) -> None:
        self._source = iter(batches)
        self._key = key
        self.loaded: list[pa.RecordBatch] = []
        self.exhausted = False
        self.last: KeyTuple = ()
        self._last_rows = 0
        self.load()

    @property
    def low(self) -> bool:
        """Whether less than half of the newest batch is left."""
        return bool(2 * sum(batch.num_rows for batch in self.loaded) < self._last_rows)

    def load(self) -> None:
        """Load the next batch that has rows, if there is one."""
        for batch in self._source:
            if batch.num_rows:
                self.loaded.append(batch)
                self.last = key_at(self._keys(batch), batch.num_rows - 1)
                self._last_rows = batch.num_rows
                return
        self.exhausted = True

    def take_below(self, bound: KeyTuple | None) -> list[pa.RecordBatch]:
        """Remove and give the rows below the bound; all rows where there is none."""
        if bound is None:
            everything, self.loaded = self.loaded, []
            return everything
        taken: list[pa.RecordBatch] = []
        kept: list[pa.RecordBatch] = []
        for batch in self.loaded:
            count = 0 if kept else rows_below(self._keys(batch), bound)
            if count:
                taken.append(batch if count == batch.num_rows else batch.slice(0, count))
            if count < batch.num_rows:
                kept.append(_compact(batch.slice(count)) if count else batch)
        self.loaded = kept
        return taken

    def _keys(self, batch: pa.RecordBatch) -> list[pa.Array]:
        return [batch.column(index) for index in self._key]


def key_windows(
    runs: Sequence[Iterable[pa.RecordBatch]], key: tuple[int, ...]
) -> Iterator[list[pa.RecordBatch]]:
    """Windows of rows with ascending, disjoint key ranges; rows stand run by run inside one.

    Args:
        runs: each an iterable of batches in key order.
        key: positions of the key columns.
    """
    cursors = [_Cursor(run, key) for run in runs]
    while True:
        cursors = [cursor for cursor in cursors if cursor.loaded or not cursor.exhausted]
        if not cursors:
            return
        open_ends = [cursor.last for cursor in cursors if not cursor.exhausted]
        bound = min(open_ends) if open_ends else None
        window = [part for cursor in cursors for part in cursor.take_below(bound)]
        if window:
            yield window
        # the runs that end at the bound may go on with the same key: load before deciding; runs of
        # one size come to their ends together, and loading all of them spares many small windows
        for cursor in cursors:
            if not cursor.exhausted and (cursor.last == bound or cursor.low):
                cursor.load()


def merge_runs(
    runs: Sequence[Iterable[pa.RecordBatch]], shape: WindowShape, engine: MergeEngine
) -> Iterator[pa.RecordBatch]:
    """The merged rows of overlapping runs, window by window.

    Args:
        runs: batches in key order, all of one schema; oldest run first where
            ``shape.sequence`` is None.
        shape: which columns mean what.
        engine: decides which row stands for a key.
    """
    for window in key_windows(runs, shape.key):
        yield from _merge_window(window, shape, engine)


def _merge_window(
    window: list[pa.RecordBatch], shape: WindowShape, engine: MergeEngine
) -> Iterator[pa.RecordBatch]:
    """The merged rows of a window, which is emptied."""
    keys = [_column(window, index) for index in shape.key]
    kind = None if shape.kind is None else _numpy(_column(window, shape.kind)).astype(np.int8)
    age = None if shape.sequence is None else _numpy(_column(window, shape.sequence))
    rows = engine.pick(group_rows(key_lanes(keys), age=age, kind=kind))
    if kind is not None and not shape.keep_deletes:
        rows = rows[(kind[rows] & 1) == 0]
    if not len(rows):
        return
    parts = [part.select(list(shape.output)) for part in window]
    window.clear()  # what is copied below may go
    if shape.ordered:
        yield pa.concat_batches(parts).take(pa.array(rows))
    else:
        yield from _masked(parts, rows)


def _masked(parts: list[pa.RecordBatch], rows: NDArray[np.intp]) -> Iterator[pa.RecordBatch]:
    """The chosen rows part by part; a part that is whole is passed on as it is.

    Empties ``parts``.
    """
    mask = np.zeros(sum(part.num_rows for part in parts), dtype=np.bool_)
    mask[rows] = True
    start = 0
    parts.reverse()
    while parts:
        part = parts.pop()  # freed as soon as its rows are copied: the next copy takes its place
        chosen = mask[start : start + part.num_rows]
        start += part.num_rows
        count = int(np.count_nonzero(chosen))
        if count == part.num_rows:
            yield _compact(part)
        elif count:
            yield _filtered(part, pa.array(chosen))


def _filtered(part: pa.RecordBatch, chosen: pa.Array) -> pa.RecordBatch:
    """Column by column: a batch's own filter goes through row numbers and takes twice as long."""
    if not part.num_columns:
        return part.filter(chosen)
    return pa.RecordBatch.from_arrays(
        [column.filter(chosen) for column in part.columns], schema=part.schema
    )


def _compact(part: pa.RecordBatch) -> pa.RecordBatch:
    """The part itself, or a copy where it would keep a much larger batch in memory."""
    if part.get_total_buffer_size() <= _KEPT_BYTES_MAX * part.nbytes:
        return part
    return pa.concat_batches([part, part.slice(0, 0)])


def _column(window: list[pa.RecordBatch], index: int) -> pa.Array:
    if len(window) == 1:
        return window[0].column(index)
    return pa.concat_arrays([part.column(index) for part in window])


def _numpy(array: pa.Array) -> NDArray[np.int64]:
    values: NDArray[np.int64] = array.to_numpy(zero_copy_only=False)
    return values
