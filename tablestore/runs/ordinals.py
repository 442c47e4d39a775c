"""Rows of a file by their ordinal, where only some of its groups are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray


def in_groups(
    rows: NDArray[np.int64], groups: Sequence[int], total: int, group_rows: Callable[[int], int]
) -> NDArray[np.int64]:
    """Ordinals in a file as ordinals among the rows of the chosen groups.

    Args:
        rows: ascending.
        groups: the chosen groups, ascending.
        total: groups of the file.
        group_rows: rows of a group; not asked where all groups are chosen.
    """
    if len(groups) == total:
        return rows
    chosen = set(groups)
    found = [rows[:0]]
    start = before = 0
    for group in range(total):
        end = start + group_rows(group)
        if group in chosen:
            low, high = np.searchsorted(rows, (start, end))
            found.append(rows[low:high] - start + before)
            before += end - start
        start = end
    return np.concatenate(found)


def without_rows(batch: pa.RecordBatch, start: int, rows: NDArray[np.int64]) -> pa.RecordBatch:
    """A batch without some of its rows.

    Args:
        batch: its first row has the ordinal ``start``.
        start: rows before the batch.
        rows: ordinals to leave out, ascending; those of other batches are ignored.
    """
    low, high = np.searchsorted(rows, (start, start + batch.num_rows))
    if low == high:
        return batch
    if not batch.num_columns:  # nothing to filter but a number of rows
        return batch.slice(0, batch.num_rows - int(high - low))
    kept = np.ones(batch.num_rows, dtype=np.bool_)
    kept[rows[low:high] - start] = False
    return batch.filter(pa.array(kept))
