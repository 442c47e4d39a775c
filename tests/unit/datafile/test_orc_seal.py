from __future__ import annotations

import io
import random

import pyarrow as pa
import pyarrow.orc as orc
import pytest

from tablestore.datafile.orc_reader import OrcReader
from tablestore.datafile.orc_seal import BLOCK
from tablestore.datafile.orc_writer import OrcWriter
from tablestore.errors import CorruptDataError
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

FIELDS = [DataField(0, "id", parse_type("BIGINT")), DataField(1, "v", parse_type("STRING"))]
TEXT = b"tablestore.crc32"
CODECS = ["zstd", "snappy", "lz4", "none"]
ROWS = pa.record_batch(
    {"id": pa.array(range(9), pa.int64()), "v": [str(number) for number in range(9)]}
)


def written(codec: str = "zstd", batch: pa.RecordBatch = ROWS) -> bytes:
    out = io.BytesIO()
    writer = OrcWriter(out, FIELDS, compression=codec)
    writer.write(batch)
    writer.close()
    return out.getvalue()


def long_batch() -> pa.RecordBatch:
    numbers = [random.Random(5).getrandbits(62) for _ in range(40_000)]
    ids = [random.Random(i).getrandbits(62) for i in range(40_000)]
    return pa.record_batch({"id": pa.array(ids), "v": [str(number) for number in numbers]})


def read(data: bytes, fields: list[DataField] = FIELDS) -> pa.Table:
    reader = OrcReader(pa.BufferReader(data), "f")
    empty = pa.schema([("id", pa.int64()), ("v", pa.string())][: len(fields)])
    return pa.Table.from_batches(reader.batches(fields), empty)


def flipped(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


@pytest.mark.parametrize("codec", CODECS)
def test_orc_readers_read_a_sealed_file(codec):
    data = written(codec)
    assert data.count(TEXT) == 1
    assert orc.ORCFile(pa.BufferReader(data)).read().to_pylist() == ROWS.to_pylist()
    assert read(data).to_pylist() == ROWS.to_pylist()


@pytest.mark.parametrize("codec", CODECS)
def test_every_flipped_bit_is_found_but_for_those_of_the_text_that_names_the_seal(codec):
    data = written(codec)
    right = read(data)
    unseen = []
    for bit in range(8 * len(data)):
        try:
            assert read(flipped(data, bit)) == right, bit
            unseen.append(bit // 8)
        except CorruptDataError as error:
            assert error.name == "f"
            assert error.offset is not None
    seal = data.index(TEXT)
    assert unseen
    assert set(unseen) <= set(range(seal, seal + len(TEXT)))


def test_every_block_of_a_long_file_has_a_checksum():
    batch = long_batch()
    data = written("none", batch)
    assert len(data) > 8 * BLOCK
    assert read(data) == pa.Table.from_batches([batch])
    for start in range(3, len(data) - 2, BLOCK // 2):
        with pytest.raises(CorruptDataError) as caught:
            read(flipped(data, 8 * start + 3))
        assert caught.value.offset is not None
        assert caught.value.offset <= start


def test_damage_says_where_and_which_checksum():
    data = written("none", long_batch())
    with pytest.raises(CorruptDataError, match=r"f is damaged at byte 131072: expected checksum"):
        read(flipped(data, 8 * (2 * BLOCK + 77)))


def test_one_column_is_read_of_a_file_with_checksums():
    batch = long_batch()
    got = read(written("zstd", batch), FIELDS[:1])
    assert got["id"].combine_chunks() == batch["id"]


def test_a_file_without_rows_is_sealed():
    data = written("zstd", ROWS.slice(0, 0))
    assert TEXT in data
    assert read(data).num_rows == 0


def test_a_sealed_file_cut_short_or_lengthened_is_damaged():
    data = written()
    for other in (data[:3] + data[4:], data[:3] + b"\0" + data[3:], data[-60:]):
        with pytest.raises(CorruptDataError, match="of which the last"):
            read(other)


def test_a_file_without_a_seal_is_read():
    out = io.BytesIO()
    orc.write_table(pa.Table.from_batches([ROWS]), out)
    assert TEXT not in out.getvalue()
    assert read(out.getvalue()).to_pylist() == ROWS.to_pylist()
