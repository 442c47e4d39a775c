"""Arrow columns as the arrays that the kernels hash.

NaN becomes one NaN; what lies under a null becomes zero; text is used where it lies in Arrow's
buffers.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tablestore.errors import UnsupportedFormatError
from tablestore.format.binary_slots import (
    BINARY_TYPES,
    SMALL_DECIMAL_PRECISION,
    SMALL_TIMESTAMP_PRECISION,
    TEXT_TYPES,
    TIMESTAMP_TYPES,
)
from tablestore.kernels.binary_row import BytesColumn, Column, FixedColumn, ReservedColumn
from tablestore.types.arrow import to_arrow
from tablestore.types.model import AtomicType, DataType

Bools = NDArray[np.bool_]
UInt64s = NDArray[np.uint64]
Int64s = NDArray[np.int64]

_WORDS: Final[dict[str, type[np.generic]]] = {
    "BOOLEAN": np.uint8,
    "TINYINT": np.uint8,
    "SMALLINT": np.uint16,
    "INT": np.uint32,
    "DATE": np.uint32,
    "TIME": np.uint32,
    "BIGINT": np.uint64,
}
_UNITS_PER_MILLI = {"ms": 1, "us": 1_000, "ns": 1_000_000}


def key_column(array: pa.Array, kind: DataType) -> Column:
    """The array as a kernel column.

    Args:
        array: the values; cast safely where its Arrow type is not that of ``kind``.
        kind: the column's type.

    Raises:
        UnsupportedFormatError: the type cannot be a key.
    """
    if not isinstance(kind, AtomicType):
        raise UnsupportedFormatError(f"a key of type {kind.sql()} is not supported")
    array = plain_array(array, kind)
    if kind.name in _WORDS:
        values = fixed_values(array, _WORDS[kind.name]).astype(np.uint64)
        return FixedColumn(_zero_nulls(values, array), null_mask(array))
    if kind.name in ("FLOAT", "DOUBLE"):
        return FixedColumn(_zero_nulls(float_bits(array, kind), array), null_mask(array))
    if kind.name in TEXT_TYPES or kind.name in BINARY_TYPES:
        return bytes_column(array)
    if kind.name == "DECIMAL":
        return _decimal_column(array, kind.precision or 0)
    if kind.name in TIMESTAMP_TYPES:
        return _timestamp_column(array, kind.precision or 0)
    raise UnsupportedFormatError(f"a key of type {kind.sql()} is not supported")


def plain_array(array: pa.Array, kind: DataType) -> pa.Array:
    """The array in the Arrow type of ``kind``; large text and binary stay as they are."""
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.chunks else pa.array([], array.type)
    wanted = to_arrow(kind)
    if pa.types.is_boolean(wanted):
        return array.cast(pa.uint8())
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    return array if large or array.type == wanted else array.cast(wanted)


def null_mask(array: pa.Array) -> Bools | None:
    """True where the array is null; ``None`` when it has no nulls."""
    if array.null_count == 0:
        return None
    mask: Bools = array.is_null().to_numpy(zero_copy_only=False)
    return mask


def fixed_values(array: pa.Array, dtype: type[np.generic]) -> NDArray[Any]:
    """The values of a fixed-width array, whatever lies under nulls included."""
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(len(array), dtype=dtype)
    width = np.dtype(dtype).itemsize
    return np.frombuffer(buffer, dtype, count=len(array), offset=array.offset * width)


def float_bits(array: pa.Array, kind: AtomicType) -> UInt64s:
    """The bits of FLOAT or DOUBLE values with one NaN for all."""
    if kind.name == "FLOAT":
        values = fixed_values(array, np.float32)
        bits, nan = values.view(np.uint32), 0x7FC00000
    else:
        values = fixed_values(array, np.float64)
        bits, nan = values.view(np.uint64), 0x7FF8000000000000
    out = bits.astype(np.uint64)
    out[np.isnan(values)] = nan
    return out


def bytes_column(array: pa.Array) -> BytesColumn:
    """Text or binary by its offsets; the bytes stay where they are."""
    large = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    dtype = np.int64 if large else np.int32
    _, ends, data = array.buffers()
    if ends is None or len(array) == 0:
        empty = np.zeros(len(array), dtype=np.int64)
        return BytesColumn(np.zeros(0, dtype=np.uint8), empty, empty, null_mask(array))
    width = np.dtype(dtype).itemsize
    offsets = np.frombuffer(ends, dtype, count=len(array) + 1, offset=array.offset * width)
    first, last = int(offsets[0]), int(offsets[-1])
    used = np.frombuffer(data or b"", np.uint8, count=last - first, offset=first if data else 0)
    starts = offsets[:-1].astype(np.int64)
    starts -= first
    lengths = np.subtract(offsets[1:], offsets[:-1], dtype=np.int64)
    nulls = null_mask(array)
    if nulls is not None:
        lengths[nulls] = 0
    return BytesColumn(used, starts, lengths, nulls)


def decimal_halves(array: pa.Array) -> tuple[UInt64s, UInt64s]:
    """Low and high halves of the unscaled values in two's complement, zero where null."""
    buffer = array.buffers()[1]
    count = 2 * len(array)
    if buffer is None:
        words = np.zeros(count, dtype=np.uint64)
    else:
        words = np.frombuffer(buffer, np.uint64, count=count, offset=array.offset * 16)
    return _zero_nulls(words[0::2].copy(), array), _zero_nulls(words[1::2].copy(), array)


def _zero_nulls(values: UInt64s, array: pa.Array) -> UInt64s:
    nulls = null_mask(array)
    if nulls is None:
        return values
    return np.where(nulls, np.uint64(0), values)


def _decimal_column(array: pa.Array, precision: int) -> Column:
    low, high = decimal_halves(array)
    nulls = null_mask(array)
    if precision <= SMALL_DECIMAL_PRECISION:
        return FixedColumn(low, nulls)
    lengths = _zero_nulls(_shortest_length(low, high), array)
    first, second = _left_aligned(low, high, lengths)
    return ReservedColumn(lengths, (first, second), nulls)


def _shortest_length(low: UInt64s, high: UInt64s) -> UInt64s:
    """Bytes of the shortest two's-complement form of each 128-bit number, 1 to 16."""
    sign = (high >> np.uint64(63)) * np.uint64(0xFFFFFFFFFFFFFFFF)
    low, high = low ^ sign, high ^ sign  # the bits that differ from the sign
    lengths = np.ones(len(low), dtype=np.uint64)
    for length in range(1, 16):
        bits = 8 * length - 1  # value bits that fit so many bytes
        if bits < 64:
            longer = (high != 0) | (low >> np.uint64(bits) != 0)
        else:
            longer = high >> np.uint64(bits - 64) != 0
        lengths += longer
    return lengths


def _left_aligned(low: UInt64s, high: UInt64s, lengths: UInt64s) -> tuple[UInt64s, UInt64s]:
    """The last ``lengths`` bytes of each big-endian number, moved to the front of 16 bytes."""
    shift = (np.uint64(16) - lengths) * np.uint64(8)
    far = shift >= np.uint64(64)
    near = np.where(far, shift - np.uint64(64), shift)
    carried = (low >> np.uint64(1)) >> (np.uint64(63) - near)  # low >> (64 - near), near 0 too
    top = np.where(far, low << near, (high << near) | carried)
    bottom = np.where(far, np.uint64(0), low << near)
    return top.byteswap(), bottom.byteswap()


def _timestamp_column(array: pa.Array, precision: int) -> Column:
    per_milli = _UNITS_PER_MILLI[array.type.unit]
    values = fixed_values(array, np.int64)
    nulls = null_mask(array)
    millis, rest = np.divmod(values, per_milli)
    words = _zero_nulls(millis.view(np.uint64), array)
    if precision <= SMALL_TIMESTAMP_PRECISION:
        return FixedColumn(words, nulls)
    nanos = (rest * (1_000_000 // per_milli)).view(np.uint64)
    return ReservedColumn(_zero_nulls(nanos, array), (words,), nulls)
