"""A table at one snapshot, as its readers see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from tablestore.format.manifest import ManifestEntry
from tablestore.format.schema import TableSchema
from tablestore.format.snapshot import Snapshot
from tablestore.metadata.base import CommittedState
from tablestore.options.table import POSTPONE_BUCKET, TableOptions, check_readable
from tablestore.runs.bucket_files import BucketFolders, types_of
from tablestore.runs.column_types import check_column_types
from tablestore.runs.deletions import Deletions
from tablestore.types.arrow import to_arrow_schema
from tablestore.types.model import DataField, DataType


@dataclass(frozen=True)
class TableView:
    """What a read needs to know of a table.

    Attributes:
        name: for messages.
        schema: the schema to read as: the snapshot's columns with the latest options.
        options: the latest options.
        snapshot: what to read; None for a table without commits.
        state: the table's committed state.
    """

    name: str
    schema: TableSchema
    options: TableOptions
    snapshot: Snapshot | None
    state: CommittedState

    def check(self) -> None:
        """Refuse what would be read wrongly.

        Raises:
            UnsupportedFormatError: names the feature.
        """
        check_readable(self.schema.options, has_primary_key=bool(self.schema.primary_keys))
        check_column_types(self.name, self.schema, "reading")

    @cached_property
    def deletions(self) -> Deletions:
        """The rows that deletion vectors take out of data files."""
        index = None if self.snapshot is None else self.snapshot.index_manifest
        store = self.state.store
        return Deletions(
            store,
            self.state.manifests.read_index(index),
            lambda entry: self.folders.index_file(entry, store),
        )

    @cached_property
    def skips_level_0(self) -> bool:
        """Whether level 0 waits for the compaction that marks what it replaces as deleted."""
        options = self.options
        waits = options.deletion_vectors and not options.deletion_vectors_merge_on_read
        return bool(self.key) and (waits or options.merge_engine == "first-row")

    @cached_property
    def has_waiting(self) -> bool:
        """Whether files may wait for a compaction before their rows are read."""
        return self.skips_level_0 or self.options.bucket == POSTPONE_BUCKET

    def waits(self, entry: ManifestEntry) -> bool:
        """Whether a file waits for the compaction that brings its rows to where they are read.

        Rows of the postponed bucket have no order among themselves and no bucket yet.
        """
        if entry.bucket == POSTPONE_BUCKET:
            return True
        return self.skips_level_0 and entry.file.level == 0

    @cached_property
    def arrow_schema(self) -> pa.Schema:
        """The columns as Arrow."""
        return to_arrow_schema(self.schema.fields)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """The trimmed primary key; empty for append tables."""
        return self.schema.trimmed_primary_key if self.schema.primary_keys else ()

    @cached_property
    def key_types(self) -> tuple[DataType, ...]:
        """Types of the trimmed primary key."""
        return types_of(self.schema, self.key)

    @cached_property
    def folders(self) -> BucketFolders:
        """Where buckets are."""
        return BucketFolders.of(self.schema, self.options)

    def fields(self, names: tuple[str, ...]) -> tuple[DataField, ...]:
        """Columns by name, in the order given."""
        return tuple(self.schema.field(name) for name in names)

    def file_schema(self, schema_id: int) -> TableSchema:
        """The schema that a data file was written with."""
        if schema_id == self.schema.id:
            return self.schema
        return self.state.schemas.load(schema_id)
