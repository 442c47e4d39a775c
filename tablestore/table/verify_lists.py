"""Verify manifest lists, manifests and index manifests; each is read and looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from tablestore.errors import NotFoundError, TablestoreError
from tablestore.format.binary_row import decode_row
from tablestore.format.index_manifest import IndexManifestEntry, decode_index_manifest
from tablestore.format.manifest import KIND_ADD, ManifestEntry, decode_manifest
from tablestore.format.manifest_list import ManifestFileMeta, decode_manifest_list
from tablestore.format.paths import manifest_path
from tablestore.read.ranges import bound, stats_ranges
from tablestore.runs.bucket_files import types_of

if TYPE_CHECKING:
    from tablestore.format.schema import TableSchema
    from tablestore.store.base import Store
    from tablestore.table.report import Notes

T = TypeVar("T")


def decoded(
    store: Store, notes: Notes, key: str, decode: Callable[[bytes, str], T], size: int | None
) -> T | None:
    """An object's content, or None after a note why there is none.

    Raises:
        TablestoreError: the storage does not answer.
    """
    try:
        data = store.get(key)
        notes.expect(key, "size", size, len(data))
        return decode(data, key)
    except NotFoundError:
        notes.wrong(key, "it does not exist, though something refers to it")
    except TablestoreError as error:
        if error.retryable:
            raise
        notes.wrong(key, str(error))
    return None


class Lists:
    """The manifests of a table and all its branches.

    Args:
        store: rooted at the table.
        notes: takes what is wrong.
    """

    def __init__(self, store: Store, notes: Notes) -> None:
        self._store, self._notes = store, notes
        self._lists: dict[str, tuple[ManifestFileMeta, ...] | None] = {}
        self._manifests: dict[str, tuple[ManifestEntry, ...] | None] = {}
        self._indexes: dict[str, tuple[IndexManifestEntry, ...] | None] = {}

    @property
    def count(self) -> int:
        """Lists and manifests looked at."""
        return len(self._lists) + len(self._manifests) + len(self._indexes)

    def metas(self, name: str, size: int | None) -> tuple[ManifestFileMeta, ...] | None:
        """The lines of a manifest list."""
        if name not in self._lists:
            key = manifest_path(name)
            found = decoded(self._store, self._notes, key, decode_manifest_list, size)
            self._lists[name] = None if found is None else tuple(found)
        return self._lists[name]

    def entries(
        self,
        metas: Iterable[ManifestFileMeta],
        schema_of: Callable[[int], TableSchema | None],
    ) -> list[ManifestEntry] | None:
        """The entries of some manifests; None where one of them cannot be read."""
        found: list[ManifestEntry] = []
        whole = True
        for meta in metas:
            entries = self._manifest(meta, schema_of)
            whole = whole and entries is not None
            found += entries or ()
        return found if whole else None

    def index(self, name: str) -> tuple[tuple[IndexManifestEntry, ...] | None, bool]:
        """The entries of an index manifest, and whether it is looked at for the first time."""
        new = name not in self._indexes
        if new:
            key = manifest_path(name)
            found = decoded(self._store, self._notes, key, decode_index_manifest, None)
            self._indexes[name] = None if found is None else tuple(found)
        return self._indexes[name], new

    def _manifest(
        self, meta: ManifestFileMeta, schema_of: Callable[[int], TableSchema | None]
    ) -> tuple[ManifestEntry, ...] | None:
        name = meta.file_name
        if name not in self._manifests:
            key = manifest_path(name)
            found = decoded(self._store, self._notes, key, decode_manifest, meta.file_size)
            self._manifests[name] = None if found is None else tuple(found)
            if found is not None:
                self._check_meta(key, meta, found, schema_of(meta.schema_id))
        return self._manifests[name]

    def _check_meta(
        self,
        key: str,
        meta: ManifestFileMeta,
        entries: list[ManifestEntry],
        schema: TableSchema | None,
    ) -> None:
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
        if entries:
            newest = max(entry.file.schema_id for entry in entries)
            if newest > meta.schema_id:
                self._notes.wrong(key, f"schema: expected {meta.schema_id} at most, found {newest}")
        if schema is not None and schema.partition_keys:
            self._check_partitions(key, meta, entries, schema)

    def _check_partitions(
        self,
        key: str,
        meta: ManifestFileMeta,
        entries: list[ManifestEntry],
        schema: TableSchema,
    ) -> None:
        """Every partition lies within the bounds of the list."""
        names = schema.partition_keys
        types = types_of(schema, names)
        try:
            known = stats_ranges(meta.partition_stats, names, types)
            rows = [decode_row(item, types) for item in {entry.partition for entry in entries}]
        except TablestoreError as error:
            self._notes.wrong(key, str(error))
            return
        for row in rows:
            for name, kind, raw in zip(names, types, row, strict=True):
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
