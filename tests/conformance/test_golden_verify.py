"""Tables that other engines left are sound to `verify`, and fastparquet reads the same values."""

from __future__ import annotations

import pytest

import tablestore as ts
from tests.support import golden

# An option means something that the old release ignored: the files are not where it says.
MISPLACED = {("java-0.9", "data_dir"), ("java-0.9", "legacy_partition_off")}


@pytest.mark.parametrize("writer", golden.writers())
def test_tables_of_other_writers_are_sound(writer, tmp_path, figures):
    compared = 0
    for table in golden.unpack(writer, tmp_path):
        report = ts.open_table(str(table.path)).verify(deep=True)
        if (writer, table.name) in MISPLACED:
            assert {f.problem.partition(",")[0] for f in report.findings} == {"it does not exist"}
            continue
        assert report.ok, (table.name, report.findings)
        compared += report.columns_compared
        figures["golden files verified"] += report.files
    assert compared > 20
    figures["golden columns that fastparquet reads alike"] += compared
