"""Tables of other writers with deletion vectors read to the rows that Java reads from them."""

from __future__ import annotations

import json

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

WRITERS = [f"deletion-vectors/{name}" for name in ("java-1.4", "java-2.1", "rust-0.4")]
TABLES = golden.listed(WRITERS)


def same(read, snapshot):
    columns = snapshot["columns"]
    said = difference(str(snapshot["id"]), canonical_rows(read, columns), snapshot["rows"])
    assert not said


@pytest.mark.parametrize(("writer", "name"), TABLES, ids=lambda x: x)
def test_every_snapshot_reads_to_the_expected_rows(tables, writer, name):
    table = tables[writer, name]
    opened = ts.open_table(str(table.path))
    for snapshot in table.snapshots:
        same(opened.at(snapshot=snapshot["id"]).to_arrow(), snapshot)


def test_vectors_delete_rows_of_files_that_are_read(tables):
    opened = ts.open_table(str(tables["deletion-vectors/java-1.4", "h31"].path))
    fewer = {}
    for info in opened.history():
        then = opened.at(snapshot=info.id)
        stored = sum(file.rows for file in then.files() if file.level)
        fewer[info.id] = stored - then.to_arrow().num_rows
    assert {snapshot for snapshot, rows in fewer.items() if rows} == {8, 9, 14, 15}


@pytest.mark.parametrize("name", ["h17", "h31", "h1054"])
def test_merge_on_read_shows_what_the_next_compaction_will(tables, tmp_path, name):
    (table,) = (t for (_, n), t in tables.items() if n == name)
    copy = tmp_path / name
    for path in table.path.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(table.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for path in copy.glob("schema/schema-*"):
        schema = json.loads(path.read_text())
        schema["options"]["deletion-vectors.merge-on-read"] = "true"
        path.write_text(json.dumps(schema))
    opened = ts.open_table(str(copy))
    kinds = {info.id: info.kind for info in opened.history()}
    checked = 0
    for snapshot in table.snapshots:
        if kinds[snapshot["id"]] != "COMPACT":
            continue
        before = opened.at(snapshot=snapshot["id"] - 1)
        if all(f.level for f in opened.at(snapshot=snapshot["id"]).files()):
            same(before.to_arrow(), snapshot)
            checked += any(f.level == 0 for f in before.files())
    assert checked


def test_a_filter_on_values_selects_the_same_rows(tables):
    for table in tables.values():
        snapshot = table.snapshots[-1]
        opened = ts.open_table(str(table.path)).at(snapshot=snapshot["id"])
        read = opened.to_arrow()
        for name in read.column_names:
            full = opened.to_arrow(where=f'"{name}" IS NOT NULL')
            assert full.num_rows == read.num_rows - read[name].null_count
