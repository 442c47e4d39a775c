"""The merge rules that a table's options ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tablestore.errors import InvalidInputError, UnsupportedFormatError
from tablestore.merge.aggregation import Aggregation
from tablestore.merge.aggregators.registry import DEFAULT_FUNCTION, aggregator
from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.first_row import FirstRow
from tablestore.merge.partial_update import PartialColumn, PartialUpdate
from tablestore.merge.rules import MergeRules
from tablestore.options.aggregation import ColumnAggregation
from tablestore.options.partial_update import check_exclusions, sequence_groups
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from tablestore.format.schema import TableSchema
    from tablestore.merge.aggregators.protocol import Aggregator
    from tablestore.merge.groups import MergeEngine
    from tablestore.options.table import TableOptions
    from tablestore.types.model import DataField


def merge_rules(schema: TableSchema, options: TableOptions) -> MergeRules:
    """How a primary-key table merges the versions of a key.

    Raises:
        UnsupportedFormatError: its merge engine is not supported yet.
        InvalidInputError: its options do not fit its columns.
    """
    make = _ENGINES.get(options.merge_engine)
    if make is None:
        raise UnsupportedFormatError(
            f"merge-engine {options.merge_engine!r} is not supported yet", feature="merge-engine"
        )
    for name in options.sequence_field:
        if name not in schema.field_names:
            raise InvalidInputError(
                f"option 'sequence.field' names {name!r}, which is no column of the table",
                column=name,
            )
        _check_order(schema.field(name), "be a 'sequence.field'")
    return MergeRules(
        make(schema, options),
        options.sequence_field,
        options.sequence_field_descending,
        options.needs_lookup and options.merge_engine != "first-row",
    )


def _deduplicate(schema: TableSchema, options: TableOptions) -> MergeEngine:
    return Deduplicate(ignore_delete=options.ignore_delete)


def _first_row(schema: TableSchema, options: TableOptions) -> MergeEngine:
    """The engine of first-row.

    Raises:
        InvalidInputError: options that it leaves nothing to do.
    """
    for key, found in (
        ("sequence.field", options.sequence_field),
        ("deletion-vectors.enabled", options.deletion_vectors),
    ):
        if found:
            raise InvalidInputError(
                f"merge-engine first-row does not go together with option {key!r}", option=key
            )
    return FirstRow(ignore_delete=options.ignore_delete)


def _aggregation(schema: TableSchema, options: TableOptions) -> MergeEngine:
    removes = options.aggregation_removes_on_delete
    functions = {}
    for field in schema.fields:
        settings = ColumnAggregation.parse(options.raw, field.name)
        if field.name in options.sequence_field:
            settings = _of_sequence_field(settings)
        elif field.name in schema.primary_keys:
            continue
        if removes and settings.ignore_retract:
            raise InvalidInputError(
                f"options 'aggregation.remove-record-on-delete' and 'fields.{field.name}."
                "ignore-retract' contradict each other"
            )
        functions[field.name] = aggregator(field.type, settings)
    return Aggregation(functions, removes)


def _of_sequence_field(settings: ColumnAggregation) -> ColumnAggregation:
    """A column of ``sequence.field`` is always the newest one's.

    Raises:
        InvalidInputError: a function is configured for it.
    """
    _check_not_aggregated(settings)
    return replace(settings, function="last_value")


def _check_not_aggregated(settings: ColumnAggregation) -> None:
    """Refuse a function of a column of ``sequence.field``.

    Raises:
        InvalidInputError: one is configured.
    """
    if settings.own_function:
        raise InvalidInputError(
            f"option 'fields.{settings.column}.aggregate-function' is about a column of "
            "'sequence.field', which is never aggregated"
        )


def _partial_update(schema: TableSchema, options: TableOptions) -> MergeEngine:
    names = [field.name for field in schema.fields]
    groups = sequence_groups(options.raw, names, schema.primary_keys)
    check_exclusions(
        options.raw,
        ignore_delete=options.ignore_delete,
        remove_on_delete=options.partial_update_removes_on_delete,
        grouped=bool(groups),
    )
    orders = {name: number for number, group in enumerate(groups) for name in group.ordering}
    protects = {name: number for number, group in enumerate(groups) for name in group.protected}
    columns = {}
    for place, field in enumerate(schema.fields):
        if field.name in schema.primary_keys:
            continue
        settings = ColumnAggregation.parse(options.raw, field.name)
        if field.name in options.sequence_field:
            _check_not_aggregated(settings)
        if field.name in orders:
            _check_order(field, "order a sequence group")
            columns[field.name] = PartialColumn(place, field.type.nullable, orders[field.name])
            continue
        group = protects.get(field.name)
        function = _function_in_group(field, settings, grouped=group is not None)
        columns[field.name] = PartialColumn(place, field.type.nullable, group, function)
    return PartialUpdate(
        columns, groups, options.partial_update_removes_on_delete, options.ignore_delete
    )


def _function_in_group(
    field: DataField, settings: ColumnAggregation, *, grouped: bool
) -> Aggregator | None:
    """The aggregate function of a column of a partial-update table.

    Raises:
        InvalidInputError: the column has a function and is in no sequence group.
    """
    if settings.function is None:
        return None
    function = aggregator(field.type, settings)
    if grouped:
        return function
    if settings.function != DEFAULT_FUNCTION:  # which is what happens to such a column anyway
        raise InvalidInputError(
            f"column {field.name!r}: the aggregate function {settings.function} needs a sequence "
            "group that protects the column: add it to 'fields.<ordering columns>.sequence-group'",
            column=field.name,
        )
    return None


def _check_order(field: DataField, use: str) -> None:
    """Refuse a column whose values have no order here.

    Raises:
        InvalidInputError: names the column and its type.
    """
    if not isinstance(field.type, AtomicType) or field.type.name in _UNORDERED:
        raise InvalidInputError(
            f"column {field.name!r} ({field.type}) cannot {use}", column=field.name
        )


_UNORDERED: Final = frozenset({"VARIANT", "BLOB", "GEOMETRY", "GEOGRAPHY"})

_ENGINES: Final[Mapping[str, Callable[[TableSchema, TableOptions], MergeEngine]]] = {
    "aggregation": _aggregation,
    "deduplicate": _deduplicate,
    "first-row": _first_row,
    "partial-update": _partial_update,
}
