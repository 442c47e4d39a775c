"""Any tabular input as a stream of record batches.

Accepted: objects with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (pyarrow, polars, pandas 3,
duckdb), pandas 2 data frames, and sequences of dicts. A stream is consumed batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, Protocol, cast

import pyarrow as pa

from tablestore.errors import InvalidInputError

BATCH_ROWS_MAX: Final = 131_072
"""Larger input batches are cut, so that what is buffered at once stays bounded."""


class _PandasFrame(Protocol):
    index: object


def open_input(
    data: object, expected: pa.Schema, table: str
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The schema of the input and its batches, each of at most ``BATCH_ROWS_MAX`` rows.

    Args:
        data: the input.
        expected: the table's columns; gives the types of a sequence of dicts.
        table: the table's name, for messages.

    Raises:
        InvalidInputError: the object is not tabular, or a dict holds a value of a wrong type.
    """
    reader = _reader(data, expected, table)
    return reader.schema, _cut(reader)


def _reader(data: object, expected: pa.Schema, table: str) -> pa.RecordBatchReader:
    if isinstance(data, pa.RecordBatchReader):
        return data  # through a C stream its own exceptions would lose their types
    if isinstance(data, pa.RecordBatch):
        return pa.RecordBatchReader.from_batches(data.schema, [data])
    if _is_old_pandas(data):
        frame = pa.Table.from_pandas(data, preserve_index=False)
        return frame.to_reader(max_chunksize=BATCH_ROWS_MAX)
    if _is_pandas(data):
        # the index of a frame is not a column of the table
        frame = pa.Table.from_pandas(data, preserve_index=False)
        return frame.to_reader(max_chunksize=BATCH_ROWS_MAX)
    if hasattr(data, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(data)
    if hasattr(data, "__arrow_c_array__"):
        batch = pa.record_batch(data)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    if isinstance(data, Mapping):
        raise InvalidInputError(
            f"table {table}: expected rows as a list of dicts or as Arrow data, found one dict; "
            "put it in a list, or use pyarrow.table(...) for a dict of columns"
        )
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        batch = _from_dicts(cast("Sequence[Mapping[str, object]]", data), expected, table)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    raise InvalidInputError(
        f"table {table}: expected Arrow data (pyarrow, polars, pandas, duckdb) or a list of "
        f"dicts, found {type(data).__name__}"
    )


def _is_pandas(data: object) -> bool:
    return type(data).__module__.split(".")[0] == "pandas" and hasattr(data, "columns")


def _is_old_pandas(data: object) -> bool:
    return _is_pandas(data) and not hasattr(data, "__arrow_c_stream__")


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS_MAX):
            yield batch.slice(start, BATCH_ROWS_MAX)


def _from_dicts(
    rows: Sequence[Mapping[str, object]], expected: pa.Schema, table: str
) -> pa.RecordBatch:
    """Dicts as columns of the table's types.

    Raises:
        InvalidInputError: names the column and row that do not fit.
    """
    wrong = next((type(row).__name__ for row in rows if not isinstance(row, Mapping)), None)
    if wrong is not None:
        raise InvalidInputError(f"table {table}: expected a list of dicts, found a {wrong} in it")
    names = list(dict.fromkeys(chain.from_iterable(rows))) or expected.names
    for name in names:
        if not isinstance(name, str):
            raise InvalidInputError(f"table {table}: column names are text, found {name!r}")
    fields = [
        expected.field(name) if name in expected.names else pa.field(name, pa.string())
        for name in names
    ]
    struct = pa.struct([field.with_nullable(True) for field in fields])
    try:
        array = pa.array(list(rows), type=struct)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        columns = [_column(rows, field, table) for field in fields]
        return pa.RecordBatch.from_arrays(columns, names=names)
    return pa.RecordBatch.from_struct_array(array)


def _column(rows: Sequence[Mapping[str, object]], field: pa.Field, table: str) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    try:
        return pa.array(values, type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        if field.type == pa.string() and not all(isinstance(v, (str, type(None))) for v in values):
            found = next(
                (i, v) for i, v in enumerate(values) if not isinstance(v, (str, type(None)))
            )
            raise _misfit(table, field, *found) from None
        for row, value in enumerate(values):
            try:
                pa.array([value], type=field.type)
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                raise _misfit(table, field, row, value) from None
        raise


def _misfit(table: str, field: pa.Field, row: int, value: object) -> InvalidInputError:
    shown = repr(value)
    return InvalidInputError(
        f"table {table}, column {field.name!r}, row {row}: expected {field.type}, found "
        f"{shown[:80]} ({type(value).__name__})",
        table=table,
        column=field.name,
        row=row,
        expected=str(field.type),
        found=shown[:80],
    )
