"""Tables of other writers with ORC, Avro or thin data files read to the expected rows at every
snapshot."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

WRITERS = [f"data-formats/{w}" for w in ("java-0.9", "java-1.4", "java-2.1", "pypaimon-2.1")]
TABLES = golden.listed(WRITERS)
WRONG_IN_JAVA = ("data-formats/java-2.1", "h1063")
"""Java's ORC reader takes the keys -0.0 and 0.0 of this table for one and merges their rows."""


def unsigned(rows):
    return [[0.0 if isinstance(v, float) and v == 0 else v for v in row] for row in rows]


@pytest.mark.parametrize(
    ("writer", "name"), [t for t in TABLES if t != WRONG_IN_JAVA], ids=lambda x: x
)
def test_every_snapshot_reads_to_the_expected_rows(tables, figures, writer, name):
    table = tables[writer, name]
    opened = ts.open_table(str(table.path))
    for snapshot in table.snapshots:
        columns = snapshot["columns"]
        read = canonical_rows(opened.at(snapshot=snapshot["id"]).to_arrow(), columns)
        assert not difference(str(snapshot["id"]), read, snapshot["rows"])
        figures["golden snapshots"] += 1
        figures["golden rows"] += len(snapshot["rows"])
    figures["golden tables"] += 1


@pytest.mark.parametrize(("writer", "name"), TABLES, ids=lambda x: x)
def test_a_filter_on_each_column_selects_its_rows(tables, writer, name):
    table = tables[writer, name]
    opened = ts.open_table(str(table.path)).at(snapshot=table.snapshots[-1]["id"])
    read = opened.to_arrow()
    for column in read.column_names:
        some = opened.to_arrow(columns=[column], where=f'"{column}" IS NOT NULL')
        assert some.num_rows == read.num_rows - read[column].null_count


def test_the_table_whose_zeros_java_takes_for_one_has_all_rows_that_java_reads(tables):
    table = tables[WRONG_IN_JAVA]
    opened = ts.open_table(str(table.path))
    more = 0
    for snapshot in table.snapshots:
        read = opened.at(snapshot=snapshot["id"]).to_arrow()
        rows = unsigned(canonical_rows(read, snapshot["columns"]))
        assert all(row in rows for row in unsigned(snapshot["rows"]))
        more += len(rows) - len(snapshot["rows"])
    assert more > 0


def test_the_archives_hold_every_format_and_mixes_of_them(tables):
    found = set()
    for table in tables.values():
        files = [path for path in table.path.rglob("bucket-*/*") if path.is_file()]
        found.add("+".join(sorted({path.suffix for path in files})))
    assert len(TABLES) == 43
    assert {".orc", ".avro", ".parquet", ".avro+.parquet"} <= found, found
