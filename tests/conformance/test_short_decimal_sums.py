"""Sums of decimals that have more digits than their column: what each engine gives and stores.

Java adds decimals of at most 18 digits as 64-bit integers. Until they are stored both engines give
the sum. Parquet's INT64 keeps it; where Java's file would give back something else, we refuse.
"""

from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError
from tests.support.oracle_arrow import arrow_table

pytestmark = pytest.mark.interop
KEPT = [("parquet", 5), ("parquet", 12), ("parquet", 18)]
CHANGED = [("parquet", 9), ("orc", 12), ("avro", 12)]


def made(ours, warehouse, file_format, digits):
    """A table whose sums soon have more digits, and its largest value."""
    columns = [["k", "INT NOT NULL"], ["v", f"DECIMAL({digits}, 0)"]]
    options = {
        "bucket": "1",
        "write-only": "true",
        "file.format": file_format,
        "merge-engine": "aggregation",
        "fields.v.aggregate-function": "sum",
    }
    table = ours.create(warehouse, name="db.t", columns=columns, primary_key=["k"], options=options)
    return table, columns, "9" * digits


@pytest.mark.parametrize(("file_format", "digits"), KEPT + CHANGED)
def test_files_of_java_are_read_as_java_reads_them(java, ours, tmp_path, file_format, digits):
    _, columns, most = made(ours, tmp_path, file_format, digits)
    for _ in range(2):
        java.write(tmp_path, name="db.t", rows=[[1, most]], kinds=["+I"])
    java.write(tmp_path, name="db.t", rows=[[2, most]] * 5, kinds=["+I"] * 5)
    said = java.read(tmp_path, name="db.t")
    assert said[0] == [1, str(2 * int(most))]
    stored = str(5 * int(most)) if (file_format, digits) in KEPT else None
    if file_format == "parquet" and digits == 9:
        stored = str((5 * int(most) + 2**31) % 2**32 - 2**31)
    assert said[1] == [2, stored]
    assert ours.read(tmp_path, name="db.t", columns=columns) == said


@pytest.mark.parametrize(("file_format", "digits"), KEPT)
def test_what_a_file_keeps_is_stored_and_java_reads_it(java, ours, tmp_path, file_format, digits):
    table, columns, most = made(ours, tmp_path, file_format, digits)
    for key, times in ((1, 5), (2, 1), (2, 1)):
        table.upsert(arrow_table([[key, most]] * times, columns))
    table.compact(full=True)
    wanted = [[1, str(5 * int(most))], [2, str(2 * int(most))]]
    assert java.read(tmp_path, name="db.t") == wanted
    assert ours.read(tmp_path, name="db.t", columns=columns) == wanted


@pytest.mark.parametrize(("file_format", "digits"), CHANGED)
def test_what_a_file_would_change_is_refused(ours, tmp_path, file_format, digits):
    table, columns, most = made(ours, tmp_path, file_format, digits)
    for _ in range(5):
        table.upsert(arrow_table([[1, most]], columns))
    wanted = [[1, str(5 * int(most))]]
    assert ours.read(tmp_path, name="db.t", columns=columns) == wanted
    with pytest.raises(InvalidInputError, match=f"column 'v': the value {wanted[0][1]} has more"):
        table.compact(full=True)
    assert ours.read(tmp_path, name="db.t", columns=columns) == wanted
