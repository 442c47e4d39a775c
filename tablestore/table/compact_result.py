"""What a compaction tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

from tablestore.types.html import HtmlFields


@dataclass(frozen=True, repr=False)
class CompactionStep(HtmlFields):
    """One pick of one bucket, planned or done.

    Attributes:
        partition: its path, empty without partitions.
        bucket: the bucket.
        reason: the rule that took the files.
        files_before: files taken.
        files_after: files that stand for them; None while it is only planned.
        bytes_read: bytes of the files that are read and written again.
        bytes_written: bytes of the new files; None while it is only planned.
        runs_before: sorted runs of the bucket, which a read of it merges; in append tables, which
            merge nothing, its files.
        runs_after: the same afterwards.
        seconds: how long it took; None while it is only planned.
    """

    partition: str
    bucket: int
    reason: str
    files_before: int
    files_after: int | None
    bytes_read: int
    bytes_written: int | None
    runs_before: int
    runs_after: int
    seconds: float | None

    def __repr__(self) -> str:
        where = f"{self.partition}bucket {self.bucket}"
        done = "" if self.seconds is None else f" in {self.seconds:.1f} s"
        return (
            f"CompactionStep({where}: {self.reason}, {self.files_before} files, "
            f"{self.bytes_read} bytes, runs {self.runs_before} -> {self.runs_after}{done})"
        )


@dataclass(frozen=True, repr=False)
class CompactResult(HtmlFields):
    """What a compaction did, or would do.

    Attributes:
        snapshot_ids: the snapshots it made, oldest first; empty when nothing changed.
        steps: what was done, bucket by bucket; with ``dry_run`` what would be done.
        given_up: picks that another commit came before; the next compaction takes them up.
        over_budget: picks that ``budget_bytes`` left for another time.
        files_before: files taken.
        files_after: files that stand for them.
        bytes_read: bytes of the files that were read and written again.
        bytes_written: bytes of the new files.
        read_amplification_before: sorted runs of a bucket, in append tables files, the mean over
            the selected buckets.
        read_amplification_after: the same afterwards.
        seconds: how long it took.
        retries: races lost by its commits.
        stopped: True where it was asked to stop before everything was done.
        dry_run: True where it only planned.
        expired: snapshots that the expiry after it took away; also of tables whose writers leave
            that to compaction (``write-only``).
        expire_error: why that failed; the next one tries again.
    """

    snapshot_ids: tuple[int, ...]
    steps: tuple[CompactionStep, ...]
    given_up: int
    over_budget: int
    files_before: int
    files_after: int
    bytes_read: int
    bytes_written: int
    read_amplification_before: float
    read_amplification_after: float
    seconds: float
    retries: int
    stopped: bool
    dry_run: bool
    expired: int = 0
    expire_error: str | None = None

    def __repr__(self) -> str:
        if self.dry_run:
            return (
                f"CompactResult(dry run: {len(self.steps)} picks, {self.files_before} files, "
                f"{self.bytes_read} bytes to rewrite)"
            )
        ids = ", ".join(map(str, self.snapshot_ids)) or "none"
        return (
            f"CompactResult(snapshots {ids}: {self.files_before} -> {self.files_after} files, "
            f"runs a bucket {self.read_amplification_before:.1f} -> "
            f"{self.read_amplification_after:.1f}, {self.bytes_read} bytes read, "
            f"{self.bytes_written} written, {self.seconds:.1f} s)"
        )
