"""The ``aggregation`` merge engine: each column's versions become one value by a function.

Source: ``org.apache.paimon.mergetree.compact.aggregate.AggregateMergeFunction``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tablestore.merge.aggregators.protocol import Versions
from tablestore.merge.groups import Columns, Groups, Merged, among

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Aggregator

_DELETE = 3


@dataclass(frozen=True)
class Aggregation:
    """Aggregates the versions of a key column by column; a retract is taken back.

    Attributes:
        functions: the aggregate function of each column that is not in the primary key.
        remove_on_delete: a -D deletes the record (``aggregation.remove-record-on-delete``); what
            is added later goes on from the -D row's values.
    """

    functions: Mapping[str, Aggregator]
    remove_on_delete: bool = False

    def needs(self, wanted: Sequence[str]) -> Sequence[str]:
        """The wanted columns, nothing else."""
        return wanted

    def merge(self, groups: Groups, column: Columns, wanted: Sequence[str]) -> Merged:
        """The aggregates of each key; a key's only record stays as it is.

        Raises:
            InvalidInputError: a retract that a column's function does not take, or a result
                outside a column's range.
        """
        busy = ~groups.alone
        if not bool(busy.any()):
            return Merged(groups.last)
        versions = self._versions(groups, busy)
        columns = {
            name: among(column(name), self._reduced(name, column, versions), groups.last, busy)
            for name in wanted
            if name in self.functions
        }
        return Merged(groups.last, self._kinds(groups, busy, versions), columns)

    def _reduced(
        self, name: str, column: Columns, versions: Versions
    ) -> NDArray[np.intp] | pa.Array:
        return self.functions[name].reduce(column(name), versions)

    def _versions(self, groups: Groups, busy: NDArray[np.bool_]) -> Versions:
        """The versions of the keys that have several."""
        kept = busy[groups.group]
        order = groups.order[kept]
        offsets = np.append(0, np.cumsum(groups.counts[busy]))
        if groups.retracts is None or groups.kind is None:
            return Versions(order, offsets)
        retract = groups.retracts[kept]
        if not self.remove_on_delete:
            return Versions(order, offsets, retract)
        deletes = groups.kind[order] == _DELETE
        return Versions(order, offsets, retract & ~deletes, reset=deletes)

    @staticmethod
    def _kinds(
        groups: Groups, busy: NDArray[np.bool_], versions: Versions
    ) -> NDArray[np.int8] | None:
        """+I for each aggregate, -D where a removal came last."""
        if groups.kind is None:
            return None
        kinds = groups.kind[groups.last]
        removed = None if versions.reset is None else versions.reset[versions.offsets[1:] - 1]
        kinds[busy] = 0 if removed is None else np.where(removed, np.int8(_DELETE), np.int8(0))
        return kinds
