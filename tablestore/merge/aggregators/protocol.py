"""What an aggregate function gets and gives.

Source: ``org.apache.paimon.mergetree.compact.aggregate.FieldAggregator``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Versions:
    """Row numbers in groups of one key each, in the order in which they are merged.

    Shapes: ``retract``, ``late`` and ``reset`` have one entry for each entry of ``order``.

    Attributes:
        order: row numbers, group by group, oldest version first.
        offsets: where each group begins in ``order``, and its length at the end. A group may be
            empty: its result is null.
        retract: the -U and -D versions; None where there is none.
        late: versions that came after others but belong before them (sequence groups of
            partial-update): an add is aggregated the other way round, a retract as usual.
            None where there is none.
        reset: versions whose values take the accumulator's place (a -D that removes the record);
            they are not retracts. None where there is none.
    """

    order: NDArray[np.intp]
    offsets: NDArray[np.intp]
    retract: NDArray[np.bool_] | None = None
    late: NDArray[np.bool_] | None = None
    reset: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """The number of groups."""
        return len(self.offsets) - 1

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Versions of each group."""
        return np.diff(self.offsets)

    @cached_property
    def group(self) -> NDArray[np.intp]:
        """Number of the group of each entry of ``order``."""
        return np.repeat(np.arange(len(self)), self.counts)

    def only(self, kept: NDArray[np.bool_]) -> Versions:
        """The same groups without some of their versions; groups may end up empty."""
        if bool(kept.all()):
            return self
        ends = np.append(0, np.cumsum(kept))
        return Versions(
            self.order[kept],
            ends[self.offsets],
            *(None if flags is None else flags[kept] for flags in self._flags),
        )

    @property
    def _flags(self) -> tuple[NDArray[np.bool_] | None, ...]:
        return self.retract, self.late, self.reset

    def last(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Place in ``order`` of the last chosen version of each group; -1 where none is."""
        places = np.flatnonzero(chosen)
        ends = np.append(0, np.cumsum(chosen))[self.offsets]
        found = np.full(len(self), -1, dtype=np.intp)
        some = ends[1:] > ends[:-1]
        found[some] = places[ends[1:][some] - 1]
        return found

    def first(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Place in ``order`` of the first chosen version of each group; -1 where none is."""
        places = np.flatnonzero(chosen)
        ends = np.append(0, np.cumsum(chosen))[self.offsets]
        found = np.full(len(self), -1, dtype=np.intp)
        some = ends[1:] > ends[:-1]
        found[some] = places[ends[:-1][some]]
        return found

    def rows(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        """Row numbers of places in ``order``; -1 stays."""
        if not len(self.order):
            return places
        return np.where(places < 0, -1, self.order[places])

    def since_reset(self) -> Versions:
        """The groups from their last reset on, whose row is their first version then."""
        if self.reset is None:
            return self
        start = np.maximum(self.last(self.reset), 0)
        return self.only(np.arange(len(self.order)) >= start[self.group])

    def oldest_first(self) -> Versions:
        """The late versions where they belong: before all others, the latest come first."""
        if self.late is None or not bool(self.late.any()):
            return replace(self, late=None)
        place = np.where(self.late, -np.arange(len(self.order)), np.arange(len(self.order)))
        moved = np.lexsort((place, ~self.late, self.group))
        retract = None if self.retract is None else self.retract[moved]
        reset = None if self.reset is None else self.reset[moved]
        return Versions(self.order[moved], self.offsets, retract, None, reset)


class Aggregator(Protocol):
    """An aggregate function of one column, its options settled."""

    @property
    def can_retract(self) -> bool:
        """Whether -U and -D versions are taken."""
        ...

    def reduce(self, column: pa.Array, versions: Versions) -> NDArray[np.intp] | pa.Array:
        """One value a group, beginning with a null accumulator.

        Returns:
            row numbers of ``column`` (-1 is null), or an array of its type, one entry a group.

        Raises:
            InvalidInputError: a version that this function cannot take.
        """
        ...
