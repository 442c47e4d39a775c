"""The ``deduplicate`` merge engine: the newest row of a key wins.

Source: ``org.apache.paimon.mergetree.compact.DeduplicateMergeFunction``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tablestore.merge.groups import Columns, Groups, Merged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Deduplicate:
    """Keeps the last row of each key, whatever its kind.

    Attributes:
        ignore_delete: skip retracts (``ignore-delete``); a key that has nothing else keeps none.
            A key with one record only bypasses the engine, as in Java.
    """

    ignore_delete: bool = False

    def needs(self, wanted: Sequence[str]) -> Sequence[str]:
        """The wanted columns, nothing else."""
        return wanted

    def merge(self, groups: Groups, column: Columns, wanted: Sequence[str]) -> Merged:
        """The last row of each key."""
        return Merged(self.pick(groups))

    def pick(self, groups: Groups) -> NDArray[np.intp]:
        """Row numbers of the last row of each key."""
        if self.ignore_delete:
            groups = without_retracts(groups)
        return groups.last


def without_retracts(groups: Groups) -> Groups:
    """The groups without retracts; a key's only record stays, whatever its kind."""
    retracts = groups.retracts
    return groups if retracts is None else groups.only(~retracts | groups.alone[groups.group])
