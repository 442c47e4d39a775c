"""The bit-sliced index of a column of numbers: for each bit, the rows whose number has it.

::

    byte version = 1 | int32 rows
    byte has numbers from 0 up      and their slices
    byte has numbers below 0        and the slices of their absolute values
    slices: byte version = 1 | int64 min | int64 max | rows with a number (portable Roaring)
            | int32 n | n bitmaps of rows, bit i of (number - min)

Whole numbers, DECIMAL, DATE, TIME, TIMESTAMP; see ``index_values`` for their numbers.

Source: ``org.apache.paimon.fileindex.bsi.BitSliceIndexBitmapFileIndex``,
``org.apache.paimon.utils.BitSliceIndexRoaringBitmap``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tablestore.errors import UnsupportedFormatError
from tablestore.format.byte_reader import ByteReader
from tablestore.format.index_values import FLOATS, Distinct, stored_numbers, stored_type
from tablestore.format.roaring import decode_bitmap, encode_bitmap
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS_MAX: Final = 1 << 22
"""Rows of a file whose index is unpacked: 64 slices of a larger one cost more than they spare."""

_VERSION: Final = 1
_WHAT: Final = "bsi index"
_SLICES_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class NumberIndex:
    """A decoded index.

    Attributes:
        rows: rows of the file.
        places: the rows with a number, those from 0 up before those below.
        numbers: their numbers.
    """

    rows: int
    places: NDArray[np.uint32]
    numbers: NDArray[np.int64]

    def distinct(self, data_type: DataType) -> Distinct:
        """The different values.

        Raises:
            UnsupportedFormatError: numbers of this type cannot be turned back into values.
        """
        dtype = _number_type(data_type)
        values = np.unique(self.numbers).astype(dtype.newbyteorder("="))
        return Distinct(values, len(self.places) < self.rows)


def decode_bsi(data: bytes, *, rows_max: int = ROWS_MAX) -> NumberIndex:
    """An index from its bytes.

    Args:
        data: the index.
        rows_max: refuse to unpack more rows.

    Raises:
        CorruptDataError: the bytes are no such index.
        UnsupportedFormatError: a newer version, or too many rows.
    """
    reader = ByteReader(data, _WHAT)
    reader.version(_VERSION)
    rows = reader.integer()
    if rows < 0:
        reader.bad("a number of rows", rows, 1)
    if rows > rows_max:
        raise UnsupportedFormatError(f"a bsi index of {rows} rows; this version reads {rows_max}")
    up, up_numbers = _slices(reader, rows) if reader.flag() else _NONE
    down, down_numbers = _slices(reader, rows) if reader.flag() else _NONE
    if reader.left:
        reader.bad("the end of the index", f"{reader.left} more bytes")
    places = np.concatenate([up, down])
    if len(np.intersect1d(up, down)):
        reader.bad("one number a row", "two", 1)
    return NumberIndex(rows, places, np.concatenate([up_numbers, -down_numbers]))


_NONE: Final = (np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.int64))


def _slices(reader: ByteReader, rows: int) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    reader.version(_VERSION)
    start = reader.at
    low, high = reader.integer(8), reader.integer(8)
    if not 0 <= low <= high:
        reader.bad("bounds in order", f"{low} to {high}", start)
    places = _bitmap(reader, rows)
    count = reader.count(8)
    if count > _SLICES_MAX:
        reader.bad(f"up to {_SLICES_MAX} slices", count)
    bits = np.zeros(rows, dtype=np.uint64)
    has_number = np.zeros(rows, dtype=np.bool_)
    has_number[places] = True
    for index in range(count):
        some = _bitmap(reader, rows)
        if not has_number[some].all():
            reader.bad("bits of rows that have a number", "others")
        bits[some] |= np.uint64(1 << index)
    numbers = bits[places] + np.uint64(low)
    if len(numbers) and int(numbers.max()) > high:
        reader.bad(f"numbers up to {high}", int(numbers.max()), start)
    return places, numbers.astype(np.int64)


def _bitmap(reader: ByteReader, rows: int) -> NDArray[np.uint32]:
    start = reader.at
    found, reader.at = decode_bitmap(reader.data, start, what=_WHAT, limit=rows)
    if len(found) and int(found[-1]) >= rows:
        reader.bad(f"rows below {rows}", int(found[-1]), start)
    return found


def encode_bsi(array: pa.Array, data_type: DataType) -> bytes:
    """The index of a column.

    Args:
        array: its values.
        data_type: its type.

    Raises:
        UnsupportedFormatError: the type cannot have one, or -2**63 is among the values.
    """
    _number_type(data_type)
    rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    numbers = stored_numbers(array.drop_null(), data_type).astype(np.int64)
    if len(numbers) and int(numbers.min()) == -(1 << 63):
        raise UnsupportedFormatError("a bsi index over -9223372036854775808")
    parts = [_VERSION.to_bytes(1, "big"), len(array).to_bytes(4, "big")]
    for chosen, sign in ((numbers >= 0, 1), (numbers < 0, -1)):
        parts.append(bytes([bool(chosen.any())]))
        if chosen.any():
            parts += _slice_parts(rows[chosen], numbers[chosen] * sign)
    return b"".join(parts)


def _slice_parts(rows: NDArray[np.int64], numbers: NDArray[np.int64]) -> list[bytes]:
    # Java's collector begins at 0, so its least number is always 0
    high = int(numbers.max())
    bits = high.bit_length()
    parts = [_VERSION.to_bytes(1, "big"), bytes(8), high.to_bytes(8, "big"), encode_bitmap(rows)]
    parts.append(bits.to_bytes(4, "big"))
    parts += [encode_bitmap(rows[(numbers >> bit) & 1 == 1]) for bit in range(bits)]
    return parts


def _number_type(data_type: DataType) -> np.dtype[np.int64]:
    dtype = stored_type(data_type)
    name = data_type.name if isinstance(data_type, AtomicType) else ""
    if dtype is None or name in FLOATS or name == "BOOLEAN":
        raise UnsupportedFormatError(f"no bsi index over {data_type.sql()}")
    return dtype
