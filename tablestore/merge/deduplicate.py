"""The ``deduplicate`` merge engine: the newest row of a key wins.

Source: ``org.apache.paimon.mergetree.compact.DeduplicateMergeFunction``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.groups import Groups


@dataclass(frozen=True)
class Deduplicate:
    """Keeps the last row of each key, whatever its kind.

    Attributes:
        ignore_delete: skip retracts (``ignore-delete``); a key that has nothing else keeps none.
            A key with one record only bypasses the engine, as in Java.
    """

    ignore_delete: bool = False

    def pick(self, groups: Groups) -> NDArray[np.intp]:
        """The last row of each key."""
        order: NDArray[np.intp] = groups.order
        starts: NDArray[np.bool_] = groups.starts
        if len(order) == 0:
            return order
        if self.ignore_delete and groups.kind is not None:
            alone = starts & np.append(starts[1:], [True])
            kept = ((groups.kind[order] & 1) == 0) | alone
            group = np.cumsum(starts)[kept]
            order = order[kept]
            starts = np.ones(len(order), dtype=np.bool_)
            starts[1:] = group[1:] != group[:-1]
            if len(order) == 0:
                return order
        chosen: NDArray[np.intp] = order[np.append(starts[1:], [True])]
        return chosen
