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
from tablestore.format.byte_rows import ByteRows, edges_of, fixed_rows, joined_rows
from tablestore.format.index_groups import group
from tablestore.format.index_values import (
    Distinct,
    Values,
    read_value,
    stored_type,
)
from tablestore.format.roaring import MAX_VALUES, decode_bitmap, encode_bitmap, encode_bitmaps
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
    groups = group(array, data_type)
    nulls, rows = groups.nulls, groups.rows
    head = [version.to_bytes(1, "big"), _int(len(array)), _int(len(groups))]
    packed_nulls = encode_bitmap(nulls)
    head.append(bytes([len(nulls) > 0]))
    if len(nulls):
        head.append(_int(-1 - int(nulls[0]) if len(nulls) == 1 else 0))
        head += [_int(len(packed_nulls))] if version == V2 else []
    start = len(packed_nulls) if len(nulls) > 1 else 0
    # Java's bitmaps stand in the order of its hash map
    order = groups.hash_order()
    several = order[groups.counts[order] > 1]
    bodies = encode_bitmaps(*_chosen(rows, groups.edges, several))
    places = -1 - rows[groups.edges[:-1]]
    places[several] = start + bodies.offsets[:-1]
    lengths = np.full(len(groups), -1)
    lengths[several] = bodies.lengths
    if version == V1:
        entries = joined_rows([groups.stored, fixed_rows(places.astype(">i4"))]).take(order)
        head.append(entries.tobytes())
    else:
        spots = np.stack([places, lengths], axis=1).astype(">i4")
        entries = joined_rows([groups.stored, fixed_rows(spots)])
        head += _block_parts(groups.stored, entries, block_bytes)
    if len(nulls) > 1:
        head.append(packed_nulls)
    return b"".join([*head, bodies.tobytes()])


def _chosen(
    rows: NDArray[np.int64], edges: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of some groups, in their order, and where each group begins."""
    counts = np.diff(edges)[groups]
    found = edges_of(counts)
    return rows[np.arange(found[-1]) + np.repeat(edges[groups] - found[:-1], counts)], found


def _block_parts(stored: ByteRows, entries: ByteRows, limit: int) -> list[bytes]:
    """The entries in blocks of a size, behind a list of the blocks."""
    blocks = []
    start = at = 0
    parts = [b""]
    while start < len(entries):
        room = int(entries.offsets[start]) + limit - 4
        fitting = int(np.searchsorted(entries.offsets, room, side="right")) - 1
        end = max(fitting, start + 1)
        parts += [
            stored.data[stored.offsets[start] : stored.offsets[start + 1]].tobytes(),
            _int(at),
        ]
        body = entries.data[entries.offsets[start] : entries.offsets[end]].tobytes()
        blocks += [_int(end - start), body]
        at += 4 + len(body)
        start = end
    parts[0] = _int(len(blocks) // 2)
    return [*parts, _int(at), *blocks]


def _int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)
