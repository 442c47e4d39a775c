"""`inspect` shows every file of the tables that other engines left, and what it says adds up."""

from __future__ import annotations

import json

import pytest

from tablestore.cli.main import run
from tablestore.table.inspect import inspect_file
from tests.conformance.test_golden_verify import everywhere
from tests.support import golden

SURELY = {
    "java-2.1": {
        "consumer", "data file", "file index", "hint", "manifest", "manifest list", "schema",
        "snapshot", "tag",
    },
    "side-files/java-2.1": {"changelog", "index file", "index manifest"},
}  # fmt: skip


@pytest.mark.parametrize("writer", everywhere())
def test_every_file_is_shown(writer, tmp_path, figures):
    shown = {}
    for table in golden.unpack(writer, tmp_path):
        for path in table.path.rglob("*"):
            if path.is_file():
                shown[path] = inspect_file(str(path))
    for path, found in shown.items():
        assert found.size == path.stat().st_size
        if found.kind in {"snapshot", "schema", "tag", "changelog", "consumer"}:
            assert found.content == json.loads(path.read_text())
        elif found.kind == "manifest list":
            assert all((path.parent / row["file_name"]).is_file() for row in found.rows)
        elif found.kind == "manifest":
            check_manifest(path, found, shown)
        elif found.kind == "index manifest":
            check_index(path, found, shown)
        figures["golden files inspected"] += 1
    assert {found.kind for found in shown.values()} >= SURELY.get(writer, set())


def check_manifest(path, found, shown):
    by_name = {p.name: item for p, item in shown.items() if path.parents[1] in p.parents}
    for row in found.rows:
        data = by_name.get(row["file_name"])
        if data is not None:  # expired files are gone
            assert data.content["rows"] == row["row_count"]
        for extra in row["extra_files"]:
            indexes = by_name.get(extra)
            assert indexes is None or all("problem" not in item for item in indexes.rows)
        for index in row["embedded_index"] or ():
            assert "problem" not in index


def check_index(path, found, shown):
    for row in found.rows:
        index = shown[path.parents[1] / "index" / row["file_name"]]
        count = {"HASH": "hashes", "DELETION_VECTORS": "vectors"}[row["index_type"]]
        assert index.content[count] == row["row_count"]
        expected = {item["data_file"]: item["cardinality"] for item in row["dv_ranges"] or ()}
        assert {item["data_file"]: item["deleted"] for item in index.rows} == expected


@pytest.mark.parametrize("json_lines", [False, True])
def test_people_and_programs_read_it(tmp_path, capsys, json_lines):
    (table,) = (t for t in golden.unpack("java-2.1", tmp_path) if t.name == "index_sidecar")
    for path in sorted(p for p in table.path.rglob("*") if p.is_file()):
        assert run(["inspect", str(path), *(["--json"] if json_lines else [])]) == 0
        said = capsys.readouterr().out
        if json_lines:
            assert json.loads(said)["name"] == path.name
        else:
            assert path.name in said.splitlines()[0]
            assert max(map(len, said.splitlines())) < 600
