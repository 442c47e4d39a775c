"""What a writer hands to the committer: the change of one bucket, in two halves.

Messages hold plain values only, so they can be pickled and sent between processes.

Source: ``org.apache.paimon.table.sink.CommitMessageImpl``, ``DataIncrement``,
``CompactIncrement``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import DataFileMeta


@dataclass(frozen=True, slots=True)
class DataIncrement:
    """Rows that arrived: published as an APPEND snapshot, or OVERWRITE when files are deleted."""

    new_files: tuple[DataFileMeta, ...] = ()
    deleted_files: tuple[DataFileMeta, ...] = ()
    changelog_files: tuple[DataFileMeta, ...] = ()
    new_index_files: tuple[IndexManifestEntry, ...] = ()
    deleted_index_files: tuple[IndexManifestEntry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing would change."""
        return not (
            self.new_files
            or self.deleted_files
            or self.changelog_files
            or self.new_index_files
            or self.deleted_index_files
        )


@dataclass(frozen=True, slots=True)
class CompactIncrement:
    """Files that were rewritten: published as a COMPACT snapshot after the data half.

    Attributes:
        before: the files that go; a file of the same message's data half may be among them.
        after: the files that come.
    """

    before: tuple[DataFileMeta, ...] = ()
    after: tuple[DataFileMeta, ...] = ()
    changelog_files: tuple[DataFileMeta, ...] = ()
    new_index_files: tuple[IndexManifestEntry, ...] = ()
    deleted_index_files: tuple[IndexManifestEntry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """True when nothing would change."""
        return not (
            self.before
            or self.after
            or self.changelog_files
            or self.new_index_files
            or self.deleted_index_files
        )


@dataclass(frozen=True, slots=True)
class CommitMessage:
    """The change of one bucket.

    Attributes:
        partition: serialized BinaryRow of the partition values.
        bucket: the bucket; 0 in append tables without buckets.
        total_buckets: the partition's bucket count; -1 without buckets.
    """

    partition: bytes
    bucket: int
    total_buckets: int
    data: DataIncrement = field(default_factory=DataIncrement)
    compact: CompactIncrement = field(default_factory=CompactIncrement)

    @property
    def min_sequence_number(self) -> int | None:
        """The lowest sequence number of the new level-0 files, or None without any."""
        return min(
            (file.min_sequence_number for file in self.data.new_files if file.level == 0),
            default=None,
        )
