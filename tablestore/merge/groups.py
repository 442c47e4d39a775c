"""Rows of several runs as groups of one key each, oldest version first; what an engine makes of them.

An engine sees row numbers, not rows: it says which row stands for a key, and for columns whose
value is not that row's, where the value comes from. Arrow moves the bytes afterwards.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa

from tablestore.merge.orders import sorted_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = Callable[[str], pa.Array]
"""A column of all rows by name; an engine asks only for the columns it must look into."""


@dataclass(frozen=True)
class Groups:
    """Row numbers sorted by key, then age.

    Shapes: ``order`` and ``starts`` have one entry a row; ``kind`` and ``level`` are indexed by row
    number; ``single`` has one entry a key.

    Attributes:
        order: row numbers, keys ascending, oldest version first.
        starts: True at the first row of a key.
        kind: row kind of each row (0 +I, 1 -U, 2 +U, 3 -D), or None where all rows are adds.
        level: LSM level of each row, or None where nobody asks.
        single: the keys that had one record before levels were picked, or None: those of one row.
            Such a record bypasses the engine, as in Java.
    """

    order: NDArray[np.intp]
    starts: NDArray[np.bool_]
    kind: NDArray[np.int8] | None
    level: NDArray[np.int8] | None = None
    single: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        """The number of keys."""
        return len(self.offsets) - 1

    @cached_property
    def offsets(self) -> NDArray[np.intp]:
        """Where each key's rows begin in ``order``, and its length at the end."""
        return np.append(np.flatnonzero(self.starts), len(self.order))

    @cached_property
    def counts(self) -> NDArray[np.intp]:
        """Rows of each key."""
        return np.diff(self.offsets)

    @cached_property
    def alone(self) -> NDArray[np.bool_]:
        """The keys whose only record bypasses the engine."""
        return self.counts == 1 if self.single is None else self.single

    @cached_property
    def group(self) -> NDArray[np.intp]:
        """Number of the key of each entry of ``order``."""
        return np.cumsum(self.starts) - 1

    @cached_property
    def first(self) -> NDArray[np.intp]:
        """The oldest row of each key."""
        found: NDArray[np.intp] = self.order[self.offsets[:-1]]
        return found

    @cached_property
    def last(self) -> NDArray[np.intp]:
        """The newest row of each key."""
        found: NDArray[np.intp] = self.order[self.offsets[1:] - 1]
        return found

    @cached_property
    def retracts(self) -> NDArray[np.bool_] | None:
        """Which entries of ``order`` are -U or -D; None where none is."""
        if self.kind is None:
            return None
        found: NDArray[np.bool_] = (self.kind[self.order] & 1) == 1
        return found if bool(found.any()) else None

    def only(self, kept: NDArray[np.bool_]) -> Groups:
        """The groups without some of their rows; keys that lose all of them are left out.

        Args:
            kept: one entry for each entry of ``order``.
        """
        group = self.group[kept]
        starts = np.ones(len(group), dtype=np.bool_)
        starts[1:] = group[1:] != group[:-1]
        single = self.alone[group[starts]]
        return Groups(self.order[kept], starts, self.kind, self.level, single)


@dataclass(frozen=True)
class Merged:
    """One result for each key that has one, keys ascending.

    Attributes:
        rows: the row that stands for the key: its key, sequence number and other columns.
        kind: kinds of the results; None where each result has its row's kind.
        columns: columns whose values are not those of ``rows``, by name: row numbers (-1 is null),
            or the values themselves.
    """

    rows: NDArray[np.intp]
    kind: NDArray[np.int8] | None = None
    columns: Mapping[str, NDArray[np.intp] | pa.Array] = field(default_factory=dict)

    def only(self, kept: NDArray[np.bool_]) -> Merged:
        """Some of the results."""
        columns = {
            name: source[kept] if isinstance(source, np.ndarray) else source.filter(pa.array(kept))
            for name, source in self.columns.items()
        }
        kind = None if self.kind is None else self.kind[kept]
        return Merged(self.rows[kept], kind, columns)


def gathered(column: Columns, name: str, source: NDArray[np.intp] | pa.Array) -> pa.Array:
    """A result column: the values themselves, or taken by row number (-1 is null)."""
    if not isinstance(source, np.ndarray):
        return source
    return column(name).take(pa.array(source, mask=source < 0))


def among(
    column: pa.Array,
    results: NDArray[np.intp] | pa.Array,
    rows: NDArray[np.intp],
    merged: NDArray[np.bool_],
) -> NDArray[np.intp] | pa.Array:
    """A result column of all keys, from the results of those that were merged.

    Args:
        column: the values of all rows.
        results: of the merged keys: row numbers (-1 is null), or the values themselves.
        rows: the row of each key; its value stands where the key was not merged.
        merged: the keys that have a result.
    """
    if isinstance(results, np.ndarray):
        placed = rows.copy()
        placed[merged] = results
        return placed
    if len(results) == len(rows):
        return results
    others = column.take(pa.array(rows[~merged]))
    place = np.cumsum(~merged) - 1
    place[merged] = np.arange(len(results)) + len(others)
    return pa.concat_arrays([others, results]).take(pa.array(place))


class MergeEngine(Protocol):
    """What becomes of the versions of a key."""

    def needs(self, wanted: Sequence[str]) -> Sequence[str]:
        """Columns that it looks into beyond the key to give the wanted ones; wanted ones too."""
        ...

    def merge(self, groups: Groups, column: Columns, wanted: Sequence[str]) -> Merged:
        """A result for each key; a key may be left out.

        Args:
            groups: the versions of each key.
            column: gives a column's values of all rows.
            wanted: the columns that will be asked for; others need not be worked out.
        """
        ...


def group_rows(
    lanes: Sequence[NDArray[np.uint64]],
    *,
    age: NDArray[np.int64] | None,
    kind: NDArray[np.int8] | None,
    user_order: Sequence[NDArray[np.uint64]] = (),
    level: NDArray[np.int8] | None = None,
) -> Groups:
    """Sort rows into groups.

    Args:
        lanes: key lanes (``merge.keys``).
        age: sequence numbers; None where rows already stand oldest first.
        kind: row kinds; at an equal sequence number a retract is older than an add.
        user_order: lanes of the ``sequence.field`` columns, which count more than age.
        level: LSM level of each row.
    """
    rest = list(user_order)
    if age is not None:
        rest.append(age.view(np.uint64) ^ np.uint64(1 << 63))
        if kind is not None:
            rest.append(((kind & 1) ^ 1).astype(np.uint64))
    order, starts = sorted_groups(lanes, rest)
    return Groups(order, starts, kind, level)


def lowest_level(groups: Groups) -> Groups:
    """Of a key's versions above level 0 only the one on the lowest level takes part.

    It is the merge of everything deeper that was there when it was written.

    Source: ``org.apache.paimon.mergetree.compact.LookupMergeFunction``.
    """
    if groups.level is None or not len(groups.order):
        return groups
    level = groups.level[groups.order]
    upper = np.where(level > 0, level, np.int8(127))
    lowest = np.minimum.reduceat(upper, groups.offsets[:-1])[groups.group]
    kept = (level <= 0) | (level == lowest)
    return groups if bool(kept.all()) else groups.only(kept)
