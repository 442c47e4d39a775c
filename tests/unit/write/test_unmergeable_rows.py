"""Retracts that no read could get past are refused while they are written."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support.builders import keyed_table

COLUMNS = {"id": "INT NOT NULL", "a": "INT", "b": "STRING"}
AGGREGATION = {"merge_engine": "aggregation", "fields__a__aggregate_function": "max"}
REFUSING = {
    "first-row": ({"merge_engine": "first-row"}, "first-row keeps the oldest.*'ignore-delete'"),
    "partial-update": ({"merge_engine": "partial-update"}, "remove-record-on-delete"),
    "max": (AGGREGATION, "'a' takes nothing back; set 'fields.a.ignore-retract'"),
}
GROUP = {"merge_engine": "partial-update", "fields__a__sequence_group": "b"}
TAKING = {
    "deduplicate": {},
    "first-row that skips": {"merge_engine": "first-row", "ignore_delete": "true"},
    "partial-update that skips": {"merge_engine": "partial-update", "ignore_delete": "true"},
    "partial-update with groups": GROUP,
    "sum": {**AGGREGATION, "fields__a__aggregate_function": "sum"},
    "max that passes over": {**AGGREGATION, "fields__a__ignore_retract": "true"},
}


def upsert(table, kind):
    return table.upsert([{"id": 1, "a": 5, "b": "x", "op": kind}], row_kind="op")


@pytest.mark.parametrize("engine", REFUSING)
@pytest.mark.parametrize("kind", ["-U", "-D"])
def test_what_the_engine_cannot_merge_is_refused_and_the_table_stays_readable(engine, kind):
    options, message = REFUSING[engine]
    table = keyed_table(columns=COLUMNS, **options)
    upsert(table, "+I")
    with pytest.raises(ts.InvalidInputError, match=f"a row of kind {kind} cannot.*{message}"):
        upsert(table, kind)
    assert table.to_arrow().num_rows == 1
    assert table.snapshot_id == 1 + (engine == "first-row")


@pytest.mark.parametrize("engine", TAKING)
@pytest.mark.parametrize("kind", ["-U", "-D"])
def test_what_it_can_merge_is_taken(engine, kind):
    table = keyed_table(columns=COLUMNS, **TAKING[engine])
    upsert(table, "+I")
    upsert(table, kind)
    table.compact(full=True)
    table.to_arrow()


@pytest.mark.parametrize("engine", ["partial-update", "aggregation"])
def test_a_removal_takes_deletes(engine):
    options = {"merge_engine": engine, f"{engine}.remove-record-on-delete": "true"}
    if engine == "aggregation":
        options["fields__a__aggregate_function"] = "max"
    table = keyed_table(columns=COLUMNS, **options)
    upsert(table, "+I")
    upsert(table, "-D")
    assert table.to_arrow().num_rows == 0


def test_a_dropped_kind_is_not_looked_at():
    table = keyed_table(columns=COLUMNS, **AGGREGATION, ignore_update_before="true")
    upsert(table, "+I")
    upsert(table, "-U")
    with pytest.raises(ts.InvalidInputError, match="a row of kind -D"):
        upsert(table, "-D")
