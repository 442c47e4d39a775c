"""A user sees which indexes a data file has."""

from __future__ import annotations

import pytest

from tablestore.errors import CorruptDataError
from tablestore.table.inspect import inspect_file
from tests.support.builders import append_table, rows

OPTIONS = {"file_index__bitmap__columns": "v,id", "file_index__bsi__columns": "id"}
WANTED = {("v", "bitmap"), ("id", "bitmap"), ("id", "bsi")}


def test_an_index_file_is_shown_index_by_index(tmp_path):
    append_table(
        tmp_path, **OPTIONS, file_index__in_manifest_threshold="0 b"
    ).append(rows(range(3)))  # fmt: skip
    (path,) = tmp_path.rglob("*.index")
    found = inspect_file(str(path))
    assert (found.kind, found.content) == ("file index", {"indexes": 3})
    assert {(row["column"], row["index"]) for row in found.rows} == WANTED
    assert sum(row["bytes"] for row in found.rows) < path.stat().st_size
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(CorruptDataError, match=r"\.index"):
        inspect_file(str(path))


def test_an_entry_shows_its_embedded_indexes(tmp_path):
    append_table(tmp_path, **OPTIONS).append(rows(range(3)))
    (path,) = [p for p in tmp_path.rglob("manifest-*") if "list" not in p.name]
    (row,) = inspect_file(str(path)).rows
    assert {(item["column"], item["index"]) for item in row["embedded_index"]} == WANTED
    assert row["extra_files"] == []
