"""Column types whose values are neither read nor written yet."""

from __future__ import annotations

from typing import Final

from tablestore.errors import UnsupportedFormatError
from tablestore.format.schema import TableSchema
from tablestore.types.model import AtomicType, DataType, VectorType

_REFUSED: Final = frozenset({"VARIANT", "BLOB", "GEOMETRY", "GEOGRAPHY"})


def check_column_types(table: str, schema: TableSchema, doing: str) -> None:
    """Refuse a table that has a column of such a type, at any depth.

    Args:
        table: its name, for the message.
        schema: its columns.
        doing: "reading" or "writing", for the message.

    Raises:
        UnsupportedFormatError: names the column and its type.
    """
    for field in schema.fields:
        if any(map(_is_refused, field.type.walk())):
            raise UnsupportedFormatError(
                f"table {table}, column {field.name!r}: {doing} {field.type} is not supported yet",
                feature=field.type.sql(),
            )


def _is_refused(kind: DataType) -> bool:
    return isinstance(kind, VectorType) or (isinstance(kind, AtomicType) and kind.name in _REFUSED)
