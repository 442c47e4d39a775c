"""Bloom filters over the values of a column: ``int32 hash functions | bits``.

Two halves of a 64-bit hash make as many bits as there are functions. Nulls are not added. BOOLEAN,
DECIMAL and nested columns cannot have one; timestamps count in microseconds at most.

Source: ``org.apache.paimon.fileindex.bloomfilter.BloomFilterFileIndex``, ``BloomFilter64``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.index_values import FLOATS, TEXT, stored_numbers, stored_type
from tablestore.kernels.fast_hash import wang64, xxh64
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_ITEMS: Final = 1_000_000
DEFAULT_FPP: Final = 0.1

_WHAT: Final = "bloom filter"
_BYTES: Final = TEXT | {"BINARY", "VARBINARY"}
_NO_HASH: Final = frozenset({"BOOLEAN", "DECIMAL"})
_STAMPS: Final = frozenset({"TIMESTAMP", "TIMESTAMP_LTZ"})
_MICROS: Final = 6
_FUNCTIONS_MAX: Final = 1 << 10
_BITS_MAX: Final = 1 << 31
_COMMON_NAN: Final = {4: 0x7FC00000, 8: 0x7FF8000000000000}


@dataclass(frozen=True, slots=True)
class BloomFilter:
    """A decoded filter.

    Attributes:
        functions: bits tested for a value.
        bits: the filter, one byte for eight bits.
    """

    functions: int
    bits: NDArray[np.uint8]

    def may_contain(self, hashes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """False where a value with this hash was certainly not added."""
        found = np.ones(len(hashes), dtype=np.bool_)
        if not len(self.bits):
            return found
        for places in _places(hashes, self.functions, 8 * len(self.bits)):
            found &= (self.bits[places >> 3] >> (places & 7).astype(np.uint8)) & 1 == 1
        return found


def decode_bloom(data: bytes) -> BloomFilter:
    """A filter from its bytes.

    Raises:
        CorruptDataError: there is no plausible number of hash functions.
    """
    functions = int.from_bytes(data[:4], "big", signed=True)
    if len(data) < 4 or not 1 <= functions <= _FUNCTIONS_MAX:
        raise CorruptDataError(
            _WHAT, offset=0, expected="a number of hash functions", found=functions
        )
    return BloomFilter(functions, np.frombuffer(data, dtype=np.uint8, offset=4))


class BloomBuilder:
    """A filter that takes the values of a column batch by batch.

    Args:
        data_type: the column's type.
        items: different values expected.
        fpp: share of misses that look like hits.

    Raises:
        UnsupportedFormatError: the type has no hash, or the filter would be too large.
    """

    def __init__(
        self, data_type: DataType, *, items: int = DEFAULT_ITEMS, fpp: float = DEFAULT_FPP
    ) -> None:
        check_hashed(data_type)
        wanted = int(-items * math.log(fpp) / math.log(2) ** 2)
        size = wanted + 8 - wanted % 8
        if not 0 < size < _BITS_MAX:
            raise UnsupportedFormatError(f"a bloom filter of {size} bits")
        self._type = data_type
        self._functions = max(1, math.floor(size / items * math.log(2) + 0.5))
        self._size = size
        self._bits = np.zeros(0, dtype=np.bool_)

    def add(self, array: pa.Array) -> None:
        """Add values; nulls are left out."""
        hashes = np.unique(value_hashes(array.drop_null(), self._type))
        if not len(self._bits):
            self._bits = np.zeros(self._size, dtype=np.bool_)
        for places in _places(hashes, self._functions, self._size):
            self._bits[places] = True

    def finish(self) -> bytes:
        """The filter of all of them."""
        packed = np.zeros(self._size // 8, dtype=np.uint8)
        if len(self._bits):
            packed = np.packbits(self._bits, bitorder="little")
        return self._functions.to_bytes(4, "big") + packed.tobytes()


def encode_bloom(
    array: pa.Array,
    data_type: DataType,
    *,
    items: int = DEFAULT_ITEMS,
    fpp: float = DEFAULT_FPP,
) -> bytes:
    """The filter of a column: see ``BloomBuilder``."""
    builder = BloomBuilder(data_type, items=items, fpp=fpp)
    builder.add(array)
    return builder.finish()


def check_hashed(data_type: DataType) -> None:
    """Refuse types without a hash.

    Raises:
        UnsupportedFormatError: names the type.
    """
    name = data_type.name if isinstance(data_type, AtomicType) else ""
    if not name or name in _NO_HASH:
        raise UnsupportedFormatError(f"no bloom filter over {data_type.sql()}")
    if name not in _BYTES:
        stored_type(_hashed_type(data_type))


def _hashed_type(data_type: DataType) -> DataType:
    """The type whose numbers are hashed: a TIMESTAMP counts in microseconds at most."""
    if isinstance(data_type, AtomicType) and data_type.name in _STAMPS:
        return replace(data_type, precision=min(data_type.precision or 0, _MICROS))
    return data_type


def value_hashes(array: pa.Array, data_type: DataType) -> NDArray[np.int64]:
    """The hash of every value of an array without nulls.

    Raises:
        UnsupportedFormatError: the type has none.
    """
    check_hashed(data_type)
    name = data_type.name if isinstance(data_type, AtomicType) else ""
    if name in _BYTES:
        return _bytes_hashes(array)
    hashed = _hashed_type(data_type)
    if hashed != data_type:
        array = _floored(array)
    numbers = stored_numbers(array, hashed)
    if name in FLOATS:
        numbers = _float_bits(numbers)
    return wang64(numbers.astype(np.int64))


def _bytes_hashes(array: pa.Array) -> NDArray[np.int64]:
    if not pa.types.is_binary(array.type):
        array = array.cast(pa.string()).cast(pa.binary())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, dtype=np.int32)[array.offset :][: len(array) + 1]
    raw = np.frombuffer(data or b"", dtype=np.uint8)
    return xxh64(raw, places.astype(np.int64))


def _floored(array: pa.Array) -> pa.Array:
    """Timestamps in whole microseconds, rounded down as in Java."""
    nanos = array.view(pa.int64()).to_numpy(zero_copy_only=False)
    return pa.array(nanos // 1000).view(pa.timestamp("us", array.type.tz))


def _float_bits(numbers: NDArray[Any]) -> NDArray[Any]:
    """IEEE bits with one NaN, as ``Float.floatToIntBits`` gives them."""
    size = numbers.dtype.itemsize
    bits = numbers.view(np.dtype(f"i{size}"))
    return np.where(np.isnan(numbers), _COMMON_NAN[size], bits)


def _places(hashes: NDArray[np.int64], functions: int, size: int) -> list[NDArray[np.int64]]:
    low = hashes.astype(np.int32)
    high = (hashes >> 32).astype(np.int32)
    found = []
    combined = low
    for _ in range(functions):
        combined = combined + high  # 32 bits, wrapping
        found.append(np.where(combined < 0, ~combined, combined).astype(np.int64) % size)
    return found
