"""Write one Parquet file as a stream of row groups.

Settings that decide correctness, not only speed:

- A FLOAT or DOUBLE column that holds NaN gets no row-group statistics: pyarrow leaves NaN out of
  them while Java orders NaN last, so its filters would lose the NaN rows.
- A DECIMAL of more than 18 digits gets no dictionary: Java before 2.0 finds nothing in it.
- TIMESTAMP(7..9) is INT96, the one encoding that every Java version reads right. pyarrow switches
  all timestamps of a file at once, so the other timestamp columns go in as plain integers.
- Only PLAIN and dictionary encodings: the vectorised readers of older Java know no others.
- Pages have checksums, and so has the footer (``parquet_seal``).

Source: ``org.apache.paimon.format.parquet`` (ParquetSchemaConverter, ParquetRowDataWriter).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tablestore.datafile.buffers import BUFFERS
from tablestore.datafile.dictionaries import fitted
from tablestore.datafile.digits import check_digits
from tablestore.datafile.parquet_footer import MAGIC
from tablestore.datafile.parquet_pieces import Footers, Piece
from tablestore.datafile.parquet_seal import SealedSink, mark
from tablestore.datafile.recast import recast
from tablestore.datafile.visible import has_required_member, without_hidden_nulls
from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

ROW_GROUP_ROWS: Final = 65_536
"""Rows of a row group: small enough to search and to merge in windows."""

_HEAD_ROWS: Final = 4_096
_HEAD_DISTINCT_MAX: Final = 0.875
"""Columns with more distinct values among the first rows need no further look."""

_DISTINCT_MAX: Final = 0.5
_FIXED_DISTINCT_MAX: Final = 0.125
"""Share of distinct values up to which a dictionary is smaller than compressed plain values;
numbers in key order repeat in neighbours, which compression finds by itself."""

_CODECS: Final = {
    "zstd": "zstd",
    "snappy": "snappy",
    "gzip": "gzip",
    "lz4": "lz4",
    "lz4_raw": "lz4",
    "brotli": "brotli",
    "none": "none",
    "uncompressed": "none",
}


def parquet_codec(name: str) -> str:
    """Pyarrow's name of a ``file.compression`` value.

    Raises:
        InvalidInputError: Parquet has no such codec.
    """
    codec = _CODECS.get(name.strip().lower())
    if codec is None:
        raise InvalidInputError(
            f"file.compression {name!r} does not exist for Parquet; use one of {sorted(_CODECS)}"
        )
    return codec


class ParquetWriter:
    """Appends batches to a Parquet file; each batch becomes one row group.

    Either one after the other (``write``), or each encoded by any thread and appended in its turn
    (``encode``); the bytes of the file are the same.

    Args:
        sink: a writable binary file object; closed by its owner.
        schema: the file's Arrow schema with field ids (``layout.file_schema``).
        sample: the first rows, from which dictionary columns are chosen.
        compression: a ``file.compression`` value.
        zstd_level: level where the codec is zstd.
        nan_columns: top-level columns that may hold NaN in this file, nested ones included.
    """

    def __init__(
        self,
        sink: BinaryIO,
        schema: pa.Schema,
        *,
        sample: pa.RecordBatch,
        compression: str = "zstd",
        zstd_level: int = 1,
        nan_columns: Collection[str] = (),
    ) -> None:
        schema = pa.schema(
            item.with_type(column.type) if pa.types.is_dictionary(column.type) else item
            for item, column in zip(schema, sample.columns, strict=True)
        )
        self._schema = schema
        self._int96 = any(_has_nanos(field.type) for field in schema)
        physical = _without_short_timestamps(schema) if self._int96 else schema
        self._physical = physical
        self._required = {
            index for index, field in enumerate(schema) if has_required_member(field.type)
        }
        silent = {name.split(".")[0] for name in nan_columns}
        codec = parquet_codec(compression)
        self._told = {
            "compression": codec,
            "compression_level": zstd_level if codec == "zstd" else None,
            "use_dictionary": _dictionary_columns(physical, sample),
            "write_statistics": [
                path for path in _leaves(physical) if path.split(".")[0] not in silent
            ],
        }
        self._sink = SealedSink(sink)
        self._writer: pq.ParquetWriter | None = None
        self._footers = Footers()

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one row group.

        Raises:
            InvalidInputError: a decimal that Parquet files do not keep.
        """
        check_digits(batch, "parquet")
        if self._writer is None:
            self._writer = self._open(self._sink)
        self._write(self._writer, batch)

    def encode(self, batch: pa.RecordBatch) -> Callable[[], None]:
        """Make a row group, in any thread; gives what appends it.

        Raises:
            InvalidInputError: a decimal that Parquet files do not keep.
        """
        check_digits(batch, "parquet")
        sink = pa.BufferOutputStream(BUFFERS)
        writer = self._open(sink)
        self._write(writer, batch)
        mark(writer)
        writer.close()
        return partial(self._append, Piece(memoryview(sink.getvalue()), batch.num_rows))

    def _append(self, piece: Piece) -> None:
        if not self._footers.groups:
            self._sink.write(MAGIC)
        self._footers.add(piece, self._sink.tell())
        self._sink.write(piece.pages)

    def close(self) -> None:
        """Write the footer."""
        if self._footers.groups:
            self._sink.finish_with(self._footers.thrift())
        else:
            self._sink.finish(self._writer or self._open(self._sink))

    def _open(self, sink: object) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            sink,
            self._physical,
            store_decimal_as_integer=True,
            use_deprecated_int96_timestamps=self._int96,
            write_page_checksum=True,
            write_time_adjusted_to_utc=True,
            store_schema=False,
            memory_pool=BUFFERS,
            **self._told,
        )

    def _write(self, writer: pq.ParquetWriter, batch: pa.RecordBatch) -> None:
        columns = [
            fitted(column, kind)
            for column, kind in zip(batch.columns, self._schema.types, strict=True)
        ]
        batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        if self._required:
            columns = [
                without_hidden_nulls(column) if index in self._required else column
                for index, column in enumerate(batch.columns)
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=self._schema)
        if self._int96:
            columns = [
                recast(column, field.type)
                for column, field in zip(batch.columns, self._physical, strict=True)
            ]
            batch = pa.RecordBatch.from_arrays(columns, schema=self._physical)
        writer.write_batch(batch, row_group_size=max(batch.num_rows, 1))


def nan_columns(batch: pa.RecordBatch) -> set[str]:
    """Top-level columns with a NaN in this batch, at any depth."""
    return {
        name
        for name, column in zip(batch.schema.names, batch.columns, strict=True)
        if _has_float(column.type) and _holds_nan(column)
    }


def _has_float(arrow_type: pa.DataType) -> bool:
    return any(pa.types.is_floating(leaf) for leaf in _leaf_types(arrow_type))


def _holds_nan(array: pa.Array) -> bool:
    if pa.types.is_floating(array.type):
        return bool(pc.any(pc.is_nan(array)).as_py())
    if pa.types.is_struct(array.type):
        return any(_holds_nan(child) for child in array.flatten())
    if pa.types.is_map(array.type):
        return _holds_nan(array.keys) or _holds_nan(array.items)
    if pa.types.is_list(array.type):
        return _holds_nan(array.flatten())
    return False


def _leaf_types(arrow_type: pa.DataType) -> Iterator[pa.DataType]:
    if pa.types.is_nested(arrow_type):
        for index in range(arrow_type.num_fields):
            yield from _leaf_types(arrow_type.field(index).type)
    else:
        yield arrow_type


def _has_nanos(arrow_type: pa.DataType) -> bool:
    return any(
        pa.types.is_timestamp(leaf) and leaf.unit == "ns" for leaf in _leaf_types(arrow_type)
    )


def _leaves(schema: pa.Schema) -> Iterator[str]:
    """Paths of the leaf columns as Parquet spells them."""
    for field in schema:
        yield from _leaf_paths(field.name, field.type)


def _leaf_paths(path: str, arrow_type: pa.DataType) -> Iterator[str]:
    if pa.types.is_struct(arrow_type):
        for index in range(arrow_type.num_fields):
            child = arrow_type.field(index)
            yield from _leaf_paths(f"{path}.{child.name}", child.type)
    elif pa.types.is_map(arrow_type):
        yield from _leaf_paths(f"{path}.key_value.key", arrow_type.key_type)
        yield from _leaf_paths(f"{path}.key_value.value", arrow_type.item_type)
    elif pa.types.is_list(arrow_type):
        yield from _leaf_paths(f"{path}.list.element", arrow_type.value_type)
    else:
        yield path


def _dictionary_columns(schema: pa.Schema, sample: pa.RecordBatch) -> list[str]:
    """Leaf columns worth a dictionary: those that repeat their values in the sample."""
    chosen: list[str] = []
    for field, column in zip(schema, sample.columns, strict=True):
        if pa.types.is_boolean(field.type) or _is_wide_decimal(field.type):
            continue
        if pa.types.is_nested(field.type):
            wide = [pa.types.is_decimal(leaf) for leaf in _leaf_types(field.type)]
            paths = list(_leaf_paths(field.name, field.type))
            chosen += [path for path, skip in zip(paths, wide, strict=True) if not skip]
        elif _repeats(column):
            chosen.append(field.name)
    return chosen


def _is_wide_decimal(arrow_type: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(arrow_type) and arrow_type.precision > 18)


def _repeats(column: pa.Array) -> bool:
    """Whether so few of the sampled values are distinct that a dictionary pays."""
    if len(column) == 0:
        return False
    if pa.types.is_dictionary(column.type):
        return True
    if pa.types.is_decimal(column.type):  # only the bits matter, and they count much faster
        column = column.view(pa.binary(column.type.bit_width // 8))
        fixed = True
    else:
        fixed = pa.types.is_primitive(column.type)
    if _distinct_share(column.slice(0, _HEAD_ROWS)) > _HEAD_DISTINCT_MAX:
        return False
    return _distinct_share(column) <= (_FIXED_DISTINCT_MAX if fixed else _DISTINCT_MAX)


def _distinct_share(column: pa.Array) -> float:
    return float(pc.count_distinct(column, mode="all").as_py() / len(column))


def _without_short_timestamps(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_type(_integer_timestamps(field.type)) for field in schema])


def _integer_timestamps(arrow_type: pa.DataType) -> pa.DataType:
    """The type with int64 in place of every timestamp that must not become INT96."""
    if pa.types.is_timestamp(arrow_type):
        return arrow_type if arrow_type.unit == "ns" else pa.int64()
    if pa.types.is_struct(arrow_type):
        members = [arrow_type.field(index) for index in range(arrow_type.num_fields)]
        return pa.struct([m.with_type(_integer_timestamps(m.type)) for m in members])
    if pa.types.is_map(arrow_type):
        key, item = arrow_type.key_field, arrow_type.item_field
        return pa.map_(
            key.with_type(_integer_timestamps(key.type)),
            item.with_type(_integer_timestamps(item.type)),
        )
    if pa.types.is_list(arrow_type):
        value = arrow_type.value_field
        return pa.list_(value.with_type(_integer_timestamps(value.type)))
    return arrow_type
