"""The hash of a row as ``org.apache.paimon.utils.MurmurHashUtils`` has it, one word at a time."""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF


def murmur_bytes(data: bytes) -> int:
    """The hash of one row; ``len(data)`` is a multiple of 4."""
    state = 42
    for (word,) in struct.iter_unpack("<I", data):
        k = word * 0xCC9E2D51 & _MASK
        k = (k << 15 | k >> 17) & _MASK
        state ^= k * 0x1B873593 & _MASK
        state = (state << 13 | state >> 19) & _MASK
        state = (state * 5 + 0xE6546B64) & _MASK
    state ^= len(data)
    state ^= state >> 16
    state = state * 0x85EBCA6B & _MASK
    state ^= state >> 13
    state = state * 0xC2B2AE35 & _MASK
    state ^= state >> 16
    return state - (1 << 32) if state >> 31 else state
