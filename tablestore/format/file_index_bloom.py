"""Bloom filters over the values of a column: ``int32 hash functions | bits``.

Two halves of a 64-bit hash make as many bits as there are functions. Nulls are not added. BOOLEAN,
DECIMAL and nested columns cannot have one.

Source: ``org.apache.paimon.fileindex.bloomfilter.BloomFilterFileIndex``, ``BloomFilter64``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.index_values import FLOATS, TEXT, stored_numbers
from tablestore.kernels.fast_hash import wang64, xxh64
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_ITEMS: Final = 1_000_000
DEFAULT_FPP: Final = 0.1

_WHAT: Final = "bloom filter"
_BYTES: Final = TEXT | {"BINARY", "VARBINARY"}
_NO_HASH: Final = frozenset({"BOOLEAN", "DECIMAL"})
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


def encode_bloom(
    array: pa.Array,
    data_type: DataType,
    *,
    items: int = DEFAULT_ITEMS,
    fpp: float = DEFAULT_FPP,
) -> bytes:
    """The filter of a column.

    Args:
        array: its values.
        data_type: its type.
        items: different values expected.
        fpp: share of misses that look like hits.

    Raises:
        UnsupportedFormatError: the type has no hash, or the filter would be too large.
    """
    wanted = int(-items * math.log(fpp) / math.log(2) ** 2)
    size = wanted + 8 - wanted % 8
    if not 0 < size < _BITS_MAX:
        raise UnsupportedFormatError(f"a bloom filter of {size} bits")
    functions = max(1, math.floor(size / items * math.log(2) + 0.5))
    bits = np.zeros(size, dtype=np.bool_)
    hashes = np.unique(value_hashes(array.drop_null(), data_type))
    for places in _places(hashes, functions, size):
        bits[places] = True
    return functions.to_bytes(4, "big") + np.packbits(bits, bitorder="little").tobytes()


def value_hashes(array: pa.Array, data_type: DataType) -> NDArray[np.int64]:
    """The hash of every value of an array without nulls.

    Raises:
        UnsupportedFormatError: the type has none.
    """
    if not isinstance(data_type, AtomicType) or data_type.name in _NO_HASH:
        raise UnsupportedFormatError(f"no bloom filter over {data_type.sql()}")
    if data_type.name in _BYTES:
        return _bytes_hashes(array)
    numbers = stored_numbers(array, data_type)
    if data_type.name in FLOATS:
        numbers = _float_bits(numbers)
    return wang64(numbers.astype(np.int64))


def _bytes_hashes(array: pa.Array) -> NDArray[np.int64]:
    if not pa.types.is_binary(array.type):
        array = array.cast(pa.string()).cast(pa.binary())
    _, offsets, data = array.buffers()
    places = np.frombuffer(offsets, dtype=np.int32)[array.offset :][: len(array) + 1]
    raw = np.frombuffer(data or b"", dtype=np.uint8)
    return xxh64(raw, places.astype(np.int64))


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
