"""Many short byte strings behind each other, put together without a step for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ByteRows:
    """Byte strings of any length.

    Attributes:
        data: all of them.
        offsets: one more than strings; string ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Bytes of each."""
        return np.diff(self.offsets)

    def take(self, order: NDArray[np.int64]) -> ByteRows:
        """Some of them, in another order."""
        lengths = self.lengths[order]
        offsets = edges_of(lengths)
        places = np.arange(offsets[-1]) + np.repeat(
            self.offsets[:-1][order] - offsets[:-1], lengths
        )
        return ByteRows(self.data[places], offsets)

    def tobytes(self) -> bytes:
        """All of them behind each other."""
        return self.data.tobytes()


def edges_of(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each of some pieces begins, and where the last one ends."""
    edges = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=edges[1:])
    return edges


def fixed_rows(numbers: NDArray[Any]) -> ByteRows:
    """The bytes of every element; of every row where the array has two dimensions."""
    raw = np.ascontiguousarray(numbers)
    width = raw.dtype.itemsize * (raw.shape[1] if raw.ndim > 1 else 1)
    data = raw.reshape(-1).view(np.uint8)
    return ByteRows(data, np.arange(len(raw) + 1, dtype=np.int64) * width)


def joined_rows(parts: Sequence[ByteRows]) -> ByteRows:
    """String ``i`` of all parts behind each other, for every ``i``."""
    offsets = edges_of(np.sum([part.lengths for part in parts], axis=0, dtype=np.int64))
    data = np.empty(int(offsets[-1]), dtype=np.uint8)
    starts = offsets[:-1].copy()
    for part in parts:
        lengths = part.lengths
        places = np.arange(len(part.data)) + np.repeat(starts - part.offsets[:-1], lengths)
        data[places] = part.data
        starts += lengths
    return ByteRows(data, offsets)
