"""How a table merges the versions of a key: their order, and the engine that they go through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.groups import Columns, Groups, Merged, MergeEngine, group_rows, lowest_level
from tablestore.merge.keys import nullable_lanes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MergeRules:
    """A table's rules.

    Attributes:
        engine: merges the versions of a key.
        sequence_field: columns that order versions before their sequence numbers do.
        descending: the smallest value of ``sequence_field`` is the newest; null is the oldest
            in both directions.
        lookup: of a key's versions above level 0 only the lowest takes part
            (tables that compact level 0 by lookup).
    """

    engine: MergeEngine
    sequence_field: tuple[str, ...] = ()
    descending: bool = False
    lookup: bool = False

    def needs(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """Columns that a merge looks into to give the wanted ones, these first."""
        more = (*self.engine.needs(wanted), *self.sequence_field)
        return tuple(dict.fromkeys((*wanted, *more)))

    @property
    def newest_wins(self) -> bool:
        """Whether the newest row stands for its key, whatever the other versions are."""
        plain = not (self.sequence_field or self.lookup)
        return plain and isinstance(self.engine, Deduplicate) and not self.engine.ignore_delete

    def user_order(self, column: Columns) -> list[NDArray[np.uint64]]:
        """Lanes of the sequence fields."""
        return [
            lane
            for name in self.sequence_field
            for lane in nullable_lanes(column(name), descending=self.descending)
        ]

    def group(
        self,
        lanes: Sequence[NDArray[np.uint64]],
        column: Columns,
        *,
        age: NDArray[np.int64] | None,
        kind: NDArray[np.int8] | None,
        level: NDArray[np.int8] | None = None,
    ) -> Groups:
        """Rows in groups, in the order in which this table merges them.

        Args:
            lanes: key lanes.
            column: gives a column of all rows.
            age: sequence numbers; None where rows already stand oldest first.
            kind: row kinds; None where all are adds.
            level: LSM level of each row; needed where ``lookup`` is set.
        """
        groups = group_rows(
            lanes, age=age, kind=kind, user_order=self.user_order(column), level=level
        )
        return lowest_level(groups) if self.lookup else groups

    def merge(self, groups: Groups, column: Columns, wanted: Sequence[str]) -> Merged:
        """A result for each key that has one."""
        if not len(groups.order):
            return Merged(groups.order)
        return self.engine.merge(groups, column, wanted)
