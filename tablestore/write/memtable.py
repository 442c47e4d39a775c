"""Rows that wait for a flush, sorted piece by piece while they arrive.

Gathering a whole buffer in key order jumps through memory for every cell. Here each piece of input
is put in key order while it is still in the processor's cache, so that a flush reads a few
sequential streams, window by window, and never holds the buffer twice.

The batches have the table's columns, then the group, the sequence number and the row kind of each
row. A group is one bucket of one partition (``write.router``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from tablestore.datafile.layout import SEQUENCE_NUMBER, VALUE_KIND
from tablestore.merge.keys import key_lanes
from tablestore.merge.orders import pack, stable_order

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.write.budget import Budget

GROUP: Final = "_GROUP"
SYSTEM: Final = 3
"""Columns after the table's own."""


def numbered(
    rows: pa.RecordBatch,
    groups: NDArray[np.int64],
    sequences: NDArray[np.int64],
    kinds: NDArray[np.int8] | None,
) -> pa.RecordBatch:
    """The table's columns with what the writer knows of each row."""
    if kinds is None:
        kinds = np.zeros(len(groups), dtype=np.int8)
    system = (pa.array(groups), pa.array(sequences), pa.array(kinds))
    names = (*rows.schema.names, GROUP, SEQUENCE_NUMBER, VALUE_KIND)
    return pa.RecordBatch.from_arrays([*rows.columns, *system], names=names)


def groups_of(rows: pa.RecordBatch) -> NDArray[np.int64]:
    """The group of each row."""
    values: NDArray[np.int64] = rows.column(rows.num_columns - SYSTEM).to_numpy()
    return values


def by_group(rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """The rows of each group, which stand together."""
    groups = groups_of(rows)
    cuts = (np.flatnonzero(groups[1:] != groups[:-1]) + 1).tolist()
    for start, end in pairwise([0, *cuts, len(groups)]):
        yield int(groups[start]), rows.slice(start, end - start)


def taken(rows: pa.RecordBatch, order: NDArray[np.intp]) -> pa.RecordBatch:
    """The rows with these numbers; consecutive ones are a slice."""
    first, count = int(order[0]), len(order)
    if int(order[-1]) - first == count - 1 and bool(np.all(order[1:] > order[:-1])):
        return rows.slice(first, count)
    return rows.take(pa.array(order))


class Memtable:
    """Rows in memory; equal keys keep the order in which they came.

    Attributes:
        size: bytes of the rows.
        rows: how many.

    Args:
        key: positions of the group and of the trimmed primary key's columns.
        budget: how large a piece is.
    """

    def __init__(self, key: Sequence[int], budget: Budget) -> None:
        self._key = tuple(key)
        self._budget = budget
        self.clear()

    def add(self, rows: pa.RecordBatch) -> None:
        """Take numbered rows in."""
        self._fresh.append(rows)
        self._fresh_rows += rows.num_rows
        self.rows += rows.num_rows
        self.size += rows.nbytes
        if self._fresh_rows >= self._budget.piece_rows(self.row_bytes):
            self._settle()

    @property
    def row_bytes(self) -> float:
        """Bytes of a row, on average."""
        return max(self.size / max(self.rows, 1), 1.0)

    def clear(self) -> None:
        """Forget all rows."""
        self._sorted: list[pa.RecordBatch] = []
        self._fresh: list[pa.RecordBatch] = []
        self._fresh_rows = 0
        self.size = self.rows = 0

    def _settle(self) -> None:
        """Put what came since the last time in order, as one piece."""
        if self._fresh:
            piece = self._fresh[0] if len(self._fresh) == 1 else pa.concat_batches(self._fresh)
            self._fresh, self._fresh_rows = [], 0
            lanes = key_lanes([piece.column(index) for index in self._key])
            self._sorted.append(taken(piece, stable_order(pack(lanes))))

    def pieces(self) -> list[pa.RecordBatch]:
        """All rows as pieces in order of arrival, each sorted by group and key."""
        self._settle()
        return list(self._sorted)
