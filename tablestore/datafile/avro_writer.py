"""Write one Avro data file, block by block.

fastavro encodes the records of a block, all at once, by the schema without its logical types; the
container is written here.

Source: ``org.apache.paimon.format.avro`` (AvroFileFormat, RowDataToAvroConverters).
"""

from __future__ import annotations

import io
import json
import os
import zlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import fastavro
import pyarrow as pa
import zstandard

from tablestore.datafile.avro_schema import RawSchema, is_text_map, paimon_schema
from tablestore.datafile.digits import check_digits
from tablestore.errors import InvalidInputError
from tablestore.format.avro import MAGIC
from tablestore.format.avro_seal import SEAL_KEY, header_seal
from tablestore.format.avro_writer import write_bytes, write_long, write_string
from tablestore.types.model import ArrayType, AtomicType, DataType, MapType, MultisetType, RowType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.types.model import DataField

_BLOCK_BYTES: Final = 256 << 10
_BLOCK_ROWS: Final = 4_096
_DECIMAL_BYTES: Final = 16
_CODECS: Final = {"zstd": "zstandard", "snappy": "snappy", "none": "null", "uncompressed": "null"}


def avro_codec(name: str) -> str:
    """Avro's name of a ``file.compression`` value.

    Raises:
        InvalidInputError: Avro has no such codec.
    """
    codec = _CODECS.get(name.strip().lower())
    if codec is None:
        raise InvalidInputError(
            f"file.compression {name!r} does not exist for Avro; use one of {sorted(_CODECS)}"
        )
    return codec


class AvroWriter:
    """Appends batches to an Avro file.

    Args:
        sink: a writable binary file object; closed by its owner.
        fields: columns of the file.
        compression: a ``file.compression`` value.
        zstd_level: level where the codec is zstd.

    Raises:
        InvalidInputError: a column that Avro cannot hold, or a codec that it does not have.
    """

    def __init__(
        self,
        sink: BinaryIO,
        fields: Sequence[DataField],
        *,
        compression: str = "zstd",
        zstd_level: int = 1,
    ) -> None:
        codec = avro_codec(compression)
        text = json.dumps(paimon_schema(fields), separators=(",", ":"))
        self._sink = sink
        self._fields = tuple(fields)
        self._compress = _compressor(codec, zstd_level)
        items = RawSchema(text).avro
        self._schema = fastavro.parse_schema({"type": "array", "items": items})
        self._sync = os.urandom(16)
        head = bytearray(MAGIC)
        write_long(head, 3)
        write_string(head, "avro.schema")
        write_string(head, text)
        write_string(head, "avro.codec")
        write_string(head, codec)
        write_string(head, SEAL_KEY)
        write_string(head, header_seal(text, codec))
        head.append(0)
        sink.write(bytes(head) + self._sync)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows as blocks."""
        if not batch.num_rows:
            return
        check_digits(batch, "avro")
        width = max(batch.nbytes // batch.num_rows, 1)
        step = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // width))
        for start in range(0, batch.num_rows, step):
            self._block(batch.slice(start, step))

    def encode(self, batch: pa.RecordBatch) -> Callable[[], None]:
        """All work is done in the rows' turn."""
        return partial(self.write, batch)

    def close(self) -> None:
        """Nothing follows the last block."""

    def _block(self, batch: pa.RecordBatch) -> None:
        columns = [
            _values(column, field.type, field.name)
            for field, column in zip(self._fields, batch.columns, strict=True)
        ]
        names = [field.name for field in self._fields]
        records = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, self._schema, records)
        # an Avro array is a count, the items and a zero; a block has the items only
        count = bytearray()
        write_long(count, len(records))
        out = bytearray(count)
        write_bytes(out, self._compress(stream.getvalue()[len(count) : -1]))
        self._sink.write(bytes(out) + self._sync)


def _compressor(codec: str, zstd_level: int) -> Callable[[bytes], bytes]:
    if codec == "zstandard":
        return zstandard.ZstdCompressor(level=zstd_level, write_checksum=True).compress
    if codec == "snappy":
        return _snappy
    return bytes


def _snappy(block: bytes) -> bytes:
    packed: bytes = pa.Codec("snappy").compress(block, asbytes=True)
    return packed + zlib.crc32(block).to_bytes(4, "big")


def _values(array: pa.Array, data_type: DataType, column: str) -> list[Any]:
    """The values as fastavro takes them without logical types.

    Raises:
        InvalidInputError: a map has a key twice.
    """
    try:
        values: list[Any] = _raw(array, data_type).to_pylist(maps_as_pydicts="strict")
    except KeyError:
        raise InvalidInputError(
            f"column {column!r} holds a map with a key that is there twice", column=column
        ) from None
    return values


def _raw(array: pa.Array, data_type: DataType) -> pa.Array:
    """Numbers for dates and times, bytes for decimals, pairs for maps without text keys."""
    match data_type:
        case AtomicType():
            return _raw_atomic(array)
        case RowType(fields=fields):
            members = [_raw(array.field(i), field.type) for i, field in enumerate(fields)]
            names = [field.name for field in fields]
            return pa.StructArray.from_arrays(members, names=names, mask=_mask(array))
    if array.offset:  # from_arrays with a mask refuses sliced offsets
        array = pa.concat_arrays([array, array.slice(0, 0)])
    if isinstance(data_type, ArrayType):
        items = _raw(array.values, data_type.element)
        return pa.ListArray.from_arrays(array.offsets, items, mask=_mask(array))
    key, value = _sides(data_type)
    keys, values = _raw(array.keys, key), _raw(array.items, value)
    if is_text_map(data_type):
        kind = pa.map_(keys.type, values.type)
        return pa.MapArray.from_arrays(array.offsets, keys, values, type=kind, mask=_mask(array))
    pairs = pa.StructArray.from_arrays([keys, values], names=["key", "value"])
    return pa.ListArray.from_arrays(array.offsets, pairs, mask=_mask(array))


def _sides(data_type: DataType) -> tuple[DataType, DataType]:
    if isinstance(data_type, MapType):
        return data_type.key, data_type.value
    if isinstance(data_type, MultisetType):
        return data_type.element, AtomicType("INT")
    raise InvalidInputError(f"values of {data_type} cannot be stored in Avro")


def _mask(array: pa.Array) -> pa.Array | None:
    return array.is_null() if array.null_count else None


def _raw_atomic(array: pa.Array) -> pa.Array:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return array.view(pa.int64())
    if pa.types.is_date32(kind) or pa.types.is_time32(kind):
        return array.view(pa.int32())
    if pa.types.is_decimal(kind):
        return pa.array(_decimals(array), pa.binary())
    return array


def _decimals(array: pa.Decimal128Array) -> list[bytes | None]:
    """The unscaled values, big-endian, in as few bytes as hold them and their sign."""
    start = array.offset * _DECIMAL_BYTES
    data = array.buffers()[1].to_pybytes()[start : start + len(array) * _DECIMAL_BYTES]
    found: list[bytes | None] = []
    for place, valid in enumerate(array.is_valid().to_pylist()):
        at = place * _DECIMAL_BYTES
        number = int.from_bytes(data[at : at + _DECIMAL_BYTES], "little", signed=True)
        length = (number if number >= 0 else ~number).bit_length() // 8 + 1
        found.append(number.to_bytes(length, "big", signed=True) if valid else None)
    return found
