"""Primary keys as a caller writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from tablestore.options.table import TableOptions


def key_rows(keys: object, names: Sequence[str]) -> object:
    """Keys as rows of the key columns.

    Args:
        keys: Arrow data or a list of dicts with the key columns; for a key of one column a list of
            its values; else a list of tuples in key order.
        names: the primary key's columns.

    Raises:
        InvalidInputError: a tuple has the wrong length.
    """
    if not isinstance(keys, (list, tuple, set, frozenset, range)):
        if isinstance(keys, (int, str, bytes, float)):
            raise InvalidInputError(
                f"keys is a list of keys, found {keys!r}; write keys=[{keys!r}]"
            )
        return keys
    listed: list[Any] = list(keys)
    if listed and isinstance(listed[0], Mapping):
        return listed
    if len(names) == 1:
        return [dict.fromkeys(names, _single(key)) for key in listed]
    for key in listed:
        if not isinstance(key, (tuple, list)) or len(key) != len(names):
            raise InvalidInputError(
                f"a key of this table is a tuple ({', '.join(names)}), found {key!r}"
            )
    return [dict(zip(names, key, strict=True)) for key in listed]


def _single(key: object) -> object:
    return key[0] if isinstance(key, (tuple, list)) and len(key) == 1 else key


def check_deletes(table: str, options: TableOptions, *, whole_rows: bool = False) -> None:
    """Refuse deletes where a -D row would delete nothing, or spoil the table.

    Args:
        table: its name, for messages.
        options: of the table.
        whole_rows: the -D rows have the values of all columns, not of the key only.

    Source: ``org.apache.paimon.table.PrimaryKeyTableUtils`` (validatePKUpsertDeletable).

    Raises:
        InvalidInputError: names the option to set, or says what to write in place of keys.
    """
    why = _undeletable(options, whole_rows=whole_rows)
    if why is not None:
        by = "rows" if whole_rows else "by key"
        raise InvalidInputError(f"table {table} cannot delete {by}: {why}")


def _undeletable(options: TableOptions, *, whole_rows: bool) -> str | None:
    if options.ignore_delete:
        return "its option 'ignore-delete' drops every deletion"
    engine = options.merge_engine
    if engine == "first-row":
        return "merge-engine first-row keeps the oldest row of a key"
    partial = engine == "partial-update"
    if partial and "partial-update.remove-record-on-sequence-group" in options.raw:
        if whole_rows:
            return None
        return (
            "a -D row removes a record by its sequence group only; use delete(where=...), or "
            "upsert whole rows with row_kind"
        )
    removes = (
        options.partial_update_removes_on_delete
        if partial
        else options.aggregation_removes_on_delete
    )
    if options.mixes_versions and not removes:
        return (
            f"merge-engine {engine} does so only where '{engine}.remove-record-on-delete' is 'true'"
        )
    if options.sequence_field and not whole_rows:
        return (
            "a -D row without a value of 'sequence.field' is older than every other row; use "
            "delete(where=...), or upsert whole rows with row_kind"
        )
    return None
