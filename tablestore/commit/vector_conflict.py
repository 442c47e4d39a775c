"""Whether the deletion vectors of a primary-key table still fit its files. Pure.

The vectors of a bucket are replaced as a whole, so whoever replaces them must have known all of
them, and whoever takes a file away must have applied the file's. Java checks files only, as it has
one compactor a bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tablestore.commit.conflict import Conflict
from tablestore.format.index_manifest import DELETION_VECTORS_INDEX
from tablestore.format.manifest import KIND_DELETE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tablestore.commit.changes import Changes
    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import ManifestEntry
    from tablestore.metadata.base import BucketId, LiveFiles


def find_bucket_vector_conflict(
    before: Iterable[IndexManifestEntry], changes: Changes, live: LiveFiles
) -> Conflict | None:
    """Deletion vectors that do not fit the files and vectors of the latest snapshot.

    Args:
        before: the index files of the latest snapshot.
        changes: of the commit to a table whose buckets have one file of vectors each.
        live: the files of the latest snapshot.
    """
    known = _vector_files(before)
    gone = _vector_files(changes.deleted_index)
    new = _vector_files(changes.new_index)
    by_bucket: dict[BucketId, list[ManifestEntry]] = {}
    for entry in changes.entries:
        by_bucket.setdefault((entry.partition, entry.bucket), []).append(entry)
    for place in dict.fromkeys((*gone, *new, *by_bucket)):
        former = known.get(place, [])
        files = {entry.file.file_name for entry in live.files(*place)}
        removed = _removed(by_bucket.get(place, ()))
        if place in gone or place in new:
            said = {entry.file_name for entry in gone.get(place, ())}
            if said != {entry.file_name for entry in former}:
                return Conflict(
                    "deletion vectors were replaced meanwhile",
                    *place,
                    tuple(entry.file_name for entry in former),
                )
            lost = {name for entry in new.get(place, ()) for name in _data_files(entry)}
            lost -= files - removed
        else:
            lost = removed.intersection(name for entry in former for name in _data_files(entry))
        if lost:
            return Conflict("deletion vectors of a file that is not there", *place, tuple(lost))
    return None


def _vector_files(
    entries: Iterable[IndexManifestEntry],
) -> dict[BucketId, list[IndexManifestEntry]]:
    found: dict[BucketId, list[IndexManifestEntry]] = {}
    for entry in entries:
        if entry.index_type == DELETION_VECTORS_INDEX:
            found.setdefault((entry.partition, entry.bucket), []).append(entry)
    return found


def _data_files(entry: IndexManifestEntry) -> Iterable[str]:
    return (place.data_file for place in entry.dv_ranges or ())


def _removed(entries: Iterable[ManifestEntry]) -> set[str]:
    """Names of files that go for good; one that moves up comes again."""
    kinds: dict[str, set[int]] = {}
    for entry in entries:
        kinds.setdefault(entry.file.file_name, set()).add(entry.kind)
    return {name for name, found in kinds.items() if found == {KIND_DELETE}}
