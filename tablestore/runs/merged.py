"""Merge overlapping sorted runs in key windows of bounded size.

Each run gives batches in key order. A window holds, of every run, the rows below the smallest key
that is the last loaded one of some run; nothing of those keys is still to come, so all versions of
a key meet in one window even where they stand on both sides of a batch's edge.

Invariant: at most about two batches of each run are in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.datafile.buffers import BUFFERS
from tablestore.datafile.dictionaries import joined, plain
from tablestore.datafile.physical import rows_without_columns
from tablestore.merge.groups import Merged, gathered
from tablestore.merge.keys import KeyTuple
from tablestore.merge.newest import newest_rows
from tablestore.merge.sorted_keys import SortedKeys
from tablestore.runs.crew import ALONE, Crew

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.groups import Groups
    from tablestore.merge.rules import MergeRules

WINDOW_ROWS: Final = 65_536
"""Rows that are put in key order together: few enough that a column of them stays in the
processor's cache while its rows are gathered."""

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
        output: positions of the columns to give; the row kind among them is the result's.
        levels: LSM level of each run, where the rules ask for it.
        window_rows: rows of a window, about, where it is ordered or windows are shared by threads.
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
    levels: tuple[int, ...] = ()
    window_rows: int = WINDOW_ROWS


@dataclass(frozen=True)
class _Part:
    """Rows of a run that are loaded, and their keys."""

    rows: pa.RecordBatch
    keys: SortedKeys

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def slice(self, start: int, end: int) -> _Part:
        return _Part(self.rows.slice(start, end - start), self.keys.slice(start, end))

    def owned(self) -> _Part:
        """Itself, or a copy where it would keep a much larger batch in memory."""
        rows = _compact(self.rows)
        return self if rows is self.rows else _Part(rows, self.keys.owned())


class _Cursor:
    """The loaded, not yet merged rows of one run."""

    def __init__(self, batches: Iterable[pa.RecordBatch], key: tuple[int, ...]) -> None:
        self._source = iter(batches)
        self._key = key
        self.loaded: list[_Part] = []
        self.exhausted = False
        self.last: KeyTuple = ()
        self._last_rows = 0

    @property
    def low(self) -> bool:
        """Whether less than half of the newest batch is left."""
        return 2 * self.rows < self._last_rows

    @property
    def rows(self) -> int:
        """Loaded rows."""
        return sum(part.rows.num_rows for part in self.loaded)

    def load(self) -> None:
        """Load the next batch that has rows, if there is one."""
        # what is left of the batch before must not keep all of it in memory beside the next one
        self.loaded = [part.owned() for part in self.loaded]
        for batch in self._source:
            if batch.num_rows:
                keys = SortedKeys([batch.column(index) for index in self._key])
                self.loaded.append(_Part(batch, keys))
                self.last = keys.at(batch.num_rows - 1)
                self._last_rows = batch.num_rows
                return
        self.exhausted = True

    def key_at(self, share: float) -> KeyTuple:
        """The key that about this share of the loaded rows is below."""
        row = min(int(self.rows * share), self.rows - 1)
        for part in self.loaded:
            if row < len(part):
                break
            row -= len(part)
        return part.keys.at(row)

    def take_below(self, bound: KeyTuple | None) -> list[_Part]:
        """Remove and give the rows below the bound; all rows where there is none."""
        if bound is None:
            everything, self.loaded = self.loaded, []
            return everything
        taken: list[_Part] = []
        kept: list[_Part] = []
        for part in self.loaded:
            count = 0 if kept else part.keys.below(bound)
            if count:
                taken.append(part if count == len(part) else part.slice(0, count))
            if count < len(part):
                kept.append(part.slice(count, len(part)) if count else part)
        self.loaded = kept
        return taken


@dataclass
class Window:
    """Rows of a key range.

    Attributes:
        parts: batches in key order each, run by run.
        keys: of each part.
        runs: number of the run that each part is of.
    """

    parts: list[pa.RecordBatch]
    keys: list[SortedKeys]
    runs: list[int]

    def column(self, index: int) -> pa.Array:
        """A column of all rows; a dictionary where it is one in all parts."""
        return joined([part.column(index) for part in self.parts])

    def named(self, name: str) -> pa.Array:
        """The values of a column of all rows."""
        return plain(self.column(self.parts[0].schema.get_field_index(name)))

    def levels(self, of_run: Sequence[int]) -> NDArray[np.int8] | None:
        """The LSM level of each row; None where the levels of runs are not known."""
        if not of_run:
            return None
        levels = np.asarray([of_run[run] for run in self.runs], dtype=np.int8)
        return np.repeat(levels, [part.num_rows for part in self.parts])


def key_windows(
    runs: Sequence[Iterable[pa.RecordBatch]],
    key: tuple[int, ...],
    rows_max: int | None = None,
    crew: Crew = ALONE,
) -> Iterator[Window]:
    """Windows of rows with ascending, disjoint key ranges; rows stand run by run inside one.

    Args:
        runs: each an iterable of batches in key order.
        key: positions of the key columns.
        rows_max: rows of a window, about; None takes all that is loaded and complete.
        crew: loads batches of several runs at a time.
    """
    cursors = [(index, _Cursor(run, key)) for index, run in enumerate(runs)]
    crew.each([cursor.load for _, cursor in cursors])
    while True:
        cursors = [item for item in cursors if item[1].loaded or not item[1].exhausted]
        if not cursors:
            return
        open_ends = [cursor.last for _, cursor in cursors if not cursor.exhausted]
        bound = min(open_ends) if open_ends else None
        nearer = _nearer([cursor for _, cursor in cursors], bound, rows_max)
        window = _window(cursors, nearer)
        if not window.parts and nearer != bound:  # one key has more rows than fit
            window = _window(cursors, bound)
        if window.parts:
            yield window
        # the runs that end at the bound may go on with the same key: load before deciding; runs of
        # one size come to their ends together, and loading all of them spares many small windows
        at_end = [
            cursor.load
            for _, cursor in cursors
            if not cursor.exhausted and (cursor.last == bound or cursor.low)
        ]
        del window  # what has been merged goes before the next batches come
        crew.each(at_end)


def _window(cursors: Sequence[tuple[int, _Cursor]], bound: KeyTuple | None) -> Window:
    window = Window([], [], [])
    for index, cursor in cursors:
        for part in cursor.take_below(bound):
            window.parts.append(part.rows)
            window.keys.append(part.keys)
            window.runs.append(index)
    return window


def _nearer(
    cursors: Sequence[_Cursor], bound: KeyTuple | None, rows_max: int | None
) -> KeyTuple | None:
    """A bound that leaves about as many rows as wanted, by the run that has most loaded."""
    if rows_max is None:
        return bound
    loaded = sum(cursor.rows for cursor in cursors)
    if loaded <= rows_max + rows_max // 2:
        return bound
    key = max(cursors, key=lambda cursor: cursor.rows).key_at(rows_max / loaded)
    return key if bound is None else min(key, bound)


Join = Callable[[Window, "Groups", WindowShape, "MergeRules"], "Groups"]
"""What changes the groups of a window before they are merged; it may add rows to the window."""


def merge_runs(
    runs: Sequence[Iterable[pa.RecordBatch]],
    shape: WindowShape,
    rules: MergeRules,
    join: Join | None = None,
    crew: Crew = ALONE,
) -> Iterator[pa.RecordBatch]:
    """The merged rows of overlapping runs, window by window.

    Args:
        runs: batches in key order, all of one schema; oldest run first where
            ``shape.sequence`` is None.
        shape: which columns mean what.
        rules: decide what stands for a key.
        join: brings in what is known of the keys beside the runs.
        crew: loads runs and merges windows; where something joins, windows are merged one by one.
    """
    if crew.alone or join is not None:
        rows_max = shape.window_rows if shape.ordered else None
        for window in key_windows(runs, shape.key, rows_max, crew):
            yield from merge_window(window, shape, rules, join)
        return
    windows = key_windows(runs, shape.key, shape.window_rows, crew)
    steps = (partial(_merged_window, window, shape, rules) for window in windows)
    for batches in crew.in_order(steps, crew.threads - 1):
        yield from batches


def _merged_window(window: Window, shape: WindowShape, rules: MergeRules) -> list[pa.RecordBatch]:
    return list(merge_window(window, shape, rules))


def window_groups(window: Window, shape: WindowShape, rules: MergeRules) -> Groups:
    """The versions of each key of a window."""
    return rules.group(
        SortedKeys.joined(window.keys),
        window.named,
        age=None if shape.sequence is None else _numpy(window.column(shape.sequence)),
        kind=None if shape.kind is None else _numpy(window.column(shape.kind)).astype(np.int8),
        level=window.levels(shape.levels),
    )


def merge_window(
    window: Window, shape: WindowShape, rules: MergeRules, join: Join | None = None
) -> Iterator[pa.RecordBatch]:
    """The merged rows of a window, which is emptied."""
    newest = None if join is not None else _newest(window, shape, rules)
    if newest is not None:
        yield from _masked(window, shape, newest)
        return
    schema = window.parts[0].schema
    groups = window_groups(window, shape, rules)
    if join is not None:
        groups = join(window, groups, shape, rules)
    kind = groups.kind
    wanted = [schema.names[index] for index in shape.output]
    merged = rules.merge(groups, window.named, wanted)
    del groups
    kinds = kind if kind is None else merged.kind if merged.kind is not None else kind[merged.rows]
    if kinds is not None and not shape.keep_deletes:
        kept = (kinds & 1) == 0
        if not kept.all():
            merged, kinds = merged.only(kept), kinds[kept]
    if not len(merged.rows):
        return
    new_kinds = shape.kind in shape.output and merged.kind is not None
    if merged.columns or new_kinds:
        yield _assembled(window, shape, merged, kinds)
        return
    if shape.ordered:
        rows = pa.array(merged.rows)
        # column by column: what was just copied behind one another is in the cache when gathered
        columns = [_taken(window.column(index), rows) for index in shape.output]
        if columns:
            yield pa.RecordBatch.from_arrays(columns, names=wanted)
        else:
            yield rows_without_columns(len(rows))
        return
    mask = np.zeros(sum(part.num_rows for part in window.parts), dtype=np.bool_)
    mask[merged.rows] = True
    yield from _masked(window, shape, mask)


def _newest(window: Window, shape: WindowShape, rules: MergeRules) -> NDArray[np.bool_] | None:
    """Whether each row is one of the result, where that can be told without sorting."""
    if shape.ordered or shape.sequence is not None or not rules.newest_wins:
        return None
    sizes = [part.num_rows for part in window.parts]
    newest = newest_rows(SortedKeys.joined(window.keys), sizes)
    if newest is None or shape.kind is None or shape.keep_deletes:
        return newest
    adds: NDArray[np.bool_] = (_numpy(window.column(shape.kind)) & 1) == 0
    return newest & adds


def _assembled(
    window: Window, shape: WindowShape, merged: Merged, kinds: NDArray[np.int8] | None
) -> pa.RecordBatch:
    """The results column by column, where columns of one result come from several rows."""
    schema = window.parts[0].schema
    rows = pa.array(merged.rows)
    columns = []
    for index in shape.output:
        source = merged.columns.get(schema.names[index])
        if index == shape.kind and kinds is not None:
            columns.append(pa.array(kinds, schema.field(index).type))
        elif source is None:
            columns.append(window.column(index).take(rows))
        else:
            columns.append(gathered(window.named, schema.names[index], source))
    names = [schema.names[index] for index in shape.output]
    # nullable throughout: what an engine gives may be null where its inputs were not
    return pa.RecordBatch.from_arrays(columns, names=names)


def _taken(column: pa.Array, rows: pa.Array) -> pa.Array:
    return pc.take(column, rows, boundscheck=False, memory_pool=BUFFERS)


def _masked(
    window: Window, shape: WindowShape, mask: NDArray[np.bool_]
) -> Iterator[pa.RecordBatch]:
    """The chosen rows part by part; a part that is whole is passed on as it is.

    Empties the window.
    """
    parts = [part.select(list(shape.output)) for part in reversed(window.parts)]
    window.parts.clear()
    start = 0
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


def _numpy(array: pa.Array) -> NDArray[np.int64]:
    values: NDArray[np.int64] = array.to_numpy(zero_copy_only=False)
    return values
