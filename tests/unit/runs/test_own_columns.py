from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.errors import CorruptDataError
from tests.support.builders import append_table

COLUMNS = {"id": "BIGINT", "n": "DECIMAL(9, 2)"}
ROWS = {"id": [1, 2], "n": pa.array([Decimal("1.50"), None], pa.decimal128(9, 2))}


def replaced(folder, rows: dict, file_format: str) -> ts.Table:
    """A table whose one file, of another writer, holds these rows."""
    table = append_table(folder, COLUMNS, **{"file.format": file_format})
    table.append(pa.table(ROWS))
    (path,) = folder.rglob(f"*.{file_format}")
    (pq if file_format == "parquet" else orc).write_table(pa.table(rows), path)
    return ts.open_table(table.path)


@pytest.mark.parametrize("file_format", ["parquet", "orc"])
def test_a_file_without_a_column_of_its_own_schema_is_damaged(tmp_path, file_format):
    table = replaced(tmp_path, {"id": ROWS["id"], "m": ROWS["n"]}, file_format)
    with pytest.raises(CorruptDataError, match="expected column 'n' of schema 0, found columns"):
        table.to_arrow()
    assert table.to_arrow(columns=["id"])["id"].to_pylist() == [1, 2]


def test_a_file_with_more_columns_is_read(tmp_path):
    table = replaced(tmp_path, ROWS | {"m": [1, 2]}, "parquet")
    assert table.to_arrow().to_pylist() == pa.table(ROWS).to_pylist()


def test_a_decimal_of_another_scale_than_that_of_the_schema_is_damaged(tmp_path):
    other = {"n": ROWS["n"].cast(pa.decimal128(9, 3))}
    with pytest.raises(CorruptDataError, match=r"decimal128\(9, 3\) where DECIMAL\(9, 2\)"):
        replaced(tmp_path, ROWS | other, "parquet").to_arrow()
