"""Data files that Java puts outside the table are read, indexed ones too, and verified."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

COLUMNS = [["k", "INT NOT NULL"], ["v", "STRING"]]
TABLE = "db.t"


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def warehouse(java, tmp_path_factory, outside):
    """Two commits of Java, its data files in a folder that is not the table's."""
    root = tmp_path_factory.mktemp("lake")
    options = {
        "bucket": "2",
        "data-file.external-paths": f"file://{outside}",
        "data-file.external-paths.strategy": "round-robin",
        "file-index.bloom-filter.columns": "v",
        "file-index.in-manifest-threshold": "1 b",
    }
    java.create(str(root), name=TABLE, columns=COLUMNS, primary_key=["k"], options=options)
    for first in (0, 50):
        rows = [[k, f"v{k + first}"] for k in range(first, first + 100)]
        java.write(str(root), name=TABLE, rows=rows)
    return root


def test_their_files_lie_outside(warehouse, outside):
    table = warehouse / "db.db/t"
    assert not list(table.glob("bucket-*/*.parquet"))
    assert len(list(outside.rglob("*.parquet"))) == 4
    paths = [info.path for info in ts.open_table(str(table)).files()]
    assert all(path.startswith(f"file:{outside}") for path in paths)


def test_their_rows_are_read(java, warehouse):
    table = ts.open_table(str(warehouse / "db.db/t"))
    expected = java.read(str(warehouse), name=TABLE, columns=COLUMNS)
    assert len(expected) == 150
    assert not difference("rows", canonical_rows(table.to_arrow(), COLUMNS), expected)
    assert table.to_arrow(where="k = 70")["v"].to_pylist() == ["v120"]
    assert table.to_arrow(where="v = 'v3'")["k"].to_pylist() == [3]


def test_they_are_verified(warehouse, outside):
    table = ts.open_table(str(warehouse / "db.db/t"))
    report = table.verify(deep=True)
    assert (report.ok, report.files) == (True, 4)
    (lost, *_) = sorted(outside.rglob("*.parquet"))
    kept = lost.read_bytes()
    lost.unlink()
    (finding,) = ts.open_table(str(warehouse / "db.db/t")).verify().findings
    lost.write_bytes(kept)
    assert finding.object == f"file:{lost}"
    assert finding.problem == "it does not exist, though a manifest refers to it"
