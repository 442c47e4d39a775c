"""Commit messages as the entries of one snapshot. Pure.

Source: ``org.apache.paimon.operation.commit.ManifestEntryChanges``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tablestore.format.index_manifest import DELETION_VECTORS_INDEX
from tablestore.format.manifest import KIND_ADD, KIND_DELETE, ManifestEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tablestore.commit.message import CommitMessage
    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import DataFileMeta
    from tablestore.metadata.base import LiveFiles


@dataclass(frozen=True, slots=True)
class Changes:
    """What one snapshot changes.

    Attributes:
        entries: data files deleted and added, in the order of the messages.
        changelog: changelog files, all ADD.
        new_index: index files that come.
        deleted_index: index files that go.
    """

    entries: tuple[ManifestEntry, ...] = ()
    changelog: tuple[ManifestEntry, ...] = ()
    new_index: tuple[IndexManifestEntry, ...] = ()
    deleted_index: tuple[IndexManifestEntry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing would change."""
        return not (self.entries or self.changelog or self.new_index or self.deleted_index)

    @property
    def removes_rows(self) -> bool:
        """True when files are deleted, or rows by deletion vectors."""
        return any(entry.kind == KIND_DELETE for entry in self.entries) or any(
            index.index_type == DELETION_VECTORS_INDEX for index in self.new_index
        )


def data_changes(messages: Sequence[CommitMessage]) -> Changes:
    """The changes of the data halves."""
    entries: list[ManifestEntry] = []
    for message in messages:
        entries += _entries(KIND_ADD, message, message.data.new_files)
        entries += _entries(KIND_DELETE, message, message.data.deleted_files)
    return Changes(
        tuple(entries),
        tuple(e for m in messages for e in _entries(KIND_ADD, m, m.data.changelog_files)),
        tuple(index for m in messages for index in m.data.new_index_files),
        tuple(index for m in messages for index in m.data.deleted_index_files),
    )


def compact_changes(messages: Sequence[CommitMessage]) -> Changes:
    """The changes of the compaction halves."""
    entries: list[ManifestEntry] = []
    for message in messages:
        entries += _entries(KIND_DELETE, message, message.compact.before)
        entries += _entries(KIND_ADD, message, message.compact.after)
    return Changes(
        tuple(entries),
        tuple(e for m in messages for e in _entries(KIND_ADD, m, m.compact.changelog_files)),
        tuple(index for m in messages for index in m.compact.new_index_files),
        tuple(index for m in messages for index in m.compact.deleted_index_files),
    )


def deletes_of(
    live: LiveFiles, overwrites: Callable[[bytes], bool], *, postponed: bool = False
) -> Iterator[ManifestEntry]:
    """DELETE entries for all live files of the partitions that an overwrite replaces.

    Args:
        live: the files of the snapshot that is overwritten.
        overwrites: by the serialized partition row.
        postponed: True deletes the files of postponed buckets too.
    """
    asked: dict[bytes, bool] = {}
    for (partition, bucket), files in live.buckets.items():
        if bucket < 0 and not postponed:
            continue
        if partition not in asked:
            asked[partition] = overwrites(partition)
        if asked[partition]:
            for entry in files:
                yield ManifestEntry(KIND_DELETE, partition, bucket, entry.total_buckets, entry.file)


def row_count(entries: Iterable[ManifestEntry]) -> int:
    """Rows of added files minus rows of deleted files."""
    return sum(
        entry.file.row_count if entry.kind == KIND_ADD else -entry.file.row_count
        for entry in entries
    )


def _entries(
    kind: int, message: CommitMessage, files: Iterable[DataFileMeta]
) -> Iterator[ManifestEntry]:
    for file in files:
        yield ManifestEntry(kind, message.partition, message.bucket, message.total_buckets, file)
