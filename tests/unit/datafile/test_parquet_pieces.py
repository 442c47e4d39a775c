"""Row groups encoded by themselves become the file that one writer makes of them."""

from __future__ import annotations

import datetime as dt
import io
import random
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.layout import file_schema
from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.datafile.parquet_writer import ParquetWriter
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

COLUMNS = {
    "id": ("BIGINT NOT NULL", lambda r: r.randrange(2**40)),
    "few": ("STRING", lambda r: r.choice(["a", "bb", None])),
    "many": ("STRING", lambda r: str(r.random())),
    "bytes": ("BYTES", lambda r: r.randbytes(9)),
    "flag": ("BOOLEAN", lambda r: r.choice([True, False, None])),
    "small": ("DECIMAL(9, 2)", lambda r: Decimal(r.randrange(10**9)) / 100),
    "large": ("DECIMAL(38, 5)", lambda r: Decimal(r.randrange(10**30)) / 1000),
    "x": ("DOUBLE", lambda r: r.random()),
    "day": ("DATE", lambda r: dt.date(2026, 1, 1) + dt.timedelta(r.randrange(99))),
    "list": ("ARRAY<INT>", lambda r: [r.randrange(9) for _ in range(r.randrange(4))]),
    "map": ("MAP<STRING, BIGINT>", lambda r: [("k", r.randrange(9))]),
    "row": ("ROW<a INT NOT NULL, b STRING>", lambda r: {"a": 1, "b": str(r.random())}),
    "nothing": ("INT", lambda r: None),
}
NANOS = {"ns": ("TIMESTAMP(9)", lambda r: r.randrange(10**17))}


def batches(columns, sizes, seed=1):
    r = random.Random(seed)
    fields = [
        DataField(number, name, parse_type(text))
        for number, (name, (text, _)) in enumerate(columns.items())
    ]
    schema = file_schema(fields)
    found = []
    for rows in sizes:
        data = {
            name: pa.array([value(r) for _ in range(rows)], schema.field(name).type)
            for name, (_, value) in columns.items()
        }
        found.append(pa.RecordBatch.from_pydict(data, schema=schema))
    return fields, found


def one_by_one(groups, **settings):
    out = io.BytesIO()
    writer = ParquetWriter(out, groups[0].schema, sample=groups[0], **settings)
    for group in groups:
        writer.write(group)
    writer.close()
    return out.getvalue()


def in_pieces(groups, **settings):
    """The last row groups are made first."""
    out = io.BytesIO()
    writer = ParquetWriter(out, groups[0].schema, sample=groups[0], **settings)
    appends = [writer.encode(group) for group in reversed(groups)]
    for append in reversed(appends):
        append()
    writer.close()
    return out.getvalue()


@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS | NANOS], ids=["plain", "int96"])
@pytest.mark.parametrize("sizes", [[50], [7, 300, 1], [3] * 14, [2] * 15, [2] * 200])
def test_the_bytes_are_those_of_one_writer(columns, sizes):
    _, groups = batches(columns, sizes)
    assert in_pieces(groups) == one_by_one(groups)


@pytest.mark.parametrize("codec", ["snappy", "gzip", "lz4", "brotli", "none"])
def test_the_bytes_are_those_of_one_writer_with_every_codec(codec):
    _, groups = batches(COLUMNS, [90, 40, 60])
    settings = {"compression": codec, "nan_columns": {"x"}}
    assert in_pieces(groups, **settings) == one_by_one(groups, **settings)


def test_offsets_that_need_more_bytes_than_in_a_file_of_their_own():
    columns = {"v": ("BYTES", lambda r: r.randbytes(40_000)), "n": COLUMNS["id"]}
    _, groups = batches(columns, [3] * 40)
    data = in_pieces(groups)
    assert len(data) > 1 << 22
    assert data == one_by_one(groups)


def test_rows_and_the_seal_are_right():
    fields, groups = batches(COLUMNS | NANOS, [30, 20, 10])
    data = in_pieces(groups)
    found = pa.Table.from_batches(ParquetReader(pa.BufferReader(data), "f").batches(fields))
    assert found["id"].to_pylist() == pa.Table.from_batches(groups)["id"].to_pylist()
    metadata = pq.read_metadata(io.BytesIO(data))
    assert [metadata.row_group(n).num_rows for n in range(3)] == [30, 20, 10]
    assert b"tablestore.footer.crc32" in metadata.metadata


def test_a_file_without_rows_is_one_all_the_same():
    _, (group,) = batches(COLUMNS, [5])
    out = io.BytesIO()
    ParquetWriter(out, group.schema, sample=group).close()
    assert pq.read_table(io.BytesIO(out.getvalue())).num_rows == 0
