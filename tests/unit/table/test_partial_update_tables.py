"""Tables with merge-engine partial-update, from creation to reading."""

from __future__ import annotations

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError
from tablestore.write import primary_key

ENGINE = {"merge-engine": "partial-update"}
REMOVE = {"partial-update.remove-record-on-delete": "true"}
COLUMNS = {"k": "INT NOT NULL", "a": "BIGINT", "b": "STRING", "at": "INT"}
GROUP = {"fields.at.sequence-group": "a", "fields.a.aggregate-function": "sum"}


@pytest.fixture
def lake(tmp_path):
    return ts.connect(str(tmp_path))


def make(lake, options, columns=COLUMNS):
    return lake.create_table("d.t", columns, primary_key="k", options=ENGINE | options)


def rows(table, **how):
    return [tuple(row.values()) for row in table.to_arrow(**how).to_pylist()]


def test_a_column_that_an_upsert_does_not_bring_stays_as_it_is(lake):
    table = make(lake, {})
    table.upsert([{"k": 1, "a": 5, "b": "x", "at": 1}, {"k": 2, "a": 6}])
    table.upsert(pa.table({"k": pa.array([1, 2], pa.int32()), "b": ["y", "z"]}))
    table.upsert([{"k": 1, "at": None}])
    assert rows(table) == [(1, 5, "y", 1), (2, 6, "z", None)]
    assert rows(table.compact(full=True) and table) == [(1, 5, "y", 1), (2, 6, "z", None)]


def test_versions_of_one_commit_meet_in_the_buffer(lake):
    table = make(lake, GROUP)
    with table.batch() as batch:
        for at, a in [(2, 10), (1, 5), (None, 7), (2, 1)]:
            batch.upsert([{"k": 1, "at": at, "a": a}])
    assert rows(table) == [(1, 16, None, 2)]


def test_an_aggregation_table_takes_some_of_the_columns_too(lake):
    options = {"merge-engine": "aggregation", "fields.a.aggregate-function": "sum"}
    table = make(lake, options)
    table.upsert([{"k": 1, "a": 5, "b": "x"}])
    table.upsert([{"k": 1, "a": 6}])
    assert rows(table) == [(1, 11, "x", None)]


def test_keys_and_columns_that_are_not_null_are_always_needed(lake):
    table = make(lake, {}, COLUMNS | {"must": "INT NOT NULL"})
    with pytest.raises(InvalidInputError, match="lacks the column 'k'"):
        table.upsert([{"a": 5, "must": 1}])
    with pytest.raises(InvalidInputError, match="lacks the column 'must'"):
        table.upsert([{"k": 5}])


def test_other_engines_still_need_every_column(lake):
    table = lake.create_table("d.t", COLUMNS, primary_key="k")
    with pytest.raises(InvalidInputError, match="lacks the column 'a'"):
        table.upsert([{"k": 5}])


def test_a_delete_by_key_removes_and_later_columns_go_on(lake):
    table = make(lake, REMOVE)
    table.upsert([{"k": 1, "a": 5, "b": "x"}, {"k": 2, "a": 6}])
    table.delete(keys=[1])
    assert rows(table, columns=["k", "a"]) == [(2, 6)]
    table.upsert([{"k": 1, "b": "y"}])
    assert rows(table) == [(1, None, "y", None), (2, 6, None, None)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ENGINE, "only where 'partial-update.remove-record-on-delete' is 'true'"),
        (
            ENGINE | GROUP | {"partial-update.remove-record-on-sequence-group": "at"},
            r"by its sequence group only; use delete\(where=\.\.\.\)",
        ),
        ({"merge-engine": "aggregation"}, "'aggregation.remove-record-on-delete' is 'true'"),
        ({"merge-engine": "first-row"}, "keeps the oldest row"),
        ({"sequence.field": "at"}, "older than every other row"),
    ],
)
def test_a_delete_by_key_that_would_delete_nothing_is_refused(lake, options, message):
    table = lake.create_table("d.t", COLUMNS, primary_key="k", options=options)
    with pytest.raises(InvalidInputError, match=message):
        table.delete(keys=[1])


def test_a_delete_of_selected_rows_is_refused_where_the_merge_would_break(lake):
    table = make(lake, {})
    table.upsert([{"k": 1, "a": 5}])
    with pytest.raises(InvalidInputError, match="remove-record-on-delete' is 'true'"):
        table.delete(where="a = 5")
    assert rows(table) == [(1, 5, None, None)]


def test_a_delete_of_selected_rows_removes_by_their_sequence_group(lake):
    table = make(lake, GROUP | {"partial-update.remove-record-on-sequence-group": "at"})
    table.upsert([{"k": 1, "a": 5, "at": 3}, {"k": 2, "a": 6, "at": 3}])
    table.delete(where="a = 5")
    assert rows(table) == [(2, 6, None, 3)]


def test_a_sequence_group_removes_by_rows_of_kind_delete_whatever_is_read(lake):
    table = make(lake, GROUP | {"partial-update.remove-record-on-sequence-group": "at"})
    table.upsert([{"k": 1, "a": 5, "b": "x", "at": 3}, {"k": 2, "a": 6, "b": "z", "at": 3}])
    old, new = ({"k": k, "a": 1, "b": "", "at": at, "op": "-D"} for k, at in [(1, 2), (2, 4)])
    table.upsert([old, new], row_kind="op")
    assert rows(table) == [(1, 4, "x", 3)]
    for name, value in [("k", 1), ("a", 4), ("b", "x"), ("at", 3)]:
        assert rows(table, columns=[name]) == [(value,)]


def test_a_retract_of_another_engine_that_nothing_is_configured_for_is_refused_at_the_merge(
    lake, monkeypatch
):
    table = make(lake, {})
    table.upsert([{"k": 1, "a": 5}])
    monkeypatch.setattr(primary_key, "unmergeable", lambda engine, kinds: None)
    table.upsert([{"k": 1, "a": 5, "op": "-U"}], row_kind="op")
    with pytest.raises(InvalidInputError, match="partial-update takes no -U and -D rows"):
        table.to_arrow()


def test_options_that_contradict_each_other_create_nothing(lake):
    with pytest.raises(InvalidInputError, match=r"'d\.t'.*contradict each other"):
        make(lake, REMOVE | {"ignore-delete": "true"})
    assert lake.databases() == []
