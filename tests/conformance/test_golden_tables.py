"""Tables of other writers (Java 2.1, 1.4 and 0.9, pypaimon, Rust) read to the expected rows at
every snapshot. Tables with ORC, Avro or thin files and with deletion vectors have tests beside this
one; here is the count over all of them."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

WRITERS = [*golden.writers(), *golden.writers("side-files")]
TABLES = golden.listed(WRITERS)
REFUSED_BY_JAVA = [("java-0.9", "data_dir"), ("java-0.9", "legacy_partition_off")]
READABLE = [t for t in TABLES if t not in REFUSED_BY_JAVA]
FOLDERS = ("", "data-formats", "deletion-vectors", "side-files")
NEEDED = 111
"""Golden tables of scope plain or format and named corners that merge by deduplicate, of 216."""


@pytest.mark.parametrize(("writer", "name"), READABLE, ids=lambda x: x)
def test_every_snapshot_reads_to_the_expected_rows(tables, figures, writer, name):
    table = tables[writer, name]
    opened = ts.open_table(str(table.path))
    for snapshot in table.snapshots:
        columns = snapshot["columns"]
        read = opened.at(snapshot=snapshot["id"]).to_arrow()
        said = difference(
            f"snapshot {snapshot['id']}", canonical_rows(read, columns), snapshot["rows"]
        )
        assert not said
        figures["golden snapshots"] += 1
        figures["golden rows"] += len(snapshot["rows"])
    figures["golden tables"] += 1


@pytest.mark.parametrize(("writer", "name"), REFUSED_BY_JAVA, ids=lambda x: x)
def test_a_table_that_java_refuses_is_read_or_refused_in_words(tables, writer, name):
    table = tables[writer, name]
    assert table.refused_by_java
    opened = ts.open_table(str(table.path))
    try:
        got = [
            canonical_rows(opened.at(snapshot=s["id"]).to_arrow(), s["columns"])
            for s in table.snapshots
        ]
    except ts.TablestoreError as problem:
        assert len(str(problem).split()) > 4
        return
    for rows, snapshot in zip(got, table.snapshots, strict=True):
        assert not difference(str(snapshot["id"]), rows, snapshot["rows"])


def test_the_archives_hold_tables_of_five_writers():
    assert golden.writers() == ["java-0.9", "java-1.4", "java-2.1", "pypaimon-2.1", "rust-0.4"]
    assert len(TABLES) == 82


def test_the_archives_hold_every_table_that_must_be_read(tmp_path):
    held = {
        (writer.split("/")[-1], table.name)
        for folder in FOLDERS
        for writer in golden.writers(folder)
        for table in golden.unpack(writer, tmp_path / writer)
        if golden.is_needed(table.name, table.expected["options"])
    }
    assert len(held) == NEEDED


@pytest.mark.parametrize("writer", ["java-1.4", "java-2.1"])
def test_rows_of_the_postponed_bucket_are_files_but_no_rows_yet(tables, writer):
    opened = ts.open_table(str(tables[writer, "postpone_bucket"].path))
    assert opened.to_arrow().num_rows == 0
    assert [(file.bucket, file.rows) for file in opened.files()] == [(-2, 3)]


def test_reading_one_column_equals_that_column_of_all(tables):
    for table in map(tables.get, READABLE):
        opened = ts.open_table(str(table.path)).at(snapshot=table.snapshots[-1]["id"])
        columns = table.snapshots[-1]["columns"]
        at = len(columns) // 2
        name, kind = columns[at]
        one = canonical_rows(opened.to_arrow(columns=[name]), [(name, kind)])
        want = [[row[at]] for row in table.snapshots[-1]["rows"]]
        assert not difference(f"{table.writer} {table.name}.{name}", one, want)
