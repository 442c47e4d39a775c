"""Rows of several runs as groups of one key each, oldest version first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tablestore.merge.keys import group_starts, pack, stable_order

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Groups:
    """Row numbers sorted by key, then age.

    Shapes: ``order`` and ``starts`` have one entry a row; ``kind`` is indexed by row number.

    Attributes:
        order: row numbers, keys ascending, oldest version first.
        starts: True at the first row of a key.
        kind: row kind of each row (0 +I, 1 -U, 2 +U, 3 -D), or None where all rows are adds.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.bool_]
    kind: NDArray[np.int8] | None


class MergeEngine(Protocol):
    """What becomes of the versions of a key."""

    def pick(self, groups: Groups) -> NDArray[np.intp]:
        """The row that stands for each key, keys ascending; keys without one are left out."""
        ...


def group_rows(
    lanes: Sequence[NDArray[np.uint64]],
    *,
    age: NDArray[np.int64] | None,
    kind: NDArray[np.int8] | None,
) -> Groups:
    """Sort rows into groups.

    Args:
        lanes: key lanes (``merge.keys``).
        age: sequence numbers; None where rows already stand oldest first.
        kind: row kinds; at an equal sequence number a retract is older than an add.
    """
    keys = pack(lanes)
    by: list[NDArray[np.uint64]] = list(keys)
    if age is not None:
        by.append(age.view(np.uint64) ^ np.uint64(1 << 63))
        if kind is not None:
            by.append(((kind & 1) ^ 1).astype(np.uint64))
    order = stable_order(by)
    return Groups(order, group_starts(keys, order), kind)
