"""Murmur3 (32 bits) over whole words, many rows at once.

The state of every row is one element of a uint32 array; ``mix_words`` feeds one word a row. The
number of numpy calls depends on the words of a row, not on the number of rows.

Source: ``org.apache.paimon.utils.MurmurHashUtils``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

UInt32s = NDArray[np.uint32]
Int32s = NDArray[np.int32]

SEED: Final = 42
_CHUNK_BYTES: Final = 1 << 24
_MASK: Final = 0xFFFFFFFF
_C1, _C2, _C3 = 0xCC9E2D51, 0x1B873593, 0xE6546B64
_F1, _F2 = 0x85EBCA6B, 0xC2B2AE35
_u32 = np.uint32


def mix_word(state: int, word: int) -> int:
    """The state of one row after one more word, both as unsigned numbers."""
    k = word * _C1 & _MASK
    k = (k << 15 | k >> 17) & _MASK
    state ^= k * _C2 & _MASK
    state = (state << 13 | state >> 19) & _MASK
    return (state * 5 + _C3) & _MASK


def mix_words(state: UInt32s, words: UInt32s) -> None:
    """Feeds ``words[i]`` to ``state[i]``, in place.

    Shapes:
        both of n elements; ``words`` may be strided.
    """
    k = np.multiply(words, _u32(_C1))
    t = np.left_shift(k, _u32(15))
    np.right_shift(k, _u32(17), out=k)
    np.bitwise_or(k, t, out=k)
    np.multiply(k, _u32(_C2), out=k)
    np.bitwise_xor(state, k, out=state)
    np.left_shift(state, _u32(13), out=t)
    np.right_shift(state, _u32(19), out=k)
    np.bitwise_or(k, t, out=state)
    np.multiply(state, _u32(5), out=state)
    np.add(state, _u32(_C3), out=state)


def finish(state: UInt32s, length: int | UInt32s) -> Int32s:
    """The hashes of rows of ``length`` bytes; ``state`` is overwritten and returned as int32."""
    np.bitwise_xor(state, _u32(length) if isinstance(length, int) else length, out=state)
    t = np.right_shift(state, _u32(16))
    np.bitwise_xor(state, t, out=state)
    np.multiply(state, _u32(_F1), out=state)
    np.right_shift(state, _u32(13), out=t)
    np.bitwise_xor(state, t, out=state)
    np.multiply(state, _u32(_F2), out=state)
    np.right_shift(state, _u32(16), out=t)
    np.bitwise_xor(state, t, out=state)
    return state.view(np.int32)


def hash_bytes(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Int32s:
    """The hash of byte strings of any length: bytes behind the last word are words of their own.

    Args:
        data: the bytes of all strings.
        offsets: one more than strings; string ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """
    out = np.empty(len(offsets) - 1, dtype=np.int32)
    for some, rows in of_equal_length(data, offsets):
        out[some] = _equal_lengths(rows)
    return out


def of_equal_length(
    data: NDArray[np.uint8], offsets: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
    """The numbers of byte strings of one length, and their bytes, a row each.

    Args:
        data: the bytes of all strings.
        offsets: one more than strings; string ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """
    starts, lengths = offsets[:-1], np.diff(offsets)
    for length in np.unique(lengths).tolist():
        same = np.flatnonzero(lengths == length)
        step = max(_CHUNK_BYTES // max(length, 1), 1)
        for begin in range(0, len(same), step):
            some = same[begin : begin + step]
            yield some, data[starts[some, None] + np.arange(length)]


def _equal_lengths(rows: NDArray[np.uint8]) -> Int32s:
    count, length = rows.shape
    state = np.full(count, SEED, dtype=np.uint32)
    aligned = length - length % 4
    words = np.ascontiguousarray(rows[:, :aligned]).view("<u4")
    for index in range(aligned // 4):
        mix_words(state, words[:, index])
    for index in range(aligned, length):
        mix_words(state, rows[:, index].astype(np.int8).astype(np.int32).view(np.uint32))
    return finish(state, length)
