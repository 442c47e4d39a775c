"""Places of rows on a space-filling curve, as bytes that sort like the curve runs.

Arrays only; nothing is done row by row.

Source: ``org.apache.paimon.sort.zorder.ZOrderByteUtils``, and for the Hilbert curve J. Skilling,
"Programming the Hilbert curve" (2004), which the library that Paimon calls implements as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HILBERT_BITS: Final = 63  # of each coordinate; the sign of a number is not among them
HILBERT_WIDTH: Final = 63  # bytes of an index of up to 7 coordinates, zeros before it
_SPREAD_MAX: Final = 8  # bytes whose bits fit into a word in turn
_MASK: Final = np.uint64((1 << HILBERT_BITS) - 1)


def interleave(columns: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The bits of several byte images in turn, most significant first.

    A column that has no more bits is passed over.

    Shapes:
        a column is (rows, bytes); the result (rows, bytes of all columns).
    """
    rows = len(columns[0])
    parts = []
    for place in range(max(column.shape[1] for column in columns)):
        taking = [column[:, place] for column in columns if column.shape[1] > place]
        if len(taking) > _SPREAD_MAX:
            bits = np.unpackbits(np.stack(taking, axis=1)[:, :, None], axis=2)
            flat = bits.transpose(0, 2, 1).reshape(rows, 8 * len(taking))
            parts.append(np.packbits(flat, axis=1))
        else:
            parts.append(_interleaved(taking))
    return np.concatenate(parts, axis=1)


def _interleaved(taking: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """The bits of one byte of each of up to eight columns in turn."""
    count = len(taking)
    bits = np.arange(8, dtype=np.uint64)
    values = np.arange(256, dtype=np.uint64)[:, None]
    # the bits of a byte as far from one another as there are columns
    spread = ((values >> bits & np.uint64(1)) << bits * np.uint64(count)).sum(axis=1)
    word = np.zeros(len(taking[0]), dtype=np.uint64)
    for place, column in enumerate(taking):
        word |= spread[column] << np.uint64(count - 1 - place)
    return word.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - count :]


def hilbert_index(points: Sequence[NDArray[np.int64]]) -> NDArray[np.uint8]:
    """The index of points on the Hilbert curve, big-endian.

    Java cuts an index of eight coordinates or more, which breaks its order; here it is whole.

    Args:
        points: two coordinates or more; the low 63 bits of each count.

    Shapes:
        a coordinate has one entry a row; the result is (rows, 63), or as wide as the index is.
    """
    axes = [point.view(np.uint64) & _MASK for point in points]
    _untangle(axes)
    count = len(axes)
    rows = len(axes[0])
    # the highest bits are zeros, and so stand in front of the index
    whole = interleave([axis.astype(">u8").view(np.uint8).reshape(rows, 8) for axis in axes])
    width = max(HILBERT_WIDTH, -(-HILBERT_BITS * count // 8))
    image = np.zeros((rows, width), dtype=np.uint8)
    used = min(width, whole.shape[1])
    image[:, width - used :] = whole[:, whole.shape[1] - used :]
    return image


def _untangle(axes: list[NDArray[np.uint64]]) -> None:
    """Turn coordinates into the transposed index, in place."""
    zero = np.uint64(0)
    for place in range(HILBERT_BITS - 1, 0, -1):
        bit, below = np.uint64(1 << place), np.uint64((1 << place) - 1)
        for axis in axes:
            high = (axis & bit) != 0
            differ = (axes[0] ^ axis) & below
            if axis is not axes[0]:
                axis ^= np.where(high, zero, differ)
            axes[0] ^= np.where(high, below, differ)
    for place in range(1, len(axes)):
        axes[place] ^= axes[place - 1]
    # the exclusive or of all higher bits of the last axis, at every place
    flips = axes[-1] >> np.uint64(1)
    for step in (1, 2, 4, 8, 16, 32):
        flips ^= flips >> np.uint64(step)
    for axis in axes:
        axis ^= flips
