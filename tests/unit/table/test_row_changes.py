"""Rows deleted and updated by a filter."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.table import row_changes
from tests.support.builders import append_table, keyed_table, rows, stored

COLUMNS = {
    "id": "BIGINT NOT NULL",
    "n": "INT",
    "price": "DECIMAL(8, 2)",
    "name": "VARCHAR(5)",
    "must": "INT NOT NULL",
}


@pytest.fixture(params=["primary key", "append"])
def table(request):
    keyed = request.param == "primary key"
    made = keyed_table(columns=COLUMNS) if keyed else append_table(columns=COLUMNS)
    data = pa.table(
        {
            "id": pa.array(range(10), pa.int64()),
            "n": pa.array([None, *range(1, 10)], pa.int32()),
            "price": pa.array([Decimal(i) / 4 for i in range(10)], pa.decimal128(8, 2)),
            "name": [f"n{i}" for i in range(10)],
            "must": pa.array([1] * 10, pa.int32()),
        }
    )
    with made.batch() as batch:
        batch.write(data.slice(0, 5))
    with made.batch() as batch:
        batch.write(data.slice(5))
    return made


def column(table, name):
    found = table.to_arrow().sort_by("id")
    return dict(zip(found["id"].to_pylist(), found[name].to_pylist(), strict=True))


def test_delete_takes_the_rows_that_the_filter_selects_and_no_others(table):
    result = table.delete(where="n > 6 or name = 'n1'")
    assert set(column(table, "id")) == {0, 2, 3, 4, 5, 6}
    assert len(result.snapshot_ids) == 1
    assert table.verify(deep=True).ok


def test_null_is_not_selected(table):
    table.delete(where="n < 100")
    assert set(column(table, "id")) == {0}


def test_a_filter_that_selects_nothing_changes_nothing(table):
    at = table.snapshot_id
    assert table.delete(where="n > 1000").snapshot_ids == ()
    assert table.update(set={"n": "1"}, where="n > 1000").snapshot_ids == ()
    assert table.snapshot_id == at


def test_update_works_values_out_from_the_old_ones(table):
    table.update(set={"n": "n * 10 + id", "price": "price * 2", "name": "'<' || id"}, where="n > 7")
    assert column(table, "n") == {0: None, **{i: i for i in range(1, 8)}, 8: 88, 9: 99}
    assert column(table, "price")[9] == Decimal("4.50")
    assert column(table, "name") == {**{i: f"n{i}" for i in range(8)}, 8: "<8", 9: "<9"}
    assert table.verify(deep=True).ok


def test_columns_may_swap_their_values(table):
    table.update(set={"n": "must", "must": "coalesce(n, 0)"}, where="true")
    assert set(column(table, "n").values()) == {1}
    assert column(table, "must") == {i: i for i in range(10)}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"set": {}, "where": "true"}, "names no column"),
        ({"set": {"nam": "1"}, "where": "true"}, "has no column 'nam'"),
        ({"set": {"n": "nn + 1"}, "where": "true"}, "has no column 'nn'"),
        ({"set": {"n": "name"}, "where": "true"}, "does not fit int32"),
        ({"set": {"name": "'too long'"}, "where": "true"}, "'name'"),
        ({"set": {"must": "null"}, "where": "true"}, "'must'"),
        ({"set": {"must": "n"}, "where": "true"}, "'must'"),
        ({"set": {"n": "n / 0"}, "where": "true"}, "divide by zero"),
        ({"set": {"n": "1 +"}, "where": "true"}, "position 4"),
        ({"set": {"n": 1}, "where": "true"}, "takes SQL text"),
        ({"set": {"n": "1"}, "where": None}, "needs where="),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(table, arguments, message):
    at, before = table.snapshot_id, table.to_arrow().sort_by("id")
    with pytest.raises(ts.InvalidInputError, match=message):
        table.update(**arguments)
    assert table.snapshot_id == at
    assert table.to_arrow().sort_by("id") == before


def test_columns_that_place_a_row_cannot_be_set():
    with pytest.raises(ts.InvalidInputError, match="'id' is a primary-key column"):
        keyed_table().update(set={"id": "id + 1"}, where="true")


def test_delete_takes_one_way_to_name_rows():
    table = keyed_table()
    for arguments in ({}, {"keys": [1], "where": "true"}):
        with pytest.raises(ts.InvalidInputError, match="keys= or where="):
            table.delete(**arguments)


def test_a_delete_by_filter_wins_over_the_row_s_own_sequence_field():
    table = keyed_table(
        columns={"id": "BIGINT NOT NULL", "v": "STRING", "at": "INT"}, sequence__field="at"
    )
    table.upsert([{"id": 1, "v": "a", "at": 7}, {"id": 2, "v": "b", "at": None}])
    table.upsert([{"id": 1, "v": "late", "at": 3}])
    assert table.to_arrow(where="id = 1")["v"].to_pylist() == ["a"]
    table.update(set={"v": "v || '!'"}, where="id = 1")
    assert table.to_arrow(where="id = 1")["v"].to_pylist() == ["a!"]
    table.delete(where="v = 'a!'")
    assert table.to_arrow()["id"].to_pylist() == [2]


def test_an_append_table_changed_by_another_meanwhile_is_a_conflict_and_leaves_no_file(
    monkeypatch, tmp_path
):
    table = append_table(tmp_path)
    table.append(rows(range(5)))
    inner = row_changes._rewritten

    def overtaken(*arguments):
        done = inner(*arguments)
        ts.open_table(table.path).overwrite(rows([9]))
        return done

    monkeypatch.setattr(row_changes, "_rewritten", overtaken)
    with pytest.raises(ts.CommitConflictError):
        table.delete(where="id = 1")
    assert stored(table) == {9: "9"}
    assert len(list(tmp_path.rglob("data-*.parquet"))) == 2
