"""Tables that other engines left are sound to `verify`, and fastparquet reads the same values."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support import golden

# An option means something that the old release ignored: files, or rows, are not where it says.
MISPLACED = {
    ("java-0.9", "data_dir"): "it does not exist",
    ("java-0.9", "legacy_partition_off"): "it does not exist",
    ("java-0.9", "hive_bucket"): "bucket: expected ",
}
FOLDERS = ("deletion-vectors", "data-formats", "side-files")


def everywhere():
    """Every archive, plain ones without a folder."""
    found = golden.writers()
    for folder in FOLDERS:
        names = sorted(p.name for p in (golden.ARCHIVES / folder).glob("*.tar.xz"))
        found += [f"{folder}/{name.removesuffix('.tar.xz')}" for name in names]
    return found


@pytest.mark.parametrize("writer", everywhere())
def test_tables_of_other_writers_are_sound(writer, tmp_path, figures):
    for table in golden.unpack(writer, tmp_path):
        report = ts.open_table(str(table.path)).verify(deep=True)
        said = MISPLACED.get((writer, table.name))
        if said is not None:
            assert report.findings
            assert all(finding.problem.startswith(said) for finding in report.findings)
            continue
        assert report.ok, (table.name, report.findings)
        assert report.files
        assert bool(report.columns_not_compared) == bool(report.skipped), table.name
        assert report.columns_compared or report.columns_not_compared
        figures["golden files verified"] += report.files
        figures["golden columns that fastparquet reads alike"] += report.columns_compared
        figures["golden columns that it does not decode"] += report.columns_not_compared


def test_what_fastparquet_does_not_decode_is_named_and_counted(tmp_path):
    tables = {table.name: table for table in golden.unpack("java-2.1", tmp_path)}
    report = ts.open_table(str(tables["types_parquet"].path)).verify(deep=True)
    assert report.ok
    said = {finding.problem for finding in report.skipped}
    deep = "fastparquet does not decode a nested column of this depth"
    assert (
        "columns f_aar (ARRAY<ARRAY<ROW<x INT>>>), f_imr (MAP<INT NOT NULL, ROW<y INT>>) were not "
        f"compared in 1 file: {deep}"
    ) in said
    assert report.columns_not_compared >= 2
    columns = len(ts.open_table(str(tables["types_parquet"].path)).schema)
    assert report.columns_compared + report.columns_not_compared == columns * report.files


def test_no_golden_table_is_left_out():
    assert len([name for writer in everywhere() for name in golden.names(writer)]) >= 128
