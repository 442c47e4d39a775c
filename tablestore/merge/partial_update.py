"""The ``partial-update`` merge engine: values that are not null overwrite those before them.

Source: ``org.apache.paimon.mergetree.compact.PartialUpdateMergeFunction``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tablestore.errors import InvalidInputError
from tablestore.kernels.folds import newest
from tablestore.merge.aggregators.protocol import Versions
from tablestore.merge.aggregators.values import valid_mask
from tablestore.merge.groups import Columns, Groups, Merged, among
from tablestore.merge.sequence_groups import NEVER, Ordering, Remover, removals

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Aggregator
    from tablestore.options.partial_update import SequenceGroup

_DELETE = 3


@dataclass(frozen=True)
class PartialColumn:
    """How a column that is not in the primary key is merged.

    Attributes:
        place: in the schema.
        nullable: False where a null is an error.
        group: number of its sequence group.
        function: aggregates the column's values inside its group.
    """

    place: int
    nullable: bool = True
    group: int | None = None
    function: Aggregator | None = None


@dataclass(frozen=True)
class PartialUpdate:
    """Puts a record together from versions that each bring some of its columns.

    Attributes:
        columns: those that are not in the primary key.
        groups: the sequence groups.
        remove_on_delete: a -D removes the record; what is added later goes on from its values.
        ignore_delete: skip retracts, but for the values of one that comes first.
    """

    columns: Mapping[str, PartialColumn]
    groups: tuple[SequenceGroup, ...] = ()
    remove_on_delete: bool = False
    ignore_delete: bool = False

    def needs(self, wanted: Sequence[str]) -> Sequence[str]:
        """The wanted columns, and those that order their groups or a removal."""
        numbers = {self.columns[name].group for name in wanted if name in self.columns}
        needed = (g for n, g in enumerate(self.groups) if g.removes or n in numbers)
        return tuple(dict.fromkeys([*wanted, *(name for g in needed for name in g.ordering)]))

    def merge(self, groups: Groups, column: Columns, wanted: Sequence[str]) -> Merged:
        """The record of each key; a key's only version stays as it is.

        Raises:
            InvalidInputError: a retract that nothing is configured for, or that a column's
                function does not take; a null in a column that has none.
        """
        busy = ~groups.alone
        if not bool(busy.any()):
            return Merged(groups.last)
        past = self._past(groups, busy, column)
        rows = groups.last
        if self.ignore_delete and groups.retracts is not None:
            rows = rows.copy()
            rows[busy] = past.versions.order[past.versions.offsets[1:] - 1]
        columns = {}
        for name in wanted:
            if name in self.columns:
                values = column(name)
                columns[name] = among(values, self._result(name, values, past), rows, busy)
        return Merged(rows, _kinds(groups, rows, busy, past), columns)

    def _past(self, groups: Groups, busy: NDArray[np.bool_], column: Columns) -> _Past:
        """The versions of the keys that have several.

        Raises:
            InvalidInputError: a retract that nothing is configured for.
        """
        kept = busy[groups.group]
        order = groups.order if bool(busy.all()) else groups.order[kept]
        offsets = np.append(0, np.cumsum(groups.counts[busy]))
        if groups.retracts is None or groups.kind is None:
            return _Past(Versions(order, offsets), self.groups, column)
        retract = groups.retracts[kept]
        deletes = groups.kind[order] == _DELETE
        if self.groups and not self.ignore_delete:
            past = _Past(Versions(order, offsets, retract), self.groups, column)
            self._remove(past, deletes)
            return past
        initial = np.zeros(len(order), dtype=np.bool_)
        initial[offsets[:-1]] = retract[offsets[:-1]]
        if self.ignore_delete:
            versions = Versions(order, offsets, retract, reset=initial).only(~retract | initial)
            return _Past(versions, self.groups, column)
        if not self.remove_on_delete and bool(retract.any()):
            raise InvalidInputError(
                "merge-engine partial-update takes no -U and -D rows unless 'ignore-delete' or "
                "'partial-update.remove-record-on-delete' is 'true', or columns are in sequence "
                "groups ('fields.<ordering columns>.sequence-group')"
            )
        return _Past(Versions(order, offsets, retract, reset=initial | deletes), (), column)

    def _remove(self, past: _Past, deletes: NDArray[np.bool_]) -> None:
        """Mark the versions of sequence groups that remove their record."""
        removers = [
            Remover(min(self.columns[name].place for name in group.ordering), past.ordering(number))
            for number, group in enumerate(self.groups)
            if group.removes
        ]
        if removers and bool(deletes.any()):
            past.remove(removals(removers, past.versions, deletes))

    def _result(self, name: str, values: pa.Array, past: _Past) -> NDArray[np.intp] | pa.Array:
        settings = self.columns[name]
        if not settings.nullable:
            past.check_no_null(name, values, adds=not self.groups)
        if settings.group is None:
            return past.newest_value(values)
        if name in self.groups[settings.group].ordering:
            return past.newest_tuple(settings.group)
        if settings.function is None:
            return past.newest_version(settings.group)
        steps = past.steps(settings.group, settings.place)
        return settings.function.reduce(values, steps)


class _Past:
    """The versions of keys that have several.

    Args:
        versions: ``reset`` are those whose values take the record's place: removals, and where
            retracts do nothing more, a retract that comes first.
        groups: the sequence groups.
        column: gives a column of all rows.
    """

    def __init__(
        self, versions: Versions, groups: Sequence[SequenceGroup], column: Columns
    ) -> None:
        self.versions = versions
        self._removed_at: NDArray[np.int32] | None = None
        self._groups = groups
        self._column = column
        self._orderings: dict[int, Ordering] = {}
        self._late: dict[int, NDArray[np.bool_]] = {}

    def remove(self, removed_at: NDArray[np.int32]) -> None:
        """Mark the versions that remove their record, by where in the schema they do."""
        self.versions = replace(self.versions, reset=removed_at < NEVER)
        self._removed_at = removed_at

    def ordering(self, number: int) -> Ordering:
        """The ordering columns of a group."""
        if number not in self._orderings:
            columns = [self._column(name) for name in self._groups[number].ordering]
            self._orderings[number] = Ordering.of(columns, self.versions.order)
        return self._orderings[number]

    def late(self, number: int) -> NDArray[np.bool_]:
        """The versions that come late in a group."""
        if number not in self._late:
            starts = self.first.copy()
            if self.versions.reset is not None:
                starts |= self.versions.reset
            self._late[number] = self.ordering(number).late(starts)
        return self._late[number]

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """The oldest version of each key."""
        first = np.zeros(len(self.versions.order), dtype=np.bool_)
        first[self.versions.offsets[:-1]] = True
        return first

    @cached_property
    def retract(self) -> NDArray[np.bool_]:
        """The retracts, those that are resets too."""
        if self.versions.retract is None:
            return np.zeros(len(self.versions.order), dtype=np.bool_)
        return self.versions.retract

    @cached_property
    def reset(self) -> NDArray[np.bool_]:
        """The versions whose values take the record's place."""
        if self.versions.reset is None:
            return np.zeros(len(self.versions.order), dtype=np.bool_)
        return self.versions.reset

    @cached_property
    def filling(self) -> NDArray[np.bool_]:
        """The versions all of whose values are taken, null or not: resets and first retracts."""
        return self.reset | (self.retract & self.first)

    def newest_value(self, values: pa.Array) -> NDArray[np.intp]:
        """The newest value of each key that is not null."""
        versions = self.versions
        valid = valid_mask(values)
        if versions.retract is None:
            return newest(valid, versions.order, versions.offsets)
        chosen = ~self.retract | self.filling
        if valid is not None:
            chosen &= valid[versions.order]
        last = versions.last(chosen)
        return versions.rows(np.where(last < versions.last(self.reset), -1, last))

    def newest_tuple(self, number: int) -> NDArray[np.intp]:
        """The version whose ordering columns count in the end; a retract counts, too."""
        ordering = self.ordering(number)
        chosen = (ordering.present & ~self.late(number)) | self.reset
        return self.versions.rows(self.versions.last(chosen))

    def newest_version(self, number: int) -> NDArray[np.intp]:
        """The version whose values count in the end, -1 where a retract took them away."""
        applied = self.ordering(number).present & ~self.late(number)
        last = self.versions.last(applied | self.filling)
        if self.versions.retract is None:
            return self.versions.rows(last)
        taken_away = self.retract & ~self.reset & applied
        return self.versions.rows(np.where(taken_away[last] & (last >= 0), -1, last))

    def steps(self, number: int, place: int) -> Versions:
        """What an aggregate function of a column sees of the versions.

        A retract that comes first fills the record, and is taken back then. A removal is a retract
        for the columns that stand before what removes.

        Args:
            number: of the column's group.
            place: of the column in the schema.
        """
        versions = self.versions
        present, late = self.ordering(number).present, self.late(number)
        if versions.retract is None:
            return replace(versions, late=late if bool(late.any()) else None).only(present)
        filled = self.filling & ~self.reset
        before = np.zeros(len(late), dtype=np.bool_)
        if self._removed_at is not None:
            before = self.reset & present & (place < self._removed_at)
        times = (present | self.filling).astype(np.intp)
        times[(filled & present) | before] = 2
        index = np.repeat(np.arange(len(times)), times)
        second = np.zeros(len(index), dtype=np.bool_)
        second[1:] = index[1:] == index[:-1]
        reset = np.where(second, self.reset[index], self.filling[index] & ~before[index])
        retract = self.retract[index] & ~reset
        return Versions(
            versions.order[index],
            np.append(0, np.cumsum(times))[versions.offsets],
            retract,
            late[index] & ~retract & ~reset,
            reset,
        )

    def check_no_null(self, name: str, values: pa.Array, *, adds: bool) -> None:
        """Refuse nulls in a column that has none.

        Args:
            name: of the column.
            values: of all rows.
            adds: look at all versions that are added, not only those that fill the record.

        Raises:
            InvalidInputError: a version has one.
        """
        valid = valid_mask(values)
        if valid is None:
            return
        looked = self.filling | ~self.retract if adds else self.filling
        if bool((looked & ~valid[self.versions.order]).any()):
            raise InvalidInputError(
                f"column {name!r} is NOT NULL, and a version of a key has null in it", column=name
            )


def _kinds(
    groups: Groups, rows: NDArray[np.intp], busy: NDArray[np.bool_], past: _Past
) -> NDArray[np.int8] | None:
    """+I for each record, -D where a removal came last or nothing was ever added."""
    if groups.kind is None:
        return None
    kinds = groups.kind[rows]
    kinds[busy] = 0
    if past.versions.retract is not None:
        gone = past.reset[past.versions.offsets[1:] - 1]
        gone |= past.versions.last(~past.retract) < 0
        kinds[np.flatnonzero(busy)[gone]] = _DELETE
    return kinds
