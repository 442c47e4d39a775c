"""Options of a new table that are about its columns."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support.builders import append_table, keyed_table

COLUMNS = {
    "id": "BIGINT NOT NULL",
    "a": "INT",
    "b": "STRING",
    "list": "ARRAY<INT>",
    "map": "MAP<STRING, INT>",
    "row": "ROW<x INT>",
}


@pytest.mark.parametrize("make", [keyed_table, append_table])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence__field": "aa"}, "names 'aa', which is no column of the table.*'a'"),
        ({"sequence__field": "a,b,a"}, "names 'a' more than once"),
        ({"sequence__field": "a, a"}, "names 'a' more than once"),
        ({"sequence__field": ""}, "lacks a name"),
        ({"sequence__field": "a,"}, "= 'a,' lacks a name"),
        ({"sequence__field": "list"}, "'list' of type ARRAY<INT>; only columns of plain types"),
        ({"sequence__field": "map"}, "'map' of type MAP"),
        ({"sequence__field": "row"}, "'row' of type ROW"),
        (
            {"sequence__field": "a", "fields__a__aggregate_function": "max"},
            "'fields.a.aggregate-function' is about a column of 'sequence.field'",
        ),
        ({"fields__row__x__aggregate_function": "sum"}, "a field inside of the column 'row'"),
        ({"rowkind__field": "a"}, "expected a column of text, found INT"),
    ],
)
def test_what_the_columns_do_not_fit_is_refused(make, options, message):
    with pytest.raises(ts.InvalidInputError, match=message):
        make(columns=COLUMNS, **options)


def test_first_row_takes_no_sequence_field():
    with pytest.raises(ts.InvalidInputError, match="first-row does not go together"):
        keyed_table(columns=COLUMNS, merge_engine="first-row", sequence__field="a")


def test_names_are_stored_as_java_reads_them_without_spaces():
    table = keyed_table(columns=COLUMNS, sequence__field=" a , b ")
    assert table.options["sequence.field"] == "a,b"
    table.upsert([{"id": 1, "a": 2, "b": "x"}], missing="null")
    table.upsert([{"id": 1, "a": 2, "b": "w"}], missing="null")
    table.upsert([{"id": 1, "a": 1, "b": "z"}], missing="null")
    assert table.to_arrow()["b"].to_pylist() == ["x"]


@pytest.mark.parametrize("kind", ["BOOLEAN", "BYTES", "DOUBLE", "DECIMAL(30, 2)", "TIMESTAMP(9)"])
def test_a_column_of_any_plain_type_orders_rows(kind):
    table = keyed_table(columns={**COLUMNS, "s": kind}, sequence__field="s")
    table.upsert([{"id": 1, "a": 1}], missing="null")
    assert table.to_arrow()["a"].to_pylist() == [1]
