"""The part of BinaryRow hashes that texts bring, one row after the other.

Arithmetic is cut to 32 bits at every step, so it wraps alike compiled and not.

Source: ``org.apache.paimon.data.BinaryRow``, ``org.apache.paimon.utils.MurmurHashUtils``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tablestore.kernels.jit import kernel, part

UInt32s = NDArray[np.uint32]
UInt8s = NDArray[np.uint8]
Int64s = NDArray[np.int64]

_READ: Final = (
    "Array(uint8, 1, 'C', readonly=True), "
    "Array(int64, 1, 'C', readonly=True), Array(int64, 1, 'C', readonly=True)"
)
_C1, _C2, _C3 = np.uint32(0xCC9E2D51), np.uint32(0x1B873593), np.uint32(0xE6546B64)
_U5, _U13, _U15, _U17, _U19 = (np.uint32(number) for number in (5, 13, 15, 17, 19))
_INLINE_MAX: Final = 7


@part
def _mix(state, word):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    k = np.uint32(np.uint32(word) * _C1)
    k = np.uint32((k << _U15) | (k >> _U17))
    state = np.uint32(state ^ np.uint32(k * _C2))
    state = np.uint32((state << _U13) | (state >> _U19))
    return np.uint32(np.uint32(state * _U5) + _C3)


@part
def _word(data, at, left):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The next 4 bytes as a number; those behind the value are zero."""
    if left >= 4:
        return (
            np.int64(data[at])
            | np.int64(data[at + 1]) << 8
            | np.int64(data[at + 2]) << 16
            | np.int64(data[at + 3]) << 24
        )
    word = np.int64(0)
    for place in range(left):
        word |= np.int64(data[at + place]) << (8 * place)
    return word


@kernel(f"void(uint32[::1], {_READ}, Array(bool_, 1, 'C', readonly=True), int64[::1])")
def mix_text_slots(
    state: UInt32s,
    data: UInt8s,
    starts: Int64s,
    lengths: Int64s,
    nulls: NDArray[np.bool_],
    offsets: Int64s,
) -> None:
    """Feeds the slot of each text to its row: a short one itself, else length and offset.

    Args:
        state: of each row, changed in place.
        data: all bytes.
        starts: first byte of each value.
        lengths: bytes of each value; zero where null.
        nulls: True where null; empty for no nulls.
        offsets: where the next long text of each row goes; moved behind this one.
    """
    for row in range(len(state)):
        length = lengths[row]
        low, high = np.int64(0), np.int64(0)
        if length > _INLINE_MAX:
            low, high = length, offsets[row]
            offsets[row] += (length + 7) & -8
        elif len(nulls) == 0 or not nulls[row]:
            at = starts[row]
            low = _word(data, at, length)
            high = _word(data, at + 4, length - 4) | ((length | 0x80) << 24)
        state[row] = _mix(_mix(state[row], low), high)


@kernel(f"void(uint32[::1], {_READ})")
def mix_texts(state: UInt32s, data: UInt8s, starts: Int64s, lengths: Int64s) -> None:
    """Feeds each text of more than 7 bytes to its row, padded with zeros to whole slots.

    Args:
        state: of each row, changed in place.
        data: all bytes.
        starts: first byte of each value.
        lengths: bytes of each value.
    """
    for row in range(len(state)):
        left = lengths[row]
        if left <= _INLINE_MAX:
            continue
        at = starts[row]
        value = state[row]
        while left > 0:
            value = _mix(value, _word(data, at, left))
            value = _mix(value, _word(data, at + 4, left - 4))
            at += 8
            left -= 8
        state[row] = value
