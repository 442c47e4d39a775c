"""Tables of other writers with any merge engine, a sequence field or ignore-delete read to the
expected rows at every snapshot."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

WRITERS = [f"engines/{writer}" for writer in ("java-0.9", "java-1.4", "java-2.1", "rust-0.4")]
TABLES = golden.listed(WRITERS)
REFUSED_BY_JAVA = ("engines/java-0.9", "h2005")
"""A product that wrapped around in 0.9; newer releases refuse it."""
READABLE = [table for table in TABLES if table != REFUSED_BY_JAVA]


@pytest.mark.parametrize(("writer", "name"), READABLE, ids=lambda x: x)
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


def test_a_product_that_java_refuses_is_refused_in_words(tables):
    table = tables[REFUSED_BY_JAVA]
    assert table.refused_by_java
    opened = ts.open_table(str(table.path))
    with pytest.raises(ts.InvalidInputError, match=r"column 'v0': product: .* out of the range"):
        for snapshot in table.snapshots:
            opened.at(snapshot=snapshot["id"]).to_arrow()


def test_each_column_alone_and_each_filter_give_what_the_whole_table_has(tables):
    for table in map(tables.get, READABLE):
        snapshot = table.snapshots[-1]
        opened = ts.open_table(str(table.path)).at(snapshot=snapshot["id"])
        for index, (name, kind) in enumerate(snapshot["columns"]):
            want = [[row[index]] for row in snapshot["rows"]]
            one = canonical_rows(opened.to_arrow(columns=[name]), [(name, kind)])
            assert not difference(f"{table.name}.{name}", one, want)
            some = opened.to_arrow(columns=[name], where=f'"{name}" IS NOT NULL')
            assert some.num_rows == sum(value is not None for (value,) in want)


def test_the_archives_hold_every_engine(tables):
    options = [table.expected["options"] for table in tables.values()]
    engines = {option.get("merge-engine", "deduplicate") for option in options}
    assert len(TABLES) == 39
    assert engines == {"aggregation", "deduplicate", "first-row", "partial-update"}
    assert {"sequence.field", "ignore-delete"} <= {key for option in options for key in option}
