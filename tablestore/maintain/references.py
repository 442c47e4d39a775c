"""What snapshots refer to, by file name: names are given once, whichever folder a file is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tablestore.format.manifest import KIND_ADD
from tablestore.metadata.manifests import EntryFilter

if TYPE_CHECKING:
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.snapshot import Snapshot
    from tablestore.maintain.lines import Line
    from tablestore.metadata.manifests import Manifests

Place = tuple[bytes, int]
"""A partition's serialized row and a bucket."""


@dataclass
class MetadataNames:
    """Names of the files of metadata that some snapshots need.

    Attributes:
        manifests: manifest lists, manifests and index manifests.
        indexes: index files.
        statistics: statistics files.
    """

    manifests: set[str] = field(default_factory=set)
    indexes: set[str] = field(default_factory=set)
    statistics: set[str] = field(default_factory=set)

    def add(self, manifests: Manifests, snapshot: Snapshot, lists: Iterable[str]) -> None:
        """Add what a snapshot needs.

        Args:
            manifests: of the table.
            snapshot: the snapshot.
            lists: those of its manifest lists that count.

        Raises:
            NotFoundError: a list is gone.
            CorruptDataError: a list is damaged.
        """
        for name in lists:
            self.manifests.add(name)
            self.manifests.update(meta.file_name for meta in manifests.read_list(name))
        if snapshot.index_manifest is not None:
            self.manifests.add(snapshot.index_manifest)
            entries = manifests.read_index(snapshot.index_manifest)
            self.indexes.update(entry.file_name for entry in entries)
        if snapshot.statistics is not None:
            self.statistics.add(snapshot.statistics)


def state_lists(snapshot: Snapshot) -> list[str]:
    """The manifest lists that hold the files of a snapshot."""
    return [snapshot.base_manifest_list, snapshot.delta_manifest_list]


def all_lists(snapshot: Snapshot) -> list[str]:
    """All manifest lists of a snapshot, that of its changelog too."""
    changelog = snapshot.changelog_manifest_list
    return [*state_lists(snapshot), *([] if changelog is None else [changelog])]


def live_names(manifests: Manifests, snapshot: Snapshot, places: frozenset[Place]) -> set[str]:
    """Names of the live data files of a snapshot in some buckets.

    Raises:
        NotFoundError: a manifest is gone.
        CorruptDataError: a manifest is damaged.
    """
    scan = manifests.live(snapshot, _within(places))
    return _names(scan.entries, places)


def line_names(line: Line, places: frozenset[Place]) -> set[str]:
    """Names of the data and changelog files of some buckets that anything in a line needs.

    Args:
        line: the line.
        places: the buckets.

    Raises:
        NotFoundError: something that a snapshot or tag refers to is gone.
        CorruptDataError: something is damaged.

    Cost:
        all manifests of its oldest snapshot and of its tags, and every later delta.
    """
    manifests, found = line.manifests, set[str]()
    snapshots = line.all_snapshots()
    for snapshot in [*snapshots[:1], *line.tags()]:
        found |= live_names(manifests, snapshot, places)
    for snapshot in snapshots:
        found |= _names(_added(manifests.delta(snapshot)), places)
        found |= _names(_added(manifests.changelog(snapshot)), places)
    for snapshot in line.all_changelogs():
        if snapshot.changelog_manifest_list is not None:
            found |= _names(_added(manifests.changelog(snapshot)), places)
        else:
            found |= _names(_added(manifests.delta(snapshot)), places)
    return found


def line_metadata(line: Line, names: MetadataNames) -> None:
    """Add the metadata that anything in a line needs.

    Raises:
        NotFoundError: a list that a snapshot or tag refers to is gone.
        CorruptDataError: a list is damaged.
    """
    for snapshot in line.all_snapshots():
        names.add(line.manifests, snapshot, all_lists(snapshot))
    for snapshot in line.tags():
        names.add(line.manifests, snapshot, state_lists(snapshot))
    for snapshot in line.all_changelogs():
        names.manifests.update(all_lists(snapshot))
        changes = snapshot.changelog_manifest_list or snapshot.delta_manifest_list
        names.manifests.update(meta.file_name for meta in line.manifests.read_list(changes))


def _within(places: frozenset[Place]) -> EntryFilter:
    partitions, buckets = {place[0] for place in places}, {place[1] for place in places}
    return EntryFilter(partition=partitions.__contains__, bucket=_first_is_in(buckets))


def _first_is_in(buckets: set[int]) -> Callable[[int, int], bool]:
    return lambda bucket, _: bucket in buckets


def _added(entries: Iterable[ManifestEntry]) -> Iterable[ManifestEntry]:
    return (entry for entry in entries if entry.kind == KIND_ADD)


def _names(entries: Iterable[ManifestEntry], places: frozenset[Place]) -> set[str]:
    return {e.file.file_name for e in entries if (e.partition, e.bucket) in places}
