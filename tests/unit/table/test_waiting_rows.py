"""Rows of primary-key tables with deletion vectors: written to level 0, seen after a compaction."""

from __future__ import annotations

import pytest

import tablestore as ts

VECTORS = {"bucket": "1", "deletion-vectors.enabled": "true"}


@pytest.fixture
def lake(tmp_path):
    return ts.connect(str(tmp_path))


def make(lake, **more):
    columns = {"id": "INT NOT NULL", "v": "STRING"}
    return lake.create_table("db.t", columns, primary_key=["id"], options=VECTORS | more)


def test_rows_of_a_writer_that_does_not_compact_are_level_0_files_that_wait(lake):
    table = make(lake, **{"write-only": "true"})
    table.upsert([{"id": 1, "v": "a"}, {"id": 2, "v": "b"}])
    table.delete(keys=[1])
    assert table.to_arrow().num_rows == 0
    assert sorted((file.level, file.rows) for file in table.files()) == [(0, 1), (0, 2)]
    assert table.verify().ok
    table.compact()
    assert table.to_arrow()["v"].to_pylist() == ["b"]


def test_merge_on_read_shows_waiting_rows(lake):
    table = make(lake, **{"deletion-vectors.merge-on-read": "true"})
    table.upsert([{"id": 1, "v": "a"}, {"id": 2, "v": "b"}])
    table.upsert([{"id": 1, "v": "c"}])
    assert sorted(table.to_arrow()["v"].to_pylist()) == ["b", "c"]


def test_an_overwrite_in_one_batch_needs_no_compaction(lake):
    table = make(lake)
    table.upsert([{"id": 1, "v": "a"}])
    table.overwrite([{"id": 2, "v": "b"}, {"id": 1, "v": "c"}])
    assert sorted(table.to_arrow()["v"].to_pylist()) == ["b", "c"]


def test_rows_of_append_tables_do_not_wait(lake):
    table = lake.create_table(
        "db.t", {"id": "INT", "v": "STRING"}, options={"deletion-vectors.enabled": "true"}
    )
    table.append([{"id": 1, "v": "a"}])
    assert table.to_arrow().num_rows == 1
