"""What a compaction needs to know of a table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tablestore.compact.expire import RecordExpire
from tablestore.errors import StorageUnavailableError
from tablestore.options.compaction import AppendOptions, TreeOptions
from tablestore.runs.bucket_files import BucketFolders, types_of
from tablestore.runs.crew import ALONE, Crew
from tablestore.runs.key_range import key_ranges

if TYPE_CHECKING:
    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import DataFileMeta
    from tablestore.format.schema import TableSchema
    from tablestore.format.snapshot import Snapshot
    from tablestore.lsm.levels import Keys
    from tablestore.merge.rules import MergeRules
    from tablestore.metadata.base import CommittedState
    from tablestore.options.table import TableOptions
    from tablestore.runs.deletions import Deletions


class Stopped(Exception):  # noqa: N818 (a request, not an error)
    """The compaction was asked to stop; what it wrote for the bucket at hand is removed."""


def _never() -> bool:
    return False


@dataclass(frozen=True)
class CompactContext:
    """A table as its compaction sees it.

    Attributes:
        table: name for messages.
        schema: the latest schema: what is rewritten gets it.
        options: of the table.
        state: what is committed.
        rules: merge the versions of a key; None for append tables.
        deletions: rows that deletion vectors take out.
        snapshot: the snapshot that these are of; what is compacted must be of the same.
        memory: bytes that decoded batches may take at a time; None for the default batch size.
        crew: the threads that work on a bucket.
        stop: asked between batches; True ends the work with :class:`Stopped`.
    """

    table: str
    schema: TableSchema
    options: TableOptions
    state: CommittedState
    rules: MergeRules | None
    deletions: Deletions
    snapshot: Snapshot | None = None
    memory: int | None = None
    crew: Crew = ALONE
    stop: Callable[[], bool] = _never

    @cached_property
    def tree(self) -> TreeOptions:
        """How buckets of a primary-key table are compacted."""
        return TreeOptions.of(self.options)

    @cached_property
    def append(self) -> AppendOptions:
        """How append tables are compacted."""
        return AppendOptions.of(self.options)

    @cached_property
    def expire(self) -> RecordExpire | None:
        """Which rows have expired; None where they never do."""
        return RecordExpire.of(self.schema, self.options)

    @cached_property
    def folders(self) -> BucketFolders:
        """Where buckets are."""
        return BucketFolders.of(self.schema, self.options)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The trimmed primary key; empty for append tables."""
        return self.schema.trimmed_primary_key if self.schema.primary_keys else ()

    @cached_property
    def keys(self) -> Keys[DataFileMeta]:
        """How files compare by key."""
        return key_ranges(types_of(self.schema, self.key))

    def go_on(self) -> None:
        """Nothing, unless the work was asked to stop.

        Raises:
            Stopped: it was.
        """
        if self.stop():
            raise Stopped

    def file_schema(self, schema_id: int) -> TableSchema:
        """The schema that a data file was written with."""
        if schema_id == self.schema.id:
            return self.schema
        return self.state.schemas.load(schema_id)

    def discard(self, partition: bytes, bucket: int, files: Iterable[DataFileMeta]) -> None:
        """Remove files that were written and will not be committed, as far as possible."""
        self.folders.discard(self.state.store, partition, bucket, files)

    def discard_indexes(self, entries: Iterable[IndexManifestEntry]) -> None:
        """Remove index files that were written and will not be committed, as far as possible."""
        for entry in entries:
            with contextlib.suppress(StorageUnavailableError):
                self.state.store.delete(self.folders.index_file(entry, self.state.store))
