"""Read a Parquet file of any Paimon writer as a stream of record batches.

Batches come in the Arrow types of the data types asked for, whatever physical encoding the writer
chose (INT96, integers without annotation, decimals as integers or fixed bytes, dictionaries).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tablestore.datafile.buffers import BUFFERS
from tablestore.datafile.dictionaries import dictionary_type, small_dictionaries
from tablestore.datafile.int96 import has_int96, with_raw_int96
from tablestore.datafile.parquet_footer import MAGIC, Bound, Footer, read_footer
from tablestore.datafile.parquet_seal import check_footer
from tablestore.datafile.physical import TimestampRangeError, as_logical, null_rows, out_of_range
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.predicate.literal import Value
from tablestore.predicate.prune import ColumnRange
from tablestore.types.arrow import to_arrow
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tablestore.types.model import DataField

_INTEGERS: Final = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT", "DATE"})
_MS_PER_DAY: Final = 86_400_000

_PIECE_BYTES: Final = 64 << 10
"""Bytes of a column that are read at a time, where reading is cheap: row groups of other writers
may be as large as their files."""


_OPEN_COLUMN_BYTES: Final = 200 << 10
"""Memory of a column that is being read beside its page: seen with zstd, less with others."""
_PAGE_BYTES: Final = 1 << 20
"""What writers fill a page with, and its dictionary."""


class ParquetReader:
    """One open Parquet file.

    Args:
        source: a seekable binary file (or pyarrow file).
        name: the object's name for error messages.

    Raises:
        CorruptDataError: the footer is damaged.
    """

    def __init__(self, source: object, name: str) -> None:
        self._name = name
        self._footer: list[Footer | None] = []  # empty until statistics are asked for
        with self._guard():
            if not isinstance(source, pa.NativeFile):
                source = pa.PythonFile(source, mode="r")
            self._source = source
            self._thrift = read_footer(source)
            self._file = pq.ParquetFile(
                source, metadata=_metadata(source, self._thrift), page_checksum_verification=True
            )
            self._positions = {
                field_name: index for index, field_name in enumerate(self._file.schema_arrow.names)
            }

    @property
    def row_count(self) -> int:
        """Physical rows of the file, deletes included."""
        return int(self._file.metadata.num_rows)

    @property
    def row_groups(self) -> int:
        """Number of row groups."""
        return int(self._file.metadata.num_row_groups)

    @property
    def has_ranges(self) -> bool:
        """Footers have statistics of row groups."""
        return True

    @property
    def column_names(self) -> list[str]:
        """Top-level columns in file order."""
        return list(self._positions)

    def batches(
        self,
        fields: Sequence[DataField],
        row_groups: Sequence[int] | None = None,
        batch_rows: int = BATCH_ROWS,
        dictionaries: Collection[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """The named columns in row order; a column that the file lacks is null.

        Args:
            fields: columns under the file's names, with the types to give.
            row_groups: which row groups to read, ascending; all when None.
            batch_rows: rows of a batch at most.
            dictionaries: text columns to give as dictionaries where the file has small ones.

        Raises:
            CorruptDataError: a page is damaged or a value does not fit its type.
            UnsupportedFormatError: a timestamp that nanoseconds of 64 bits cannot hold.
        """
        present = [field for field in fields if field.name in self._positions]
        schema = pa.schema([pa.field(f.name, to_arrow(f.type)) for f in fields])
        groups = list(range(self.row_groups)) if row_groups is None else list(row_groups)
        if not present:
            yield from self._empty_columns(schema, groups)
            return
        with self._guard():
            found = small_dictionaries(self._file.metadata, dictionaries, groups)
            if found:
                schema = pa.schema(
                    item.with_type(dictionary_type(item.type)) if item.name in found else item
                    for item in schema
                )
            source = self._pooled(found).iter_batches(
                batch_size=batch_rows,
                row_groups=groups,
                columns=[field.name for field in present],
                use_threads=False,
            )
        while True:
            with self._guard():
                raw = next(source, None)
                if raw is None:
                    return
                batch = self._converted(raw, fields, schema)
            yield batch

    def _pooled(self, dictionaries: list[str]) -> pq.ParquetFile:
        """The file again, decoding into buffers of ours; pyarrow's class cannot be told to."""
        told = {"metadata": self._file.metadata, "page_checksum_verification": True}
        file = pq.ParquetFile(self._source, **told)
        file.reader = type(file.reader)(memory_pool=BUFFERS)
        local = isinstance(self._source, pa.OSFile)
        file.reader.open(
            self._source,
            use_memory_map=False,
            # far away, few large requests count; here, what need not be in memory yet
            pre_buffer=not local,
            buffer_size=_PIECE_BYTES if local else 0,
            read_dictionary=dictionaries,
            **told,
        )
        return file

    def _converted(
        self, raw: pa.RecordBatch, fields: Sequence[DataField], schema: pa.Schema
    ) -> pa.RecordBatch:
        columns = []
        for field, target in zip(fields, schema, strict=True):
            position = raw.schema.get_field_index(field.name)
            if position < 0:
                columns.append(pa.nulls(raw.num_rows, target.type))
            else:
                columns.append(self._logical(raw.column(position), field, target.type))
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    def _logical(self, array: pa.Array, field: DataField, target: pa.DataType) -> pa.Array:
        if pa.types.is_dictionary(target):
            return array.cast(target)
        try:
            return as_logical(array, field.type, target)
        except TimestampRangeError as error:
            raise out_of_range(self._name, [field.name], error) from error

    def _empty_columns(self, schema: pa.Schema, groups: list[int]) -> Iterator[pa.RecordBatch]:
        for group in groups:
            left = self._file.metadata.row_group(group).num_rows
            while left > 0:
                count = min(left, BATCH_ROWS)
                yield null_rows(count, schema)
                left -= count

    def ranges(self, group: int, fields: Sequence[DataField]) -> dict[str, ColumnRange]:
        """What the statistics of a row group say of top-level columns; unknown ones are left out.

        FLOAT and DOUBLE are left out: some writers leave NaN out of these bounds.

        Raises:
            CorruptDataError: the footer is damaged.
        """
        found: dict[str, ColumnRange] = {}
        footer = self._statistics()
        if footer is None:
            return found
        for field in fields:
            if not isinstance(field.type, AtomicType):
                continue
            bounds = footer.bounds(group, field.name)
            if bounds is None:
                continue
            low, high = _bound(bounds.low, field.type), _bound(bounds.high, field.type)
            if low is None or high is None:
                low = high = None
            found[field.name] = ColumnRange(low, high, bounds.nulls)
        return found

    def _statistics(self) -> Footer | None:
        """The footer's statistics, read when they are asked for; None where it is giant."""
        if not self._footer:
            with self._guard():
                data = self._thrift
                self._footer = [Footer(data) if data is not None else None]
        return self._footer[0]

    def group_rows(self, group: int) -> int:
        """Rows of one row group."""
        return int(self._file.metadata.row_group(group).num_rows)

    def held_bytes(self, fields: Sequence[DataField]) -> int:
        """Of each column a page, what it was read from and what unpacks it."""
        names = {field.name for field in fields}
        footer = self._statistics()
        if footer is None:
            return len(names) * (_OPEN_COLUMN_BYTES + _PAGE_BYTES)
        chunks = footer.largest_chunks().items()
        return sum(
            _OPEN_COLUMN_BYTES + min(size, _PAGE_BYTES)
            for path, size in chunks
            if path and path[0] in names
        )

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except CorruptDataError as error:
            raise error.named(self._name) from None
        except UnsupportedFormatError:
            raise
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            text = str(error).strip().split("\n", 1)[0][:300]
            raise CorruptDataError(
                "data file", name=self._name, expected="a readable Parquet file", found=text
            ) from error


def _metadata(source: pa.NativeFile, thrift: bytes | None) -> pq.FileMetaData:
    """The footer as pyarrow has it, without reading it again, its checksum compared."""
    if thrift is None:
        metadata = pq.read_metadata(source)
    else:
        check_footer(thrift, source.size())
        file = b"".join((MAGIC, thrift, len(thrift).to_bytes(4, "little"), MAGIC))
        metadata = pq.read_metadata(pa.BufferReader(file))
    return with_raw_int96(metadata) if has_int96(metadata) else metadata


def _bound(value: Bound | None, data_type: AtomicType) -> Value:
    """A footer bound in the representation of ``predicate.prune``, None where it is not trusted."""
    name = data_type.name
    if isinstance(value, bool):
        return value if name == "BOOLEAN" else None
    if isinstance(value, int):
        return value if name in _INTEGERS else None
    if isinstance(value, bytes) and name in {"CHAR", "VARCHAR"}:
        try:
            return value.decode()
        except UnicodeDecodeError:  # a bound that was cut inside a character
            return None
    return None
