"""Anything tabular is taken as a stream of batches of bounded size."""

from __future__ import annotations

import datetime as dt

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.write.input import BATCH_ROWS_MAX, open_input
from tests.support.builders import keyed_table, rows, stored

EXPECTED = pa.schema([("id", pa.int64()), ("v", pa.string())])
DATA = rows([1, 2, 3])


class OnlyArray:
    """An object that exports one array, as the C data interface has it."""

    def __arrow_c_array__(self, requested_schema=None):
        return DATA.to_batches()[0].__arrow_c_array__(requested_schema)


class OnlyStream:
    def __arrow_c_stream__(self, requested_schema=None):
        return DATA.__arrow_c_stream__(requested_schema)


INPUTS = {
    "table": DATA,
    "batch": DATA.to_batches()[0],
    "reader": lambda: DATA.to_reader(max_chunksize=2),
    "stream": OnlyStream(),
    "array": OnlyArray(),
    "polars": pl.from_arrow(DATA),
    "pandas": DATA.to_pandas(),
    "pandas with an index": DATA.to_pandas().set_index(np.array([7, 8, 9])),
    "duckdb": lambda: duckdb.from_arrow(DATA),
    "dicts": DATA.to_pylist(),
    "dicts in a tuple": tuple(DATA.to_pylist()),
}


@pytest.mark.parametrize("name", INPUTS)
def test_every_kind_of_input_is_read(name):
    data = INPUTS[name]() if callable(INPUTS[name]) else INPUTS[name]
    table = keyed_table()
    table.upsert(data)
    assert stored(table) == {1: "1", 2: "2", 3: "3"}


def test_a_large_batch_is_cut():
    count = BATCH_ROWS_MAX + 5
    _, batches = open_input(rows(range(count), "x").to_batches()[0], EXPECTED, "t")
    assert [batch.num_rows for batch in batches] == [BATCH_ROWS_MAX, 5]


def test_a_stream_is_not_read_before_it_is_needed():
    taken = []

    def source():
        for n in range(3):
            taken.append(n)
            yield rows([n]).to_batches()[0]

    _, batches = open_input(pa.RecordBatchReader.from_batches(DATA.schema, source()), EXPECTED, "t")
    assert taken == []
    next(batches)
    assert taken == [0]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ((row for row in [{"id": 1}]), "generator"),
        ({"id": [1]}, "one dict"),
        ("id", "str"),
        (b"id", "bytes"),
        (3, "int"),
        (np.array([1]), "ndarray"),
        ([[1, "x"]], "list"),
    ],
)
def test_other_objects_are_refused_by_their_type(data, found):
    with pytest.raises(InvalidInputError, match=found):
        open_input(data, EXPECTED, "t")


def test_empty_inputs_have_no_batches():
    for data in ([], DATA.slice(0, 0), DATA.schema.empty_table().to_pandas()):
        _, batches = open_input(data, EXPECTED, "t")
        assert sum(batch.num_rows for batch in batches) == 0


def test_an_empty_write_makes_no_snapshot():
    table = keyed_table()
    assert table.upsert([]).snapshot_id is None
    assert table.upsert(DATA.slice(0, 0)).snapshot_ids == ()
    assert table.snapshot_id is None


def test_dicts_may_lack_keys_and_have_them_in_any_order():
    table = keyed_table()
    table.upsert([{"v": "a", "id": 1}, {"id": 2}])
    assert stored(table) == {1: "a", 2: None}


def test_a_pandas_frame_brings_its_missing_values_as_null():
    table = keyed_table(None, {"id": "BIGINT NOT NULL", "x": "DOUBLE", "at": "TIMESTAMP(6)"})
    at = pd.to_datetime(pd.Series(["2026-01-01", None])).astype("datetime64[us]")
    table.upsert(pd.DataFrame({"id": [1, 2], "x": [1.5, None], "at": at}))
    assert table.to_arrow(where="id = 2").to_pylist() == [{"id": 2, "x": None, "at": None}]
    assert table.to_pandas(where="id = 1")["at"][0] == dt.datetime(2026, 1, 1)


def test_polars_types_of_its_own_are_taken():
    table = keyed_table(
        None,
        {"id": "BIGINT NOT NULL", "v": "STRING", "tags": "ARRAY<STRING>", "who": "ROW<a BIGINT>"},
    )
    frame = pl.DataFrame(
        {
            "id": [1],
            "v": pl.Series(["x"], dtype=pl.Categorical),
            "tags": [["a", "b"]],
            "who": [{"a": 1}],
        }
    )
    table.upsert(frame)
    assert table.to_arrow().to_pylist() == [
        {"id": 1, "v": "x", "tags": ["a", "b"], "who": {"a": 1}}
    ]
