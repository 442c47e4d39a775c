"""Functions that choose one of the versions' values: the first or the last, the least or the most.

Their results are row numbers: no value is copied here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.kernels.folds import extremes, newest
from tablestore.merge.aggregators.values import valid_mask
from tablestore.merge.keys import nullable_lanes
from tablestore.merge.orders import ranks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions


@dataclass(frozen=True)
class LastValue:
    """``last_value``: the newest version's value; null once it was retracted.

    Source: ``FieldLastValueAgg``.
    """

    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> NDArray[np.intp]:
        """The row of the newest version that is not late, -1 where that is a retract."""
        retract = _or_none(versions.retract, versions)
        last = versions.last(~_or_none(versions.late, versions) | retract)
        return versions.rows(np.where(_at(retract, last), -1, last))


@dataclass(frozen=True)
class LastNonNullValue:
    """``last_non_null_value``: the newest value that is not null; null once one was retracted.

    Source: ``FieldLastNonNullValueAgg``.
    """

    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> NDArray[np.intp]:
        """The row of the newest version with a value, -1 where that is a retract."""
        valid = valid_mask(column)
        if versions.retract is None and versions.late is None:
            return newest(valid, versions.order, versions.offsets)
        some = (
            np.ones(len(versions.order), dtype=np.bool_) if valid is None else valid[versions.order]
        )
        retract = _or_none(versions.retract, versions)
        late = _or_none(versions.late, versions) & ~retract
        last = versions.last(some & ~late)
        empty = (last < 0) | _at(retract, last)
        # a late value takes the place of nothing only: the first one after nothing was left
        after = np.arange(len(versions.order)) > last[versions.group]
        filled = versions.first(some & late & after & empty[versions.group])
        return versions.rows(np.where(empty, filled, last))


@dataclass(frozen=True)
class FirstValue:
    """``first_value`` and ``first_non_null_value``: the oldest value, nulls counted or not.

    What was aggregated once stays so after a reset: a later value does not become the first.

    Attributes:
        non_null: skip nulls.

    Source: ``FieldFirstValueAgg``, ``FieldFirstNonNullValueAgg``.
    """

    non_null: bool = False
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> NDArray[np.intp]:
        """The row of the oldest version, of a reset after it, or of the latest late one."""
        reset = _or_none(versions.reset, versions)
        late = _or_none(versions.late, versions)
        adds = ~reset
        valid = valid_mask(column) if self.non_null else None
        if valid is not None:
            adds &= valid[versions.order]
        first = versions.first(adds & ~late if self.non_null else adds)
        places = np.arange(len(versions.order))
        chosen = (places == first[versions.group]) & ~late
        chosen |= reset | (late & (places > first[versions.group]))
        found = versions.rows(versions.last(chosen))
        if self.non_null and bool(late.any()):
            # a reset to null leaves nothing that a late version would have to yield to
            known = adds | (reset if valid is None else reset & valid[versions.order])
            for group in np.unique(versions.group[late]).tolist():
                span = slice(versions.offsets[group], versions.offsets[group + 1])
                found[group] = _first_known(
                    versions.order[span].tolist(),
                    known[span].tolist(),
                    late[span].tolist(),
                    reset[span].tolist(),
                )
        return found


def _first_known(rows: list[int], known: list[bool], late: list[bool], reset: list[bool]) -> int:
    """``first_non_null_value`` of one group with late versions, one after the other.

    A late version is the accumulator of Java's call, and the accumulator its input.

    Args:
        rows: row numbers.
        known: which have a value.
        late: which are late.
        reset: which take the accumulator's place.
    """
    held, found, settled = -1, False, False
    for row, value, swapped, fresh in zip(rows, known, late, reset, strict=True):
        if fresh or (swapped and not (found and not settled)):
            held, found = row, value
        elif not settled and (found if swapped else value):
            settled = True
            if not swapped:
                held, found = row, True
    return held


@dataclass(frozen=True)
class Extreme:
    """``max`` and ``min``: the largest or the smallest value that is not null.

    Attributes:
        largest: True for ``max``.

    Source: ``FieldMaxAgg``, ``FieldMinAgg``.
    """

    largest: bool
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> NDArray[np.intp]:
        """The row of the extreme value; of equal ones the oldest for max, the newest for min."""
        valid = valid_mask(column)
        if valid is not None and not valid.any():
            return np.full(len(versions), -1, dtype=np.int64)
        # the first lane of a column with nulls says which they are
        word = ranks(nullable_lanes(column)[0 if valid is None else 1 :])
        return extremes(word, versions.order, versions.offsets, valid, largest=self.largest)


def _or_none(flags: NDArray[np.bool_] | None, versions: Versions) -> NDArray[np.bool_]:
    return np.zeros(len(versions.order), dtype=np.bool_) if flags is None else flags


def _at(flags: NDArray[np.bool_], places: NDArray[np.intp]) -> NDArray[np.bool_]:
    """The flags at places, False at -1."""
    if not len(flags):
        return np.zeros(len(places), dtype=np.bool_)
    found: NDArray[np.bool_] = flags[places] & (places >= 0)
    return found
