"""A position in a deletion vector is the row's ordinal in the file, whichever groups are read."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.runs.ordinals import in_groups, without_rows

SIZES = [5, 1, 7, 3]


def file() -> pq.ParquetFile:
    sink = io.BytesIO()
    ends = np.cumsum(SIZES)
    with pq.ParquetWriter(sink, pa.schema([("row", pa.int64())])) as writer:
        for end, size in zip(ends, SIZES, strict=True):
            writer.write_table(pa.table({"row": np.arange(end - size, end)}))
    return pq.ParquetFile(sink)


@pytest.mark.parametrize("chosen", [[0], [1], [3], [0, 2], [1, 3], [0, 1, 2, 3], [1, 2, 3]])
@pytest.mark.parametrize("batch_rows", [1, 2, 4, 100])
def test_rows_are_dropped_by_their_place_in_the_file(chosen, batch_rows):
    deleted = np.array([0, 4, 5, 6, 12, 15])
    source = file()
    relative = in_groups(deleted, chosen, len(SIZES), lambda group: SIZES[group])
    found, start = [], 0
    for batch in source.iter_batches(batch_size=batch_rows, row_groups=chosen):
        found += without_rows(batch, start, relative).column(0).to_pylist()
        start += batch.num_rows
    kept = source.read_row_groups(chosen).column(0).to_pylist()
    assert found == [row for row in kept if row not in deleted.tolist()]


def test_a_batch_without_columns_loses_the_number_of_its_rows():
    batch = pa.RecordBatch.from_struct_array(pa.nulls(10, pa.struct([])))
    assert without_rows(batch, 0, np.array([3, 9, 12])).num_rows == 8
