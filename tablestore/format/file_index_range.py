"""The range-bitmap index of a column: a sorted dictionary, and its codes by row as bit slices.

::

    int32 bytes of header | byte version = 1 | int32 rows | int32 values | min | max
        | int32 bytes of dictionary                        no min and max without values
    dictionary: int32 bytes of header | byte version = 1 | int32 chunks | int32 bytes of offsets
        | int32 bytes of chunk headers
        | int32 offset per chunk header | chunk headers | keys
    chunk header: byte version = 1 | first value | int32 its code | int32 offset of the chunk's keys
        | int32 n more values
        | int32 bytes of keys | int32 bytes of a value        values of fixed length
        | int32 bytes of offsets | int32 bytes of keys        text: int32 offsets stand before keys
    slices: int32 bytes of header | byte version = 1 | byte n | int32 bytes of the rows' bitmap
        | int32 8 n, per slice: int32 offset | int32 length
        | bitmap of rows with a value | slices, bit i of the code

Source: ``org.apache.paimon.fileindex.rangebitmap.RangeBitmap``, ``BitSliceIndexBitmap``,
``dictionary.chunked.ChunkedDictionary``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.errors import CorruptDataError
from tablestore.format.byte_reader import ByteReader
from tablestore.format.byte_rows import ByteRows, edges_of, fixed_rows
from tablestore.format.index_groups import Groups, group
from tablestore.format.index_values import (
    Distinct,
    Values,
    read_value,
    stored_type,
)
from tablestore.format.roaring import MAX_VALUES, decode_bitmap, encode_bitmap
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK_BYTES: Final = 16 << 10

_VERSION: Final = 1
_WHAT: Final = "range-bitmap index"
_ONE_A_CHUNK: Final = frozenset({"BOOLEAN", "TINYINT", "SMALLINT"})
_DICTIONARY_HEAD: Final = 13
_SLICES_HEAD: Final = 10
_CODE_BITS: Final = 31
_CHUNK_NUMBERS: Final = ("code", "at", "count", "bytes", "width")


@dataclass(frozen=True, slots=True)
class RangeIndex:
    """A decoded index; the slices stay packed.

    Attributes:
        rows: rows of the file.
        values: the different values, ascending; a value's place is its code.
        places: the rows with a value.
        slices: bitmap i has the rows whose code has bit i.
    """

    rows: int
    values: Values
    places: NDArray[np.uint32]
    slices: tuple[bytes, ...]

    @property
    def distinct(self) -> Distinct:
        """The different values."""
        return Distinct(self.values, len(self.places) < self.rows)

    def codes(self) -> NDArray[np.int64]:
        """For each of ``places``, the place of its value in ``values``.

        Raises:
            CorruptDataError: a slice is no bitmap.
        """
        found = np.zeros(len(self.places), dtype=np.int64)
        for index, packed in enumerate(self.slices):
            some, _ = decode_bitmap(packed, what=_WHAT, limit=len(self.places))
            if not len(some):
                continue  # Java writes 64 slices for a column without values
            if index >= _CODE_BITS:
                raise CorruptDataError(_WHAT, expected=f"codes of {_CODE_BITS} bits", found="more")
            found[np.isin(self.places, some)] |= 1 << index
        return found


def decode_range_bitmap(data: bytes, data_type: DataType) -> RangeIndex:
    """An index from its bytes.

    Args:
        data: the index.
        data_type: of the column when the file was written.

    Raises:
        CorruptDataError: the bytes are no such index.
        UnsupportedFormatError: a newer version, or a type that cannot have one.
    """
    dtype = stored_type(data_type)
    reader = ByteReader(data, _WHAT)
    start = reader.integer() + 4
    reader.version(_VERSION)
    rows, count = reader.integer(), reader.integer()
    if rows < 0 or not 0 <= count <= rows:
        reader.bad("a number of values up to that of rows", f"{count} of {rows}", 5)
    for _ in range(2 if count else 0):
        read_value(reader, dtype)
    size = reader.integer()
    if reader.at != start:
        reader.bad(f"a header up to byte {start}", reader.at)
    values = _dictionary(ByteReader(reader.take(size), _WHAT), dtype)
    if len(values) != count:
        reader.bad(f"{count} values in the dictionary", len(values), start)
    places, slices = _slices(reader, min(rows, MAX_VALUES))
    if len(places) and int(places[-1]) >= rows:
        reader.bad(f"rows below {rows}", int(places[-1]))
    return RangeIndex(rows, values, places, slices)


def _dictionary(reader: ByteReader, dtype: np.dtype[Any] | None) -> Values:
    reader.integer()
    reader.version(_VERSION)
    chunks = reader.count(1)
    offsets, headers = reader.integer(), reader.integer()
    reader.take(offsets)
    heads = ByteReader(reader.take(headers), _WHAT)
    keys = ByteReader(reader.take(reader.left), _WHAT)
    texts: list[bytes] = []
    numbers: list[NDArray[Any]] = [np.empty(0, dtype)]
    total = 0
    for _ in range(chunks):
        heads.version(_VERSION)
        first = read_value(heads, dtype)
        code = heads.integer()
        if code != total:
            heads.bad(f"code {total} for the chunk's first value", code)
        more = _chunk(heads, keys, dtype)
        total += 1 + len(more)
        if dtype is None:
            texts += [first, *more]
        else:
            numbers += [np.array([first], dtype), more]
    return texts if dtype is None else np.concatenate(numbers)


def _chunk(heads: ByteReader, body: ByteReader, dtype: np.dtype[Any] | None) -> Values:
    offset, count = heads.integer(), heads.integer()
    first, second = heads.integer(), heads.integer()
    # one chunk's keys stand behind the other's: no byte is read twice
    if offset != body.at:
        heads.bad(f"keys at {body.at}", offset)
    if dtype is not None:
        if second != dtype.itemsize or first != count * second or count < 0:
            heads.bad(f"{count} values of {dtype.itemsize} bytes", f"{first} bytes of {second}")
        return body.array(dtype, count)
    if count < 0 or first != 4 * count:
        heads.bad(f"{4 * max(count, 0)} bytes of offsets", first)
    body.take(first)
    part = ByteReader(body.take(second), _WHAT)
    return [read_value(part, dtype) for _ in range(count)]


def _slices(reader: ByteReader, rows: int) -> tuple[NDArray[np.uint32], tuple[bytes, ...]]:
    head = reader.integer()
    start = reader.at
    reader.version(_VERSION)
    count = reader.integer(1)
    size, indexes = reader.integer(), reader.integer()
    if count < 0 or indexes != 8 * count or head != _SLICES_HEAD + indexes:
        reader.bad(f"a header of {count} slices", f"{head} bytes", start)
    places = reader.array(np.dtype(">i4"), 2 * count).reshape(count, 2).tolist()
    found, end = decode_bitmap(reader.take(size), what=_WHAT, limit=rows)
    if end != size:
        reader.bad(f"a bitmap of {size} bytes", end)
    body = reader.take(reader.left)
    slices = []
    for offset, length in places:
        part = ByteReader(body, _WHAT)
        part.take(offset)
        slices.append(part.take(length))
    return found, tuple(slices)


def encode_range_bitmap(
    array: pa.Array, data_type: DataType, *, chunk_bytes: int | None = None
) -> bytes:
    """The index of a column.

    Args:
        array: its values.
        data_type: its type.
        chunk_bytes: size of the keys of a chunk at most; by default as Java chooses.

    Raises:
        UnsupportedFormatError: the type cannot have one.
    """
    dtype = stored_type(data_type)
    if chunk_bytes is None:
        alone = isinstance(data_type, AtomicType) and data_type.name in _ONE_A_CHUNK
        chunk_bytes = 0 if alone else CHUNK_BYTES
    groups = group(array, data_type)
    stored, count = groups.stored, len(groups)
    dictionary = _dictionary_bytes(stored, chunk_bytes, dtype)
    header = [_VERSION.to_bytes(1, "big"), _int(len(array)), _int(count)]
    header += [_between(stored, 0, 1), _between(stored, count - 1, count)] if count else []
    header.append(_int(len(dictionary)))
    head = b"".join(header)
    return b"".join([_int(len(head)), head, dictionary, _slice_bytes(groups, len(array))])


def _between(rows: ByteRows, start: int, end: int) -> bytes:
    return rows.data[rows.offsets[start] : rows.offsets[end]].tobytes()


def _dictionary_bytes(stored: ByteRows, limit: int, dtype: np.dtype[Any] | None) -> bytes:
    chunks = _text_chunks(stored, limit) if dtype is None else _fixed_chunks(stored, limit, dtype)
    heads, keys = chunks
    places = heads.offsets[:-1].astype(">i4").tobytes()
    header = [_int(_DICTIONARY_HEAD), _VERSION.to_bytes(1, "big"), _int(len(heads))]
    header += [_int(len(places)), _int(len(heads.data)), places]
    return b"".join([*header, heads.tobytes(), keys])


def _fixed_chunks(stored: ByteRows, limit: int, dtype: np.dtype[Any]) -> tuple[ByteRows, bytes]:
    """The headers of chunks and their keys, for values of one width."""
    values = stored.data.view(dtype)
    step = 1 + limit // dtype.itemsize
    starts = np.arange(0, len(values), step)
    more = np.minimum(len(values) - starts, step) - 1
    head = np.empty(
        len(starts),
        [("version", "u1"), ("first", dtype), *((name, ">i4") for name in _CHUNK_NUMBERS)],
    )
    head["version"], head["width"] = _VERSION, dtype.itemsize
    head["first"], head["code"], head["count"] = values[starts], starts, more
    head["bytes"] = more * dtype.itemsize
    head["at"] = edges_of(more)[:-1] * dtype.itemsize
    keys = np.delete(values, starts)
    return fixed_rows(head), keys.tobytes()


def _text_chunks(stored: ByteRows, limit: int) -> tuple[ByteRows, bytes]:
    """The same for text, whose keys stand behind their offsets."""
    heads, keys = [], []
    code = keys_at = 0
    while code < len(stored):
        first = code + 1
        room = int(stored.offsets[first]) + limit
        fitting = int(np.searchsorted(stored.offsets, room, side="right")) - 1
        end = min(max(fitting, first), first + limit // 4)
        offsets = (stored.offsets[first:end] - stored.offsets[first]).astype(">i4").tobytes()
        body = _between(stored, first, end)
        head = [_VERSION.to_bytes(1, "big"), _between(stored, code, first), _int(code)]
        head += [_int(keys_at), _int(end - first), _int(len(offsets)), _int(len(body))]
        heads.append(b"".join(head))
        keys += [offsets, body]
        keys_at += len(offsets) + len(body)
        code = end
    lengths = np.fromiter(map(len, heads), np.int64, len(heads))
    data = np.frombuffer(b"".join(heads), dtype=np.uint8)
    return ByteRows(data, edges_of(lengths)), b"".join(keys)


def _slice_bytes(groups: Groups, length: int) -> bytes:
    count = max(max(len(groups) - 1, 0).bit_length(), 1)
    if not len(groups):
        count = _SLICES_WITHOUT_VALUES
    rows = np.zeros(length, dtype=np.bool_)
    rows[groups.rows] = True
    codes = np.zeros(length, dtype=np.int64)
    codes[groups.rows] = np.repeat(np.arange(len(groups)), groups.counts)
    slices = [encode_bitmap(np.flatnonzero((codes >> bit) & 1)) for bit in range(count)]
    places = encode_bitmap(np.flatnonzero(rows))
    index, at = [], 0
    for packed in slices:
        index += [_int(at), _int(len(packed))]
        at += len(packed)
    head = [_int(_SLICES_HEAD + 8 * count), _VERSION.to_bytes(1, "big"), count.to_bytes(1, "big")]
    return b"".join([*head, _int(len(places)), _int(8 * count), *index, places, *slices])


_SLICES_WITHOUT_VALUES: Final = 64
"""Java counts the bits of the highest code, which is -1 without values."""


def _int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)
