"""Keys of two sorted batches as numbers that compare across both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tablestore.merge.orders import ranks
from tablestore.merge.sorted_keys import SortedKeys

if TYPE_CHECKING:
    from numpy.typing import NDArray


def aligned(left: SortedKeys, right: SortedKeys) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """One lane for each batch; equal numbers are equal keys, smaller ones smaller keys.

    Args:
        left: keys of the same columns as ``right``.
        right: sorted by itself; the two may overlap in any way.
    """
    lane = ranks(SortedKeys.joined([left, right]))
    return lane[: len(left)], lane[len(left) :]


def places(keys: SortedKeys, among: SortedKeys) -> NDArray[np.intp]:
    """For each key its row in a sorted batch, or -1."""
    if not len(among):
        return np.full(len(keys), -1, dtype=np.intp)
    there, wanted = aligned(among, keys)
    row = np.searchsorted(there, wanted)
    row[row == len(there)] = 0
    return np.where(there[row] == wanted, row, -1)


def runs_of(keys: SortedKeys, ends: SortedKeys) -> NDArray[np.intp]:
    """For each key the first of ascending upper bounds that is not below it; their count if none.

    Args:
        keys: any keys.
        ends: upper bounds, ascending.
    """
    bounds, wanted = aligned(ends, keys)
    return np.searchsorted(bounds, wanted)
