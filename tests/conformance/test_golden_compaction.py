"""Golden tables keep their rows when we compact them: by what their options ask for, then fully;
Java and we read them equal after each."""

from __future__ import annotations

import shutil

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

FOLDERS = ("", "data-formats", "deletion-vectors", "engines")
WRITERS = [writer for folder in FOLDERS for writer in golden.writers(folder)]
TABLES = [(writer, name) for writer in WRITERS for name in golden.names(writer)]
REFUSED_BY_JAVA = {
    ("java-0.9", "data_dir"): "an option that the old release ignored",
    ("java-0.9", "legacy_partition_off"): "an option that the old release ignored",
    ("engines/java-0.9", "h2005"): "a product that wrapped around",
}
"""No rows to compare with: the newest Java does not read them."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    root = tmp_path_factory.mktemp("golden")
    return {
        (writer, table.name): table
        for writer in WRITERS
        for table in golden.unpack(writer, root / writer)
    }


@pytest.fixture
def table(tables, tmp_path, request):
    """A copy of a golden table, to be compacted."""
    found = tables[request.param]
    shutil.copytree(found.path, tmp_path / "db.db" / found.name)
    return golden.GoldenTable(found.writer, found.name, tmp_path, found.expected)


@pytest.mark.interop
@pytest.mark.parametrize(
    "table",
    [pytest.param(x, id="-".join(x)) for x in TABLES if x not in REFUSED_BY_JAVA],
    indirect=True,
)
def test_a_compacted_table_has_the_rows_that_it_had(table, java, figures):
    last = table.snapshots[-1]
    opened = ts.open_table(str(table.path))
    before = canonical_rows(opened.to_arrow(), last["columns"])
    assert not difference("before", before, last["rows"])
    for full in (False, True):
        try:
            result = opened.compact(full=full)
        except ts.UnsupportedFormatError as problem:
            assert problem.detail["feature"] == "changelog-producer"
            figures["golden tables whose changelog stands against compaction"] += 1
            return
        figures["golden compactions"] += bool(result.steps)
        ours = canonical_rows(opened.to_arrow(), last["columns"])
        theirs = java.read(table.warehouse, name=f"db.{table.name}", columns=last["columns"])
        assert not difference("we", ours, last["rows"])
        assert not difference("java", theirs, last["rows"])
    figures["golden tables compacted"] += 1
