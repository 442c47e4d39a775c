"""The bitmap index of a column: for each value, the rows that have it.

::

    byte version | int32 rows | int32 values | byte has null
    has null:    int32 offset of its bitmap, V2: int32 length
    V1           per value: value | int32 offset
    V2           int32 blocks, per block: first value | int32 offset
                 int32 bytes of blocks
                 per block, values ascending: int32 n, n times value | int32 offset | int32 length
    bitmaps, portable Roaring

Offsets of bitmaps count from the first of them; a negative one, ``-1 - row``, stands for a single
row. V2 is the default since 1.0.

Source: ``org.apache.paimon.fileindex.bitmap.BitmapFileIndex``, ``BitmapFileIndexMetaV2``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.errors import UnsupportedFormatError
from tablestore.format.byte_reader import ByteReader
from tablestore.format.index_values import (
    Distinct,
    Values,
    group_positions,
    read_value,
    stored_type,
    write_value,
)
from tablestore.format.roaring import MAX_VALUES, decode_bitmap, encode_bitmap
from tablestore.types.model import DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

V1: Final = 1
V2: Final = 2
BLOCK_BYTES: Final = 16 << 10

_WHAT: Final = "bitmap index"


@dataclass(frozen=True, slots=True)
class BitmapIndex:
    """A decoded index; the bitmaps stay packed until asked for.

    Attributes:
        rows: rows of the file.
        values: the different values; ascending in V2.
        offsets: where the bitmap of each value is, or ``-1 - row``.
        null_offset: the same for null; None without nulls.
        body: the bitmaps.
    """

    rows: int
    values: Values
    offsets: Sequence[int]
    null_offset: int | None
    body: bytes

    @property
    def distinct(self) -> Distinct:
        """The different values."""
        return Distinct(self.values, self.null_offset is not None)

    def rows_of(self, index: int) -> NDArray[np.uint32]:
        """The rows that have a value, by its place in ``values``."""
        return self._rows(self.offsets[index])

    def null_rows(self) -> NDArray[np.uint32]:
        """The rows with null."""
        if self.null_offset is None:
            return np.empty(0, dtype=np.uint32)
        return self._rows(self.null_offset)

    def _rows(self, offset: int) -> NDArray[np.uint32]:
        if offset < 0:
            return np.array([-1 - offset], dtype=np.uint32)
        return decode_bitmap(self.body, offset, what=_WHAT, limit=min(self.rows, MAX_VALUES))[0]


def decode_bitmap_index(data: bytes, data_type: DataType) -> BitmapIndex:
    """An index from its bytes.

    Args:
        data: the index.
        data_type: of the column when the file was written.

    Raises:
        CorruptDataError: the bytes are no bitmap index.
        UnsupportedFormatError: a newer version, or a type that cannot have one.
    """
    dtype = stored_type(data_type)
    reader = ByteReader(data, _WHAT)
    version = reader.version(V2)
    rows, count = reader.integer(), reader.integer()
    if rows < 0 or not 0 <= count <= rows:
        reader.bad("a number of values up to that of rows", f"{count} of {rows}", 1)
    null_offset = None
    if reader.flag():
        null_offset = reader.integer()
        if version == V2:
            reader.integer()
    if version == V1:
        values, offsets = _entries(reader, dtype, count, lengths=False)
    else:
        values, offsets = _blocks(reader, dtype, count)
    body = reader.take(reader.left)
    return BitmapIndex(rows, values, offsets, null_offset, body)


def _blocks(
    reader: ByteReader, dtype: np.dtype[Any] | None, count: int
) -> tuple[Values, list[int]]:
    blocks = reader.count(4)
    for _ in range(blocks):
        read_value(reader, dtype)
        reader.integer()
    size = reader.integer()
    start = reader.at
    parts: list[Any] = []
    offsets: list[int] = []
    for _ in range(blocks):
        values, places = _entries(reader, dtype, reader.count(8), lengths=True)
        parts += values if dtype is None else [values]
        offsets += places
    if reader.at - start != size:
        reader.bad(f"{size} bytes of blocks", reader.at - start, start)
    if len(offsets) != count:
        reader.bad(f"{count} values", len(offsets), start)
    if dtype is None:
        return parts, offsets
    return np.concatenate([np.empty(0, dtype), *parts]), offsets


def _entries(
    reader: ByteReader, dtype: np.dtype[Any] | None, count: int, *, lengths: bool
) -> tuple[Values, list[int]]:
    if dtype is not None:
        fields = [("value", dtype), ("offset", ">i4")] + [("length", ">i4")] * lengths
        found = reader.array(np.dtype(fields), count)
        return found["value"], found["offset"].tolist()
    values, offsets = [], []
    for _ in range(count):
        values.append(read_value(reader, dtype))
        offsets.append(reader.integer())
        if lengths:
            reader.integer()
    return values, offsets


def encode_bitmap_index(
    array: pa.Array, data_type: DataType, *, version: int = V2, block_bytes: int = BLOCK_BYTES
) -> bytes:
    """The index of a column.

    Args:
        array: its values.
        data_type: its type.
        version: 1 for readers before 1.0.
        block_bytes: size of a block of V2 at most.

    Raises:
        UnsupportedFormatError: the type cannot have one, or no such version.
    """
    if version not in {V1, V2}:
        raise UnsupportedFormatError(f"a bitmap index of version {version}")
    dtype = stored_type(data_type)
    values, groups, nulls = group_positions(array, data_type)
    head = [version.to_bytes(1, "big"), _int(len(array)), _int(len(groups))]
    packed_nulls = encode_bitmap(nulls)
    head.append(bytes([len(nulls) > 0]))
    bodies = []
    at = 0
    if len(nulls):
        head.append(_int(-1 - int(nulls[0]) if len(nulls) == 1 else 0))
        head += [_int(len(packed_nulls))] if version == V2 else []
    if len(nulls) > 1:
        bodies.append(packed_nulls)
        at = len(packed_nulls)
    entries = []
    for value, rows in zip(values, groups, strict=True):
        spelled = write_value(value, dtype)
        if len(rows) == 1:
            entries.append((spelled, _int(-1 - int(rows[0])), _int(-1)))
            continue
        bodies.append(encode_bitmap(rows))
        entries.append((spelled, _int(at), _int(len(bodies[-1]))))
        at += len(bodies[-1])
    if version == V1:
        head += [part for entry in entries for part in entry[:2]]
    else:
        head += _block_parts(entries, block_bytes)
    return b"".join(head + bodies)


def _block_parts(entries: list[tuple[bytes, bytes, bytes]], limit: int) -> list[bytes]:
    blocks: list[list[bytes]] = []
    sizes: list[int] = []
    for entry in entries:
        joined_entry = b"".join(entry)
        if not blocks or sizes[-1] + len(joined_entry) > limit:
            blocks.append([])
            sizes.append(4)
        blocks[-1].append(joined_entry)
        sizes[-1] += len(joined_entry)
    parts = [_int(len(blocks))]
    at = 0
    for block, size in zip(blocks, sizes, strict=True):
        parts += [block[0][:-8], _int(at)]
        at += size
    parts.append(_int(at))
    for block in blocks:
        parts += [_int(len(block)), *block]
    return parts


def _int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)
