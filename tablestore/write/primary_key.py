"""Rows of primary-key tables: buffered, sorted, merged and flushed to level 0.

Every row gets the next sequence number of its bucket when it arrives. A flush sorts the buffer by
bucket and key, keeps one row a key and writes each bucket's rows as sorted files.

Source: ``org.apache.paimon.mergetree.MergeTreeWriter``, ``SortBufferWriteBuffer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.datafile.layout import KEY_PREFIX, SEQUENCE_NUMBER, VALUE_KIND
from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS
from tablestore.merge.groups import Groups, MergeEngine
from tablestore.merge.keys import group_starts, key_lanes, pack, stable_order
from tablestore.write.append import canonical_nan, kept_kinds
from tablestore.write.router import Router

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.manifest import DataFileMeta
    from tablestore.write.conform import ConformedBatch
    from tablestore.write.context import WriteContext

_BUFFER_SHARE: Final = 2
"""A flush holds the rows twice (as they came, and in one piece): half the buffer is for rows."""


class PrimaryKeyWriter:
    """A memtable for all buckets of a table.

    Args:
        context: the table.
        engine: merges the versions of a key that meet in the buffer.
    """

    def __init__(self, context: WriteContext, engine: MergeEngine) -> None:
        self._context = context
        self._engine = engine
        self._router = Router(context.schema, context.options)
        names = list(context.schema.field_names)
        self._key_at = [names.index(name) for name in context.schema.trimmed_primary_key]
        self._partition_at = [names.index(name) for name in context.schema.partition_keys]
        self._rows: list[pa.RecordBatch] = []
        self._kinds: list[NDArray[np.int8] | None] = []
        self._groups: list[NDArray[np.int64]] = []
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
        self._rows.append(rows)
        self._kinds.append(kinds)
        self._groups.append(self._router.route(rows))
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
        if not self._rows:
            return
        rows = self._rows[0] if len(self._rows) == 1 else pa.concat_batches(self._rows)
        groups = np.concatenate(self._groups)
        kinds = self._concat_kinds()
        self._rows, self._kinds, self._groups, self._bytes = [], [], [], 0
        sequences = self._number(groups)
        chosen = self._chosen(rows, groups, kinds)
        ordered = groups[chosen]
        cuts = np.flatnonzero(np.diff(ordered)) + 1
        for part in np.split(chosen, cuts):
            if len(part):
                self._write_group(int(groups[part[0]]), part, rows, sequences, kinds)

    def _concat_kinds(self) -> NDArray[np.int8] | None:
        if all(kinds is None for kinds in self._kinds):
            return None
        return np.concatenate(
            [
                np.zeros(rows.num_rows, dtype=np.int8) if kinds is None else kinds
                for rows, kinds in zip(self._rows, self._kinds, strict=True)
            ]
        )

    def _number(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """A sequence number for each row: counted up in its bucket by arrival."""
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        starts = np.flatnonzero(np.append([True], ordered[1:] != ordered[:-1]))
        counts = np.diff(np.append(starts, len(ordered)))
        first = np.empty(len(starts), dtype=np.int64)
        for at, (start, count) in enumerate(zip(starts, counts, strict=True)):
            group = int(ordered[start])
            if group not in self._next:
                self._next[group] = self._context.next_sequence(*self._router.group(group))
            first[at] = self._next[group]
            self._next[group] += int(count)
        sequences = np.empty(len(groups), dtype=np.int64)
        within = np.arange(len(groups)) - np.repeat(starts, counts)
        sequences[order] = np.repeat(first, counts) + within
        return sequences

    def _chosen(
        self,
        rows: pa.RecordBatch,
        groups: NDArray[np.int64],
        kinds: NDArray[np.int8] | None,
    ) -> NDArray[np.intp]:
        """The rows to write, sorted by bucket and key; arrival order is age order."""
        lanes = [groups.astype(np.uint64)]
        lanes += key_lanes([rows.column(index) for index in self._key_at])
        packed = pack(lanes)
        order = stable_order(packed)
        return self._engine.pick(Groups(order, group_starts(packed, order), kinds))

    def _write_group(
        self,
        group: int,
        chosen: NDArray[np.intp],
        rows: pa.RecordBatch,
        sequences: NDArray[np.int64],
        kinds: NDArray[np.int8] | None,
    ) -> None:
        partition, bucket = self._router.group(group)
        writer = self._context.open_bucket(partition, bucket)
        try:
            for start in range(0, len(chosen), ROW_GROUP_ROWS):
                part = chosen[start : start + ROW_GROUP_ROWS]
                writer.write(self._physical(_gather(rows, part), sequences[part], kinds, part))
            self._done.setdefault(group, []).extend(writer.finish())
        except BaseException:
            writer.abort()
            raise

    def _physical(
        self,
        rows: pa.RecordBatch,
        sequences: NDArray[np.int64],
        kinds: NDArray[np.int8] | None,
        chosen: NDArray[np.intp],
    ) -> pa.RecordBatch:
        schema = self._context.shape.schema
        kind = np.zeros(len(chosen), dtype=np.int8) if kinds is None else kinds[chosen]
        columns = []
        for name in schema.names:
            if name == SEQUENCE_NUMBER:
                columns.append(pa.array(sequences))
            elif name == VALUE_KIND:
                columns.append(pa.array(kind))
            else:
                columns.append(self._column(rows, name))
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _column(self, rows: pa.RecordBatch, name: str) -> pa.Array:
        index = rows.schema.get_field_index(name)
        if index < 0:  # the copy of a key column
            index = rows.schema.get_field_index(name.removeprefix(KEY_PREFIX))
        column = rows.column(index)
        target = self._context.shape.schema.field(name).type
        return column if column.type == target else column.cast(target)

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
        self._rows, self._kinds, self._groups, self._bytes = [], [], [], 0
        for group, files in self._done.items():
            self._context.discard(*self._router.group(group), files)
        self._done = {}


def _gather(rows: pa.RecordBatch, chosen: NDArray[np.intp]) -> pa.RecordBatch:
    """The chosen rows; consecutive ones are a slice, which copies nothing."""
    first, count = int(chosen[0]), len(chosen)
    if int(chosen[-1]) - first == count - 1 and bool(np.all(np.diff(chosen) == 1)):
        return rows.slice(first, count)
    return rows.take(pa.array(chosen))
