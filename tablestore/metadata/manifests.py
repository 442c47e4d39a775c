"""Manifests and their lists, read: whole, pruned, or as one snapshot's change.

Manifests never change and their names are never given twice, so what was read is kept (up to a
bound), and a committer leaves here what it wrote.

Source: ``org.apache.paimon.operation.AbstractFileStoreScan``, ``ManifestFile``, ``ManifestList``.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import numpy as np

from tablestore.errors import CorruptDataError
from tablestore.format.avro_columns import Columns, without_collections
from tablestore.format.index_manifest import decode_index_manifest
from tablestore.format.manifest import (
    KIND_ADD,
    decode_manifest,
    decode_manifest_columns,
    merge_entries,
    prepare_manifests,
)
from tablestore.format.manifest_list import decode_manifest_list
from tablestore.format.paths import manifest_path
from tablestore.store.base import get_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.format.snapshot import Snapshot
    from tablestore.store.base import Store

T = TypeVar("T")

_TOGETHER: Final = 16  # requests of one round
_KEPT_LISTS: Final = 4096  # lines of manifest lists
_KEPT_ENTRIES: Final = 8192  # entries of manifests


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries are wanted; what is None lets all pass.

    Every part must answer alike for an ADD and the DELETE that repeats it.

    Attributes:
        manifest: False for a manifest that cannot hold a wanted entry, by its list's statistics.
        partition: by the serialized partition row; asked once for each partition.
        bucket: by bucket and total buckets.
        levels: lowest and highest level, both included.
    """

    manifest: Callable[[ManifestFileMeta], bool] | None = None
    partition: Callable[[bytes], bool] | None = None
    bucket: Callable[[int, int], bool] | None = None
    levels: tuple[int, int] | None = None

    def wants_manifest(self, meta: ManifestFileMeta) -> bool:
        """False where the statistics exclude every entry of the manifest."""
        if self.levels is not None and meta.min_level is not None and meta.max_level is not None:
            low, high = self.levels
            if meta.max_level < low or meta.min_level > high:
                return False
        return self.manifest is None or self.manifest(meta)

    def select(self, entries: Sequence[ManifestEntry]) -> Selected:
        """The entries that pass."""
        kept, files = entries, _balance(entries)
        if self.partition is not None:
            wanted = {p: self.partition(p) for p in {entry.partition for entry in entries}}
            kept = [entry for entry in kept if wanted[entry.partition]]
        by_partition = files if self.partition is None else _balance(kept)
        if self.bucket is not None:
            kept = [entry for entry in kept if self.bucket(entry.bucket, entry.total_buckets)]
        if self.levels is not None:
            low, high = self.levels
            kept = [entry for entry in kept if low <= entry.file.level <= high]
        return Selected(kept, files, by_partition, len(entries))

    def select_columns(self, columns: Columns) -> Selected:
        """The entries of columns that pass; no others are made.

        Raises:
            CorruptDataError: a value of an entry is damaged.
        """
        signs = 1 - 2 * columns.numbers("_KIND")
        kept = np.ones(len(columns), dtype=bool)
        if self.partition is not None:
            partitions = columns.values("_PARTITION")
            wanted = {p: self.partition(p) for p in set(partitions)}
            kept &= np.array([wanted[p] for p in partitions], dtype=bool)
        by_partition = int(signs[kept].sum())
        if self.bucket is not None:
            pairs = np.stack([columns.numbers("_BUCKET"), columns.numbers("_TOTAL_BUCKETS")])
            found, places = np.unique(pairs, axis=1, return_inverse=True)
            buckets = [self.bucket(bucket, total) for bucket, total in found.T.tolist()]
            kept &= np.array(buckets, dtype=bool)[places.reshape(-1)]
        if self.levels is not None:
            levels = columns.numbers("_FILE", "_LEVEL")
            kept &= (levels >= self.levels[0]) & (levels <= self.levels[1])
        rows = None if kept.all() else np.flatnonzero(kept)
        entries = columns.values(rows=rows)
        return Selected(entries, int(signs.sum()), by_partition, len(columns))


class Selected(NamedTuple):
    """Entries that passed a filter, ADD and DELETE.

    Attributes:
        entries: in manifest order.
        files: live files before the filter, as ADDs less DELETEs.
        by_partition: those that its partition test left.
        read: entries before the filter.
    """

    entries: Sequence[ManifestEntry]
    files: int
    by_partition: int
    read: int


def _balance(entries: Iterable[ManifestEntry]) -> int:
    return sum(1 if entry.kind == KIND_ADD else -1 for entry in entries)


@dataclass(frozen=True, slots=True)
class EntryScan:
    """Live entries of a snapshot, and what was looked at to find them.

    Attributes:
        entries: ADD entries in manifest order.
        manifests_total: manifests in the lists of the snapshot.
        manifests_read: those that the statistics did not exclude.
        entries_read: entries in them, added and deleted ones.
        files: live files among these.
        files_by_partition: those that the filter's partition test left.
    """

    entries: tuple[ManifestEntry, ...]
    manifests_total: int
    manifests_read: int
    entries_read: int
    files: int
    files_by_partition: int

    @classmethod
    def of(cls, parts: Sequence[Selected], manifests_total: int) -> EntryScan:
        """The scan that found these, one of each manifest read.

        Raises:
            CorruptDataError: a manifest deletes a file that is not live.
        """
        live = merge_entries([part.entries for part in parts])
        read = sum(part.read for part in parts)
        files = sum(part.files for part in parts)
        by_partition = sum(part.by_partition for part in parts)
        return cls(tuple(live), manifests_total, len(parts), read, files, by_partition)


class Manifests:
    """The manifests of one table; may be shared between threads.

    Args:
        store: rooted at the table.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lists: _Kept[tuple[ManifestFileMeta, ...]] = _Kept(_KEPT_LISTS)
        self._entries: _Kept[tuple[ManifestEntry, ...]] = _Kept(_KEPT_ENTRIES)
        self._indexes: _Kept[tuple[IndexManifestEntry, ...]] = _Kept(_KEPT_ENTRIES)

    def read_list(self, name: str) -> tuple[ManifestFileMeta, ...]:
        """The lines of a manifest list.

        Raises:
            NotFoundError: it is not there.
            CorruptDataError: it is damaged.
        """
        found = self._lists.get(name)
        if found is None:
            key = _key(name, "manifest list")
            found = tuple(decode_manifest_list(self._store.get(key), name=key))
            self._lists.put(name, found)
        return found

    def read(self, name: str) -> tuple[ManifestEntry, ...]:
        """The entries of a manifest in file order.

        Raises:
            NotFoundError: it is not there.
            CorruptDataError: it is damaged.
        """
        found = self._entries.get(name)
        if found is None:
            key = _key(name, "manifest")
            found = tuple(decode_manifest(self._store.get(key), name=key))
            self._entries.put(name, found)
        return found

    def _read_many(self, names: Sequence[str]) -> None:
        """Reads the manifests that are not known, several in one round."""
        unknown = [name for name in names if self._entries.get(name) is None]
        for name, data in self._fetch(unknown, "manifest"):
            self._entries.put(name, tuple(decode_manifest(data, name=manifest_path(name))))

    def read_index(self, name: str | None) -> tuple[IndexManifestEntry, ...]:
        """The index files that an index manifest names; none without a name.

        Raises:
            NotFoundError: it is not there.
            CorruptDataError: it is damaged.
        """
        if name is None:
            return ()
        found = self._indexes.get(name)
        if found is None:
            key = _key(name, "index manifest")
            found = tuple(decode_index_manifest(self._store.get(key), name=key))
            self._indexes.put(name, found)
        return found

    def of(self, snapshot: Snapshot | None) -> tuple[ManifestFileMeta, ...]:
        """All manifests of a snapshot, base before delta; their merged entries are its files."""
        if snapshot is None:
            return ()
        names = (snapshot.base_manifest_list, snapshot.delta_manifest_list)
        lists = self._read_lists(names)
        return lists[0] + lists[1]

    def _read_lists(self, names: Sequence[str]) -> list[tuple[ManifestFileMeta, ...]]:
        """The lines of several manifest lists, those that are not known read in one round.

        Raises:
            CorruptDataError: one is damaged.
        """
        unknown = [name for name in names if self._lists.get(name) is None]
        read: dict[str, tuple[ManifestFileMeta, ...]] = {}
        for name, data in self._fetch(unknown, "manifest list"):
            read[name] = tuple(decode_manifest_list(data, name=manifest_path(name)))
            self._lists.put(name, read[name])
        return [read[name] if name in read else self.read_list(name) for name in names]

    def _fetch(self, names: Sequence[str], what: str) -> Iterator[tuple[str, bytes]]:
        """The bytes of objects, some at a time in one round.

        Raises:
            NotFoundError: one is not there.
        """
        for at in range(0, len(names), _TOGETHER):
            part = names[at : at + _TOGETHER]
            found = get_together(self._store, [_key(name, what) for name in part])
            for name, data in zip(part, found, strict=True):
                # an object that is gone is asked for once more, by itself, for the error's words
                yield name, self._store.get(manifest_path(name)) if data is None else data

    def delta(self, snapshot: Snapshot) -> list[ManifestEntry]:
        """What a snapshot changed, ADD and DELETE, in order."""
        return self._entries_of(snapshot.delta_manifest_list)

    def changelog(self, snapshot: Snapshot) -> list[ManifestEntry]:
        """The changelog files of a snapshot."""
        if snapshot.changelog_manifest_list is None:
            return []
        return self._entries_of(snapshot.changelog_manifest_list)

    def _entries_of(self, name: str) -> list[ManifestEntry]:
        found: list[ManifestEntry] = []
        for meta in self.read_list(name):
            entries = self.read(meta.file_name)
            _check_counts(meta, len(entries), _balance(entries))
            found += entries
        return found

    def live(self, snapshot: Snapshot, wanted: EntryFilter | None = None) -> EntryScan:
        """The live data files of a snapshot that pass a filter.

        Raises:
            CorruptDataError: a manifest is damaged, or one deletes a file that is not live.
        """
        chosen = wanted or EntryFilter()
        metas = self.of(snapshot)
        read = [meta for meta in metas if chosen.wants_manifest(meta)]
        expected = sum(meta.num_added_files + meta.num_deleted_files for meta in read)
        if expected <= _KEPT_ENTRIES:
            self._read_many([meta.file_name for meta in read])
            parts = [chosen.select(self.read(meta.file_name)) for meta in read]
        else:  # more than are kept
            prepare_manifests(expected)
            with without_collections():
                parts = [self._select(meta.file_name, chosen) for meta in read]
        for meta, part in zip(read, parts, strict=True):
            _check_counts(meta, part.read, part.files)
        return EntryScan.of(parts, len(metas))

    def _select(self, name: str, wanted: EntryFilter) -> Selected:
        """The wanted entries of a manifest, without objects for the others."""
        found = self._entries.get(name)
        if found is not None:
            return wanted.select(found)
        key = _key(name, "manifest")
        data = self._store.get(key)
        columns = decode_manifest_columns(data)
        if columns is not None:
            with contextlib.suppress(CorruptDataError):  # said below, with its place
                return wanted.select_columns(columns)
        return wanted.select(decode_manifest(data, name=key))

    def keep_list(self, name: str, metas: Sequence[ManifestFileMeta]) -> None:
        """Remembers a manifest list that was just written."""
        self._lists.put(name, tuple(metas))

    def keep_entries(self, name: str, entries: Sequence[ManifestEntry]) -> None:
        """Remembers a manifest that was just written."""
        self._entries.put(name, tuple(entries))


def _check_counts(meta: ManifestFileMeta, entries: int, balance: int) -> None:
    """Compare a manifest with the line of its list: an entry lost would be rows lost.

    Raises:
        CorruptDataError: it has other numbers of entries.
    """
    added, deleted = meta.num_added_files, meta.num_deleted_files
    if (entries, balance) != (added + deleted, added - deleted):
        raise CorruptDataError(
            "manifest",
            name=manifest_path(meta.file_name),
            expected=f"{added} added and {deleted} deleted files, as its list says",
            found=f"{(entries + balance) // 2} and {(entries - balance) // 2}",
        )


class _Kept(Generic[T]):
    """The values used last, bounded by the sum of their lengths."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._values: OrderedDict[str, tuple[T, int]] = OrderedDict()
        self._total = 0

    def get(self, name: str) -> T | None:
        with self._lock:
            found = self._values.get(name)
            if found is None:
                return None
            self._values.move_to_end(name)
            return found[0]

    def put(self, name: str, value: T) -> None:
        weight = 1 + len(value)  # type: ignore[arg-type]
        if weight > self._limit:
            return
        with self._lock:
            old = self._values.pop(name, None)
            self._total += weight - (old[1] if old else 0)
            self._values[name] = (value, weight)
            while self._total > self._limit:
                self._total -= self._values.popitem(last=False)[1][1]


def _key(name: str, what: str) -> str:
    # Names inside a table are untrusted: only a plain file name may be followed.
    if "/" in name or "\0" in name or name in {"", ".", ".."}:
        raise CorruptDataError(what, name=name, expected="a plain file name", found=repr(name))
    return manifest_path(name)
