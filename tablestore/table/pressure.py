"""The buckets of a table, and how far compaction lags behind its writers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tablestore.compact.context import CompactContext
from tablestore.errors import InvalidInputError
from tablestore.lsm.levels import Levels
from tablestore.lsm.pressure import Pressure, pressure
from tablestore.table.compaction import runs_of
from tablestore.types.html import HtmlFields

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta, ManifestEntry
    from tablestore.read.view import TableView
    from tablestore.table.components import Components


@dataclass(frozen=True, repr=False)
class BucketInfo(HtmlFields):
    """One bucket and the pressure on it.

    Attributes:
        partition: its path, empty without partitions.
        bucket: the bucket.
        files: live data files.
        rows: physical rows, older versions and deletes included.
        bytes: size of the files.
        runs: sorted runs, which a read of the bucket merges.
        levels: files by level, level 0 first.
    """

    partition: str
    bucket: int
    files: int
    rows: int
    bytes: int
    runs: int
    levels: tuple[int, ...] = field(default=())

    def __repr__(self) -> str:
        return (
            f"Bucket({self.partition}{self.bucket}: {self.files} files in {self.runs} runs, "
            f"{self.rows} rows, {self.bytes} bytes)"
        )


def buckets_of(parts: Components) -> list[BucketInfo]:
    """The buckets of a table, by partition and number."""
    view = parts.view()
    context = _context(parts, view)
    live = parts.state.base.live(view.snapshot)
    return sorted(
        (_bucket_info(context, place, entries) for place, entries in live.buckets.items()),
        key=lambda info: (info.partition, info.bucket),
    )


def _bucket_info(
    context: CompactContext, place: tuple[bytes, int], entries: Sequence[ManifestEntry]
) -> BucketInfo:
    files: list[DataFileMeta] = [entry.file for entry in entries]
    levels = [0] * (max(meta.level for meta in files) + 1)
    for meta in files:
        levels[meta.level] += 1
    return BucketInfo(
        context.folders.partition(place[0]),
        place[1],
        len(files),
        sum(meta.row_count for meta in files),
        sum(meta.file_size for meta in files),
        runs_of(context, entries),
        tuple(levels),
    )


@dataclass(frozen=True, repr=False)
class TablePressure(HtmlFields):
    """How far compaction lags behind the writers of a table.

    Attributes:
        buckets: buckets with files.
        runs_max: sorted runs of the bucket that has most.
        runs_mean: sorted runs of a bucket.
        trigger: runs at which compaction starts (``num-sorted-run.compaction-trigger``).
        stop_trigger: runs above which writers wait (``num-sorted-run.stop-trigger``).
        due: buckets at the trigger or above.
        waiting: buckets above the stop trigger.
    """

    buckets: int
    runs_max: int
    runs_mean: float
    trigger: int
    stop_trigger: int
    due: int
    waiting: int

    def __repr__(self) -> str:
        return (
            f"TablePressure({self.buckets} buckets, runs {self.runs_mean:.1f} in the mean and "
            f"{self.runs_max} at most; {self.due} due at {self.trigger}, {self.waiting} above "
            f"{self.stop_trigger})"
        )


def pressure_of(parts: Components) -> TablePressure:
    """The pressure on a primary-key table.

    Raises:
        InvalidInputError: the table has no primary key.
    """
    view = parts.view()
    if not view.schema.primary_keys:
        raise InvalidInputError(
            f"table {parts.name} has no primary key, so nothing is merged when it is read; "
            "buckets() tells how many files it has"
        )
    context = _context(parts, view)
    live = parts.state.base.live(view.snapshot)
    found: list[Pressure] = [
        pressure(
            Levels.of([e.file for e in entries], context.tree.num_levels, context.keys),
            context.tree,
        )
        for entries in live.buckets.values()
    ]
    runs = [item.runs for item in found]
    return TablePressure(
        len(found),
        max(runs, default=0),
        sum(runs) / len(runs) if runs else 0.0,
        context.tree.trigger,
        context.tree.stop_trigger,
        sum(item.runs >= item.trigger for item in found),
        sum(item.write_waits for item in found),
    )


def _context(parts: Components, view: TableView) -> CompactContext:
    return CompactContext(parts.name, view.schema, view.options, parts.state, None, view.deletions)
