"""Write one ORC file as a stream of stripes.

- Every type is nullable, as in Java; the attribute ``paimon.id`` holds the ids.
- TIME is an integer, and text of any kind is ``string``, which Java reads as CHAR and VARCHAR.
- A timestamp before 1970 that is no whole number of milliseconds is refused, because Java cannot
  read it back, and so is one outside of 1677 to 2262, because we cannot.

Source: ``org.apache.paimon.format.orc`` (OrcTypeUtil, OrcWriterFactory).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.orc as orc

from tablestore.datafile.digits import check_digits
from tablestore.datafile.layout import ORC_ID, file_schema
from tablestore.datafile.orc_seal import SealedOrcSink
from tablestore.datafile.recast import recast
from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tablestore.types.model import DataField

_STRIPE_BYTES: Final = 16 << 20
_CODECS: Final = {
    "zstd": "zstd",
    "snappy": "snappy",
    "lz4": "lz4",
    "none": "uncompressed",
    "uncompressed": "uncompressed",
}
_PER_MILLI: Final = {"ms": 1, "us": 1_000, "ns": 1_000_000}
_NANOS: Final = 1 << 63


def orc_codec(name: str) -> str:
    """Pyarrow's name of a ``file.compression`` value.

    Raises:
        InvalidInputError: ORC has no such codec.
    """
    codec = _CODECS.get(name.strip().lower())
    if codec is None:
        raise InvalidInputError(
            f"file.compression {name!r} does not exist for ORC; use one of {sorted(_CODECS)}"
        )
    return codec


class OrcWriter:
    """Appends batches to an ORC file.

    Args:
        sink: a writable binary file object; closed by its owner.
        fields: columns of the file.
        compression: a ``file.compression`` value.
    """

    def __init__(
        self, sink: BinaryIO, fields: Sequence[DataField], *, compression: str = "zstd"
    ) -> None:
        schema = file_schema(fields, ORC_ID)
        self._schema = pa.schema([_nullable(field) for field in schema])
        self._sink = SealedOrcSink(sink)
        self._writer = orc.ORCWriter(
            self._sink, compression=orc_codec(compression), stripe_size=_STRIPE_BYTES
        )
        self._empty = True

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            InvalidInputError: a timestamp or a decimal that ORC files do not keep.
        """
        check_digits(batch, "orc")
        for name, column in zip(self._schema.names, batch.columns, strict=True):
            _check_timestamps(name, column)
        columns = [
            recast(_compact(column), field.type)
            for column, field in zip(batch.columns, self._schema, strict=True)
        ]
        self._writer.write(pa.Table.from_arrays(columns, schema=self._schema))
        self._empty = False

    def encode(self, batch: pa.RecordBatch) -> Callable[[], None]:
        """All work is done in the rows' turn."""
        return partial(self.write, batch)

    def close(self) -> None:
        """Write the last stripe and the footer."""
        if self._empty:  # the file has its columns from the first write
            self._writer.write(self._schema.empty_table())
        self._sink.finish(self._writer)


def _compact(array: pa.Array) -> pa.Array:
    """An equal array without offsets, which pyarrow's ORC writer overlooks in nested values."""
    if not pa.types.is_nested(array.type):
        return array
    return pa.concat_arrays([array, array.slice(0, 0)])


def _nullable(field: pa.Field) -> pa.Field:
    return field.with_type(_physical(field.type)).with_nullable(True)


def _physical(kind: pa.DataType) -> pa.DataType:
    """The type as it is stored: all members nullable, TIME an integer."""
    if pa.types.is_time(kind):
        return pa.int32()
    if pa.types.is_struct(kind):
        return pa.struct([_nullable(member) for member in kind])
    if pa.types.is_map(kind):
        key = kind.key_field
        return pa.map_(key.with_type(_physical(key.type)), _nullable(kind.item_field))
    if pa.types.is_list(kind):
        return pa.list_(_nullable(kind.value_field))
    return kind


def _check_timestamps(column: str, array: pa.Array) -> None:
    """Look at all timestamps of a column.

    Raises:
        InvalidInputError: one is not kept.
    """
    if pa.types.is_timestamp(array.type):
        _check_values(column, array)
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            _check_timestamps(column, child)
    elif pa.types.is_map(array.type):
        start = array.offsets[0].as_py()
        length = array.offsets[-1].as_py() - start
        _check_timestamps(column, array.keys.slice(start, length))
        _check_timestamps(column, array.items.slice(start, length))
    elif pa.types.is_list(array.type):
        _check_timestamps(column, array.flatten())


def _check_values(column: str, array: pa.Array) -> None:
    units = _PER_MILLI[array.type.unit]
    numbers = array.view(pa.int64())
    limit = _NANOS * units // _PER_MILLI["ns"]
    bad = pc.or_(pc.less(numbers, pa.scalar(-limit)), pc.greater(numbers, pa.scalar(limit - 1)))
    if units > 1:
        whole = pc.multiply(pc.divide(numbers, pa.scalar(units)), pa.scalar(units))
        bad = pc.or_(bad, pc.and_(pc.less(numbers, pa.scalar(0)), pc.not_equal(whole, numbers)))
    if pc.any(bad).as_py():
        first = array.filter(bad)[0]
        raise InvalidInputError(
            f"column {column!r} holds the timestamp {first.cast(pa.string())}, which ORC files do "
            "not keep: they take 1677-09-21 to 2262-04-11, before 1970 whole milliseconds only; "
            "use Parquet",
            column=column,
        )
