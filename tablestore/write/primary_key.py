"""Rows of primary-key tables: buffered, sorted, merged and flushed to level 0.

Every row gets the next sequence number of its bucket when it arrives. A flush sorts the buffer by
bucket and key, keeps one row a key and writes each bucket's rows as sorted files.

Source: ``org.apache.paimon.mergetree.MergeTreeWriter``, ``SortBufferWriteBuffer``.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.datafile.layout import SEQUENCE_NUMBER, VALUE_KIND
from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS
from tablestore.runs.physical_rows import physical_rows
from tablestore.write.append import canonical_nan, kept_kinds
from tablestore.write.memtable import Memtable, Rows
from tablestore.write.router import Router

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.manifest import DataFileMeta
    from tablestore.merge.rules import MergeRules
    from tablestore.runs.rolling import RollingWriter
    from tablestore.write.conform import ConformedBatch
    from tablestore.write.context import WriteContext

_BUFFER_SHARE: Final = 2
"""Half the buffer is for rows: sorting them and writing the file take memory, too."""


class PrimaryKeyWriter:
    """A memtable for all buckets of a table.

    Args:
        context: the table.
        rules: merge the versions of a key that meet in the buffer.
    """

    def __init__(self, context: WriteContext, rules: MergeRules) -> None:
        self._context = context
        self._rules = rules
        self._router = Router(context.schema, context.options)
        names = list(context.schema.field_names)
        self._key_at = [names.index(name) for name in context.schema.trimmed_primary_key]
        self._partition_at = [names.index(name) for name in context.schema.partition_keys]
        self._memtable = Memtable(self._key_at)
        self._bytes = 0
        self._limit = context.options.write_buffer_size // _BUFFER_SHARE
        self._next: dict[int, int] = {}
        self._done: dict[int, list[DataFileMeta]] = {}

    def write(self, batch: ConformedBatch) -> None:
        """Buffer rows; flushes when the buffer is full."""
        rows, kinds = batch.rows, batch.kinds
        kept = None if kinds is None else kept_kinds(self._context, kinds)
        if kinds is not None and kept is not None:
            rows, kinds = rows.filter(pa.array(kept)), kinds[kept]
        if rows.num_rows == 0:
            return
        rows = self._canonical(rows)
        groups = self._router.route(rows)
        self._memtable.add(Rows(rows, groups, self._number(groups), kinds))
        self._bytes += rows.nbytes
        if self._bytes >= self._limit:
            self.flush()

    def _canonical(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        for index in (*self._key_at, *self._partition_at):
            column = canonical_nan(rows.column(index))
            if column is not rows.column(index):
                rows = rows.set_column(index, rows.schema.field(index), column)
        return rows

    def flush(self) -> None:
        """Write the buffered rows as level-0 files."""
        self._bytes = 0
        current: int | None = None
        writer: RollingWriter | None = None
        try:
            for window in self._memtable.drain(self._rules, ROW_GROUP_ROWS):
                for rows in _by_group(window):
                    group = int(rows.groups[0])
                    if writer is None or group != current:
                        self._finish(current, writer)
                        current, writer = group, None
                        writer = self._context.open_bucket(*self._router.group(group))
                    writer.write(self._physical(rows))
            self._finish(current, writer)
        except BaseException:
            if writer is not None:
                writer.abort()
            raise

    def _finish(self, group: int | None, writer: RollingWriter | None) -> None:
        if group is not None and writer is not None:
            self._done.setdefault(group, []).extend(writer.finish())

    def _number(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """A sequence number for each row: counted up in its bucket by arrival."""
        if bool(np.all(groups == groups[0])):
            return self._claim(int(groups[0]), len(groups)) + np.arange(len(groups))
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        starts = np.flatnonzero(np.append([True], ordered[1:] != ordered[:-1]))
        counts = np.diff(np.append(starts, len(ordered)))
        first = [
            self._claim(int(ordered[start]), int(count))
            for start, count in zip(starts, counts, strict=True)
        ]
        sequences = np.empty(len(groups), dtype=np.int64)
        within = np.arange(len(groups)) - np.repeat(starts, counts)
        sequences[order] = np.repeat(np.asarray(first, dtype=np.int64), counts) + within
        return sequences

    def _claim(self, group: int, count: int) -> int:
        """The first of ``count`` sequence numbers that a bucket gives away."""
        if group not in self._next:
            self._next[group] = self._context.next_sequence(*self._router.group(group))
        first = self._next[group]
        self._next[group] += count
        return first

    def _physical(self, rows: Rows) -> pa.RecordBatch:
        kinds = np.zeros(len(rows), dtype=np.int8) if rows.kinds is None else rows.kinds
        batch = rows.batch.append_column(SEQUENCE_NUMBER, pa.array(rows.sequences))
        return physical_rows(
            batch.append_column(VALUE_KIND, pa.array(kinds)), self._context.shape.schema
        )

    def prepare(self) -> list[CommitMessage]:
        """Flush, and give what is to be committed."""
        self.flush()
        messages = []
        for group, files in self._done.items():
            partition, bucket = self._router.group(group)
            messages.append(
                CommitMessage(
                    partition,
                    bucket,
                    self._router.total_buckets,
                    DataIncrement(new_files=tuple(files)),
                )
            )
        return messages

    def abort(self) -> None:
        """Remove everything that was written."""
        self._memtable.clear()
        self._bytes = 0
        for group, files in self._done.items():
            self._context.discard(*self._router.group(group), files)
        self._done = {}


def _by_group(window: Rows) -> Iterator[Rows]:
    groups = window.groups
    cuts = (np.flatnonzero(groups[1:] != groups[:-1]) + 1).tolist()
    for start, end in pairwise([0, *cuts, len(groups)]):
        yield window.slice(start, end)
