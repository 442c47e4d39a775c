"""The lines of a table: its main row of snapshots and those of its branches, over the same files.

Source: ``org.apache.paimon.utils.FileSystemBranchManager``, ``TagManager``, ``ChangelogManager``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.errors import NotFoundError
from tablestore.format.changelog import decode_changelog
from tablestore.format.paths import (
    CHANGELOG_FOLDER,
    SNAPSHOT_FOLDER,
    SNAPSHOT_PREFIX,
    changelog_path,
    numbered,
)
from tablestore.metadata.branches import branch_folders, branch_names
from tablestore.metadata.consumers import Consumers
from tablestore.metadata.snapshots import Snapshots
from tablestore.metadata.tags import Tags
from tablestore.store.metered import Metered
from tablestore.store.redirected import Redirected

if TYPE_CHECKING:
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.base import CommittedState
    from tablestore.metadata.manifests import Manifests

CHANGELOG_PREFIX: Final = "changelog-"


@dataclass(frozen=True)
class Line:
    """One row of snapshots with its tags, consumers and long-lived changes.

    Attributes:
        branch: its name; empty for the main one.
        store: in which its own folders are at the table's root.
        snapshots: of the line.
        manifests: of the table, which all lines share.
    """

    branch: str
    store: Metered
    snapshots: Snapshots
    manifests: Manifests

    @property
    def name(self) -> str:
        """For messages."""
        return f"branch {self.branch!r}" if self.branch else "the main branch"

    def ids(self) -> list[int]:
        """The ids of all snapshot files, ascending."""
        return _ids(self.store, SNAPSHOT_FOLDER, SNAPSHOT_PREFIX)

    def changelog_ids(self) -> list[int]:
        """The ids of expired snapshots whose changes are kept, ascending."""
        return _ids(self.store, CHANGELOG_FOLDER, CHANGELOG_PREFIX)

    def changelog(self, snapshot_id: int) -> Snapshot | None:
        """An expired snapshot whose changes are kept, or None.

        Raises:
            CorruptDataError: its file is damaged.
        """
        key = changelog_path(snapshot_id)
        try:
            return decode_changelog(self.store.get(key), name=key)
        except NotFoundError:
            return None

    def tags(self) -> list[Snapshot]:
        """The tagged snapshots, by id.

        Raises:
            CorruptDataError: a tag is damaged.
        """
        tags, found = Tags(self.store), []
        for name in tags.names():
            try:
                found.append(tags.load(name).snapshot)
            except NotFoundError:
                continue  # deleted since the names were listed
        return sorted(found, key=lambda snapshot: snapshot.id)

    def consumers(self) -> dict[str, int]:
        """The first snapshot that each consumer has not read.

        Raises:
            CorruptDataError: a consumer's file is damaged.
        """
        consumers = Consumers(self.store)
        found = ((name, consumers.find(name)) for name in consumers.names())
        return {name: item.next_snapshot for name, item in found if item is not None}

    def all_snapshots(self) -> list[Snapshot]:
        """Every snapshot that is there, ascending; those that go meanwhile are left out."""
        found = (self.snapshots.find(snapshot_id, fresh=True) for snapshot_id in self.ids())
        return [snapshot for snapshot in found if snapshot is not None]

    def all_changelogs(self) -> list[Snapshot]:
        """Every expired snapshot whose changes are kept, ascending."""
        found = (self.changelog(snapshot_id) for snapshot_id in self.changelog_ids())
        return [snapshot for snapshot in found if snapshot is not None]


def own_line(store: Metered, state: CommittedState) -> Line:
    """The line that a store shows.

    Args:
        store: of the table or of a branch.
        state: what is known of it.
    """
    inner = store.inner
    branch = ""
    if isinstance(inner, Redirected):
        names = branch_names(_main_store(store))
        branch = next(name for name in names if branch_folders(name) == inner.folders)
    return Line(branch, store, state.snapshots, state.manifests)


def other_lines(line: Line) -> list[Line]:
    """The other lines of the table."""
    main = _main_store(line.store)
    names = [name for name in branch_names(main) if name != line.branch]
    found = [_branch_line(main, name, line.manifests) for name in names]
    if line.branch:
        found.append(Line("", main, Snapshots(main), line.manifests))
    return found


def _branch_line(main: Metered, name: str, manifests: Manifests) -> Line:
    store = Metered(Redirected(main, branch_folders(name)))
    return Line(name, store, Snapshots(store), manifests)


def _main_store(store: Metered) -> Metered:
    inner = store.inner
    if not isinstance(inner, Redirected):
        return store
    # what a branch is laid over is the metered store of its table
    return inner.inner if isinstance(inner.inner, Metered) else Metered(inner.inner)


def _ids(store: Metered, folder: str, prefix: str) -> list[int]:
    listed = (numbered(info.name, prefix) for info in store.list(folder) if not info.is_folder)
    return sorted(snapshot_id for snapshot_id in listed if snapshot_id is not None)
