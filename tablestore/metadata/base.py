"""The live files of a snapshot, and a cache that follows the table by its deltas.

The highest sequence number of a bucket, the bucket count of a partition and the files to merge
all come from here. A snapshot's live files never change; the next snapshot's are derived from
them by its delta, sharing every bucket that the delta does not touch.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.manifest import KIND_ADD, merge_entries
from tablestore.format.paths import LATEST_HINT, schema_path
from tablestore.metadata.jobs import Jobs
from tablestore.metadata.manifests import EntryFilter, EntryScan, Manifests
from tablestore.metadata.schemas import Schemas
from tablestore.metadata.snapshots import Snapshots
from tablestore.store.base import get_together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.format.snapshot import Snapshot
    from tablestore.store.base import Store

BucketId = tuple[bytes, int]

# Following one delta takes about three requests; a full load takes two and one for each manifest.
_FOLLOW_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class LiveFiles:
    """The live data files of one snapshot, by bucket. Immutable.

    Attributes:
        snapshot: None for a table without commits.
        buckets: (partition, bucket) to its ADD entries, oldest first; no empty buckets.
        max_sequences: highest sequence number of each bucket.
        totals: bucket count of each partition that has files with a positive count.
    """

    snapshot: Snapshot | None
    buckets: Mapping[BucketId, tuple[ManifestEntry, ...]]
    max_sequences: Mapping[BucketId, int]
    totals: Mapping[bytes, int]

    @classmethod
    def of(cls, snapshot: Snapshot | None, entries: Iterable[ManifestEntry]) -> LiveFiles:
        """The live files from the merged ADD entries of a snapshot."""
        grouped: dict[BucketId, list[ManifestEntry]] = {}
        totals: dict[bytes, int] = {}
        for entry in entries:
            grouped.setdefault((entry.partition, entry.bucket), []).append(entry)
            if entry.total_buckets > 0:
                totals[entry.partition] = entry.total_buckets
        buckets = {bucket: tuple(files) for bucket, files in grouped.items()}
        return cls(snapshot, buckets, {b: _max(files) for b, files in buckets.items()}, totals)

    def max_sequence(self, partition: bytes, bucket: int) -> int:
        """The highest sequence number in a bucket; -1 without files."""
        return self.max_sequences.get((partition, bucket), -1)

    def total_buckets(self, partition: bytes) -> int | None:
        """The bucket count that a partition was written with, or None without files."""
        return self.totals.get(partition)

    def files(self, partition: bytes, bucket: int) -> tuple[ManifestEntry, ...]:
        """The files of one bucket, oldest first."""
        return self.buckets.get((partition, bucket), ())

    def entries(self) -> Iterable[ManifestEntry]:
        """All live files, bucket by bucket."""
        return (entry for files in self.buckets.values() for entry in files)

    def advance(self, snapshot: Snapshot, delta: Iterable[ManifestEntry]) -> LiveFiles:
        """The live files of the next snapshot.

        Args:
            snapshot: the one that follows.
            delta: its changes, in order.

        Raises:
            CorruptDataError: the delta deletes a file that is not live.
        """
        changed: dict[BucketId, list[ManifestEntry]] = {}
        for entry in delta:
            changed.setdefault((entry.partition, entry.bucket), []).append(entry)
        buckets, sequences = dict(self.buckets), dict(self.max_sequences)
        totals = dict(self.totals)
        for bucket, entries in changed.items():
            files = self._merged(bucket, entries)
            if files:
                buckets[bucket], sequences[bucket] = files, self._max_of(bucket, files, entries)
            else:
                buckets.pop(bucket, None)
                sequences.pop(bucket, None)
        _update_totals(totals, buckets, changed)
        return LiveFiles(snapshot, buckets, sequences, totals)

    def _merged(self, bucket: BucketId, entries: list[ManifestEntry]) -> tuple[ManifestEntry, ...]:
        before = self.buckets.get(bucket, ())
        if all(entry.kind == KIND_ADD for entry in entries):
            # The common commit: no look at each of the bucket's files.
            return before + tuple(entries)
        return tuple(merge_entries([before, entries]))

    def _max_of(
        self,
        bucket: BucketId,
        files: tuple[ManifestEntry, ...],
        entries: list[ManifestEntry],
    ) -> int:
        if all(entry.kind == KIND_ADD for entry in entries):
            return max(self.max_sequences.get(bucket, -1), _max(entries))
        return _max(files)


def _max(entries: Iterable[ManifestEntry]) -> int:
    return max((entry.file.max_sequence_number for entry in entries), default=-1)


def _update_totals(
    totals: dict[bytes, int],
    buckets: Mapping[BucketId, tuple[ManifestEntry, ...]],
    changed: Mapping[BucketId, list[ManifestEntry]],
) -> None:
    emptied = {bucket[0] for bucket in changed if bucket not in buckets}
    if emptied:
        kept = {partition for partition, _ in buckets}
        for partition in emptied - kept:
            totals.pop(partition, None)
    for bucket, entries in changed.items():
        for entry in entries:
            if entry.kind == KIND_ADD and entry.total_buckets > 0 and bucket in buckets:
                totals[entry.partition] = entry.total_buckets


EMPTY: Final = LiveFiles(None, {}, {}, {})


class BaseCache:
    """The live files of the snapshot used last; may be shared between threads.

    Args:
        snapshots: of the table.
        manifests: of the table.
    """

    def __init__(self, snapshots: Snapshots, manifests: Manifests) -> None:
        self._snapshots = snapshots
        self._manifests = manifests
        self._lock = threading.Lock()
        self._live: LiveFiles = EMPTY

    @property
    def newest(self) -> LiveFiles:
        """The live files of the snapshot used last; asks the storage nothing."""
        return self._live

    def peek(self, snapshot: Snapshot | None) -> LiveFiles | None:
        """The live files of a snapshot where nothing needs to be read for them."""
        if snapshot is None:
            return EMPTY
        live = self._live
        return live if live.snapshot == snapshot else None

    def live(self, snapshot: Snapshot | None) -> LiveFiles:
        """The live files of a snapshot.

        Cost:
            nothing when it is the one used last; the deltas since that one; else all manifests.

        Raises:
            NotFoundError: the snapshot was expired meanwhile.
            CorruptDataError: a manifest is damaged, or one deletes a file that is not live.
        """
        known = self.peek(snapshot)
        if known is not None or snapshot is None:
            return known or EMPTY
        with self._lock:
            # Another thread may have loaded it while this one waited.
            found = self.peek(snapshot) or self._follow(self._live, snapshot)
            if found is None:
                scan = self._manifests.live(snapshot)
                found = LiveFiles.of(snapshot, scan.entries)
            if self._live.snapshot is None or self._live.snapshot.id <= snapshot.id:
                self._live = found
            return found

    def put(self, live: LiveFiles) -> None:
        """Keeps the live files after a commit of this process."""
        with self._lock:
            self._live = live

    def scan(self, snapshot: Snapshot, wanted: EntryFilter | None = None) -> EntryScan:
        """The live files of a snapshot that pass a filter.

        They come from memory when the snapshot is the one used last (then no manifest counts);
        else from the manifests that the filter does not exclude.
        """
        live = self.peek(snapshot)
        if live is None:
            return self._manifests.live(snapshot, wanted)
        found = (wanted or EntryFilter()).select(list(live.entries()))
        kept = tuple(found.entries)
        return EntryScan(kept, 0, 0, found.read, found.files, found.by_partition)

    def _follow(self, live: LiveFiles, snapshot: Snapshot) -> LiveFiles | None:
        """The live files by the deltas since those known, or None where they cannot be had."""
        known = live.snapshot
        if known is None or not known.id < snapshot.id <= known.id + _FOLLOW_MAX:
            return None
        # After a rollback another snapshot may carry the id of the one that is known.
        if self._snapshots.find(known.id, fresh=True) != known:
            return None
        try:
            for snapshot_id in range(known.id + 1, snapshot.id + 1):
                following = (
                    snapshot if snapshot_id == snapshot.id else self._snapshots.load(snapshot_id)
                )
                live = live.advance(following, self._manifests.delta(following))
        except (NotFoundError, CorruptDataError):
            return None  # expired meanwhile, or damaged: the full load tells which
        return live


class CommittedState:
    """What is known of one table's committed state: the parts that share their caches.

    Args:
        store: rooted at the table.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.snapshots = Snapshots(store)
        self.schemas = Schemas(store)
        self.manifests = Manifests(store)
        self.base = BaseCache(self.snapshots, self.manifests)
        self.jobs = Jobs(store, self.snapshots)

    def look(self) -> TableSchema | None:
        """The newest schema where the first look, of one round, shows it.

        Most tables have one schema, or two. What LATEST says is kept for the first snapshot.

        Raises:
            CorruptDataError: a schema is damaged.
        """
        keys = (LATEST_HINT, schema_path(0), schema_path(1))
        hint, first, second = get_together(self.store, keys)
        self.snapshots.note_hint(hint)
        return self.schemas.note(first, second)
