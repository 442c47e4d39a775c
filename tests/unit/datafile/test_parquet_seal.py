from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.layout import file_schema
from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.datafile.parquet_writer import ParquetWriter
from tablestore.errors import CorruptDataError
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type
from tests.support.mutate_parquet import footer

COLUMNS = {"id": "BIGINT NOT NULL", "n": "DECIMAL(9, 2)", "t": "TIMESTAMP(9)", "v": "STRING"}
FIELDS = [DataField(i, name, parse_type(text)) for i, (name, text) in enumerate(COLUMNS.items())]
KEY = b"tablestore.footer.crc32"


def written(ids=range(9)) -> bytes:
    schema = file_schema(FIELDS)
    data = {"id": list(ids), "v": [str(i) for i in ids]}
    data |= {name: [None] * len(data["id"]) for name in ("n", "t")}
    batch = pa.RecordBatch.from_pydict(data, schema=schema)
    out = io.BytesIO()
    writer = ParquetWriter(out, schema, sample=batch)
    writer.write(batch)
    writer.write(batch.slice(3))
    writer.close()
    return out.getvalue()


def read(data: bytes) -> pa.Table:
    return pa.Table.from_batches(ParquetReader(pa.BufferReader(data), "f").batches(FIELDS))


def test_other_readers_read_a_file_with_a_sealed_footer():
    assert KEY in pq.read_metadata(io.BytesIO(written())).metadata
    assert pq.read_table(io.BytesIO(written()))["id"].to_pylist() == [*range(9), *range(3, 9)]


def test_every_flipped_bit_of_the_footer_is_found_but_for_those_of_the_seal_itself():
    data = written()
    right = read(data)
    _, start = footer(data)
    unseen = []
    for bit in range(8 * start, 8 * len(data)):
        out = bytearray(data)
        out[bit // 8] ^= 1 << bit % 8
        try:
            assert read(bytes(out)) == right, bit
            unseen.append(bit // 8)
        except CorruptDataError as error:
            assert error.name == "f"
    seal = data.index(KEY)
    assert unseen
    assert set(unseen) <= set(range(seal, seal + len(KEY) + 2 + 24))


def test_damage_says_where_and_which_checksum():
    data = bytearray(written())
    _, start = footer(bytes(data))
    data[start + 30] ^= 4
    with pytest.raises(CorruptDataError, match=r"Parquet footer f is damaged.*checksum") as caught:
        read(bytes(data))
    assert caught.value.offset == start


def test_a_file_that_copied_the_metadata_of_ours_is_read():
    table = pq.read_table(io.BytesIO(written()))
    out = io.BytesIO()
    pq.write_table(table.slice(2), out)
    assert KEY in out.getvalue()
    assert read(out.getvalue())["id"].to_pylist() == table["id"].to_pylist()[2:]


def test_a_value_that_looks_like_a_seal_is_not_one():
    text = (KEY + b"\x18\x18" + b"0" * 24).decode("latin-1")
    out = io.BytesIO()
    pq.write_table(pa.table({"v": [text]}), out)
    assert read(out.getvalue())["v"].to_pylist() == [text]


def test_random_damage_to_a_sealed_footer_is_found():
    data = written()
    _, start = footer(data)
    rng = random.Random(3)
    right = read(data)
    for _ in range(300):
        out = bytearray(data)
        at = rng.randrange(start, len(data) - 8)
        out[at : at + 4] = rng.randbytes(4)
        try:
            assert read(bytes(out)) == right
        except CorruptDataError:
            continue
