"""What every writer of a table needs to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tablestore.format.manifest import DataFileMeta
from tablestore.format.schema import TableSchema
from tablestore.metadata.base import LiveFiles
from tablestore.options.table import TableOptions
from tablestore.runs.bucket_files import BucketFolders, file_names
from tablestore.runs.rolling import FileShape, RollingWriter
from tablestore.store.base import Store


@dataclass(frozen=True)
class WriteContext:
    """A table as its writers see it.

    Attributes:
        table: name for messages.
        schema: the schema that rows are written with.
        options: its options.
        store: where the table is.
        live: the committed files that new sequence numbers follow; None where the write replaces
            them (an overwrite starts at 0, as in Java).
        floors: numbers that a bucket's files go on from, where those written before are not
            committed yet.
        shape_override: other file settings than the table's options give.
    """

    table: str
    schema: TableSchema
    options: TableOptions
    store: Store
    live: LiveFiles | None
    shape_override: FileShape | None = None
    floors: Mapping[tuple[bytes, int], int] = field(default_factory=dict)

    @cached_property
    def folders(self) -> BucketFolders:
        """Where buckets are."""
        return BucketFolders.of(self.schema, self.options)

    @cached_property
    def shape(self) -> FileShape:
        """What new level-0 files look like."""
        return self.shape_override or FileShape.of(self.schema, self.options)

    def next_sequence(self, partition: bytes, bucket: int) -> int:
        """The sequence number after the highest committed one of a bucket."""
        committed = -1 if self.live is None else self.live.max_sequence(partition, bucket)
        return max(committed + 1, self.floors.get((partition, bucket), 0))

    def open_bucket(
        self, partition: bytes, bucket: int, *, first_sequence: int = 0
    ) -> RollingWriter:
        """A writer of new files in a bucket."""
        return RollingWriter(
            self.store,
            self.folders.folder(partition, bucket),
            self.shape,
            file_names(self.options.data_file_prefix, self.shape.file_format),
            first_sequence=first_sequence,
        )

    def discard(self, partition: bytes, bucket: int, files: Iterable[DataFileMeta]) -> None:
        """Remove files that were written and will not be committed, as far as possible."""
        self.folders.discard(self.store, partition, bucket, files)
