"""Look sorted keys up in sorted runs: which file has the newest version of a key, in which row.

Keys of a batch are matched with whole decoded batches of a file, not one by one. Of each run one
file is open at a time, and of that file one batch of key columns and one of wanted columns are in
memory; row groups whose footer ends below the next key are not decoded. Batches of keys that
ascend from call to call read every file once; an earlier key starts the file again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import pyarrow as pa

from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.errors import CorruptDataError
from tablestore.format.binary_row import decode_row
from tablestore.format.values import values_to_arrow
from tablestore.merge.aligned import places, runs_of
from tablestore.merge.sorted_keys import SortedKeys
from tablestore.types.arrow import to_arrow
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.manifest import DataFileMeta
    from tablestore.merge.keys import KeyTuple
    from tablestore.runs.data_file import FileRequest
    from tablestore.types.model import DataField

Request = Callable[["DataFileMeta", tuple["DataField", ...]], "FileRequest"]
"""From a file and the columns wanted of it to how it is read; its deleted rows are not found."""

_SIGN: Final = 1 << 63
_LANED: Final = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT", "DATE"})
"""Types whose footer bounds are integers that compare like the lane of their column."""


@dataclass(frozen=True)
class Found:
    """Where keys are.

    Shapes: one entry a key.

    Attributes:
        file: number of the file in ``Lookup.files``, -1 where no run has the key.
        position: ordinal of its row among all rows of the file, deleted ones included; -1.
    """

    file: NDArray[np.intp]
    position: NDArray[np.int64]

    @property
    def hit(self) -> NDArray[np.bool_]:
        """Which keys were found."""
        return self.file >= 0


class Lookup:
    """Sorted runs of a bucket, asked for keys.

    Args:
        runs: newest first; each with files in key order. The first run that has a key counts.
        key: the trimmed primary key.
        request: opens a file.
        batch_rows: rows decoded at once.

    Attributes:
        files: of all runs.
    """

    def __init__(
        self,
        runs: Sequence[Sequence[DataFileMeta]],
        key: Sequence[DataField],
        request: Request,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self.files = tuple(meta for run in runs for meta in run)
        self._schema = pa.schema([pa.field(item.name, to_arrow(item.type)) for item in key])
        self._runs: list[_Run] = []
        first = 0
        for run in runs:
            if run:
                self._runs.append(_Run(run, first, key, request, batch_rows))
                first += len(run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release all files."""
        for run in self._runs:
            run.close()

    def find(self, columns: Sequence[pa.Array]) -> Found:
        """The newest version of each key.

        Args:
            columns: the key columns, without nulls; rows ascending, each key once.

        Raises:
            CorruptDataError: a file is damaged.
        """
        count = len(columns[0])
        file = np.full(count, -1, dtype=np.intp)
        position = np.full(count, -1, dtype=np.int64)
        left = np.arange(count)
        for run in self._runs:
            if not len(left):
                break
            keys = SortedKeys([column.take(pa.array(left)) for column in columns])
            numbers, rows = run.find(keys)
            hit = numbers >= 0
            file[left[hit]] = numbers[hit]
            position[left[hit]] = rows[hit]
            left = left[~hit]
        return Found(file, position)

    def rows(self, found: Found, fields: Sequence[DataField]) -> pa.RecordBatch:
        """Columns of the rows that were found, in the order of their keys.

        Args:
            found: from ``find``.
            fields: columns of the table's schema, and system columns; the same in every call.
        """
        hits = np.flatnonzero(found.hit)
        schema = pa.schema([pa.field(item.name, to_arrow(item.type)) for item in fields])
        parts = [pa.RecordBatch.from_arrays([pa.nulls(0, t) for t in schema.types], schema=schema)]
        origin = [hits[:0]]
        for run in self._runs:
            numbers = found.file[hits]
            mine = hits[(numbers >= run.first) & (numbers < run.first + len(run.files))]
            for number in np.unique(found.file[mine]):
                chosen = mine[found.file[mine] == number]
                parts += run.rows(int(number), found.position[chosen], tuple(fields))
                origin.append(chosen)
        order = np.argsort(np.concatenate(origin), kind="stable")
        return pa.concat_batches(parts).take(pa.array(order))


class _Run:
    """One sorted run."""

    def __init__(
        self,
        files: Sequence[DataFileMeta],
        first: int,
        key: Sequence[DataField],
        request: Request,
        batch_rows: int,
    ) -> None:
        self.files = files
        self.first = first
        self._key = tuple(key)
        self._request = request
        self._batch_rows = batch_rows
        self._lows = _bounds([meta.min_key for meta in files], key)
        self._highs = _bounds([meta.max_key for meta in files], key)
        self._keys: tuple[int, _KeyCursor] | None = None
        self._rows: tuple[int, _RowCursor] | None = None

    def find(self, keys: SortedKeys) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
        """Number of the file and ordinal of the row of each key; -1 where it is not there."""
        numbers = np.full(len(keys), -1, dtype=np.intp)
        rows = np.full(len(keys), -1, dtype=np.int64)
        # files are disjoint and in key order, so the keys of one stand together
        of_file = runs_of(keys, self._highs)
        starts = np.flatnonzero(np.diff(of_file, prepend=-1))
        for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
            index = int(of_file[start])
            if index == len(self.files):
                break
            part = keys.slice(int(start), int(end))
            skip = part.below(self._lows.at(index))  # they lie in the gap before the file
            if skip == len(part):
                continue
            found = self._cursor(index).find(part.slice(skip, len(part)))
            at = slice(int(start) + skip, int(end))
            numbers[at] = np.where(found >= 0, self.first + index, -1)
            rows[at] = found
        return numbers, rows

    def rows(
        self, number: int, positions: NDArray[np.int64], fields: tuple[DataField, ...]
    ) -> Iterator[pa.RecordBatch]:
        """Rows of a file by their ascending ordinals."""
        if self._rows is None or self._rows[0] != number:
            if self._rows is not None:
                self._rows[1].close()
            request = self._request(self.files[number - self.first], fields)
            self._rows = number, _RowCursor(request, self._batch_rows)
        yield from self._rows[1].take(positions)

    def close(self) -> None:
        for kept in (self._keys, self._rows):
            if kept is not None:
                kept[1].close()
        self._keys = self._rows = None

    def _cursor(self, index: int) -> _KeyCursor:
        if self._keys is None or self._keys[0] != index:
            if self._keys is not None:
                self._keys[1].close()
            request = self._request(self.files[index], self._key)
            self._keys = index, _KeyCursor(request, self._batch_rows)
        return self._keys[1]


def _bounds(stored: Sequence[bytes], key: Sequence[DataField]) -> SortedKeys:
    types = [item.type for item in key]
    columns = zip(*(decode_row(row, types) for row in stored), strict=True)
    return SortedKeys([values_to_arrow(c, t) for c, t in zip(columns, types, strict=True)])


class _Scan:
    """Batches of a file from any of its groups on, with the ordinal of their first row."""

    def __init__(self, request: FileRequest, batch_rows: int) -> None:
        self._request = request
        self._batch_rows = batch_rows
        self._projection = request.projection()
        self._schema = pa.schema([pa.field(f.name, to_arrow(f.type)) for f in request.fields])
        self._stack = ExitStack()
        self._reader = self._stack.enter_context(request.open())
        self._grouped = self._reader.has_ranges
        counts = map(self._reader.group_rows, range(self._reader.row_groups))
        total = np.cumsum(list(counts) if self._grouped else [request.meta.row_count])
        self.ends: NDArray[np.int64] = total
        self._needed = request.needed()

    def close(self) -> None:
        self._stack.close()

    def batches(self, group: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The batches of one group.

        Raises:
            CorruptDataError: a column that is never null has a null.
        """
        start = int(self.ends[group - 1]) if group else 0
        groups = [group] if self._grouped else None
        source = self._reader.batches(self._projection.file_fields, groups, self._batch_rows)
        for batch in source:
            for name, column in zip(batch.schema.names, batch.columns, strict=True):
                if column.null_count and name in self._needed:
                    raise CorruptDataError(
                        "data file",
                        name=self._request.key,
                        expected=f"values in column {name!r}",
                        found="null",
                    )
            whole = self._projection.is_identity
            yield start, batch if whole else self._projection.apply(batch, self._schema)
            start += batch.num_rows

    def end_of(self, group: int) -> int | bytes | None:
        """An upper bound of the first column in a group, comparable with a key's first value."""
        source = self._projection.sources[0]
        if not self._grouped or source is None:
            return None
        old, new = self._projection.file_fields[source].type, self._request.fields[0].type
        if old.with_nullable(True) != new.with_nullable(True) or not isinstance(new, AtomicType):
            return None
        field = self._projection.file_fields[source]
        known = self._reader.ranges(group, [field]).get(field.name)
        high: Any = None if known is None else known.max
        if isinstance(high, int) and new.name in _LANED:
            return high + _SIGN
        return high.encode() if isinstance(high, str) else None


class _KeyCursor:
    """The keys of one file, read forward."""

    def __init__(self, request: FileRequest, batch_rows: int) -> None:
        self._scan = _Scan(request, batch_rows)
        self._deleted = request.deleted
        self._rewind()

    def _rewind(self) -> None:
        self._group = -1
        self._batches: Iterator[tuple[int, pa.RecordBatch]] = iter(())
        self._start = 0
        self._keys: SortedKeys | None = None
        self._last: KeyTuple = ()
        self._asked: KeyTuple = ()

    def close(self) -> None:
        self._scan.close()

    def find(self, keys: SortedKeys) -> NDArray[np.int64]:
        """The ordinal of each key's row, or -1."""
        found = np.full(len(keys), -1, dtype=np.int64)
        at = 0
        while at < len(keys):
            low = keys.at(at)
            if self._asked and low < self._asked:
                self._rewind()
            part = self._part(low)
            if part is None:
                break
            end = keys.below(self._last)
            end += int(end < len(keys) and keys.at(end) == self._last)
            rows = places(keys.slice(at, end), part)
            found[at:end] = np.where(rows >= 0, rows + self._start, -1)
            self._asked = keys.at(end - 1)
            at = end
        return self._without_deleted(found)

    def _part(self, key: KeyTuple) -> SortedKeys | None:
        """The batch that holds a key, if the file has it; None behind the file's last key."""
        while self._keys is None or self._last < key:
            item = next(self._batches, None)
            if item is not None:
                self._start, batch = item
                if batch.num_rows:
                    self._keys = SortedKeys(batch.columns)
                    self._last = self._keys.at(batch.num_rows - 1)
                continue
            self._group = self._next_group(key)
            if self._group == len(self._scan.ends):
                self._group -= 1
                return None
            self._batches = self._scan.batches(self._group)
        return self._keys

    def _next_group(self, key: KeyTuple) -> int:
        group = self._group + 1
        while group < len(self._scan.ends):
            end = self._scan.end_of(group)
            if end is None or end >= key[0]:
                break
            group += 1
        return group

    def _without_deleted(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        deleted = self._deleted
        if deleted is None or not len(deleted):
            return rows
        at = np.minimum(np.searchsorted(deleted, rows), len(deleted) - 1)
        return np.where(deleted[at] == rows, -1, rows)


class _RowCursor:
    """The rows of one file, read forward by their ordinals."""

    def __init__(self, request: FileRequest, batch_rows: int) -> None:
        self._name = request.key
        self._scan = _Scan(request, batch_rows)
        self._group = -1
        self._batches: Iterator[tuple[int, pa.RecordBatch]] = iter(())
        self._start = 0
        self._batch: pa.RecordBatch | None = None

    def close(self) -> None:
        self._scan.close()

    def take(self, positions: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
        at = 0
        while at < len(positions):
            batch = self._holding(int(positions[at]))
            end = int(np.searchsorted(positions, self._start + batch.num_rows))
            yield batch.take(pa.array(positions[at:end] - self._start))
            at = end

    def _holding(self, position: int) -> pa.RecordBatch:
        """The batch with a row.

        Raises:
            CorruptDataError: the file has fewer rows than were found in it.
        """
        group = int(np.searchsorted(self._scan.ends, position, "right"))
        if group != self._group or position < self._start:
            self._group, self._batch = group, None
            self._batches = self._scan.batches(group)
        while self._batch is None or position >= self._start + self._batch.num_rows:
            item = next(self._batches, None)
            if item is None:
                raise CorruptDataError(
                    "data file", name=self._name, expected=f"row {position}", found="fewer rows"
                )
            self._start, self._batch = item
        return self._batch
