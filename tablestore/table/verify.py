"""Verify a table: every object that its snapshots, tags and changelogs refer to, without a write.

::

    hints > snapshots, tags, changelogs > schemas > manifest lists > manifests > data, index files

Damage in one object is noted and the walk goes on with the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeVar

from tablestore.errors import CorruptDataError, NotFoundError, TablestoreError
from tablestore.format.binary_row import decode_row
from tablestore.format.changelog import decode_changelog
from tablestore.format.consumer import decode_consumer
from tablestore.format.index_manifest import decode_index_manifest
from tablestore.format.manifest import KIND_ADD, ManifestEntry, decode_manifest, merge_entries
from tablestore.format.manifest_list import ManifestFileMeta, decode_manifest_list
from tablestore.format.paths import (
    CHANGELOG_FOLDER,
    CONSUMER_FOLDER,
    LATEST_HINT,
    SNAPSHOT_FOLDER,
    SNAPSHOT_PREFIX,
    STATISTICS_FOLDER,
    TAG_FOLDER,
    manifest_path,
    numbered,
    schema_path,
    snapshot_path,
)
from tablestore.format.schema import decode_schema
from tablestore.format.snapshot import Snapshot, decode_snapshot
from tablestore.format.statistics import decode_statistics
from tablestore.format.tag import decode_tag
from tablestore.read.ranges import bound, stats_ranges
from tablestore.runs.bucket_files import types_of
from tablestore.table.report import Notes, Report
from tablestore.table.verify_file import FileCheck

if TYPE_CHECKING:
    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.read.view import TableView
    from tablestore.table.components import Components

T = TypeVar("T")


def verify_table(parts: Components, *, deep: bool = False) -> Report:
    """Look at everything that a table refers to.

    Args:
        parts: of the table.
        deep: decode Parquet files a second time with fastparquet and compare the values.

    Raises:
        InvalidInputError: ``deep`` without fastparquet.
        StorageUnavailableError: the storage does not answer.
    """
    return Verification(parts, deep=deep).run()


class Verification:
    """One walk through a table."""

    def __init__(self, parts: Components, *, deep: bool) -> None:
        self._parts = parts
        self._store = parts.store
        self._deep = deep
        self._notes = Notes()
        self._lists: dict[str, tuple[ManifestFileMeta, ...] | None] = {}
        self._manifests: dict[str, tuple[ManifestEntry, ...] | None] = {}
        self._indexes: dict[str, tuple[IndexManifestEntry, ...] | None] = {}
        self._schemas: dict[int, TableSchema | None] = {}
        self._files = FileCheck(parts.store, self._notes, self.schema, deep=deep)

    def run(self) -> Report:
        """The whole walk."""
        snapshots = self._snapshots()
        self._check_hint(snapshots)
        self._check_order(snapshots)
        tags = self._tags()
        for key, snapshot in (*((snapshot_path(s.id), s) for s in snapshots), *tags):
            self._check_snapshot(key, snapshot)
        for snapshot in self._changelogs():
            self._check_changelog(snapshot)
        self._objects(CONSUMER_FOLDER, "consumer-", decode_consumer)
        notes, files = self._notes, self._files
        return Report(
            table=self._parts.name,
            deep=self._deep,
            snapshots=len(snapshots) + len(tags),
            manifests=len(self._lists) + len(self._manifests) + len(self._indexes),
            files=files.count,
            rows=files.rows,
            bytes=files.bytes,
            columns_compared=files.compared,
            findings=tuple(notes.findings),
            skipped=tuple(notes.skipped),
        )

    def _decoded(self, key: str, decode: Callable[[bytes, str], T], size: int | None) -> T | None:
        """An object's content, or None after a note why there is none.

        Raises:
            TablestoreError: the storage does not answer.
        """
        try:
            data = self._store.get(key)
            self._notes.expect(key, "size", size, len(data))
            return decode(data, key)
        except NotFoundError:
            self._notes.wrong(key, "it does not exist, though something refers to it")
        except TablestoreError as error:
            if error.retryable:
                raise
            self._notes.wrong(key, str(error))
        return None

    def _objects(self, folder: str, prefix: str, decode: Callable[..., T]) -> list[tuple[str, T]]:
        """All objects of a folder whose names begin with a prefix."""
        found = []
        for info in sorted(self._store.list(folder), key=lambda info: info.key):
            if info.name.startswith(prefix) and not info.is_folder:
                item = self._decoded(info.key, lambda data, key: decode(data, name=key), None)
                if item is not None:
                    found.append((info.key, item))
        return found

    def schema(self, schema_id: int) -> TableSchema | None:
        """A schema by id; None after a note why there is none."""
        if schema_id not in self._schemas:
            key = schema_path(schema_id)
            found = self._decoded(key, decode_schema, None)
            if found is not None:
                self._notes.expect(key, "id", schema_id, found.id)
            self._schemas[schema_id] = found
        return self._schemas[schema_id]

    # -- snapshots -------------------------------------------------------------------------------

    def _snapshots(self) -> list[Snapshot]:
        listed = (numbered(i.name, SNAPSHOT_PREFIX) for i in self._store.list(SNAPSHOT_FOLDER))
        found = []
        for snapshot_id in sorted(number for number in listed if number is not None):
            key = snapshot_path(snapshot_id)
            snapshot = self._decoded(key, lambda data, key: decode_snapshot(data, name=key), None)
            if snapshot is not None:
                self._notes.expect(key, "id", snapshot_id, snapshot.id)
                found.append(snapshot)
        return found

    def _tags(self) -> list[tuple[str, Snapshot]]:
        return [(key, tag.snapshot) for key, tag in self._objects(TAG_FOLDER, "tag-", decode_tag)]

    def _changelogs(self) -> list[Snapshot]:
        found = self._objects(CHANGELOG_FOLDER, "changelog-", decode_changelog)
        return [snapshot for _, snapshot in found]

    def _check_hint(self, snapshots: list[Snapshot]) -> None:
        hint = self._parts.state.snapshots.read_hint(LATEST_HINT)
        newest = snapshots[-1].id if snapshots else 0
        if hint is not None and hint > newest:
            self._notes.wrong(LATEST_HINT, f"it names snapshot {hint}; the newest is {newest}")

    def _check_order(self, snapshots: list[Snapshot]) -> None:
        """Ids without gaps, and totals that follow from each other."""
        for before, after in pairwise(snapshots):
            key = snapshot_path(after.id)
            if after.id != before.id + 1:
                self._notes.wrong(snapshot_path(before.id + 1), "it does not exist between others")
                continue
            total = before.total_record_count + after.delta_record_count
            self._notes.expect(key, "totalRecordCount", total, after.total_record_count)

    def _check_snapshot(self, key: str, snapshot: Snapshot) -> None:
        schema = self.schema(snapshot.schema_id)
        base = self._list(snapshot.base_manifest_list, snapshot.base_manifest_list_size)
        delta = self._list(snapshot.delta_manifest_list, snapshot.delta_manifest_list_size)
        if schema is None or base is None or delta is None:
            return
        view = self._parts.view(snapshot)
        changes = self._entries(delta)
        if changes is not None:
            rows = sum(_signed_rows(entry) for entry in changes)
            self._notes.expect(key, "deltaRecordCount", snapshot.delta_record_count, rows)
        older = self._entries(base)
        self._check_index(view, snapshot)
        if older is not None and changes is not None:
            self._check_live(key, view, (older, changes))
        if snapshot.changelog_manifest_list is not None:
            self._check_changelog(snapshot)
        if snapshot.statistics is not None:
            self._decoded(
                f"{STATISTICS_FOLDER}/{snapshot.statistics}",
                lambda data, key: decode_statistics(data, name=key),
                None,
            )

    def _check_live(
        self, key: str, view: TableView, parts: tuple[Iterable[ManifestEntry], ...]
    ) -> None:
        assert view.snapshot is not None  # the caller's choice
        try:
            live = merge_entries(parts)
        except CorruptDataError as error:
            self._notes.wrong(key, str(error))
            return
        total = sum(entry.file.row_count for entry in live)
        self._notes.expect(key, "totalRecordCount", view.snapshot.total_record_count, total)
        for entry in live:
            self._files.check(view, entry)
            self._check_deletions(view, entry)

    def _check_deletions(self, view: TableView, entry: ManifestEntry) -> None:
        try:
            view.deletions.of(entry.partition, entry.bucket, entry.file)
        except CorruptDataError as error:
            self._notes.wrong(error.name or entry.file.file_name, str(error))

    # -- manifests -------------------------------------------------------------------------------

    def _list(self, name: str, size: int | None) -> tuple[ManifestFileMeta, ...] | None:
        if name not in self._lists:
            found = self._decoded(manifest_path(name), decode_manifest_list, size)
            self._lists[name] = None if found is None else tuple(found)
        return self._lists[name]

    def _entries(self, metas: Iterable[ManifestFileMeta]) -> list[ManifestEntry] | None:
        found: list[ManifestEntry] = []
        whole = True
        for meta in metas:
            entries = self._manifest(meta)
            whole = whole and entries is not None
            found += entries or ()
        return found if whole else None

    def _manifest(self, meta: ManifestFileMeta) -> tuple[ManifestEntry, ...] | None:
        name = meta.file_name
        if name not in self._manifests:
            key = manifest_path(name)
            found = self._decoded(key, decode_manifest, meta.file_size)
            self._manifests[name] = None if found is None else tuple(found)
            if found is not None:
                self._check_meta(key, meta, found)
        return self._manifests[name]

    def _check_meta(self, key: str, meta: ManifestFileMeta, entries: list[ManifestEntry]) -> None:
        """Compare a manifest with its line in the list."""
        added = sum(entry.kind == KIND_ADD for entry in entries)
        self._notes.expect(key, "added files", meta.num_added_files, added)
        self._notes.expect(key, "deleted files", meta.num_deleted_files, len(entries) - added)
        buckets = [entry.bucket for entry in entries]
        levels = [entry.file.level for entry in entries]
        for what, low, high, values in (
            ("buckets", meta.min_bucket, meta.max_bucket, buckets),
            ("levels", meta.min_level, meta.max_level, levels),
        ):
            if low is not None and high is not None and values:
                self._notes.expect(key, what, (low, high), (min(values), max(values)))
        self._check_partitions(key, meta, entries)

    def _check_partitions(
        self, key: str, meta: ManifestFileMeta, entries: list[ManifestEntry]
    ) -> None:
        """Every partition lies within the bounds of the list."""
        schema = self.schema(meta.schema_id)
        if schema is None or not schema.partition_keys:
            return
        names = schema.partition_keys
        types = types_of(schema, names)
        known = stats_ranges(meta.partition_stats, names, types)
        for partition in {entry.partition for entry in entries}:
            for name, kind, raw in zip(names, types, decode_row(partition, types), strict=True):
                # bounds are of the column's own type, which mypy cannot see
                value: Any = bound(raw, kind)
                low: Any = known[name].min
                high: Any = known[name].max
                if value is None or low is None or high is None or value != value:
                    continue
                if value < low or value > high:
                    self._notes.wrong(
                        key, f"partition {name}: expected {low!r} to {high!r}, found {value!r}"
                    )

    def _check_changelog(self, snapshot: Snapshot) -> None:
        """The changelog files of a snapshot; the data of an expired one is gone by right."""
        if snapshot.changelog_manifest_list is None:
            return
        metas = self._list(snapshot.changelog_manifest_list, snapshot.changelog_manifest_list_size)
        schema = self.schema(snapshot.schema_id)
        entries = None if metas is None else self._entries(metas)
        if entries is None or schema is None:
            return
        rows = sum(entry.file.row_count for entry in entries)
        key = manifest_path(snapshot.changelog_manifest_list)
        self._notes.expect(key, "changelogRecordCount", snapshot.changelog_record_count, rows)
        view = self._parts.view(snapshot)
        for entry in entries:
            self._files.check_size(view, entry)

    def _check_index(self, view: TableView, snapshot: Snapshot) -> None:
        name = snapshot.index_manifest
        if name is None or name in self._indexes:
            return
        found = self._decoded(manifest_path(name), decode_index_manifest, None)
        self._indexes[name] = None if found is None else tuple(found)
        for entry in found or ():
            key = view.folders.index_file(entry, self._store)
            self._files.check_object(key, entry.file_size)


def _signed_rows(entry: ManifestEntry) -> int:
    return entry.file.row_count if entry.kind == KIND_ADD else -entry.file.row_count
