"""Golden tables keep their rows when we compact them: by what their options ask for, then fully;
Java and we read them equal after each. Where rows wait for a compaction to be read, those rows are
expected that Java reads after a full compaction of its own.

A table that we do not compact is refused in words, and left exactly as it was.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

FOLDERS = ("", "data-formats", "deletion-vectors", "engines")
WRITERS = [writer for folder in FOLDERS for writer in golden.writers(folder)]
TABLES = golden.listed(WRITERS)
REFUSED_BY_JAVA = {
    ("java-0.9", "data_dir"): "an option that the old release ignored",
    ("java-0.9", "legacy_partition_off"): "an option that the old release ignored",
    ("engines/java-0.9", "h2005"): "a product that wrapped around",
}
"""No rows to compare with: the newest Java does not read them."""
ENGINES = [key for key in TABLES if key[0].startswith("engines/") and key not in REFUSED_BY_JAVA]
NOT_IN_ORC = "which ORC files do not keep"
EARLY_IN_ORC = {
    *(("engines/java-1.4", name) for name in ("h12", "h33")),
    ("engines/java-2.1", "h1026"),
    ("data-formats/java-1.4", "h20"),
    ("data-formats/java-2.1", "h1023"),
}
"""Microseconds before 1970 in ORC files, which we do not write."""
ACTIVE = {"write-only": "false"}


def hindrance(writer, name, options):
    """A part of the sentence with which we refuse to compact a table; None where we do."""
    bucket = str(options.get("bucket", "-1"))
    if options.get("changelog-producer") in ("lookup", "full-compaction"):
        return "changelog-producer"
    if options.get("row-tracking.enabled") == "true":
        return "row-tracking"
    if name in ("dynamic_bucket", "r_dyn"):
        return "dynamic buckets"
    if bucket == "-2":
        return "postponed buckets"
    return NOT_IN_ORC if (writer, name) in EARLY_IN_ORC else None


def waits(options):
    """Whether rows are not read before they are compacted."""
    vectors = options.get("deletion-vectors.enabled") == "true"
    return vectors or options.get("merge-engine") == "first-row"


def held(folder: Path) -> dict[str, bytes]:
    """Everything in a folder; a hint of the newest snapshot may be written anew."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def copied(tables, tmp_path):
    """Copies a golden table, to be compacted: its warehouse."""

    def copy(of, owner: str) -> Path:
        shutil.copytree(of.path, tmp_path / owner / "db.db" / of.name)
        return tmp_path / owner

    return copy


def expected_rows(java, copied, table):
    """The newest columns of a table and its rows once it is compacted."""
    name, last = f"db.{table.name}", table.snapshots[-1]
    columns = java.columns(table.warehouse, name=name)
    if waits(table.expected["options"]):
        theirs = copied(table, "java")
        java.write(theirs, name=name, compact="full", options=ACTIVE)
        return columns, java.read(theirs, name=name)
    rows = java.read(table.warehouse, name=name)
    if columns == [list(c) for c in last["columns"]]:
        assert not difference("before", rows, last["rows"])
    return columns, rows


@pytest.mark.interop
@pytest.mark.parametrize(
    ("writer", "name"), [x for x in TABLES if x not in REFUSED_BY_JAVA], ids=lambda x: x
)
def test_a_compacted_table_has_the_rows_that_it_had(tables, copied, java, figures, writer, name):
    table = tables[writer, name]
    warehouse = copied(table, "ours")
    folder = warehouse / "db.db" / name
    opened = ts.open_table(str(folder))
    refusal = hindrance(writer, name, table.expected["options"])
    if refusal is not None:
        before = held(folder)
        with pytest.raises(ts.TablestoreError, match=refusal):
            opened.compact(full=True)
        assert held(folder) == before
        figures["golden tables that we refuse to compact"] += 1
        return
    columns, rows = expected_rows(java, copied, table)
    for full in (False, True):
        figures["golden compactions"] += len(opened.compact(full=full).steps)
        theirs = java.read(warehouse, name=f"db.{name}", columns=columns)
        assert not difference("we", canonical_rows(opened.to_arrow(), columns), rows)
        assert not difference("java", theirs, rows)
    figures["golden tables compacted"] += 1


@pytest.mark.interop
@pytest.mark.parametrize(("writer", "name"), ENGINES, ids=lambda x: x)
def test_what_java_compacts_reads_as_before(tables, copied, java, figures, writer, name):
    table = tables[writer, name]
    columns, rows = expected_rows(java, copied, table)
    warehouse = copied(table, "compacted")
    for how in ("minor", "full"):
        java.write(warehouse, name=f"db.{name}", compact=how, options=ACTIVE)
        opened = ts.open_table(str(warehouse / "db.db" / name))
        assert not difference(how, canonical_rows(opened.to_arrow(), columns), rows)
    figures["golden tables compacted by Java"] += 1


def test_every_table_of_scope_engines_is_compacted_but_for_three(tables):
    refused = [key for key in ENGINES if hindrance(*key, tables[key].expected["options"])]
    assert len(ENGINES) == 38
    assert set(refused) == {key for key in EARLY_IN_ORC if key[0].startswith("engines/")}
