"""A filter leaves out what cannot hold a selected row, and never more."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import tablestore as ts
from tests.support.builders import append_table, keyed_table, metered, rows, stored


def explained(table, where):
    found = table.explain(where)
    return found.files_by_partition, found.files_by_bucket, found.files_by_key, found.files_by_value


@pytest.fixture
def by_day():
    columns = {"id": "BIGINT NOT NULL", "day": "DATE NOT NULL", "v": "STRING"}
    table = keyed_table(None, columns, key=("id", "day"), by=("day",), bucket=4)
    for day in range(5):
        ids = pa.array(range(40))
        days = pa.array([day] * 40, pa.int32()).cast(pa.date32())
        table.upsert(pa.table([ids, days, pa.array([str(day)] * 40)], ["id", "day", "v"]))
    return table


def test_partitions_buckets_keys_and_values_prune_one_after_another(by_day):
    assert explained(by_day, None) == (20, 20, 20, 20)
    assert explained(by_day, "day = date '1970-01-03'")[0] == 4
    assert explained(by_day, "day >= date '1970-01-03'")[0] == 12
    assert explained(by_day, "day = date '1970-01-03' and id = 7")[:2] == (4, 1)
    assert explained(by_day, "id in (7, 7)")[1] == 5
    assert explained(by_day, "id > 1000")[2] == 0
    assert explained(by_day, "v = '3'")[3] == 4
    assert explained(by_day, "v = 'none'")[3] == 0


def test_manifests_of_other_partitions_are_not_read(by_day):
    found = ts.open_table(by_day.path).explain("day = date '1970-01-02'")
    assert (found.manifests, found.manifests_read) == (5, 1)


def test_a_value_filter_keeps_older_versions_of_the_same_keys():
    table = keyed_table()
    table.upsert(rows([1, 2, 3], "old"))
    table.upsert(rows([2], "new"))
    assert stored(table, where="v = 'old'") == {1: "old", 3: "old"}
    assert stored(table, where="v = 'new'") == {2: "new"}
    assert explained(table, "v = 'old'")[3] == 2
    table.delete(keys=[1])
    assert stored(table, where="v = 'old'") == {3: "old"}
    assert stored(table, where="v is not null") == {2: "new", 3: "old"}


def test_sections_without_overlap_are_pruned_by_values_and_read_raw():
    table = keyed_table()
    for first in (0, 100, 200):
        table.upsert(rows(range(first, first + 10), str(first)))
    found = table.explain("v = '100'")
    assert (found.files_by_value, found.files_raw, found.files_merged) == (1, 1, 0)
    assert len(stored(table, where="v = '100'")) == 10


def test_row_groups_are_pruned_by_the_footer():
    table = append_table()
    table.append(rows(range(200_000), "x"))
    found = table.explain("id = 70000")
    assert (found.row_groups, found.row_groups_read) == (4, 1)
    assert stored(table, where="id = 70000") == {70_000: "x"}


def test_files_without_any_match_are_not_opened():
    table = append_table()
    for n in range(6):
        table.append(rows([n, n + 100]))
    with metered(table) as spent:
        assert stored(table, where="id = 3") == {3: "3"}
    assert spent[0]["open_read"] < 6


@pytest.mark.parametrize(
    "where",
    [
        "id = 3 or v = '5'",
        "not (id > 3)",
        "id between 2 and 4 and v like '%3%'",
        pc.field("id") < 3,
        ts.col("v").isin(["1", "2"]) & ~(ts.col("id") == 2),
    ],
)
def test_every_way_to_filter_selects_exactly(where):
    table = keyed_table(bucket=3)
    table.upsert(rows(range(10)))
    table.upsert(rows(range(5), "3"))
    tests = {
        "id = 3 or v = '5'": lambda i, v: i == 3 or v == "5",
        "not (id > 3)": lambda i, v: i <= 3,
        "id between 2 and 4 and v like '%3%'": lambda i, v: 2 <= i <= 4 and "3" in v,
    }
    if not isinstance(where, str):
        tests[where_text := "other"] = (
            (lambda i, v: i < 3) if isinstance(where, pc.Expression) else (lambda i, v: False)
        )
        chosen = tests[where_text]
    else:
        chosen = tests[where]
    every = stored(table)
    assert stored(table, where=where) == {i: v for i, v in every.items() if chosen(i, v)}


def test_both_zeros_are_found_in_whatever_bucket_they_are():
    table = keyed_table(None, {"id": "DOUBLE NOT NULL", "v": "STRING"}, bucket=8)
    table.upsert(pa.table({"id": [0.0, -0.0, 1.0], "v": ["a", "b", "c"]}))
    assert sorted(table.to_arrow(where="id = 0")["v"].to_pylist()) == ["a", "b"]
    assert table.to_arrow(where=ts.col("id").isin([-0.0, 5.0])).num_rows == 2


def test_nan_keys_are_one_key_and_found():
    table = keyed_table(None, {"id": "DOUBLE NOT NULL", "v": "STRING"}, bucket=4)
    table.upsert(pa.table({"id": [float("nan"), 1.0], "v": ["a", "b"]}))
    table.upsert(pa.table({"id": [-float("nan")], "v": ["c"]}))
    found = table.to_arrow(where=ts.col("id") == float("nan"))
    assert found["v"].to_pylist() == ["c"]
    assert table.to_arrow().num_rows == 2
