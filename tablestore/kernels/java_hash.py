"""The order in which Java's hash tables give what they hold.

Java Paimon hands on what a ``HashMap`` gives, so that the order of some results is that of its
buckets. Elements of one bucket keep the order in which they came.

Source: ``java.util.HashMap``, ``org.apache.paimon.utils.MurmurHashUtils.hashBytes``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tablestore.kernels.hash import SEED, Int32s, finish, mix_words

_LEAST: Final = 16
"""Buckets of a new table; it doubles when it is more than three quarters full."""


def buckets(hashes: Int32s, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The bucket of each element.

    Args:
        hashes: of the elements.
        sizes: elements of each one's table, one entry an element.
    """
    spread = hashes.view(np.uint32) ^ (hashes.view(np.uint32) >> np.uint32(16))
    count = np.full(len(sizes), _LEAST, dtype=np.int64)
    while (full := count * 3 < sizes * 4).any():
        count[full] *= 2
    return spread.astype(np.int64) & (count - 1)


def long_hashes(values: NDArray[np.int64]) -> Int32s:
    """``Long.hashCode``."""
    bits = values.view(np.uint64)
    return (bits ^ (bits >> np.uint64(32))).astype(np.uint32).view(np.int32)


def text_hashes(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Int32s:
    """``BinaryString.hashCode`` of texts: whole words first, then byte by byte.

    Shapes:
        ``offsets`` has one entry more than there are texts.
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    state = np.full(len(starts), SEED, dtype=np.uint32)
    for word in range(int(lengths.max(initial=0)) // 4):
        rows = np.flatnonzero(lengths >= 4 * word + 4)
        at = starts[rows] + 4 * word
        words = sum(data[at + byte].astype(np.uint32) << np.uint32(8 * byte) for byte in range(4))
        _mix(state, rows, np.asarray(words, dtype=np.uint32))
    for byte in range(3):
        rows = np.flatnonzero(lengths % 4 > byte)
        tail = data[starts[rows] + lengths[rows] // 4 * 4 + byte].view(np.int8)
        _mix(state, rows, tail.astype(np.int32).view(np.uint32))
    return finish(state, lengths.astype(np.uint32))


def _mix(state: NDArray[np.uint32], rows: NDArray[np.intp], words: NDArray[np.uint32]) -> None:
    part = state[rows]
    mix_words(part, words)
    state[rows] = part
