"""The key columns of a sorted batch: lanes made once, searched by halving."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.merge.keys import KeyTuple, is_ranked, key_lanes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lanes = list[NDArray[np.uint64]]


class SortedKeys:
    """The keys of rows in key order.

    Args:
        columns: the key columns, without nulls.
        lanes: of each column; none for text and bytes, whose lanes hold for one window only.
    """

    def __init__(self, columns: Sequence[pa.Array], lanes: Sequence[Lanes] | None = None) -> None:
        self._columns = list(columns)
        self._lanes = (
            [[] if is_ranked(column.type) else key_lanes([column]) for column in columns]
            if lanes is None
            else list(lanes)
        )

    def __len__(self) -> int:
        return len(self._columns[0])

    def at(self, row: int) -> KeyTuple:
        """The key of a row, comparable with keys of any other batch."""
        key: list[object] = []
        for column, lanes in zip(self._columns, self._lanes, strict=True):
            if lanes:
                key += [int(lane[row]) for lane in lanes]
            else:
                key.append(_bytes(column, row))
        return tuple(key)

    def below(self, bound: KeyTuple) -> int:
        """How many leading rows are smaller than a key."""
        low, high = 0, len(self)
        rest = iter(bound)
        for column, lanes in zip(self._columns, self._lanes, strict=True):
            for lane in lanes:
                value = np.uint64(next(rest))
                part = lane[low:high]
                low, high = (
                    low + int(np.searchsorted(part, value, "left")),
                    low + int(np.searchsorted(part, value, "right")),
                )
            if not lanes:
                text = next(rest)

                def key(row: int, column: pa.Array = column) -> bytes:
                    return _bytes(column, row)

                low = bisect_left(range(len(self)), text, low, high, key=key)
                if column is not self._columns[-1]:  # else nothing tells equal ones apart
                    high = bisect_right(range(len(self)), text, low, high, key=key)
            if low == high:
                break
        return low

    def slice(self, start: int, end: int) -> SortedKeys:
        """Rows ``start`` to ``end``; copies nothing."""
        return SortedKeys(
            [column.slice(start, end - start) for column in self._columns],
            [[lane[start:end] for lane in lanes] for lanes in self._lanes],
        )

    def owned(self) -> SortedKeys:
        """The same in memory of its own, where it is a slice of something larger."""
        return SortedKeys(
            [pa.concat_arrays([column, column.slice(0, 0)]) for column in self._columns],
            [[lane.copy() for lane in lanes] for lanes in self._lanes],
        )

    @staticmethod
    def joined(parts: Sequence[SortedKeys]) -> Lanes:
        """The lanes of all rows of a window, most significant first."""
        found: Lanes = []
        for index, column in enumerate(parts[0]._columns):
            if is_ranked(column.type):
                found += key_lanes([pa.concat_arrays([part._columns[index] for part in parts])])
                continue
            for place in range(len(parts[0]._lanes[index])):
                lanes = [part._lanes[index][place] for part in parts]
                found.append(lanes[0] if len(lanes) == 1 else np.concatenate(lanes))
        return found


def _bytes(column: pa.Array, row: int) -> bytes:
    value = column[row].as_py()
    return value.encode() if isinstance(value, str) else value
