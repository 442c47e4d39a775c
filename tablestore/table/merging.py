"""The merge rules that a table's options ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from tablestore.errors import UnsupportedFormatError
from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.first_row import FirstRow
from tablestore.merge.rules import MergeRules

if TYPE_CHECKING:
    from tablestore.format.schema import TableSchema
    from tablestore.merge.groups import MergeEngine
    from tablestore.options.table import TableOptions


def merge_rules(schema: TableSchema, options: TableOptions) -> MergeRules:
    """How a primary-key table merges the versions of a key.

    Raises:
        UnsupportedFormatError: its merge engine is not supported yet.
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


_ENGINES: Final[Mapping[str, Callable[[TableSchema, TableOptions], MergeEngine]]] = {
    "deduplicate": _deduplicate,
    "first-row": _first_row,
}
