"""Rows of primary-key tables: buffered, sorted, merged and flushed to level 0.

Every row gets the next sequence number of its bucket when it arrives. A full buffer goes to local
files as it is; at the end all of it is merged by bucket and key, and each bucket's rows are written
as sorted files. Rows that arrive in key order need no local files: they go to level 0 at once, and
the file stays open for those that follow.

Source: ``org.apache.paimon.mergetree.MergeTreeWriter``, ``SortBufferWriteBuffer``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.datafile.layout import SEQUENCE_NUMBER
from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS
from tablestore.errors import InvalidInputError
from tablestore.merge.retracts import unmergeable
from tablestore.options.write_buffer import BufferOptions
from tablestore.runs.physical_rows import physical_rows
from tablestore.write.append import canonical_nan, kept_kinds
from tablestore.write.budget import FILES_MAX, Budget
from tablestore.write.flushed import FlushedRuns
from tablestore.write.local_merge import LocalMerge
from tablestore.write.memtable import Memtable, by_group, groups_of, numbered
from tablestore.write.merge_buffer import merged_piece, merged_rows, stretches
from tablestore.write.numbers import SequenceNumbers
from tablestore.write.router import Router
from tablestore.write.spill import SpillSpace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tablestore.merge.keys import KeyTuple
    from tablestore.merge.rules import MergeRules
    from tablestore.runs.rolling import RollingWriter
    from tablestore.write.conform import ConformedBatch
    from tablestore.write.context import WriteContext

_STRETCH_ROWS_MIN: Final = ROW_GROUP_ROWS // 2
"""Rows a bucket, on average, that are worth going to level 0 before all are there."""


class PrimaryKeyWriter:
    """A buffer for all buckets of a table.

    Args:
        context: the table.
        rules: merge the versions of a key that meet in the buffer.
    """

    def __init__(self, context: WriteContext, rules: MergeRules) -> None:
        self._context = context
        self._rules = rules
        self._router = Router(context.schema, context.options)
        names = list(context.schema.field_names)
        key_at = [names.index(name) for name in context.schema.trimmed_primary_key]
        self._key = (len(names), *key_at)
        self._floats = [
            *key_at,
            *(names.index(name) for name in context.schema.partition_keys),
        ]
        options = BufferOptions.of(context.options.raw)
        self._options = options
        self._budget = Budget.of(options)
        self._memtable = Memtable(self._key, self._budget)
        self._spilled = SpillSpace(options.codec, options.zstd_level, options.disk_max)
        self._row_bytes = 1.0
        self._numbers = SequenceNumbers(
            lambda group: context.next_sequence(*self._router.group(group))
        )
        size = options.local_merge_size
        self._local = None if size is None else LocalMerge(self._key, rules, size)
        self._open: dict[int, RollingWriter] = {}
        self._last: dict[int, KeyTuple] = {}
        self._flushed = FlushedRuns(context, rules, self._budget.rows)

    # -- rows in -----------------------------------------------------------------------------------

    def write(self, batch: ConformedBatch) -> None:
        """Buffer rows; makes room when the buffer is full.

        Raises:
            InvalidInputError: a retract that the merge engine could not merge.
        """
        rows, kinds = batch.rows, batch.kinds
        kept = None if kinds is None else kept_kinds(self._context, kinds)
        if kinds is not None and kept is not None:
            rows, kinds = rows.filter(pa.array(kept)), kinds[kept]
        why = None if kinds is None else unmergeable(self._rules.engine, kinds)
        if why is not None:
            raise InvalidInputError(f"table {self._context.table}: {why}")
        if rows.num_rows == 0:
            return
        rows = self._canonical(rows)
        # a part is copied when it is sorted, so it must be small beside the buffer
        step = self._budget.piece_rows(max(rows.nbytes / rows.num_rows, 1.0))
        for start in range(0, rows.num_rows, step):
            part = rows.slice(start, step)
            self._add(part, None if kinds is None else kinds[start : start + step])

    def _add(self, rows: pa.RecordBatch, kinds: NDArray[np.int8] | None) -> None:
        groups = self._router.route(rows)
        if self._local is None:
            self._buffer(numbered(rows, groups, self._numbers.number(groups), kinds))
            return
        for merged in self._local.add(rows, groups, kinds):
            self._buffer(self._renumbered(merged))

    def _renumbered(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        index = rows.schema.get_field_index(SEQUENCE_NUMBER)
        numbers = pa.array(self._numbers.number(groups_of(rows)))
        return rows.set_column(index, rows.schema.field(index), numbers)

    def _buffer(self, rows: pa.RecordBatch) -> None:
        self._memtable.add(rows)
        if self._memtable.size >= self._budget.rows:
            self._make_room()

    def _canonical(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        for index in self._floats:
            column = canonical_nan(rows.column(index))
            if column is not rows.column(index):
                rows = rows.set_column(index, rows.schema.field(index), column)
        return rows

    # -- room --------------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """Empty the buffer: to level 0 where that costs no file more, else to local files."""
        if self._pass_on():
            return
        if not self._options.spillable or not self._spilled.has_room:
            self.flush()
            return
        try:
            self._spill()
        except OSError:  # the local disk is full: level 0 is where the rows go in the end
            self.flush()

    def _spill(self) -> None:
        row_bytes = self._memtable.row_bytes
        self._row_bytes = max(self._row_bytes, row_bytes)
        window, batch = self._budget.window_rows(row_bytes), self._budget.batch_rows(row_bytes)
        pieces = [[piece] for piece in self._memtable.pieces()]
        self._spilled.add(merged_rows(pieces, self._key, None, window), batch)
        self._memtable.clear()
        files_max = min(self._options.files_max, FILES_MAX)
        if len(self._spilled.runs) >= files_max:
            which = self._spilled.smallest(max(files_max // 2, 2))
            runs = [run.batches() for run in self._spilled.runs[which]]
            joined = merged_rows(runs, self._key, None, window)
            self._spilled.replace(which, joined, batch)

    def _pass_on(self) -> bool:
        """Append the buffer to open files, if its keys are above all those that came before."""
        if self._spilled.runs:
            return False
        pieces = self._memtable.pieces()
        last = dict(self._last)
        found = stretches(pieces, self._key, last)
        if found is None or self._memtable.rows < _STRETCH_ROWS_MIN * len(found):
            return False
        window = self._budget.window_rows(self._memtable.row_bytes)
        for parts in found.values():
            for part in parts:
                self._write(merged_piece(part, self._key, self._rules, window))
        self._memtable.clear()
        self._last = last
        return True

    # -- rows out ----------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write all rows of the buffer as level-0 files."""
        if self._memtable.rows and self._pass_on():
            self._finish()
            self._flushed.relieve()
            return
        self._finish()
        window = self._budget.window_rows(max(self._row_bytes, self._memtable.row_bytes))
        runs: list[Iterable[pa.RecordBatch]] = [run.batches() for run in self._spilled.runs]
        runs += [[piece] for piece in self._memtable.pieces()]
        self._write(merged_rows(runs, self._key, self._rules, window), in_order=True)
        self._finish()
        self._memtable.clear()
        self._spilled.clear()
        self._flushed.relieve()

    def _write(self, windows: Iterator[pa.RecordBatch], *, in_order: bool = False) -> None:
        """Append merged rows to the files of their buckets.

        Args:
            windows: rows by group and key.
            in_order: nothing follows for a group once another one comes.
        """
        for window in windows:
            for group, rows in by_group(window):
                writer = self._open.get(group)
                if writer is None:
                    if in_order:
                        self._finish()
                    writer = self._context.open_bucket(*self._router.group(group))
                    self._open[group] = writer
                writer.write(self._physical(rows))
                if sum(one.pending_bytes for one in self._open.values()) > self._budget.group:
                    for one in self._open.values():
                        one.flush()

    def _finish(self) -> None:
        """Close the open files."""
        while self._open:
            group, writer = next(iter(self._open.items()))
            self._flushed.add(self._router.group(group), writer.finish())
            del self._open[group]  # not before: an error leaves it to abort()
        self._last.clear()

    def _physical(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        return physical_rows(rows, self._context.shape.schema)

    def prepare(self) -> list[CommitMessage]:
        """Flush, and give what is to be committed."""
        if self._local is not None:
            for merged in self._local.drain():
                self._buffer(self._renumbered(merged))
        self.flush()
        messages = []
        for (partition, bucket), files in self._flushed.items():
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
        if self._local is not None:
            self._local.clear()
        self._memtable.clear()
        self._spilled.clear()
        for writer in self._open.values():
            writer.abort()
        for place, files in self._flushed.items():
            self._context.discard(*place, files)
        self._flushed.clear()
        self._open, self._last = {}, {}
