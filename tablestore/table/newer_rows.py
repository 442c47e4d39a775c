"""The rows by which an update or a delete by filter takes effect in a primary-key table.

Both write newer versions of rows. Where the table makes a row of several versions, a version must
say no more than what it changes: a sum takes every value it is given, and null means "no change"
to partial-update. What a newer version cannot say is refused, for the engine would pass over it.

Source: ``org.apache.paimon.mergetree.compact.PartialUpdateMergeFunction``,
``AggregateMergeFunction``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.merge.keys import nullable_lanes
from tablestore.options.aggregation import ColumnAggregation
from tablestore.options.partial_update import SequenceGroup, sequence_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.schema import TableSchema
    from tablestore.options.table import TableOptions

_KEEPS_NULL: Final = "last_value"
_REPLACING: Final = frozenset({_KEEPS_NULL, "last_non_null_value"})
"""Functions whose result is the value given last."""


@dataclass(frozen=True)
class Order:
    """Columns by which a version is newer than another.

    Attributes:
        columns: compared left to right, nulls first.
        descending: the smallest value is the newest.
        what: the option, for messages.
    """

    columns: tuple[str, ...]
    descending: bool
    what: str


@dataclass(frozen=True)
class UpdatedRows:
    """What an update writes.

    Attributes:
        table: name for messages.
        key: names of the primary key's columns, for messages.
        blank: columns that are left out, as null, so that they stay as they are.
        not_null: columns that are set, in which null would change nothing.
        orders: no new version may be older than what is there.
        groups: ordering columns of the sequence groups with a column that is set; where they are
            all null, the group is passed over.
    """

    table: str
    key: tuple[str, ...]
    blank: tuple[str, ...] = ()
    not_null: tuple[str, ...] = ()
    orders: tuple[Order, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(
        cls, table: str, schema: TableSchema, options: TableOptions, changes: Collection[str]
    ) -> UpdatedRows:
        """What an update of some columns writes.

        Raises:
            InvalidInputError: a column can get no new value by a newer version.
        """
        if options.rowkind_field in changes:
            raise InvalidInputError(
                f"table {table}: {options.rowkind_field!r} is the column of 'rowkind.field' and "
                "cannot be updated",
                column=options.rowkind_field,
            )
        orders = []
        if set(options.sequence_field) & set(changes):
            orders.append(
                Order(options.sequence_field, options.sequence_field_descending, "sequence.field")
            )
        if options.merge_engine != "partial-update":
            return cls(table, schema.primary_keys, orders=tuple(orders))
        parts = _Parts(table, schema, options, changes)
        for group in parts.groups:
            if set(group.ordering) & set(changes):
                what = f"fields.{','.join(group.ordering)}.sequence-group"
                orders.append(Order(group.ordering, False, what))
        return cls(
            table,
            schema.primary_keys,
            parts.blank(),
            parts.not_null(),
            tuple(orders),
            tuple(group.ordering for group in parts.groups if parts.is_set(group)),
        )

    def rows(self, old: pa.RecordBatch, new: pa.RecordBatch) -> pa.RecordBatch:
        """The rows to write.

        Args:
            old: rows as they are.
            new: the same with new values.

        Raises:
            InvalidInputError: a new value would change nothing; names the row.
        """
        for name in self.not_null:
            was = old.column(old.schema.get_field_index(name))
            becomes = new.column(new.schema.get_field_index(name))
            self._refuse(
                pc.and_(pc.is_null(becomes), pc.is_valid(was)),
                new,
                f"column {name!r}: the new value is null, and to partial-update null means 'no "
                "change'; delete the rows and write them anew, or let a sequence group protect "
                "the column, in which null is a value",
            )
        for names in self.groups:
            empty = [new.column(new.schema.get_field_index(name)).is_null() for name in names]
            unordered = empty[0]
            for more in empty[1:]:
                unordered = pc.and_(unordered, more)
            listed = ",".join(names)
            self._refuse(
                unordered,
                new,
                f"its sequence group is ordered by {listed!r}, which is null, so the group's "
                f"columns would not change; set {listed!r}, too",
            )
        for order in self.orders:
            self._refuse(
                pa.array(_older(old, new, order)),
                new,
                f"the new value of {', '.join(order.columns)} is older than what is stored, by "
                f"option {order.what!r}, so the update would change nothing; set a newer one",
            )
        for name in self.blank:
            index = new.schema.get_field_index(name)
            field = new.schema.field(index)
            new = new.set_column(index, field, pa.nulls(new.num_rows, field.type))
        return new

    def _refuse(self, refused: pa.BooleanArray, rows: pa.RecordBatch, why: str) -> None:
        """Refuse an update where a row is marked.

        Raises:
            InvalidInputError: names the first of them.
        """
        if refused.true_count:
            at = pc.index(refused, True).as_py()
            raise InvalidInputError(
                f"table {self.table}: update of the row with {_named(rows, self.key, at)}: {why}"
            )


class _Parts:
    """The columns of a partial-update table, by what becomes of them."""

    def __init__(
        self, table: str, schema: TableSchema, options: TableOptions, changes: Collection[str]
    ) -> None:
        self._schema = schema
        self._changes = frozenset(changes)
        self.groups = sequence_groups(options.raw, schema.field_names, schema.primary_keys)
        self._group = {
            name: group for group in self.groups for name in (*group.ordering, *group.protected)
        }
        self._functions = _functions(options.raw, self.groups)
        self._fixed = {*schema.primary_keys, *options.sequence_field, *self._changes}
        self._check(table)

    def _check(self, table: str) -> None:
        """Refuse what an update cannot do to columns with aggregate functions.

        Raises:
            InvalidInputError: names the column and its function.
        """
        for name, function in self._functions.items():
            if function in _REPLACING:
                continue
            if name in self._changes:
                raise InvalidInputError(
                    f"table {table}, column {name!r}: its aggregate function {function} would add "
                    "the new value to the old one; upsert what is to be added instead",
                    column=name,
                )
            if self._applies(self._group[name]) and not self._schema.field(name).type.nullable:
                raise InvalidInputError(
                    f"table {table}: column {name!r} is NOT NULL and has the aggregate function "
                    f"{function}, so each update of its sequence group would add it to itself; "
                    "upsert the changed columns instead",
                    column=name,
                )

    def is_set(self, group: SequenceGroup) -> bool:
        """Whether a column that the group protects gets a new value."""
        return bool(self._changes & set(group.protected))

    def _applies(self, group: SequenceGroup) -> bool:
        """Whether a new version must bring the group's ordering columns."""
        own = {*group.ordering, *group.protected}
        fixed = any(not self._schema.field(name).type.nullable for name in group.ordering)
        return fixed or bool(self._changes & own)

    def blank(self) -> tuple[str, ...]:
        """Columns that are left out."""
        return tuple(
            field.name
            for field in self._schema.fields
            if field.type.nullable and field.name not in self._fixed and self._may_go(field.name)
        )

    def _may_go(self, name: str) -> bool:
        group = self._group.get(name)
        if group is None or not self._applies(group):
            return True
        # within a group that applies null is a value, but not to most functions
        return self._functions.get(name, _KEEPS_NULL) != _KEEPS_NULL

    def not_null(self) -> tuple[str, ...]:
        """Columns that are set, in which null means no change."""
        return tuple(
            name
            for name in self._changes
            if name not in self._group or self._functions.get(name) == "last_non_null_value"
        )


def _functions(options: Mapping[str, str], groups: Sequence[SequenceGroup]) -> dict[str, str]:
    """The aggregate functions of protected columns, by column."""
    found = {}
    for name in (name for group in groups for name in group.protected):
        function = ColumnAggregation.parse(options, name).function
        if function is not None:
            found[name] = function
    return found


def delete_columns(schema: TableSchema, options: TableOptions) -> tuple[str, ...]:
    """Columns that a -D row must bring; the others would come back with the next version.

    Args:
        schema: of a table that makes a row of several versions.
        options: its options.
    """
    groups = sequence_groups(options.raw, schema.field_names, schema.primary_keys)
    ordering = [name for group in groups for name in group.ordering]
    partial = options.merge_engine == "partial-update"
    names = (*schema.primary_keys, *options.sequence_field, *(ordering if partial else ()))
    return tuple(dict.fromkeys(names))


def check_removed(
    table: str, rows: pa.RecordBatch, schema: TableSchema, options: TableOptions
) -> None:
    """Refuse deletes by sequence group where the group has no value.

    Raises:
        InvalidInputError: a -D row would change nothing; names the row.
    """
    groups = sequence_groups(options.raw, schema.field_names, schema.primary_keys)
    removing = [group.ordering for group in groups if group.removes]
    if options.merge_engine != "partial-update" or not removing:
        return
    kept = pa.array(np.ones(rows.num_rows, dtype=np.bool_))
    for name in (name for names in removing for name in names):
        kept = pc.and_(kept, rows.column(rows.schema.get_field_index(name)).is_null())
    if kept.true_count:
        at = pc.index(kept, True).as_py()
        named = _named(rows, schema.primary_keys, at)
        raise InvalidInputError(
            f"table {table} cannot delete the row with {named}: the sequence groups of "
            "'partial-update.remove-record-on-sequence-group' "
            f"({', '.join(','.join(names) for names in removing)}) have no value in it"
        )


def _older(old: pa.RecordBatch, new: pa.RecordBatch, order: Order) -> NDArray[np.bool_]:
    """Which rows would be older than they are."""
    count = old.num_rows
    older = np.zeros(count, dtype=np.bool_)
    newer = np.zeros(count, dtype=np.bool_)
    for name in order.columns:
        index = old.schema.get_field_index(name)
        both = pa.concat_arrays([old.column(index), new.column(index)])
        for lane in nullable_lanes(both, descending=order.descending):
            was, becomes = lane[:count], lane[count:]
            older |= ~newer & (becomes < was)
            newer |= ~older & (becomes > was)
    return older


def _named(rows: pa.RecordBatch, names: Sequence[str], at: int) -> str:
    values = ((name, rows.column(rows.schema.get_field_index(name))[at].as_py()) for name in names)
    return ", ".join(f"{name} = {value!r}" for name, value in values)
