"""Sequence groups: of each version, whether a group takes part in it, and whether it came late.

Source: ``org.apache.paimon.mergetree.compact.PartialUpdateMergeFunction``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.merge.keys import nullable_lanes
from tablestore.merge.orders import ranks

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions

NEVER: Final = np.iinfo(np.int32).max
"""The place of a removal that does not happen."""


@dataclass(frozen=True)
class Ordering:
    """The ordering columns of a sequence group, version by version.

    Attributes:
        present: which versions have a value in one of them; the others skip the group.
        lanes: they sort as the ordering columns do.
    """

    present: NDArray[np.bool_]
    lanes: list[NDArray[np.uint64]]

    @classmethod
    def of(cls, columns: Sequence[pa.Array], order: NDArray[np.intp]) -> Ordering:
        """The ordering columns of the versions' rows."""
        present = np.zeros(len(order), dtype=np.bool_)
        lanes = []
        for column in columns:
            lanes += [lane[order] for lane in nullable_lanes(column)]
            if column.null_count:
                present |= column.is_valid().to_numpy(zero_copy_only=False)[order]
            else:
                present[:] = True
        return cls(present, lanes)

    def late(self, starts: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The versions that are smaller than one before them.

        Args:
            starts: True where the comparison begins anew.
        """
        late = np.zeros(len(starts), dtype=np.bool_)
        down = descents(self.lanes) & ~starts
        if not bool(down.any()):
            return late
        segment = np.cumsum(starts)
        mixed = np.zeros(int(segment[-1]) + 1, dtype=np.bool_)
        mixed[segment[down]] = True
        some = mixed[segment]
        rank = ranks([segment[some].astype(np.uint64), *(lane[some] for lane in self.lanes)])
        late[some] = rank < np.maximum.accumulate(rank)
        return late


def descents(lanes: Sequence[NDArray[np.uint64]]) -> NDArray[np.bool_]:
    """The entries that are smaller than the one before them."""
    down = np.zeros(len(lanes[0]), dtype=np.bool_)
    tied = np.ones(max(len(down) - 1, 0), dtype=np.bool_)
    for lane in lanes:
        down[1:] |= tied & (lane[1:] < lane[:-1])
        tied &= lane[1:] == lane[:-1]
    return down


@dataclass(frozen=True)
class Remover:
    """A sequence group whose -D removes the record.

    Attributes:
        place: of its first ordering column in the schema: columns before it see the -D as a
            retract first.
        ordering: of the versions.
    """

    place: int
    ordering: Ordering


def removals(
    removers: Sequence[Remover], versions: Versions, deletes: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Where in the schema each version removes its record; ``NEVER`` where it does not.

    After a removal all groups begin with the values of the removing row, so that what comes after
    it may be newer in one group and would not have been before.

    Args:
        removers: the groups that remove.
        versions: the versions of each key.
        deletes: which of them are -D.
    """
    starts = np.zeros(len(versions.order), dtype=np.bool_)
    starts[versions.offsets[:-1]] = True
    found = np.full(len(versions.order), NEVER, dtype=np.int32)
    able = np.zeros(len(versions.order), dtype=np.bool_)
    for remover in removers:
        candidates = deletes & remover.ordering.present
        if bool(candidates.any()):
            able |= candidates
            happens = candidates & ~remover.ordering.late(starts)
            found[happens] = np.minimum(found[happens], remover.place)
    # a group that removes by itself begins anew with its largest value; others may begin lower
    if len(removers) > 1:
        first, last = versions.first(found < NEVER), versions.last(able)
        again = np.flatnonzero((first >= 0) & (last > first))
        if len(again):
            _step_by_step(removers, versions, deletes, again, first, found)
    return found


def _step_by_step(
    removers: Sequence[Remover],
    versions: Versions,
    deletes: NDArray[np.bool_],
    groups: NDArray[np.intp],
    first: NDArray[np.intp],
    found: NDArray[np.int32],
) -> None:
    """The removals of keys that were removed before, one version after the other."""
    rank = [ranks(remover.ordering.lanes) for remover in removers]
    for group in groups.tolist():
        span = slice(int(first[group]), int(versions.offsets[group + 1]))
        removal = deletes[span].tolist()
        turns = list(zip(*(own[span].tolist() for own in rank), strict=True))
        there = list(zip(*(r.ordering.present[span].tolist() for r in removers), strict=True))
        held = list(turns[0])
        for step in range(1, len(turns)):
            own = turns[step]
            newer = [i for i, mine in enumerate(own) if there[step][i] and mine >= held[i]]
            removes = removal[step] and bool(newer)
            found[span.start + step] = min(removers[i].place for i in newer) if removes else NEVER
            for i in range(len(own)) if removes else newer:
                held[i] = own[i]
