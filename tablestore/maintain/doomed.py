"""The files that go with a range of snapshots, and nothing that anything else needs.

A data file goes once the snapshot that deleted it is the oldest one, or older: what follows from
the deltas of the range and of the first snapshot that stays. Manifests go that neither this
snapshot nor a tag has; an index file likewise.

Source: ``org.apache.paimon.operation.FileDeletionBase``, ``SnapshotDeletion``.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tablestore.errors import CorruptDataError, NotFoundError, UnsupportedFormatError
from tablestore.format.manifest import FILE_SOURCE_COMPACT, KIND_ADD
from tablestore.format.paths import STATISTICS_FOLDER, manifest_path
from tablestore.maintain.references import (
    MetadataNames,
    Place,
    line_metadata,
    line_names,
    live_names,
    state_lists,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.format.snapshot import Snapshot
    from tablestore.maintain.lines import Line
    from tablestore.metadata.base import LiveFiles
    from tablestore.runs.bucket_files import BucketFolders


@dataclass
class Doomed:
    """Files to delete, by key with their bytes; 0 where the size is not recorded.

    Attributes:
        data: data files, their indexes, and changelog files.
        metadata: manifests, index files, statistics.
        lists: manifest lists and index manifests, which name those.
        places: buckets that lose data files.
        skipped: what is left because it cannot be told who needs it, and why.
    """

    data: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, int] = field(default_factory=dict)
    lists: dict[str, int] = field(default_factory=dict)
    places: set[Place] = field(default_factory=set)
    skipped: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Neighbours:
    """Who else may need the files of a range of snapshots.

    Attributes:
        tags: the tagged snapshots of the line, by id.
        others: the other lines of the table.
        live: the files of a later snapshot of the line, where they are known without a request.
    """

    tags: Sequence[Snapshot]
    others: Sequence[Line]
    live: LiveFiles | None = None

    def same(self, other: Neighbours) -> bool:
        """Whether the same tags and branches are there."""
        mine, theirs = ([line.branch for line in near.others] for near in (self, other))
        return mine == theirs and list(self.tags) == list(other.tags)

    def tags_within(self, begin: int, end: int) -> list[Snapshot]:
        """The tags that may share files with snapshots from ``begin`` to before ``end``.

        Files and manifests of a line go for good, so that of the tags before the range only the
        nearest can share something that the first snapshot of the range has.
        """
        ids = [tag.id for tag in self.tags]
        first = bisect_left(ids, begin + 1) - 1
        while first > 0 and ids[first - 1] == ids[first]:
            first -= 1
        return list(self.tags[max(first, 0) : bisect_left(ids, end)])


class Doom:
    """Works out what goes with some snapshots.

    Args:
        line: theirs.
        neighbours: who else needs files.
        folders: where files are.
        keeps_changes: the changes of expired snapshots stay.
        produces_changelog: changes are in files of their own.
    """

    def __init__(
        self,
        line: Line,
        neighbours: Neighbours,
        folders: BucketFolders,
        *,
        keeps_changes: bool,
        produces_changelog: bool,
    ) -> None:
        self._line = line
        self._manifests = line.manifests
        self._near = neighbours
        self._folders = folders
        self._keeps_changes = keeps_changes
        # without a producer the files that were appended are the changes
        self._keeps_appended = keeps_changes and not produces_changelog
        self._doomed = Doomed()

    def of(self, going: Sequence[Snapshot], end: Snapshot) -> Doomed:
        """The files that go with some snapshots.

        Args:
            going: ascending.
            end: the first snapshot that stays.

        Raises:
            NotFoundError: something that ``end`` needs is gone.
            CorruptDataError: something that ``end`` needs is damaged.
        """
        if not going:
            return self._doomed
        tags = self._near.tags_within(going[0].id, end.id)
        data = self._unless_kept(self._removed([*going[1:], end]), tags)
        changes = {} if self._keeps_changes else self._changelog(going)
        changes = self._unless_kept(changes, [])
        for entry in [*data.values(), *changes.values()]:
            self._add_data(entry)
        kept = self._kept_metadata([end], tags)
        if kept is not None:
            for snapshot in going:
                self._add_lists(snapshot, self._lists_of(snapshot), kept.manifests)
                self._add_indexes(snapshot, kept)
                if snapshot.statistics is not None and snapshot.statistics not in kept.statistics:
                    self._doomed.metadata[f"{STATISTICS_FOLDER}/{snapshot.statistics}"] = 0
        return self._doomed

    def of_changes(self, going: Sequence[Snapshot], end: Snapshot, oldest: Snapshot) -> Doomed:
        """The files that go with the changes of snapshots that expired before.

        Args:
            going: ascending.
            end: the first one whose changes stay.
            oldest: the oldest snapshot that is there.

        Raises:
            NotFoundError: something that ``oldest`` needs is gone.
            CorruptDataError: something that ``oldest`` needs is damaged.
        """
        tags = self._near.tags_within(going[0].id - 1, end.id)
        for snapshot in going:
            if snapshot.changelog_manifest_list is not None:
                entries = self._unless_kept(self._changelog([snapshot]), [])
            else:
                entries = self._unless_kept(self._removed([snapshot]), tags)
            for entry in entries.values():
                self._add_data(entry)
        kept = self._kept_metadata([oldest], tags)
        if kept is None:
            return self._doomed
        for name in state_lists(end):
            metas = self._metas(end, name)
            if metas:
                kept.manifests |= {name, *(meta.file_name for meta in metas)}
        for snapshot in going:
            changelog = snapshot.changelog_manifest_list
            size = snapshot.changelog_manifest_list_size
            lists = _state(snapshot) if changelog is None else [(changelog, size)]
            self._add_lists(snapshot, lists, kept.manifests)
        return self._doomed

    # -- data files ------------------------------------------------------------------------------

    def _removed(self, snapshots: Iterable[Snapshot]) -> dict[str, ManifestEntry]:
        """What the deltas of these take away and do not bring again, by name."""
        found: dict[str, ManifestEntry] = {}
        for snapshot in snapshots:
            entries = self._read(self._manifests.delta, snapshot)
            added = {entry.file.file_name for entry in entries if entry.kind == KIND_ADD}
            # a file that moves up is deleted on one level and added on another
            for name in added:
                found.pop(name, None)
            for entry in entries:
                name = entry.file.file_name
                if entry.kind != KIND_ADD and name not in added and not self._is_change(entry):
                    found[name] = entry
        return found

    def _is_change(self, entry: ManifestEntry) -> bool:
        return self._keeps_appended and entry.file.file_source != FILE_SOURCE_COMPACT

    def _changelog(self, snapshots: Iterable[Snapshot]) -> dict[str, ManifestEntry]:
        found: dict[str, ManifestEntry] = {}
        for snapshot in snapshots:
            for entry in self._read(self._manifests.changelog, snapshot):
                found[entry.file.file_name] = entry
        return found

    def _read(
        self, read: Callable[[Snapshot], list[ManifestEntry]], snapshot: Snapshot
    ) -> list[ManifestEntry]:
        try:
            return read(snapshot)
        except NotFoundError:
            return []  # a run that was killed took the manifests after all files they name
        except CorruptDataError as error:
            self._doomed.skipped.append(f"the files that snapshot {snapshot.id} took away: {error}")
            return []

    def _unless_kept(
        self, entries: dict[str, ManifestEntry], tags: Sequence[Snapshot]
    ) -> dict[str, ManifestEntry]:
        """The entries whose files nothing needs."""
        places = frozenset((entry.partition, entry.bucket) for entry in entries.values())
        if not entries:
            return entries
        try:
            kept = self._live_now(places)
            for tag in tags:
                kept |= live_names(self._manifests, tag, places)
            for line in self._near.others:
                kept |= line_names(line, places)
        except (NotFoundError, CorruptDataError) as error:
            # whoever cannot be asked may need any of them
            self._doomed.skipped.append(f"{len(entries)} data files: {error}")
            return {}
        return {name: entry for name, entry in entries.items() if name not in kept}

    def _live_now(self, places: frozenset[Place]) -> set[str]:
        """Files that a later snapshot has again, say after a rollback; where that costs nothing."""
        live = self._near.live
        if live is None:
            return set()
        return {entry.file.file_name for place in places for entry in live.files(*place)}

    def _add_data(self, entry: ManifestEntry) -> None:
        meta = entry.file
        try:
            key = self._folders.file(entry.partition, entry.bucket, meta, self._line.store)
        except UnsupportedFormatError as error:
            self._doomed.skipped.append(str(error))
            return
        self._doomed.places.add((entry.partition, entry.bucket))
        self._doomed.data[key] = meta.file_size
        for extra in meta.extra_files:
            beside = posixpath.join(posixpath.dirname(key), posixpath.basename(extra))
            self._doomed.data[beside] = 0

    # -- metadata --------------------------------------------------------------------------------

    def _kept_metadata(
        self, staying: Sequence[Snapshot], tags: Sequence[Snapshot]
    ) -> MetadataNames | None:
        """Metadata that something needs; None where that cannot be told.

        Raises:
            NotFoundError: something that stays lacks what it refers to.
            CorruptDataError: something that stays is damaged.
        """
        kept = MetadataNames()
        for snapshot in staying:
            kept.add(self._manifests, snapshot, state_lists(snapshot))
        try:
            for tag in tags:
                kept.add(self._manifests, tag, state_lists(tag))
            for line in self._near.others:
                line_metadata(line, kept)
        except (NotFoundError, CorruptDataError) as error:
            self._doomed.skipped.append(f"manifests: {error}")
            return None
        return kept

    def _lists_of(self, snapshot: Snapshot) -> list[tuple[str, int | None]]:
        """The manifest lists that go with a snapshot."""
        lists = [] if self._keeps_appended else _state(snapshot)
        if not self._keeps_changes and snapshot.changelog_manifest_list is not None:
            size = snapshot.changelog_manifest_list_size
            lists.append((snapshot.changelog_manifest_list, size))
        return lists

    def _add_lists(
        self, snapshot: Snapshot, lists: Iterable[tuple[str, int | None]], kept: set[str]
    ) -> None:
        for name, size in lists:
            for meta in self._metas(snapshot, name):
                if meta.file_name not in kept:
                    self._doomed.metadata[manifest_path(meta.file_name)] = meta.file_size
            if name not in kept:
                self._doomed.lists[manifest_path(name)] = size or 0

    def _metas(self, snapshot: Snapshot, name: str) -> Sequence[ManifestFileMeta]:
        try:
            return self._manifests.read_list(name)
        except NotFoundError:
            return ()
        except CorruptDataError as error:
            self._doomed.skipped.append(f"the manifests of snapshot {snapshot.id}: {error}")
            return ()

    def _add_indexes(self, snapshot: Snapshot, kept: MetadataNames) -> None:
        name = snapshot.index_manifest
        if name is None:
            return
        try:
            entries = self._manifests.read_index(name)
        except NotFoundError:
            return
        except CorruptDataError as error:
            self._doomed.skipped.append(f"the index files of snapshot {snapshot.id}: {error}")
            return
        for entry in entries:
            if entry.file_name not in kept.indexes:
                try:
                    key = self._folders.index_file(entry, self._line.store)
                except UnsupportedFormatError as error:
                    self._doomed.skipped.append(str(error))
                    continue
                self._doomed.metadata[key] = entry.file_size
        if name not in kept.manifests:
            self._doomed.lists[manifest_path(name)] = 0


def _state(snapshot: Snapshot) -> list[tuple[str, int | None]]:
    return [
        (snapshot.base_manifest_list, snapshot.base_manifest_list_size),
        (snapshot.delta_manifest_list, snapshot.delta_manifest_list_size),
    ]
