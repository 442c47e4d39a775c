"""The compaction options of a table as frozen values, defaults filled in.

Source: ``org.apache.paimon.CoreOptions``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tablestore.options.spec import parse_int, parse_number
from tablestore.options.units import parse_bytes, parse_duration_ms
from tablestore.options.values import OptionValues

if TYPE_CHECKING:
    from tablestore.options.table import TableOptions

Release = Literal["1.4", "2.0", "2.1"]
"""The releases of Paimon whose pickers differ."""

STOP_ABOVE_TRIGGER: Final = 3  # what num-sorted-run.stop-trigger adds where it is unset


@dataclass(frozen=True, slots=True)
class TreeOptions:
    """What the compaction of a primary-key table's bucket depends on.

    Attributes:
        trigger: sorted runs from which compaction starts.
        stop_trigger: sorted runs above which a writer waits.
        num_levels: levels of a bucket, level 0 included.
        max_size_amplification_percent: newer runs over the oldest run.
        size_ratio: percent by which the next run may be larger than those before it.
        off_peak: first hour, hour after the last, and what they add to ``size_ratio``.
        full_interval_ms: a full compaction after this time.
        full_below_bytes: a full compaction as long as the bucket is smaller.
        full_above_bytes: a full compaction once more lies below the highest level.
        force_up_level_0: every trigger takes level 0 along.
        force_interval: only every n-th trigger does; None for each.
        lookup: rows of level 0 are looked up in the levels above while they are compacted.
        deletion_vectors: that lookup marks older versions as deleted.
        bitmap64: deletion vectors are written in the 64-bit form.
        newest_wins: of a key's versions only the one written last counts.
        force_rewrite_all: a full compaction rewrites files that need not be.
        target_file_size: bytes of an output file, the same at every level. The row limit
            ``target-file-row-num`` does not hold for what compaction writes.
        small_file_size: smaller files are rewritten with their neighbours.
        formats: file format by level where it is not ``format``.
        format: of the other levels.
        release: the release of Paimon whose picks these are. 2.0 takes level 1 along when
            level 0 is forced up; 2.1 also takes every run of levels 0 and 1, once triggered.
    """

    trigger: int = 5
    stop_trigger: int = 5 + STOP_ABOVE_TRIGGER
    num_levels: int = 6
    max_size_amplification_percent: int = 200
    size_ratio: int = 1
    off_peak: tuple[int, int, int] = (-1, -1, 0)
    full_interval_ms: int | None = None
    full_below_bytes: int | None = None
    full_above_bytes: int | None = None
    force_up_level_0: bool = False
    force_interval: int | None = None
    lookup: bool = False
    deletion_vectors: bool = False
    bitmap64: bool = False
    newest_wins: bool = True
    force_rewrite_all: bool = False
    target_file_size: int = 128 << 20
    small_file_size: int = int((128 << 20) * 0.7)
    formats: tuple[tuple[int, str], ...] = ()
    format: str = "parquet"
    release: Release = "2.1"

    @classmethod
    def of(cls, table: TableOptions) -> TreeOptions:
        """The compaction options of a primary-key table.

        Raises:
            InvalidInputError: names the option whose value is not of its type.
        """
        read = OptionValues(table.raw)
        trigger = table.compaction_trigger
        stop = read.maybe("num-sorted-run.stop-trigger", parse_int)
        hours = (f"compaction.offpeak{part}" for part in (".start.hour", ".end.hour", "-ratio"))
        start, end, ratio = (read.number(key) for key in hours)
        lookup = table.needs_lookup
        small_ratio = read.get("compaction.small-file-ratio", parse_number)
        return cls(
            trigger=trigger,
            stop_trigger=max(trigger, trigger + STOP_ABOVE_TRIGGER if stop is None else stop),
            num_levels=table.num_levels,
            max_size_amplification_percent=read.number("compaction.max-size-amplification-percent"),
            size_ratio=read.number("compaction.size-ratio"),
            off_peak=(start, end, ratio),
            full_interval_ms=read.maybe("compaction.optimization-interval", parse_duration_ms),
            full_below_bytes=read.maybe("compaction.total-size-threshold", parse_bytes),
            full_above_bytes=read.maybe("compaction.incremental-size-threshold", parse_bytes),
            force_up_level_0=lookup or read.flag("compaction.force-up-level-0"),
            force_interval=_force_interval(read, trigger) if lookup else None,
            lookup=lookup,
            deletion_vectors=table.deletion_vectors,
            bitmap64=read.flag("deletion-vectors.bitmap64"),
            newest_wins=table.merge_engine == "deduplicate" and not table.sequence_field,
            force_rewrite_all=read.flag("compaction.force-rewrite-all-files"),
            target_file_size=table.target_file_size,
            small_file_size=int(table.target_file_size * small_ratio),
            formats=tuple(sorted(table.file_format_per_level.items())),
            format=table.file_format,
        )

    def format_of(self, level: int) -> str:
        """The format of new files of a level."""
        return dict(self.formats).get(level, self.format)

    def off_peak_ratio(self, hour: int) -> int:
        """What ``size_ratio`` gains at an hour (0 to 23) of the local day.

        Source: ``org.apache.paimon.mergetree.compact.OffPeakHours``.
        """
        start, end, ratio = self.off_peak
        if -1 in (start, end) or start == end:
            return 0
        inside = start <= hour < end if start <= end else hour < end or start <= hour
        return ratio if inside else 0


@dataclass(frozen=True, slots=True)
class AppendOptions:
    """What the compaction of an append table depends on.

    Attributes:
        target_file_size: bytes of an output file.
        small_file_size: smaller files are compacted.
        min_files: that many small files are worth a compaction.
        open_file_cost: bytes that a file weighs beside its size.
        delete_ratio: a file with a larger share of deleted rows is compacted.
        deletion_vectors: files may have deletion vectors.
        force_rewrite_all: a full compaction takes every file.
        index_file_size: bytes from which an index file of deletion vectors is full.
        text_bytes: what text and bytes contribute to a z-order.
    """

    target_file_size: int = 256 << 20
    small_file_size: int = int((256 << 20) * 0.7)
    min_files: int = 5
    open_file_cost: int = 4 << 20
    delete_ratio: float = 0.2
    deletion_vectors: bool = False
    force_rewrite_all: bool = False
    index_file_size: int = 2 << 20
    text_bytes: int = 8

    @classmethod
    def of(cls, table: TableOptions) -> AppendOptions:
        """The compaction options of an append table.

        Raises:
            InvalidInputError: names the option whose value is not of its type.
        """
        read = OptionValues(table.raw)
        small_ratio = read.get("compaction.small-file-ratio", parse_number)
        return cls(
            target_file_size=table.target_file_size,
            small_file_size=int(table.target_file_size * small_ratio),
            min_files=read.number("compaction.min.file-num"),
            open_file_cost=table.source_split_open_file_cost,
            delete_ratio=read.get("compaction.delete-ratio-threshold", parse_number),
            deletion_vectors=table.deletion_vectors,
            force_rewrite_all=read.flag("compaction.force-rewrite-all-files"),
            index_file_size=read.get("deletion-vector.index-file.target-size", parse_bytes),
            text_bytes=read.number("zorder.var-length-contribution"),
        )


def _force_interval(read: OptionValues, trigger: int) -> int | None:
    if read.word("lookup-compact") != "gentle":
        return None
    interval = read.maybe("lookup-compact.max-interval", parse_int)
    return max(trigger, 2 * trigger if interval is None else interval)
