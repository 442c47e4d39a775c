"""Branches: other lines of snapshots over the same data files.

::

    branch/branch-<name>/schema, snapshot, tag, …     the branch's own
    manifest, index, statistics and data                                shared with the table

Source: ``org.apache.paimon.utils.FileSystemBranchManager``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tablestore.format.paths import (
    BRANCH_FOLDER,
    CHANGELOG_FOLDER,
    CONSUMER_FOLDER,
    OWN_FOLDER,
    SCHEMA_FOLDER,
    SNAPSHOT_FOLDER,
    TAG_FOLDER,
    branch_folder,
)

if TYPE_CHECKING:
    from tablestore.store.base import Store

_PREFIX: Final = "branch-"
_OWN: Final = (
    SCHEMA_FOLDER,
    SNAPSHOT_FOLDER,
    TAG_FOLDER,
    CHANGELOG_FOLDER,
    CONSUMER_FOLDER,
    OWN_FOLDER,
)


def branch_names(store: Store) -> list[str]:
    """Names of a table's branches, sorted; the main one is not among them.

    Args:
        store: rooted at the table.
    """
    listed = (info.name for info in store.list(BRANCH_FOLDER) if info.is_folder)
    return sorted(name[len(_PREFIX) :] for name in listed if name.startswith(_PREFIX))


def branch_folders(name: str) -> dict[str, str]:
    """Where a branch keeps what is its own: folder of the table to folder of the branch."""
    home = branch_folder(name)
    return {folder: f"{home}/{folder}" for folder in _OWN} if home else {}
