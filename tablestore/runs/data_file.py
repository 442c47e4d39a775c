"""Read one data file as columns of the table's schema."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from tablestore.datafile.formats import check_format, open_reader
from tablestore.datafile.layout import KIND_FIELD, SEQUENCE_FIELD
from tablestore.datafile.protocol import BATCH_ROWS, DataFileReader
from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.paths import file_format
from tablestore.runs.evolve import Projection, project
from tablestore.runs.ordinals import in_groups, without_rows
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tablestore.format.manifest import DataFileMeta
    from tablestore.format.schema import TableSchema
    from tablestore.predicate.prune import ColumnRange
    from tablestore.store.base import Store
    from tablestore.types.model import DataField

RowGroupTest = Callable[[dict[str, "ColumnRange"], int], bool]
"""From ranges by column and the number of rows to whether the row group is wanted."""


@dataclass(frozen=True)
class FileRequest:
    """A file, and the columns wanted of it.

    Attributes:
        store: where the table is.
        key: the file's key.
        meta: its entry.
        schema: the schema that it was written with.
        keyed: whether it has the system columns of primary-key tables.
        fields: columns of the table's schema, and system columns.
        deleted: ordinals of rows to leave out, ascending.
        dictionaries: text columns that may come as dictionaries.
    """

    store: Store
    key: str
    meta: DataFileMeta
    schema: TableSchema
    keyed: bool
    fields: tuple[DataField, ...]
    deleted: NDArray[np.int64] | None = None
    dictionaries: frozenset[str] = frozenset()

    def projection(self) -> Projection:
        """How the wanted columns come from the file's."""
        names = None if self.meta.write_cols is None else set(self.meta.write_cols)
        own = [item for item in self.schema.fields if names is None or item.name in names]
        if self.keyed:
            own += [SEQUENCE_FIELD, KIND_FIELD]
        return project(own, self.fields)

    def needed(self) -> set[str]:
        """Columns of the file that merges rely on: keys and system columns are never null."""
        if not self.keyed:
            return set()
        return {SEQUENCE_FIELD.name, KIND_FIELD.name, *self.schema.trimmed_primary_key}

    @contextmanager
    def open(self) -> Iterator[DataFileReader]:
        """The opened file.

        Raises:
            CorruptDataError: it is missing, truncated or damaged.
            UnsupportedFormatError: its format is not read.
        """
        name = file_format(self.meta.file_name)
        check_format(name, self.key)
        try:
            source = self.store.open_read(self.key, self.meta.file_size)
        except NotFoundError as error:
            raise CorruptDataError(
                "data file",
                name=self.key,
                expected="the file that the snapshot refers to",
                found="nothing; it was deleted, or its snapshot expired while it was read",
            ) from error
        with source:
            reader = open_reader(name, source, self.key)
            if reader.row_count is not None:
                self.check_rows(reader.row_count)
                # a damaged footer may count the file and its groups differently
                self.check_rows(sum(map(reader.group_rows, range(reader.row_groups))))
            yield reader

    def check_rows(self, found: int) -> None:
        """Compare the rows of the file with its entry.

        Raises:
            CorruptDataError: they differ.
        """
        if found != self.meta.row_count:
            raise CorruptDataError(
                "data file",
                name=self.key,
                expected=f"{self.meta.row_count} rows",
                found=f"{found}",
            )

    def held_bytes(self) -> int:
        """About how many bytes stay in memory between two small batches; reads the footer."""
        with self.open() as reader:
            return reader.held_bytes(self.projection().file_fields)

    def row_groups(self, test: RowGroupTest | None) -> tuple[int, int]:
        """Row groups of the file, and those that the test leaves."""
        with self.open() as reader:
            return reader.row_groups, len(_groups(reader, self.projection(), test))


def read_data_file(
    request: FileRequest, test: RowGroupTest | None = None, batch_rows: int = BATCH_ROWS
) -> Iterator[pa.RecordBatch]:
    """The wanted columns of a file, in row order.

    Args:
        request: file and columns.
        test: leaves out row groups; rows of the others are not filtered.
        batch_rows: rows of a batch at most.

    Raises:
        CorruptDataError: the file ends early, or a NOT NULL column that is needed has a null.
    """
    projection = request.projection()
    # nullable throughout, so that batches of files with and without evolution are alike
    schema = pa.schema([pa.field(item.name, to_arrow(item.type)) for item in request.fields])
    needed = request.needed()
    with request.open() as reader:
        _check_columns(reader, projection, request)
        groups = _groups(reader, projection, test)
        if not groups:
            return
        deleted = request.deleted
        if deleted is not None:
            deleted = in_groups(deleted, groups, reader.row_groups, reader.group_rows)
        rows = 0
        for batch in reader.batches(
            projection.file_fields,
            groups,
            batch_rows,
            request.dictionaries if projection.is_identity else (),
        ):
            _check_needed(batch, needed, request.key)
            kept = batch if deleted is None else without_rows(batch, rows, deleted)
            rows += batch.num_rows
            yield kept if projection.is_identity else projection.apply(kept, schema)
        # Parquet's checksums do not cover its footer
        if len(groups) == reader.row_groups:
            request.check_rows(rows)
        elif rows != sum(map(reader.group_rows, groups)):
            raise CorruptDataError(
                "data file",
                name=request.key,
                expected=f"{sum(map(reader.group_rows, groups))} rows in the row groups read",
                found=f"{rows}",
            )


def _check_columns(reader: DataFileReader, projection: Projection, request: FileRequest) -> None:
    """A file has all columns of its own schema: where one is missing, a name is damaged.

    Raises:
        CorruptDataError: names it.
    """
    names = reader.column_names
    for item in projection.file_fields:
        if item.name not in names:
            raise CorruptDataError(
                "data file",
                name=request.key,
                expected=f"column {item.name!r} of schema {request.schema.id}",
                found=f"columns {', '.join(names)}",
            )


def _check_needed(batch: pa.RecordBatch, needed: set[str], key: str) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if name in needed and column.null_count:
            raise CorruptDataError(
                "data file", name=key, expected=f"values in column {name!r}", found="null"
            )


def _groups(reader: DataFileReader, projection: Projection, test: RowGroupTest | None) -> list[int]:
    groups = list(range(reader.row_groups))
    if test is None or not reader.has_ranges:
        return groups
    return [
        group
        for group in groups
        if test(_ranges(reader, group, projection), reader.group_rows(group))
    ]


def _ranges(reader: DataFileReader, group: int, projection: Projection) -> dict[str, ColumnRange]:
    """Footer ranges under the table's names, for columns whose type did not change."""
    known = reader.ranges(group, projection.file_fields)
    found = {}
    for source, item in zip(projection.sources, projection.fields, strict=True):
        if source is None:
            continue
        old = projection.file_fields[source]
        same = old.type.with_nullable(True) == item.type.with_nullable(True)
        if same and old.name in known:
            found[item.name] = known[old.name]
    return found
