"""Overwrites replace the table, a static partition, or the partitions of the new rows."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.support.builders import append_table, keyed_table, rows, stored

COLUMNS = {"p": "STRING", "q": "INT", "n": "INT"}


def data(*found):
    p, q, n = zip(*found, strict=True)
    return pa.table({"p": p, "q": pa.array(q, pa.int32()), "n": pa.array(n, pa.int32())})


def content(table):
    return sorted(map(str, (tuple(row.values()) for row in table.to_arrow().to_pylist())))


def shown(*found):
    return sorted(map(str, found))


@pytest.fixture
def table():
    made = append_table(None, COLUMNS, by=["p", "q"])
    made.append(data(("a", 1, 1), ("a", 2, 2), ("b", 1, 3), (None, 1, 4), ("c", None, 5)))
    return made


def test_a_whole_overwrite_replaces_everything_in_one_snapshot(table):
    result = table.overwrite(data(("z", 9, 9)))
    assert content(table) == shown(("z", 9, 9))
    assert result.snapshot_ids == (2,)
    assert (result.files_added, result.files_deleted) == (1, 5)
    assert table.history()[0].kind == "OVERWRITE"
    assert table.at(snapshot=1).to_arrow().num_rows == 5


def test_a_dynamic_overwrite_replaces_every_partition_that_has_new_rows(table):
    table.overwrite(data(("a", 1, 10), ("b", 1, 30), (None, 1, 40), ("d", 1, 60)), dynamic=True)
    expected = [("a", 1, 10), ("a", 2, 2), ("b", 1, 30), (None, 1, 40), ("c", None, 5)]
    assert content(table) == shown(*expected, ("d", 1, 60))


def test_a_dynamic_overwrite_without_rows_changes_nothing(table):
    assert table.overwrite(data(("a", 1, 1)).slice(0, 0), dynamic=True).snapshot_id is None
    assert table.snapshot_id == 1


@pytest.mark.parametrize(
    ("partition", "left"),
    [
        ({"p": "a"}, [("b", 1, 3), (None, 1, 4), ("c", None, 5)]),
        ({"p": "a", "q": 2}, [("a", 1, 1), ("b", 1, 3), (None, 1, 4), ("c", None, 5)]),
        ({"q": 1}, [("a", 2, 2), ("c", None, 5)]),
        ({"p": None}, [("a", 1, 1), ("a", 2, 2), ("b", 1, 3), ("c", None, 5)]),
        ({"q": None}, [("a", 1, 1), ("a", 2, 2), ("b", 1, 3), (None, 1, 4)]),
    ],
    ids=str,
)
def test_a_static_overwrite_replaces_the_partitions_with_these_values(table, partition, left):
    new = {"p": "x", "q": 7, "n": 0} | partition
    table.overwrite(data(tuple(new.values())), partition=partition)
    assert content(table) == shown(*left, tuple(new.values()))


def test_partition_columns_that_the_input_lacks_are_filled(table):
    only = pa.table({"n": pa.array([70], pa.int32())})
    table.overwrite(only, partition={"p": "a", "q": 1})
    assert ("a", 1, 70) in [tuple(r.values()) for r in table.to_arrow().to_pylist()]


def test_an_overwrite_of_a_static_partition_without_rows_empties_it(table):
    table.overwrite(data(("a", 1, 1)).slice(0, 0), partition={"p": "a"})
    assert content(table) == shown(("b", 1, 3), (None, 1, 4), ("c", None, 5))


def test_an_overwrite_of_a_keyed_table_lands_on_the_top_level_and_starts_at_zero():
    table = keyed_table(bucket=2)
    table.upsert(rows(range(10), "old"))
    table.overwrite(rows(range(5), "new"))
    assert {info.level for info in table.files()} == {5}
    assert min(info.min_sequence for info in table.files()) == 0
    assert stored(table) == dict.fromkeys(range(5), "new")
    table.upsert(rows([3], "newer"))
    assert stored(table)[3] == "newer"


def test_truncate_keeps_older_snapshots(table):
    table.truncate()
    assert table.to_arrow().num_rows == 0
    assert table.files() == []
    assert table.at(snapshot=1).to_arrow().num_rows == 5
    assert table.truncate().snapshot_id is None
