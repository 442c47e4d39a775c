"""The 64-bit hashes of bloom filters: XXH64 of bytes, and Thomas Wang's mix of integers.

Source: ``org.apache.paimon.fileindex.bloomfilter.FastHash``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.kernels.hash import of_equal_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

_P1: Final = np.uint64(0x9E3779B185EBCA87)
_P2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_P3: Final = np.uint64(0x165667B19E3779F9)
_P4: Final = np.uint64(0x85EBCA77C2B2AE63)
_P5: Final = np.uint64(0x27D4EB2F165667C5)
_STRIPE: Final = 32


def wang64(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Thomas Wang's mix; shifts to the right are arithmetic, as in Java."""
    key = ~values + (values << 21)
    key = key ^ (key >> 24)
    key = (key + (key << 3)) + (key << 8)
    key = key ^ (key >> 14)
    key = (key + (key << 2)) + (key << 4)
    key = key ^ (key >> 28)
    mixed: NDArray[np.int64] = key + (key << 31)
    return mixed


def xxh64(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """XXH64 with seed 0 of every value.

    Args:
        data: the bytes of all values.
        offsets: one more than values; value ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """
    out = np.empty(len(offsets) - 1, dtype=np.uint64)
    for some, rows in of_equal_length(data, offsets):
        out[some] = _equal_lengths(rows)
    return out.view(np.int64)


def _equal_lengths(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    count, length = rows.shape
    at = length - length % _STRIPE
    hashes = _stripes(rows[:, :at]) if at else np.full(count, _P5, dtype=np.uint64)
    hashes = hashes + np.uint64(length)
    while at + 8 <= length:
        word = _words(rows[:, at : at + 8], "<u8")[:, 0]
        hashes = _rotated(hashes ^ _round(np.zeros_like(hashes), word), 27) * _P1 + _P4
        at += 8
    if at + 4 <= length:
        word = _words(rows[:, at : at + 4], "<u4")[:, 0]
        hashes = _rotated(hashes ^ (word * _P1), 23) * _P2 + _P3
        at += 4
    for index in range(at, length):
        hashes = _rotated(hashes ^ (rows[:, index].astype(np.uint64) * _P5), 11) * _P1
    return _avalanche(hashes)


def _stripes(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    count = len(rows)
    start = np.array([0x60EA27EEADC0B5D6, _P2, 0, 0x61C8864E7A143579], dtype=np.uint64)
    lanes = np.repeat(start[None, :], count, axis=0)
    words = _words(rows, "<u8").reshape(count, -1, 4)
    for index in range(words.shape[1]):
        lanes = _round(lanes, words[:, index])
    hashes = (
        _rotated(lanes[:, 0], 1)
        + _rotated(lanes[:, 1], 7)
        + _rotated(lanes[:, 2], 12)
        + _rotated(lanes[:, 3], 18)
    )
    for lane in range(4):
        mixed = _round(np.zeros(count, dtype=np.uint64), lanes[:, lane])
        hashes = (hashes ^ mixed) * _P1 + _P4
    return hashes


def _round(lanes: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return _rotated(lanes + words * _P2, 31) * _P1


def _rotated(words: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    return (words << np.uint64(bits)) | (words >> np.uint64(64 - bits))


def _avalanche(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hashes = (hashes ^ (hashes >> np.uint64(33))) * _P2
    hashes = (hashes ^ (hashes >> np.uint64(29))) * _P3
    return hashes ^ (hashes >> np.uint64(32))


def _words(rows: NDArray[np.uint8], kind: str) -> NDArray[np.uint64]:
    return np.ascontiguousarray(rows).view(kind).astype(np.uint64)
