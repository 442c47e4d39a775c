"""Sequence numbers: the order in which rows of a bucket arrived.

Source: ``org.apache.paimon.mergetree.MergeTreeWriter``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SequenceNumbers:
    """Counts up in each bucket.

    Args:
        first: gives the first number of a group.
    """

    def __init__(self, first: Callable[[int], int]) -> None:
        self._first = first
        self._next: dict[int, int] = {}

    def number(self, groups: NDArray[np.int64]) -> NDArray[np.int64]:
        """A number for each row.

        Args:
            groups: the group of each row.
        """
        if bool(np.all(groups == groups[0])):
            return self._claim(int(groups[0]), len(groups)) + np.arange(len(groups))
        order = np.argsort(groups, kind="stable")
        ordered = groups[order]
        starts = np.flatnonzero(np.append([True], ordered[1:] != ordered[:-1]))
        counts = np.diff(np.append(starts, len(ordered)))
        first = [
            self._claim(int(ordered[start]), int(count))
            for start, count in zip(starts, counts, strict=True)
        ]
        sequences = np.empty(len(groups), dtype=np.int64)
        within = np.arange(len(groups)) - np.repeat(starts, counts)
        sequences[order] = np.repeat(np.asarray(first, dtype=np.int64), counts) + within
        return sequences

    def _claim(self, group: int, count: int) -> int:
        """The first of ``count`` numbers that a bucket gives away."""
        if group not in self._next:
            self._next[group] = self._first(group)
        first = self._next[group]
        self._next[group] += count
        return first
