"""The hashes that Hive gives to values, many rows at once.

All arithmetic wraps at 32 bits.

Source: ``org.apache.paimon.bucket.HiveBucketFunction``, ``HiveHasher``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

UInt32s = NDArray[np.uint32]
UInt64s = NDArray[np.uint64]
Int64s = NDArray[np.int64]
UInt8s = NDArray[np.uint8]

_INVERSE_31: Final = pow(31, -1, 1 << 32)
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)
_TEN: Final = np.uint64(10)


def combine(hashes: UInt32s, field: UInt32s) -> UInt32s:
    """The hash of a row after one more field."""
    combined: UInt32s = hashes * np.uint32(31) + field
    return combined


def fold_long(bits: UInt64s) -> UInt32s:
    """Java's ``Long.hashCode``."""
    folded: UInt32s = ((bits ^ (bits >> _HALF)) & _LOW).astype(np.uint32)
    return folded


def hash_bytes(data: UInt8s, starts: Int64s, lengths: Int64s) -> UInt32s:
    """The polynomial of 31 over the signed bytes of each value.

    31 is odd and so has an inverse at 32 bits; one running sum of ``byte * 31**-position`` over
    all data gives every value as a difference, whatever its length.

    Args:
        data: all bytes.
        starts: first byte of each value.
        lengths: bytes of each value.
    """
    down = _powers(_INVERSE_31, len(data))
    sums = np.zeros(len(data) + 1, dtype=np.uint32)
    signed = data.view(np.int8).astype(np.int32).view(np.uint32)
    np.cumsum(signed * down[:-1], dtype=np.uint32, out=sums[1:])
    ends = starts + lengths
    up = _powers(31, len(data))
    hashed: UInt32s = (sums[ends] - sums[starts]) * up[np.maximum(ends - 1, 0)]
    return hashed


def _powers(base: int, count: int) -> UInt32s:
    powers = np.full(count + 1, base, dtype=np.uint32)
    powers[0] = 1
    np.multiply.accumulate(powers, out=powers)
    return powers


def hash_decimal(low: UInt64s, high: UInt64s, scale: int) -> UInt32s:
    """Java's ``BigDecimal.hashCode`` of decimals without their trailing zeros.

    Args:
        low: low halves of the unscaled values in two's complement.
        high: high halves.
        scale: decimal places of the type; a value keeps at least 0.
    """
    negative = (high >> np.uint64(63)).astype(bool)
    low, high = _absolute(low, high, negative)
    scales = np.full(len(low), scale, dtype=np.uint32)
    scales[(low == 0) & (high == 0)] = 0
    for _ in range(scale):
        low, high, scales = _drop_zero(low, high, scales)
    hashes = np.zeros(len(low), dtype=np.uint32)
    for word in (high >> _HALF, high & _LOW, low >> _HALF, low & _LOW):
        hashes = combine(hashes, word.astype(np.uint32))
    np.negative(hashes, out=hashes, where=negative)
    return combine(hashes, scales)


def _absolute(low: UInt64s, high: UInt64s, negative: NDArray[np.bool_]) -> tuple[UInt64s, UInt64s]:
    flipped = ~low + np.uint64(1)
    carry = (flipped == 0).astype(np.uint64)
    return np.where(negative, flipped, low), np.where(negative, ~high + carry, high)


def _drop_zero(low: UInt64s, high: UInt64s, scales: UInt32s) -> tuple[UInt64s, UInt64s, UInt32s]:
    """Divides by ten where that is exact and the scale above zero."""
    rest = np.zeros(len(low), dtype=np.uint64)
    digits = []
    for word in (high >> _HALF, high & _LOW, low >> _HALF, low & _LOW):
        word = word | (rest << _HALF)
        digits.append(word // _TEN)
        rest = word % _TEN
    exact = (rest == 0) & (scales > 0)
    new_high = (digits[0] << _HALF) | digits[1]
    new_low = (digits[2] << _HALF) | digits[3]
    return (
        np.where(exact, new_low, low),
        np.where(exact, new_high, high),
        np.where(exact, scales - np.uint32(1), scales),
    )
