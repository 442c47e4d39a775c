"""Rows of append tables, written to their buckets as they arrive.

Source: ``org.apache.paimon.append.AppendOnlyWriter``.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.errors import InvalidInputError
from tablestore.types.row_kind import SHORT_STRINGS
from tablestore.write.router import Router

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.manifest import DataFileMeta
    from tablestore.runs.rolling import RollingWriter
    from tablestore.write.conform import ConformedBatch
    from tablestore.write.context import WriteContext

_OPEN_FILES_MAX: Final = 64
"""Buckets with an open file; the one that waited longest is finished when there are more."""


class AppendWriter:
    """Buffers no more than a row group for each bucket and ``write-buffer-size`` in all."""

    def __init__(self, context: WriteContext) -> None:
        self._context = context
        self._router = Router(context.schema, context.options)
        self._open: dict[int, RollingWriter] = {}
        self._done: dict[int, list[DataFileMeta]] = {}
        self._sequences: dict[int, int] = {}
        self._pending_bytes = 0

    def write(self, batch: ConformedBatch) -> None:
        """Append rows.

        Raises:
            InvalidInputError: a row is a delete or an update's before image.
        """
        rows = _without_retracts(self._context, batch)
        if rows.num_rows == 0:
            return
        groups = self._router.route(rows)
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        cuts = np.flatnonzero(np.diff(ordered)) + 1
        if len(cuts):
            rows = rows.take(pa.array(order))
        starts = [0, *cuts.tolist(), rows.num_rows]
        for start, end in pairwise(starts):
            self._writer(int(ordered[start])).write(rows.slice(start, end - start))
        self._pending_bytes += rows.nbytes
        if self._pending_bytes > self._context.options.write_buffer_size:
            self._flush_all()

    def _writer(self, group: int) -> RollingWriter:
        writer = self._open.pop(group, None)
        if writer is None:
            if len(self._open) >= _OPEN_FILES_MAX:
                self._finish(next(iter(self._open)))
            partition, bucket = self._router.group(group)
            if group not in self._sequences:
                # buckets without a bound count restart at 0 in each commit, as in Java
                fixed = self._router.total_buckets > 0
                first = self._context.next_sequence(partition, bucket) if fixed else 0
                self._sequences[group] = first
            writer = self._context.open_bucket(
                partition, bucket, first_sequence=self._sequences[group]
            )
        self._open[group] = writer  # now the newest of the open ones
        return writer

    def _flush_all(self) -> None:
        for writer in self._open.values():
            writer.flush()
        self._pending_bytes = 0

    def _finish(self, group: int) -> None:
        files = self._open[group].finish()
        del self._open[group]  # not before: an error leaves it to abort()
        self._sequences[group] += sum(meta.row_count for meta in files)
        self._done.setdefault(group, []).extend(files)

    def flush(self) -> None:
        """Finish all open files."""
        for group in list(self._open):
            self._finish(group)
        self._pending_bytes = 0

    def prepare(self) -> list[CommitMessage]:
        """Finish all files and give what is to be committed."""
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
        for writer in self._open.values():
            writer.abort()
        for group, files in self._done.items():
            self._context.discard(*self._router.group(group), files)
        self._open, self._done = {}, {}


def _without_retracts(context: WriteContext, batch: ConformedBatch) -> pa.RecordBatch:
    """The rows of an append table; retracts are dropped by option or refused.

    Raises:
        InvalidInputError: a retract came that no option drops.
    """
    if batch.kinds is None:
        return batch.rows
    kept = kept_kinds(context, batch.kinds)
    rows = batch.rows if kept is None else batch.rows.filter(pa.array(kept))
    kinds = batch.kinds if kept is None else batch.kinds[kept]
    retracts = np.flatnonzero(kinds & 1)
    if len(retracts):
        found = SHORT_STRINGS[int(kinds[retracts[0]])]
        raise InvalidInputError(
            f"table {context.table}: an append table takes +I and +U rows only, found {found}",
            table=context.table,
            found=found,
        )
    return rows


def kept_kinds(context: WriteContext, kinds: NDArray[np.int8]) -> NDArray[np.bool_] | None:
    """Rows that ``ignore-delete`` and ``ignore-update-before`` let pass; None where all do."""
    if context.options.ignore_delete:
        adds: NDArray[np.bool_] = (kinds & 1) == 0
        return adds
    if context.options.ignore_update_before:
        kept: NDArray[np.bool_] = kinds != 1
        return kept
    return None


def canonical_nan(array: pa.Array) -> pa.Array:
    """Floats with one NaN: keys and partitions compare and hash by their bits."""
    if not pa.types.is_floating(array.type):
        return array
    return pc.if_else(pc.is_nan(array), pa.scalar(float("nan"), array.type), array)
