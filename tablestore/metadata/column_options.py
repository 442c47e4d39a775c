"""The options of a new table that are about its columns, checked against them.

Source: ``org.apache.paimon.schema.SchemaValidation``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tablestore.errors import InvalidInputError, nearest
from tablestore.options.record_expire import RecordExpireOptions, check_time_field
from tablestore.types.model import AtomicType, DataField, RowType

_TEXTS: Final = frozenset({"CHAR", "VARCHAR"})
_SEQUENCE: Final = "sequence.field"


def check_column_options(
    fields: Sequence[DataField], texts: dict[str, str], *, has_primary_key: bool
) -> None:
    """Refuse options that the columns of a new table do not fit.

    Args:
        fields: of the table.
        texts: its options; names are stored as Java reads them, without spaces.
        has_primary_key: whether it has one.

    Raises:
        InvalidInputError: names the option and the column.
    """
    _check_kind_field(fields, texts)
    _check_sequence(fields, texts)
    _check_whole_columns(fields, texts)
    types = {field.name: field.type.sql() for field in fields}
    if has_primary_key:
        RecordExpireOptions.of(texts, types)
    else:
        check_time_field(texts, types)


def _check_kind_field(fields: Sequence[DataField], options: Mapping[str, str]) -> None:
    name = options.get("rowkind.field", "").strip()
    if not name:
        return
    field = next((field for field in fields if field.name == name), None)
    if field is None or not isinstance(field.type, AtomicType) or field.type.name not in _TEXTS:
        found = "no such column" if field is None else str(field.type)
        raise InvalidInputError(
            f"option 'rowkind.field' = {name!r}: expected a column of text, found {found}",
            option="rowkind.field",
            column=name,
        )


def _check_sequence(fields: Sequence[DataField], texts: dict[str, str]) -> None:
    text = texts.get(_SEQUENCE)
    if text is None:
        return
    names = [name.strip() for name in text.split(",")]
    types = {field.name: field.type for field in fields}
    for name in names:
        if name not in types:
            what = f"names {name!r}, which is no column of the table{nearest(name, types)}"
            if not name:
                what = f"= {text!r} lacks a name: expected column names with commas between them"
            raise InvalidInputError(f"option {_SEQUENCE!r} {what}", option=_SEQUENCE, column=name)
        if names.count(name) > 1:
            raise InvalidInputError(
                f"option {_SEQUENCE!r} names {name!r} more than once",
                option=_SEQUENCE,
                column=name,
            )
        if not isinstance(types[name], AtomicType):
            raise InvalidInputError(
                f"option {_SEQUENCE!r} names {name!r} of type {types[name]}; only columns of plain "
                "types tell which row is newer",
                option=_SEQUENCE,
                column=name,
            )
        if f"fields.{name}.aggregate-function" in texts:
            raise InvalidInputError(
                f"option 'fields.{name}.aggregate-function' is about a column of {_SEQUENCE!r}, "
                "which is never aggregated",
                option=_SEQUENCE,
                column=name,
            )
    # Java does not trim the names
    texts[_SEQUENCE] = ",".join(names)


def _check_whole_columns(fields: Sequence[DataField], options: Mapping[str, str]) -> None:
    """Refuse options of a part of a column, as Java does; nothing would follow them.

    Raises:
        InvalidInputError: names the option and the column.
    """
    for field in fields:
        if not isinstance(field.type, RowType):
            continue
        prefix = f"fields.{field.name}."
        for key in options:
            if key.startswith(prefix) and "." in key.removeprefix(prefix):
                raise InvalidInputError(
                    f"option {key!r} is about a field inside of the column {field.name!r}; only "
                    "whole columns have options",
                    option=key,
                    column=field.name,
                )
