"""Finds files that nothing refers to, which killed writers and failed commits leave.

The listing comes first, then what snapshots refer to, so that a commit between the two cannot be
missed; and a file counts only once it is old, as a writer's files are there before its snapshot is.
Where something that is needed cannot be read, nothing is deleted.

Source: ``org.apache.paimon.operation.OrphanFilesClean``, ``LocalOrphanFilesClean``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.manifest import KIND_ADD
from tablestore.format.paths import (
    BRANCH_FOLDER,
    CHANGELOG_FOLDER,
    EARLIEST_HINT,
    INDEX_FOLDER,
    MANIFEST_FOLDER,
    SNAPSHOT_FOLDER,
    SNAPSHOT_PREFIX,
    STATISTICS_FOLDER,
    tag_path,
)
from tablestore.maintain.lines import CHANGELOG_PREFIX, Line
from tablestore.maintain.references import all_lists, state_lists
from tablestore.metadata.tags import Tags

if TYPE_CHECKING:
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.snapshot import Snapshot
    from tablestore.runs.bucket_files import BucketFolders
    from tablestore.store.base import ObjectInfo

_SHARED: Final = (MANIFEST_FOLDER, INDEX_FOLDER, STATISTICS_FOLDER)
_HINTS: Final = ("EARLIEST", "LATEST")
_KEPT_SUFFIX: Final = ".managed.blob"
"""Packs of blobs that other files point into; Java does not take them either."""


@dataclass(frozen=True)
class Orphans:
    """Files that nothing refers to, by key with their bytes.

    Attributes:
        data: in the folders of buckets.
        metadata: manifests, lists, index files, statistics.
        temporary: of writes that were not finished.
        young: files that would be among them, were they older.
    """

    data: dict[str, int]
    metadata: dict[str, int]
    temporary: dict[str, int]
    young: int


class OrphanSearch:
    """Looks for orphans of a table.

    Args:
        lines: all lines of the table, the main one first.
        folders: where data files are.
    """

    def __init__(self, lines: list[Line], folders: BucketFolders) -> None:
        self._lines = lines
        self._main = lines[0]
        self._folders = folders
        self._depth = len(folders.partition_keys)
        self._needed: set[str] = set()
        self._read: set[str] = set()

    def find(self, before_ms: int) -> Orphans:
        """The orphans that were changed before a moment.

        Args:
            before_ms: epoch milliseconds by the store's clock.

        Raises:
            CorruptDataError: something that is needed is damaged or gone; nothing can be said.
        """
        data: dict[str, ObjectInfo] = {}
        metadata: dict[str, ObjectInfo] = {}
        temporary: dict[str, int] = {}
        for info in self._main.store.list("", recursive=True):
            kind = self.kind_of(info.key)
            if kind == "data":
                data[info.key] = info
            elif kind == "metadata":
                metadata[info.key] = info
            elif kind == "temporary" and _is_older(info, before_ms):
                temporary[info.key] = info.size
        seen: list[set[int]] = [set() for _ in self._lines]
        # a second look, at what was committed while the first one read the manifests
        for _ in range(2):
            for line, known in zip(self._lines, seen, strict=True):
                self._collect(line, known)
        unneeded = {k: i for k, i in (data | metadata).items() if i.name not in self._needed}
        old = {key: info for key, info in unneeded.items() if _is_older(info, before_ms)}
        return Orphans(
            {key: info.size for key, info in old.items() if key in data},
            {key: info.size for key, info in old.items() if key in metadata},
            temporary,
            len(unneeded) - len(old),
        )

    def kind_of(self, key: str) -> str | None:
        """What a file is by its place: data, metadata, temporary, or None for what stays."""
        parts = key.split("/")
        name = parts[-1]
        if name.endswith(_KEPT_SUFFIX):
            return None
        if parts[0] == BRANCH_FOLDER and len(parts) > 2:
            parts = parts[2:]
        hidden = name.startswith(".")
        if len(parts) == 2 and parts[0] in _SHARED:
            return "temporary" if hidden else "metadata"
        if self._is_data(key):
            return "temporary" if hidden else "data"
        if len(parts) != 2:
            return None
        prefix = {SNAPSHOT_FOLDER: SNAPSHOT_PREFIX, CHANGELOG_FOLDER: CHANGELOG_PREFIX}
        known = prefix.get(parts[0])
        if known is not None and not name.startswith(known) and name not in _HINTS:
            return "temporary"
        return "temporary" if hidden else None

    def _is_data(self, key: str) -> bool:
        top = self._folders.data_dir
        if top:
            if not key.startswith(f"{top}/"):
                return False
            key = key[len(top) + 1 :]
        parts = key.split("/")
        if len(parts) != self._depth + 2 or not parts[-2].startswith("bucket-"):
            return False
        return all("=" in part for part in parts[: self._depth])

    # -- what is needed --------------------------------------------------------------------------

    def _collect(self, line: Line, known: set[int]) -> None:
        """Add what a line needs.

        Args:
            line: the line.
            known: ids of the snapshots whose files were added before.

        Raises:
            CorruptDataError: something that is needed is damaged or gone.
        """
        before: int | None = None
        for snapshot in line.all_snapshots():
            follows = before == snapshot.id - 1
            # where the one before it went meanwhile, its delta is not enough
            if snapshot.id in known or self._collect_snapshot(line, snapshot, follows=follows):
                known.add(snapshot.id)
                before = snapshot.id
        tags = Tags(line.store)
        for name in tags.names():
            self._collect_tag(line, tags, name)
        for snapshot in line.all_changelogs():
            self._collect_changes(line, snapshot)

    def _collect_snapshot(self, line: Line, snapshot: Snapshot, *, follows: bool) -> bool:
        """Add what a snapshot needs; False where it went meanwhile.

        Args:
            line: its line.
            snapshot: the snapshot.
            follows: the one before it was added, so that its delta is enough.
        """

        def there() -> bool:
            earliest = line.snapshots.read_hint(EARLIEST_HINT) or 0
            return snapshot.id >= earliest and line.snapshots.exists(snapshot.id)

        def read() -> None:
            manifests = line.manifests
            self._metadata(line, snapshot, all_lists(snapshot))
            if follows:
                self._data(_added(manifests.delta(snapshot)))
            else:
                self._data(manifests.live(snapshot).entries)
            self._data(manifests.changelog(snapshot))

        return _while_there(read, there, f"snapshot {snapshot.id} of {line.name}")

    def _collect_tag(self, line: Line, tags: Tags, name: str) -> None:
        try:
            snapshot = tags.load(name).snapshot
        except NotFoundError:
            return  # deleted since the names were listed

        def read() -> None:
            self._metadata(line, snapshot, state_lists(snapshot))
            self._data(line.manifests.live(snapshot).entries)

        def there() -> bool:
            return line.store.head(tag_path(name)) is not None

        _while_there(read, there, f"tag {name} of {line.name}")
        if snapshot.changelog_manifest_list is not None:
            self._optional(line, snapshot, snapshot.changelog_manifest_list)

    def _collect_changes(self, line: Line, snapshot: Snapshot) -> None:
        """Add what the changes of an expired snapshot need; the rest of it may be gone by right."""
        for name in all_lists(snapshot):
            self._optional(line, snapshot, name)

    def _optional(self, line: Line, snapshot: Snapshot, name: str) -> None:
        """Add what a list names, where it is there."""
        try:
            metas = line.manifests.read_list(name)
        except NotFoundError:
            return
        self._needed.add(name)
        for meta in metas:
            self._needed.add(meta.file_name)
            if name != snapshot.base_manifest_list and meta.file_name not in self._read:
                self._read.add(meta.file_name)
                try:
                    self._data(_added(line.manifests.read(meta.file_name)))
                except NotFoundError:
                    continue

    def _metadata(self, line: Line, snapshot: Snapshot, lists: Iterable[str]) -> None:
        self._needed.update(lists)
        for name in lists:
            self._needed.update(meta.file_name for meta in line.manifests.read_list(name))
        if snapshot.index_manifest is not None:
            self._needed.add(snapshot.index_manifest)
            entries = line.manifests.read_index(snapshot.index_manifest)
            self._needed.update(entry.file_name for entry in entries)
        if snapshot.statistics is not None:
            self._needed.add(snapshot.statistics)

    def _data(self, entries: Iterable[ManifestEntry]) -> None:
        for entry in entries:
            self._needed.add(entry.file.file_name)
            self._needed.update(entry.file.extra_files)


def _added(entries: Iterable[ManifestEntry]) -> Iterable[ManifestEntry]:
    return (entry for entry in entries if entry.kind == KIND_ADD)


def _is_older(info: ObjectInfo, before_ms: int) -> bool:
    """Whether an object was changed before a moment; one without a date never was."""
    return 0 < info.modified_ms < before_ms


def _while_there(read: Callable[[], None], there: Callable[[], bool], what: str) -> bool:
    """Read what something needs, which may vanish only together with it; False where it did.

    Raises:
        CorruptDataError: it is there still, and what it needs is not.
    """
    try:
        read()
    except NotFoundError as error:
        if there():
            raise CorruptDataError(
                what, expected="all that it refers to; nothing was deleted", found=str(error)
            ) from error
        return False
    return True
