"""Tables with merge-engine aggregation, from creation to reading."""

from __future__ import annotations

import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError

ENGINE = {"merge-engine": "aggregation"}
COLUMNS = {"k": "INT NOT NULL", "total": "BIGINT", "name": "STRING", "at": "BIGINT"}


@pytest.fixture
def lake(tmp_path):
    return ts.connect(str(tmp_path))


def test_rows_of_several_commits_are_aggregated_at_the_read(lake):
    options = {
        "fields.total.aggregate-function": "sum",
        "fields.name.aggregate-function": "listagg",
    }
    table = lake.create_table("d.t", COLUMNS, primary_key="k", options=ENGINE | options)
    for place, name in enumerate(["a", "b", None]):
        rows = [{"k": k, "total": 10 * k + place, "name": name, "at": place} for k in (1, 2)]
        table.upsert(rows)
    assert table.to_arrow().to_pylist() == [
        {"k": 1, "total": 33, "name": "a,b", "at": 2},
        {"k": 2, "total": 63, "name": "a,b", "at": 2},
    ]
    assert table.to_arrow(columns=["total"]).to_pylist() == [{"total": 33}, {"total": 63}]


def test_rows_of_one_key_are_aggregated_in_the_buffer(lake):
    table = lake.create_table(
        "d.t", COLUMNS, primary_key="k", options=ENGINE | {"fields.total.aggregate-function": "max"}
    )
    rows = [{"k": 1, "total": t, "name": None, "at": None} for t in (3, 9, 4)]
    table.upsert(rows)
    assert table.to_arrow(columns=["total"]).to_pylist() == [{"total": 9}]


def test_a_sequence_field_is_that_of_the_newest_row(lake):
    options = {"sequence.field": "at", "fields.default-aggregate-function": "first_value"}
    table = lake.create_table("d.t", COLUMNS, primary_key="k", options=ENGINE | options)
    for at in (5, 9, 7):
        table.upsert([{"k": 1, "total": at, "name": None, "at": at}])
    assert table.to_arrow(columns=["total", "at"]).to_pylist() == [{"total": 5, "at": 9}]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fields.total.aggregate-function": "summ"}, r"'d\.t'.*no aggregate function 'summ'"),
        ({"fields.name.aggregate-function": "sum"}, r"'name'.*sum needs a number column"),
        ({"fields.default-aggregate-function": "sum"}, r"'name'.*sum needs a number column"),
        ({"fields.nam.aggregate-function": "max"}, "'nam', which the table does not have"),
        ({"sequence.field": "at", "fields.at.aggregate-function": "max"}, "'sequence.field'"),
        (
            {
                "aggregation.remove-record-on-delete": "true",
                "fields.total.ignore-retract": "true",
            },
            "contradict each other",
        ),
        ({"fields.total.count-limit": "many"}, "count-limit"),
        ({"fields.total.nested-key-null-strategy": "skip"}, "merge, ignore, error"),
    ],
)
def test_what_cannot_be_aggregated_is_refused_at_creation(lake, options, said):
    with pytest.raises(InvalidInputError, match=said):
        lake.create_table("d.t", COLUMNS, primary_key="k", options=ENGINE | options)
    assert lake.create_table("d.t", COLUMNS, primary_key="k", options=ENGINE) is not None
