"""The merge rules that a table's options ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tablestore.errors import InvalidInputError, UnsupportedFormatError
from tablestore.merge.aggregation import Aggregation
from tablestore.merge.aggregators.registry import aggregator
from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.first_row import FirstRow
from tablestore.merge.rules import MergeRules
from tablestore.options.aggregation import ColumnAggregation

if TYPE_CHECKING:
    from tablestore.format.schema import TableSchema
    from tablestore.merge.groups import MergeEngine
    from tablestore.options.table import TableOptions


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
    return MergeRules(
        make(schema, options),
        options.sequence_field,
        options.sequence_field_descending,
        options.needs_lookup and options.merge_engine != "first-row",
    )


def _deduplicate(schema: TableSchema, options: TableOptions) -> MergeEngine:
    return Deduplicate(ignore_delete=options.ignore_delete)


def _first_row(schema: TableSchema, options: TableOptions) -> MergeEngine:
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
    if settings.own_function:
        raise InvalidInputError(
            f"option 'fields.{settings.column}.aggregate-function' is about a column of "
            "'sequence.field', which is never aggregated"
        )
    return replace(settings, function="last_value")


_ENGINES: Final[Mapping[str, Callable[[TableSchema, TableOptions], MergeEngine]]] = {
    "aggregation": _aggregation,
    "deduplicate": _deduplicate,
    "first-row": _first_row,
}
