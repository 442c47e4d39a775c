"""Sort compaction: all rows of a partition in an order that lets reads pass over files.

Source: ``org.apache.paimon.flink.action.SortCompactAction``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.compact.external_sort import Sorting, sorted_rows
from tablestore.compact.output import output_shape, replaced_files, write_files
from tablestore.compact.rewrite import file_rows
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.errors import InvalidInputError, nearest
from tablestore.runs.section import batch_rows
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from tablestore.commit.message import CompactIncrement
    from tablestore.compact.context import CompactContext
    from tablestore.compact.curve import SortOrder
    from tablestore.format.manifest import DataFileMeta
    from tablestore.format.schema import TableSchema

DEFAULT_MEMORY: Final = 256 << 20
_UNORDERED: Final = {"VARIANT", "BLOB", "GEOMETRY", "GEOGRAPHY"}


@dataclass(frozen=True)
class SortUnit:
    """All files of a partition of a table without buckets, to be written again in order."""

    partition: bytes
    bucket: int
    total_buckets: int
    before: tuple[DataFileMeta, ...]
    order: SortOrder
    runs: tuple[int, int]

    @property
    def size(self) -> int:
        """Bytes that are read and written again."""
        return sum(meta.file_size for meta in self.before)

    @property
    def reason(self) -> str:
        """The order."""
        return str(self.order)

    def run(self, context: CompactContext) -> CompactIncrement:
        """Sort and write; numbers start at 0, as in every overwrite."""
        place = (self.partition, self.bucket)
        memory = context.memory or DEFAULT_MEMORY
        sorting = Sorting(self.order, memory, context.go_on)
        rows = sorted_rows(_FileRows(context, place, self.before, memory), sorting)
        after = write_files(context, place, output_shape(context), rows)
        return replaced_files(context, place, self.before, after)


@dataclass(frozen=True)
class _FileRows:
    context: CompactContext
    place: tuple[bytes, int]
    files: Sequence[DataFileMeta]
    memory: int

    @property
    def count(self) -> int:
        return sum(meta.row_count for meta in self.files)

    def batches(self, columns: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        schema = self.context.schema
        fields = schema.fields if columns is None else tuple(schema.field(n) for n in columns)
        for meta in self.files:
            rows = min(batch_rows([[meta]], self.memory // 8), BATCH_ROWS)
            yield from file_rows(self.context, self.place, meta, fields, rows)


def plan_sort(
    context: CompactContext,
    place: tuple[bytes, int],
    total_buckets: int,
    files: Sequence[DataFileMeta],
    order: SortOrder,
) -> SortUnit:
    """The work on one partition."""
    target = max(context.append.target_file_size, 1)
    after = max(-(-sum(meta.file_size for meta in files) // target), 1)
    return SortUnit(*place, total_buckets, tuple(files), order, (len(files), after))


def replaced(done: CommitMessage) -> CommitMessage:
    """A sort compaction as rows that replace others: it becomes an OVERWRITE snapshot, as in Java.

    Only the files that were sorted go. (Java's overwrite takes every file of the partition, and so
    rows that were appended while it sorted.)
    """
    half = done.compact
    data = DataIncrement(
        new_files=half.after,
        deleted_files=half.before,
        new_index_files=half.new_index_files,
        deleted_index_files=half.deleted_index_files,
    )
    return CommitMessage(done.partition, done.bucket, done.total_buckets, data)


def check_sortable(table: str, schema: TableSchema, bucket: int, order: SortOrder) -> None:
    """Refuse what cannot be sorted.

    Raises:
        InvalidInputError: the table is not an append table without buckets, a column is not there,
            comes twice or has a type without order, or there are too few of them.
    """
    if schema.primary_keys or bucket != -1:
        raise InvalidInputError(
            f"table {table}: order_by sorts append tables with bucket = -1 only; "
            + ("it has a primary key" if schema.primary_keys else f"its bucket is {bucket}")
        )
    names = schema.field_names
    for name in order.columns:
        if name not in names:
            raise InvalidInputError(
                f"table {table} has no column {name!r}{nearest(name, names)}; its columns are "
                f"{', '.join(names)}",
                column=name,
            )
        kind = schema.field(name).type
        if not isinstance(kind, AtomicType) or kind.name in _UNORDERED:
            raise InvalidInputError(
                f"table {table}, column {name!r}: rows cannot be ordered by {kind.sql()}",
                column=name,
            )
    if not order.columns or len(set(order.columns)) < len(order.columns):
        raise InvalidInputError(f"order_by names columns, each once, found {list(order.columns)}")
    if order.text_bytes < 1:
        raise InvalidInputError(
            f"table {table}: zorder.var-length-contribution is at least 1, found {order.text_bytes}"
        )
    if order.strategy == "hilbert" and len(order.columns) == 1:
        raise InvalidInputError("a Hilbert curve needs two columns or more in order_by, found one")
