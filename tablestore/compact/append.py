"""Compaction of append tables: small files become large ones, deleted rows go.

In buckets only files next to one another in write order are put together, in that order. Tables
without buckets promise no order.

Source: ``org.apache.paimon.append.AppendCompactTask``, ``BucketedAppendCompactManager``,
``org.apache.paimon.operation.BaseAppendFileStoreWrite``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tablestore.compact.output import output_shape, passed_on, replaced_files, write_files
from tablestore.compact.rewrite import file_rows
from tablestore.lsm.append import (
    AppendQueue,
    DeletedRows,
    Waiting,
    pick_bucketed,
    pick_bucketed_full,
    pick_unaware,
    pick_unaware_all,
)
from tablestore.runs.section import batch_rows

if TYPE_CHECKING:
    from tablestore.commit.message import CompactIncrement
    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta
    from tablestore.options.compaction import AppendOptions
    from tablestore.options.table import TableOptions


@dataclass(frozen=True)
class AppendUnit:
    """Files of an append table that become fewer."""

    partition: bytes
    bucket: int
    total_buckets: int
    before: tuple[DataFileMeta, ...]
    reason: str
    runs: tuple[int, int]

    @property
    def size(self) -> int:
        """Bytes that are read and written again."""
        return sum(meta.file_size for meta in self.before)

    def run(self, context: CompactContext) -> CompactIncrement:
        """Write the rows that are left one file after the other.

        Row numbers start at the first file's and go on over all new files. (Java starts anew with
        each of them, so two would claim the same place in a bucket's order.)
        """
        place = (self.partition, self.bucket)
        rows = _rows(context, place, self.before)
        first = self.before[0].min_sequence_number
        after = write_files(context, place, output_shape(context), rows, first_sequence=first)
        return replaced_files(context, place, self.before, after)


def _rows(
    context: CompactContext, place: tuple[bytes, int], files: Sequence[DataFileMeta]
) -> Iterator[pa.RecordBatch]:
    dictionaries = passed_on(context, output_shape(context))
    for meta in files:
        rows = batch_rows([[meta]], context.memory)
        yield from file_rows(context, place, meta, context.schema.fields, rows, dictionaries)


def plan_append(
    context: CompactContext,
    place: tuple[bytes, int],
    total_buckets: int,
    files: Sequence[DataFileMeta],
    *,
    full: bool,
) -> list[AppendUnit]:
    """What to compact in a bucket of an append table, or in a partition of one without buckets.

    Args:
        context: the table.
        place: partition and bucket; bucket 0 where there are none.
        total_buckets: of the partition; -1 where there are none.
        files: all live files of the bucket.
        full: let nothing wait for company; in a bucket, all files that are worth it.
    """
    deleted = _deleted(context, place)
    # vectors are applied even where the table's option is off by now
    options = replace(
        context.append, deletion_vectors=context.append.deletion_vectors or bool(deleted)
    )
    if context.options.bucket > 0:
        groups = _bucket_groups(files, options, deleted, full=full)
    else:
        nothing: Waiting[DataFileMeta] = Waiting()
        waiting = nothing.add(files, options, deleted)
        pick = pick_unaware_all if full else _one_round
        groups = list(pick(waiting, options, deleted))
    worth = [g for g in groups if len(g) > 1 or any(meta.file_name in deleted for meta in g)]
    return [
        _unit(place, total_buckets, group, files, options, full=full, deleted=deleted)
        for group in worth
    ]


def _one_round(
    waiting: Waiting[DataFileMeta], options: AppendOptions, deleted: dict[str, DeletedRows]
) -> tuple[tuple[DataFileMeta, ...], ...]:
    return pick_unaware(waiting, options, deleted)[0]


def _bucket_groups(
    files: Sequence[DataFileMeta],
    options: AppendOptions,
    deleted: dict[str, DeletedRows],
    *,
    full: bool,
) -> list[tuple[DataFileMeta, ...]]:
    queue = AppendQueue.of(files)
    if full:
        group = pick_bucketed_full(queue, options, deleted)
        return [] if group is None else [group]
    groups: list[tuple[DataFileMeta, ...]] = []
    while True:
        picked, queue = pick_bucketed(queue, options)
        if picked is None:
            return groups
        groups.append(picked)
        if deleted:
            return groups  # they would all write the bucket's one index file


def _deleted(context: CompactContext, place: tuple[bytes, int]) -> dict[str, DeletedRows]:
    return {
        vector.data_file: DeletedRows(entry.file_name, vector.cardinality)
        for entry in context.deletions.entries(*place)
        for vector in entry.dv_ranges or ()
    }


def _unit(
    place: tuple[bytes, int],
    total_buckets: int,
    group: tuple[DataFileMeta, ...],
    files: Sequence[DataFileMeta],
    options: AppendOptions,
    *,
    full: bool,
    deleted: dict[str, DeletedRows],
) -> AppendUnit:
    size = sum(meta.file_size for meta in group)
    after = max(-(-size // max(options.target_file_size, 1)), 1)
    small = any(meta.file_size < options.small_file_size for meta in group)
    gone = any(meta.file_name in deleted for meta in group)
    reason = "full" if full else "small files" if small else "deleted rows" if gone else "files"
    left = len(files) - len(group) + after
    return AppendUnit(*place, total_buckets, group, reason, (len(files), left))


def append_hindrance(options: TableOptions) -> tuple[str, str] | None:
    """The option that stands against the compaction of an append table, and why."""
    for key, why in _HINDRANCES.items():
        if options.raw.get(key, "false").strip().lower() == "true":
            return key, f"has {key} = true: {why}"
    return None


_HINDRANCES: Final = {
    "row-tracking.enabled": "its compaction would have to keep row ids, which is not supported yet",
    "data-evolution.enabled": "its compaction would have to put columns together, which is not "
    "supported yet",
    "clustering.incremental": "it is compacted by clustering, which is not supported yet",
}
