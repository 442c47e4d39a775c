"""Verify a table: every object that its snapshots, tags and changelogs refer to, without a write.

::

    hints > snapshots, tags, changelogs > schemas > manifest lists > manifests > data, index files

Its branches are walked in the same way. Damage in one object is noted and the walk goes on with
the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from tablestore.errors import CorruptDataError, TablestoreError, UnsupportedFormatError
from tablestore.format.binary_row import decode_row
from tablestore.format.changelog import decode_changelog
from tablestore.format.consumer import decode_consumer
from tablestore.format.manifest import KIND_ADD, ManifestEntry, merge_entries
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
from tablestore.metadata.branches import branch_folders
from tablestore.runs.column_types import check_column_types
from tablestore.table.report import Notes, Report
from tablestore.table.second_decoder import SecondDecoder
from tablestore.table.verify_file import FileCheck, hash_indexes
from tablestore.table.verify_index import check_index_file
from tablestore.table.verify_lists import Lists, decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.read.view import TableView
    from tablestore.table.components import Components

T = TypeVar("T")


def verify_table(
    parts: Components, branches: Mapping[str, Components], *, deep: bool = False
) -> Report:
    """Look at everything that a table refers to.

    Args:
        parts: of the table.
        branches: of its branches by name.
        deep: decode Parquet files a second time with fastparquet and compare the values.

    Raises:
        InvalidInputError: ``deep`` without fastparquet.
        StorageUnavailableError: the storage does not answer.
        UnsupportedFormatError: the table holds what is not understood; nothing can be said of it.
    """
    _check_understood(parts)
    notes = Notes()
    second = SecondDecoder(notes) if deep else None
    lists = Lists(parts.store, notes)
    seen: set[str] = set()
    walks = [Verification(parts, notes, lists, second, seen)]
    for name, branch in branches.items():
        walks.append(Verification(branch, _in_branch(notes, name), lists, second, seen))
    snapshots = sum(walk.run() for walk in walks)
    if second is not None:
        second.tell(parts.name)
    return Report(
        table=parts.name,
        deep=deep,
        snapshots=snapshots,
        manifests=lists.count,
        files=sum(walk.files.count for walk in walks),
        rows=sum(walk.files.rows for walk in walks),
        bytes=sum(walk.files.bytes for walk in walks),
        indexes=sum(walk.files.indexes for walk in walks),
        columns_compared=0 if second is None else second.compared,
        columns_not_compared=0 if second is None else second.left_out,
        findings=tuple(notes.findings),
        skipped=tuple(notes.skipped),
    )


def _check_understood(parts: Components) -> None:
    """Refuse tables whose files would be looked at in part only, or taken for damaged.

    Raises:
        UnsupportedFormatError: names the feature.
    """
    schema = parts.view().schema
    if schema.options.get("data-evolution.enabled", "false").strip().lower() == "true":
        raise UnsupportedFormatError(
            f"table {parts.name}: verifying a table with 'data-evolution.enabled' = 'true' is not "
            "supported yet",
            feature="data-evolution.enabled",
        )
    check_column_types(parts.name, schema, "verifying")


def _in_branch(notes: Notes, name: str) -> Notes:
    """Notes of a branch, whose objects are named as they lie below the table."""
    folders = branch_folders(name)

    def place(key: str) -> str:
        top, slash, rest = key.partition("/")
        return f"{folders.get(top, top)}{slash}{rest}"

    return Notes(place, notes)


class Verification:
    """One walk through a table or a branch.

    Args:
        parts: of the table or branch.
        notes: takes what is wrong.
        lists: the manifests, which a table and its branches share.
        second: compares with a second decoder, if wanted.
        seen: keys of data and index files that were looked at.
    """

    def __init__(
        self,
        parts: Components,
        notes: Notes,
        lists: Lists,
        second: SecondDecoder | None,
        seen: set[str],
    ) -> None:
        self._parts = parts
        self._store = parts.store
        self._notes = notes
        self._lists = lists
        self._schemas: dict[int, TableSchema | None] = {}
        self._before: dict[int, int] = {}
        self._after: dict[int, int] = {}
        self.files = FileCheck(parts.store, notes, self.schema, second, seen)

    def run(self) -> int:
        """The whole walk; how many snapshots and tags there are.

        Raises:
            TablestoreError: the storage does not answer.
        """
        snapshots = self._snapshots()
        self._check_hint(snapshots)
        self._check_order(snapshots)
        tags = self._objects(TAG_FOLDER, "tag-", decode_tag)
        # newest first: only the newest hash index of a bucket has the keys of all its files
        for snapshot in reversed(snapshots):
            self._check_snapshot(snapshot_path(snapshot.id), snapshot)
        self._check_steps(snapshots)
        kept = {snapshot.id for snapshot in snapshots}
        for key, tag in tags:
            # a tag keeps the rows of a snapshot, not its changes
            self._check_snapshot(key, tag.snapshot, changes=tag.snapshot.id in kept)
        for key, snapshot in self._objects(CHANGELOG_FOLDER, "changelog-", decode_changelog):
            self._notes.expect(
                key, "id", numbered(key, f"{CHANGELOG_FOLDER}/changelog-"), snapshot.id
            )
            self._check_changelog(snapshot)
        self._objects(CONSUMER_FOLDER, "consumer-", decode_consumer)
        return len(snapshots) + len(tags)

    def _decoded(self, key: str, decode: Callable[[bytes, str], T]) -> T | None:
        return decoded(self._store, self._notes, key, decode, None)

    def _objects(self, folder: str, prefix: str, decode: Callable[..., T]) -> list[tuple[str, T]]:
        """All objects of a folder whose names begin with a prefix."""
        found = []
        for info in sorted(self._store.list(folder), key=lambda info: info.key):
            if info.name.startswith(prefix) and not info.is_folder:
                item = self._decoded(info.key, lambda data, key: decode(data, name=key))
                if item is not None:
                    found.append((info.key, item))
        return found

    def schema(self, schema_id: int) -> TableSchema | None:
        """A schema by id; None after a note why there is none."""
        if schema_id not in self._schemas:
            key = schema_path(schema_id)
            found = self._decoded(key, decode_schema)
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
            snapshot = self._decoded(key, lambda data, key: decode_snapshot(data, name=key))
            if snapshot is not None:
                self._notes.expect(key, "id", snapshot_id, snapshot.id)
                found.append(snapshot)
        return found

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

    def _check_steps(self, snapshots: list[Snapshot]) -> None:
        """What a snapshot builds on is what the one before it left."""
        for before, after in pairwise(snapshots):
            left, base = self._after.get(before.id), self._before.get(after.id)
            if after.id == before.id + 1 and None not in (left, base) and left != base:
                self._notes.wrong(
                    manifest_path(after.base_manifest_list),
                    f"its files are not those that snapshot {before.id} left",
                )

    def _check_snapshot(self, key: str, snapshot: Snapshot, *, changes: bool = True) -> None:
        schema = self.schema(snapshot.schema_id)
        base = self._lists.metas(snapshot.base_manifest_list, snapshot.base_manifest_list_size)
        delta = self._lists.metas(snapshot.delta_manifest_list, snapshot.delta_manifest_list_size)
        if schema is None or base is None or delta is None:
            return
        view = self._parts.view(snapshot)
        newer = self._lists.entries(delta, self.schema)
        if newer is not None:
            rows = sum(_signed_rows(entry) for entry in newer)
            self._notes.expect(key, "deltaRecordCount", snapshot.delta_record_count, rows)
        older = self._lists.entries(base, self.schema)
        index = self._check_index(view, snapshot)
        if older is not None and newer is not None:
            self._check_live(key, view, (older, newer), index)
        if changes:
            self._check_changelog(snapshot)
        if snapshot.statistics is not None:
            self._check_statistics(f"{STATISTICS_FOLDER}/{snapshot.statistics}")

    def _check_live(
        self,
        key: str,
        view: TableView,
        parts: tuple[list[ManifestEntry], list[ManifestEntry]],
        index: tuple[IndexManifestEntry, ...],
    ) -> None:
        assert view.snapshot is not None  # the caller's choice
        try:
            before, live = merge_entries(parts[:1]), merge_entries(parts)
        except CorruptDataError as error:
            self._notes.wrong(key, str(error))
            return
        number = view.snapshot.id
        self._before[number], self._after[number] = _names(before), _names(live)
        total = sum(entry.file.row_count for entry in live)
        self._notes.expect(key, "totalRecordCount", view.snapshot.total_record_count, total)
        self._check_buckets(key, view, live)
        hashes = hash_indexes(index)
        for entry in live:
            self.files.check(view, entry, hashes)
            self._check_deletions(view, entry)

    def _check_deletions(self, view: TableView, entry: ManifestEntry) -> None:
        try:
            view.deletions.of(entry.partition, entry.bucket, entry.file)
        except CorruptDataError as error:
            self._notes.wrong(error.name or entry.file.file_name, str(error))

    def _check_buckets(self, key: str, view: TableView, live: Iterable[ManifestEntry]) -> None:
        """The files of a snapshot side by side: numbers of buckets, and runs without overlaps."""
        totals: dict[bytes, set[int]] = defaultdict(set)
        runs: dict[tuple[bytes, int, int], list[ManifestEntry]] = defaultdict(list)
        for entry in live:
            if entry.total_buckets > 0:
                totals[entry.partition].add(entry.total_buckets)
                if entry.bucket >= entry.total_buckets:
                    self._notes.wrong(
                        key,
                        f"file {entry.file.file_name}: bucket {entry.bucket} of "
                        f"{entry.total_buckets}",
                    )
            if not view.key and entry.file.level:
                self._notes.wrong(
                    key,
                    f"file {entry.file.file_name}: expected level 0, as there is no primary key, "
                    f"found {entry.file.level}",
                )
            elif entry.file.level:
                runs[entry.partition, entry.bucket, entry.file.level].append(entry)
        for found in totals.values():
            if len(found) > 1:
                self._notes.wrong(key, f"one partition has files of {sorted(found)} buckets")
        for (_, bucket, level), entries in runs.items():
            self._check_run(key, view, f"bucket {bucket}, level {level}", entries)

    def _check_run(
        self, key: str, view: TableView, where: str, entries: list[ManifestEntry]
    ) -> None:
        if len(entries) < 2:
            return
        kinds = view.key_types
        ranges = [
            (decode_row(e.file.min_key, kinds), decode_row(e.file.max_key, kinds), e.file.file_name)
            for e in entries
        ]
        if any(isinstance(value, float) for row in ranges for value in row[0]):
            return  # releases of Java differ in where zeros and NaN go
        for before, after in pairwise(sorted(ranges)):
            if after[0] <= before[1]:
                self._notes.wrong(
                    key, f"{where}: the keys of files {before[2]} and {after[2]} overlap"
                )

    # -- what lies beside them -------------------------------------------------------------------

    def _check_statistics(self, key: str) -> None:
        found = self._decoded(key, lambda data, key: decode_statistics(data, name=key))
        schema = None if found is None else self.schema(found.schema_id)
        if found is None or schema is None:
            return
        known = {field.id for field in schema.fields}
        for name, column in found.columns.items():
            if column.column_id not in known:
                self._notes.wrong(
                    key, f"column {name}: schema {schema.id} has no id {column.column_id}"
                )

    def _check_changelog(self, snapshot: Snapshot) -> None:
        """The changes of a snapshot; other data of an expired one is gone by right."""
        name = snapshot.changelog_manifest_list
        if name is None:
            return
        metas = self._lists.metas(name, snapshot.changelog_manifest_list_size)
        schema = self.schema(snapshot.schema_id)
        entries = None if metas is None else self._lists.entries(metas, self.schema)
        if entries is None or schema is None:
            return
        rows = sum(entry.file.row_count for entry in entries)
        expected = snapshot.changelog_record_count
        self._notes.expect(manifest_path(name), "changelogRecordCount", expected, rows)
        view = self._parts.view(snapshot)
        for entry in entries:
            self.files.check(view, entry, changelog=True)

    def _check_index(self, view: TableView, snapshot: Snapshot) -> tuple[IndexManifestEntry, ...]:
        name = snapshot.index_manifest
        if name is None:
            return ()
        found, new = self._lists.index(name)
        for entry in found or () if new else ():
            try:
                key = view.folders.index_file(entry, self._store)
            except TablestoreError as error:
                self._notes.skip(entry.file_name, str(error))
                continue
            if self.files.check_object(key, entry.file_size):
                check_index_file(self._store, self._notes, key, entry)
        return found or ()


def _names(entries: Iterable[ManifestEntry]) -> int:
    """One number for a set of files."""
    return hash(frozenset(entry.identifier for entry in entries))


def _signed_rows(entry: ManifestEntry) -> int:
    return entry.file.row_count if entry.kind == KIND_ADD else -entry.file.row_count
