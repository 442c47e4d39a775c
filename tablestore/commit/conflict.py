"""Whether a commit may follow the latest snapshot. Pure: values in, a verdict out.

Source: ``org.apache.paimon.operation.commit.ConflictDetection``, ``PrimaryKeyConflictDetection``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tablestore.format.binary_row import decode_row
from tablestore.format.key_order import key_order
from tablestore.format.manifest import KIND_ADD, KIND_DELETE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tablestore.commit.changes import Changes
    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import Identifier, ManifestEntry
    from tablestore.metadata.base import BucketId, LiveFiles
    from tablestore.types.model import DataType


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why a commit may not follow the latest snapshot.

    Attributes:
        reason: the end of a sentence.
        partition: serialized partition row.
        bucket: the bucket, or None where the whole partition is meant.
        files: names of the files that overlap.
    """

    reason: str
    partition: bytes
    bucket: int | None = None
    files: tuple[str, ...] = ()


def find_bucket_mismatch(live: LiveFiles, delta: Iterable[ManifestEntry]) -> Conflict | None:
    """A partition that would hold files of two bucket counts; only an overwrite may change it."""
    totals: dict[bytes, int] = {}
    for entry in delta:
        if entry.total_buckets <= 0:
            continue
        known = totals.get(entry.partition) or live.total_buckets(entry.partition)
        if known is not None and known != entry.total_buckets:
            return Conflict(
                f"the partition has {known} buckets and the new files were written for "
                f"{entry.total_buckets}; only an overwrite of the partition changes that",
                entry.partition,
                entry.bucket,
                (entry.file.file_name,),
            )
        totals[entry.partition] = entry.total_buckets
    return None


def find_file_conflict(
    live: LiveFiles, delta: Sequence[ManifestEntry], key_types: Sequence[DataType]
) -> Conflict | None:
    """A file that is deleted twice, added twice, or overlaps with another of its level.

    Args:
        live: the files of the latest snapshot.
        delta: the entries of the commit, in order.
        key_types: types of the trimmed primary key; empty for append tables.
    """
    by_bucket: dict[BucketId, list[ManifestEntry]] = {}
    for entry in delta:
        by_bucket.setdefault((entry.partition, entry.bucket), []).append(entry)
    for (partition, bucket), entries in by_bucket.items():
        files = {entry.identifier: entry for entry in live.files(partition, bucket)}
        found = _apply(files, entries)
        if found is None and key_types and any(e.file.level >= 1 for e in entries):
            found = _find_overlap(files.values(), key_types)
        if found is not None:
            return found
    return None


def find_vector_conflict(before: Iterable[IndexManifestEntry], changes: Changes) -> Conflict | None:
    """Rows that were deleted in files which the commit writes again without knowing of it.

    Args:
        before: the index files of the latest snapshot.
        changes: what the commit does to an append table.
    """
    live = {entry.file_name: entry for entry in before}
    for taken in changes.deleted_index:
        if live.pop(taken.file_name, None) is None:
            reason = "an index file to be replaced is not there any more"
            return Conflict(reason, taken.partition, taken.bucket, (taken.file_name,))
    gone = {
        (entry.partition, entry.bucket, entry.file.file_name): entry
        for entry in changes.entries
        if entry.kind == KIND_DELETE
    }
    for index in live.values():
        for vector in index.dv_ranges or ():
            entry = gone.get((index.partition, index.bucket, vector.data_file))
            if entry is not None:
                return _conflict("rows of a file to be replaced were deleted meanwhile", entry)
    return None


def _apply(
    files: dict[Identifier, ManifestEntry], entries: Iterable[ManifestEntry]
) -> Conflict | None:
    """Applies the entries of one bucket, or says which one does not fit."""
    for entry in entries:
        identifier = entry.identifier
        if entry.kind == KIND_DELETE:
            if files.pop(identifier, None) is None:
                return _conflict("a file to be replaced is not there any more", entry)
        elif identifier in files:
            return _conflict("a file is there already", entry)
        else:
            files[identifier] = entry
    return None


def _find_overlap(files: Iterable[ManifestEntry], key_types: Sequence[DataType]) -> Conflict | None:
    """Two files of one level from 1 on whose key ranges overlap."""
    levels: dict[int, list[tuple[Any, Any, ManifestEntry]]] = {}
    for entry in files:
        if entry.kind == KIND_ADD and entry.file.level >= 1:
            low = key_order(decode_row(entry.file.min_key, key_types))
            high = key_order(decode_row(entry.file.max_key, key_types))
            levels.setdefault(entry.file.level, []).append((low, high, entry))
    for level, ranges in levels.items():
        ranges.sort(key=lambda item: item[0])
        for (_, high, first), (low, _, second) in itertools.pairwise(ranges):
            if low <= high:
                conflict = _conflict(f"key ranges overlap on level {level}", first)
                return Conflict(
                    conflict.reason,
                    conflict.partition,
                    conflict.bucket,
                    (*conflict.files, second.file.file_name),
                )
    return None


def _conflict(reason: str, entry: ManifestEntry) -> Conflict:
    return Conflict(reason, entry.partition, entry.bucket, (entry.file.file_name,))
