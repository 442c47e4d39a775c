"""Rows as a primary-key table's files hold them: key copies, system columns, then the columns."""

from __future__ import annotations

import pyarrow as pa

from tablestore.datafile.layout import KEY_PREFIX


def physical_rows(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The columns of a file, in its order.

    Args:
        rows: the table's columns, the sequence number and the row kind, in any order.
        schema: of the file; a ``_KEY_`` column is the same values as the column it copies.
            Columns that are dictionaries stay so.
    """
    columns = [_column(rows, field) for field in schema]
    fields = [field.with_type(column.type) for field, column in zip(schema, columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _column(rows: pa.RecordBatch, field: pa.Field) -> pa.Array:
    index = rows.schema.get_field_index(field.name)
    if index < 0:
        index = rows.schema.get_field_index(field.name.removeprefix(KEY_PREFIX))
    column = rows.column(index)
    if column.type == field.type or pa.types.is_dictionary(column.type):
        return column
    return column.cast(field.type)
