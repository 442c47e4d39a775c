"""Tags, branches, consumers and manifests of a table, as values."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tablestore.errors import InvalidInputError, NotFoundError, nearest
from tablestore.format.binary_row import decode_row
from tablestore.format.paths import MAIN_BRANCH, manifest_path
from tablestore.metadata.branches import branch_folders, branch_names
from tablestore.metadata.consumers import Consumers
from tablestore.metadata.tags import Tags
from tablestore.store.metered import Metered
from tablestore.store.redirected import Redirected
from tablestore.table.info import SnapshotInfo, plain_values
from tablestore.types.html import HtmlFields

if TYPE_CHECKING:
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.format.tag import Tag
    from tablestore.read.view import TableView
    from tablestore.store.base import Store
    from tablestore.types.model import DataType


@dataclass(frozen=True, repr=False)
class TagInfo(HtmlFields):
    """A snapshot under a name.

    Attributes:
        name: of the tag.
        snapshot_id: the snapshot that it keeps.
        snapshot_time: when that was committed (UTC).
        created: when the tag was made, by the maker's local clock; only with a retention.
        retained: how long it is kept; None for ever.
    """

    name: str
    snapshot_id: int
    snapshot_time: dt.datetime
    created: dt.datetime | None
    retained: dt.timedelta | None

    def __repr__(self) -> str:
        kept = "" if self.retained is None else f", kept for {self.retained}"
        return f"Tag({self.name}, snapshot {self.snapshot_id}{kept})"

    @classmethod
    def of(cls, name: str, tag: Tag) -> TagInfo:
        """The public view of a tag."""
        created = retained = None
        if tag.created is not None:
            since = dt.timedelta(microseconds=tag.created // 1000)
            created = dt.datetime(1970, 1, 1) + since
        if tag.retained is not None:
            retained = dt.timedelta(microseconds=tag.retained // 1000)
        info = SnapshotInfo.of(tag.snapshot)
        return cls(name, info.id, info.time, created, retained)


@dataclass(frozen=True, repr=False)
class BranchInfo(HtmlFields):
    """Another line of snapshots of a table.

    Attributes:
        name: of the branch.
        snapshot_id: its latest snapshot; None where it has none.
        schema_id: its latest schema.
    """

    name: str
    snapshot_id: int | None
    schema_id: int

    def __repr__(self) -> str:
        at = "no snapshot" if self.snapshot_id is None else f"snapshot {self.snapshot_id}"
        return f"Branch({self.name}, {at}, schema {self.schema_id})"


@dataclass(frozen=True, repr=False)
class ConsumerInfo(HtmlFields):
    """How far a named reader of the stream has come.

    Attributes:
        name: of the consumer.
        next_snapshot: the first snapshot that it has not read.
    """

    name: str
    next_snapshot: int

    def __repr__(self) -> str:
        return f"Consumer({self.name}, next snapshot {self.next_snapshot})"


@dataclass(frozen=True, repr=False)
class ManifestInfo(HtmlFields):
    """One manifest of a snapshot, as its list describes it; what is None was not recorded.

    Attributes:
        list: "base", "delta", "changelog" or "index".
        name: file name in the folder ``manifest``.
        bytes: its size.
        added: files that it adds; index files of an index manifest.
        deleted: files that it deletes.
        schema_id: highest schema of its files; None for an index manifest.
        min_partition: lowest value of each partition column.
        max_partition: highest value of each partition column.
        min_bucket: lowest bucket.
        max_bucket: highest bucket.
        min_level: lowest level.
        max_level: highest level.
    """

    list: str
    name: str
    bytes: int
    added: int
    deleted: int
    schema_id: int | None
    min_partition: dict[str, Any]
    max_partition: dict[str, Any]
    min_bucket: int | None = None
    max_bucket: int | None = None
    min_level: int | None = None
    max_level: int | None = None

    def __repr__(self) -> str:
        return (
            f"Manifest({self.name}, {self.list}, +{self.added} -{self.deleted} files, "
            f"{self.bytes} bytes)"
        )

    @classmethod
    def of(cls, view: TableView, which: str, meta: ManifestFileMeta) -> ManifestInfo:
        """The public view of a line of a manifest list."""
        names = view.schema.partition_keys
        types = [view.schema.field(name).type for name in names]
        stats = meta.partition_stats
        low, high = _bounds(stats.min_values, types), _bounds(stats.max_values, types)
        return cls(
            which,
            meta.file_name,
            meta.file_size,
            meta.num_added_files,
            meta.num_deleted_files,
            meta.schema_id,
            dict(zip(names, low, strict=True)),
            dict(zip(names, high, strict=True)),
            meta.min_bucket,
            meta.max_bucket,
            meta.min_level,
            meta.max_level,
        )


def _bounds(row: bytes, types: list[DataType]) -> tuple[Any, ...]:
    return plain_values(decode_row(row, types), types)


def tags_of(store: Store) -> list[TagInfo]:
    """The tags of a table or branch, by name."""
    tags = Tags(store)
    return [TagInfo.of(name, tags.load(name)) for name in tags.names()]


def consumers_of(store: Store) -> list[ConsumerInfo]:
    """The consumers of a table or branch, by name."""
    consumers = Consumers(store)
    found = ((name, consumers.find(name)) for name in consumers.names())
    return [ConsumerInfo(name, item.next_snapshot) for name, item in found if item is not None]


def manifests_of(view: TableView) -> list[ManifestInfo]:
    """The manifests that the lists of a snapshot hold: base, delta, changelog, index."""
    snapshot, manifests = view.snapshot, view.state.manifests
    if snapshot is None:
        return []
    lists = {
        "base": snapshot.base_manifest_list,
        "delta": snapshot.delta_manifest_list,
        "changelog": snapshot.changelog_manifest_list,
    }
    found = [
        ManifestInfo.of(view, which, meta)
        for which, name in lists.items()
        if name is not None
        for meta in manifests.read_list(name)
    ]
    if snapshot.index_manifest is not None:
        info = view.state.store.head(manifest_path(snapshot.index_manifest))
        count = len(manifests.read_index(snapshot.index_manifest))
        size = 0 if info is None else info.size
        name = snapshot.index_manifest
        found.append(ManifestInfo("index", name, size, count, 0, None, {}, {}))
    return found


def branch_store(store: Metered, branch: str | None) -> Metered:
    """The store of a branch: its own metadata over the table's files.

    Args:
        store: rooted at the table, on its main branch.
        branch: None or "main" for the main one.

    Raises:
        NotFoundError: there is no such branch.
        InvalidInputError: a name that no branch can have.
    """
    if branch is None or branch == MAIN_BRANCH:
        return store
    if not branch.strip() or branch.isdigit() or "/" in branch:
        raise InvalidInputError(f"{branch!r} is not a name of a branch", branch=branch)
    known = branch_names(store)
    if branch not in known:
        raise NotFoundError(
            f"{store.uri} has no branch {branch!r}{nearest(branch, known)}", branch=branch
        )
    return Metered(Redirected(store, branch_folders(branch)))


def is_branch(store: Metered) -> bool:
    """Whether a store shows a branch of a table."""
    return isinstance(store.inner, Redirected)
