"""The index files of the next snapshot from those of the last one. Pure.

An index manifest is the full state, so a commit that changes one index file names all of them.

Source: ``org.apache.paimon.manifest.IndexManifestFileHandler``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tablestore.format.index_manifest import DELETION_VECTORS_INDEX, HASH_INDEX
from tablestore.format.manifest import KIND_ADD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tablestore.commit.changes import Changes
    from tablestore.format.index_manifest import IndexManifestEntry

_Key = tuple[object, ...]


def combine_indexes(
    before: Iterable[IndexManifestEntry],
    changes: Changes,
    *,
    overwrites: Callable[[bytes], bool] | None = None,
    bucketed: bool,
) -> tuple[IndexManifestEntry, ...]:
    """All index files that are live after a commit.

    Args:
        before: those of the latest snapshot.
        changes: what the commit changes.
        overwrites: the partitions whose index files go with their data files.
        bucketed: a bucket has one file of deletion vectors, which a new one replaces.
    """
    live: dict[_Key, IndexManifestEntry] = {}
    for entry in before:
        if overwrites is None or not overwrites(entry.partition):
            live[_key(entry, bucketed=bucketed)] = entry
    for entry in changes.deleted_index:
        live.pop(_key(entry, bucketed=bucketed), None)
    for entry in changes.new_index:
        live[_key(entry, bucketed=bucketed)] = replace(entry, kind=KIND_ADD)
    return tuple(live.values())


def _key(entry: IndexManifestEntry, *, bucketed: bool) -> _Key:
    one_a_bucket = entry.index_type == HASH_INDEX or (
        bucketed and entry.index_type == DELETION_VECTORS_INDEX
    )
    if one_a_bucket:
        return (entry.partition, entry.bucket, entry.index_type)
    return (entry.file_name,)
