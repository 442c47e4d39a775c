"""Any tabular input as a stream of record batches.

Accepted: objects with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (pyarrow, polars, pandas 3,
duckdb), pandas 2 data frames, and sequences of dicts. A stream is consumed batch by batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, cast

import pyarrow as pa

from tablestore.errors import InvalidInputError
from tablestore.write.dicts import batch_of_dicts

BATCH_ROWS_MAX: Final = 131_072
"""Larger input batches are cut, so that what is buffered at once stays bounded."""


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
        batch = batch_of_dicts(cast("Sequence[Mapping[str, object]]", data), expected, table)
        return pa.RecordBatchReader.from_batches(batch.schema, [batch])
    raise InvalidInputError(
        f"table {table}: expected Arrow data (pyarrow, polars, pandas, duckdb) or a list of "
        f"dicts, found {type(data).__name__}"
    )


def _is_pandas(data: object) -> bool:
    return type(data).__module__.split(".")[0] == "pandas" and hasattr(data, "columns")


def _cut(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH_ROWS_MAX):
            yield batch.slice(start, BATCH_ROWS_MAX)
