"""Updates and deletes by filter where a row is put together from several versions."""

from __future__ import annotations

import pytest

import tablestore as ts
from tablestore.table.newer_rows import UpdatedRows
from tests.support.builders import keyed_table

COLUMNS = {"id": "INT NOT NULL", "a": "INT", "b": "INT", "g": "INT", "h": "INT"}
GROUP = {"fields.g.sequence-group": "a,b"}
SUM = {"fields.b.aggregate-function": "sum"}


def made(*records, columns=COLUMNS, **options):
    table = keyed_table(columns=columns, **options)
    for record in records:
        table.upsert([record])
    return table


def partial(*records, columns=COLUMNS, options=None, **more):
    return made(*records, columns=columns, merge_engine="partial-update", **(options or {}), **more)


def only(table):
    (row,) = table.to_arrow().to_pylist()
    return {name: value for name, value in row.items() if value is not None}


def test_an_update_adds_nothing_to_sums_beside_it():
    table = partial({"id": 1, "a": 1, "b": 2, "g": 1, "h": 7}, options=GROUP | SUM)
    table.update(set={"h": "8"}, where="id = 1")
    table.update(set={"a": "a + 1", "g": "g + 1"}, where="id = 1")
    assert only(table) == {"id": 1, "a": 2, "b": 2, "g": 2, "h": 8}
    table.compact(full=True)
    assert only(table) == {"id": 1, "a": 2, "b": 2, "g": 2, "h": 8}


def test_an_update_leaves_what_another_writer_sets_meanwhile(monkeypatch):
    table = partial({"id": 1, "a": 1, "h": 7})
    inner = UpdatedRows.rows

    def after_another(updated, old, new):
        table.upsert([{"id": 1, "h": 8}])
        return inner(updated, old, new)

    monkeypatch.setattr(UpdatedRows, "rows", after_another)
    table.update(set={"a": "5"}, where="id = 1")
    assert only(table) == {"id": 1, "a": 5, "h": 8}


def test_a_column_with_a_sum_cannot_be_set():
    table = partial({"id": 1, "b": 2, "g": 1}, options=GROUP | SUM)
    with pytest.raises(ts.InvalidInputError, match=r"column 'b'.*sum would add"):
        table.update(set={"b": "100"}, where="id = 1")
    assert only(table) == {"id": 1, "b": 2, "g": 1}


@pytest.mark.parametrize("function", ["last_value", "last_non_null_value"])
def test_columns_whose_function_replaces_are_set(function):
    options = GROUP | {"fields.b.aggregate-function": function}
    table = partial({"id": 1, "a": 4, "b": 2, "g": 1}, options=options)
    table.update(set={"a": "5"}, where="id = 1")
    assert only(table) == {"id": 1, "a": 5, "b": 2, "g": 1}
    table.update(set={"b": "3"}, where="id = 1")
    assert only(table) == {"id": 1, "a": 5, "b": 3, "g": 1}


def test_a_sum_that_may_not_be_left_out_stands_against_updates_of_its_group():
    columns = {**COLUMNS, "b": "INT NOT NULL"}
    table = partial({"id": 1, "a": 1, "b": 2, "g": 1}, columns=columns, options=GROUP | SUM)
    with pytest.raises(ts.InvalidInputError, match=r"'b' is NOT NULL.*sum"):
        table.update(set={"a": "3"}, where="id = 1")
    table.update(set={"h": "3"}, where="id = 1")
    assert only(table) == {"id": 1, "a": 1, "b": 2, "g": 1, "h": 3}


@pytest.mark.parametrize("value", ["null", "b", "a + b"])
def test_null_in_a_partial_update_is_refused_where_it_would_change_nothing(value):
    table = partial({"id": 1, "a": 1, "h": 2}, {"id": 2, "h": 3})
    with pytest.raises(ts.InvalidInputError, match=r"row with id = 1: column 'a'.*no change"):
        table.update(set={"a": value}, where="true" if value == "null" else "id < 9")
    assert table.to_arrow()["a"].to_pylist() == [1, None]
    table.update(set={"a": value}, where="id = 2")  # it is null already


def test_null_replaces_a_value_that_a_sequence_group_protects():
    table = partial({"id": 1, "a": 1, "g": 2}, options=GROUP)
    table.update(set={"a": "null"}, where="id = 1")
    assert only(table) == {"id": 1, "g": 2}


def test_a_group_without_an_order_is_not_passed_over_in_silence():
    table = partial({"id": 1, "h": 2}, options=GROUP)
    with pytest.raises(ts.InvalidInputError, match=r"ordered by 'g', which is null.*set 'g'"):
        table.update(set={"a": "5"}, where="id = 1")
    table.update(set={"a": "5", "g": "1"}, where="id = 1")
    assert only(table) == {"id": 1, "a": 5, "g": 1, "h": 2}


@pytest.mark.parametrize(
    ("options", "older", "newer"),
    [
        ({"sequence.field": "g"}, "g - 1", "g + 1"),
        ({"sequence.field": "g", "sequence.field.sort-order": "descending"}, "g + 1", "g - 1"),
        ({"sequence.field": "h,g"}, "g - 1", "g + 1"),
        ({"sequence.field": "g"}, "null", "g"),
        ({"merge-engine": "partial-update", **GROUP}, "g - 1", "g + 1"),
        ({"merge-engine": "partial-update", "sequence.field": "g"}, "g - 1", "g + 1"),
    ],
)
def test_an_update_does_not_make_a_row_older_than_it_is(options, older, newer):
    table = made({"id": 1, "a": 1, "b": 2, "g": 5, "h": 7}, **options)
    with pytest.raises(ts.InvalidInputError, match=r"row with id = 1: the new value of .*older"):
        table.update(set={"g": older, "a": "9"}, where="id = 1")
    assert only(table)["a"] == 1
    table.update(set={"g": newer, "a": "9"}, where="id = 1")
    assert only(table)["a"] == 9


REMOVES = [
    {"merge_engine": "partial-update", "partial-update.remove-record-on-delete": "true"},
    {
        "merge_engine": "aggregation",
        "aggregation.remove-record-on-delete": "true",
        "fields.a.aggregate-function": "sum",
    },
]


@pytest.mark.parametrize("options", REMOVES)
@pytest.mark.parametrize("how", [{"where": "a = 1"}, {"keys": [1]}])
def test_what_was_deleted_does_not_come_back_with_the_next_version(options, how):
    table = made({"id": 1, "a": 1, "b": 2}, **options)
    table.delete(**how)
    assert table.to_arrow().num_rows == 0
    table.upsert([{"id": 1, "a": 9}])
    assert only(table) == {"id": 1, "a": 9}


def test_a_delete_by_sequence_group_needs_a_value_of_the_group():
    options = {**GROUP, "partial-update.remove-record-on-sequence-group": "g"}
    table = partial({"id": 1, "a": 1, "g": 1}, {"id": 2, "h": 5}, options=options)
    with pytest.raises(ts.InvalidInputError, match=r"row with id = 2: .*\(g\) have no value"):
        table.delete(where="id > 0")
    assert table.to_arrow().num_rows == 2
    table.delete(where="id = 1")
    assert only(table) == {"id": 2, "h": 5}


@pytest.mark.parametrize("how", [{"where": "id = 1"}, {"keys": [1]}])
def test_a_table_that_ignores_deletes_refuses_them(how):
    table = made({"id": 1, "a": 1, "b": 1, "g": 1, "h": 1}, ignore_delete="true")
    with pytest.raises(ts.InvalidInputError, match="'ignore-delete' drops every deletion"):
        table.delete(**how)
    table.upsert([{"id": 1, "a": 1, "b": 1, "g": 1, "h": 1, "op": "-D"}], row_kind="op")
    assert table.to_arrow().num_rows == 1


@pytest.mark.parametrize("engine", ["aggregation", "first-row"])
def test_engines_that_do_not_replace_refuse_updates(engine):
    table = made({"id": 1, "a": 1, "b": 1, "g": 1, "h": 1}, merge_engine=engine)
    with pytest.raises(ts.UnsupportedFormatError, match=f"this table has {engine}"):
        table.update(set={"a": "2"}, where="id = 1")


def test_the_column_of_row_kinds_cannot_be_set():
    columns = {"id": "INT NOT NULL", "op": "STRING", "a": "INT"}
    table = made({"id": 1, "op": "+I", "a": 1}, columns=columns, rowkind__field="op")
    with pytest.raises(ts.InvalidInputError, match=r"'op' is the column of 'rowkind\.field'"):
        table.update(set={"op": "'-D'"}, where="id = 1")
