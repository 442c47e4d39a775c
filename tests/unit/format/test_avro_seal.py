from __future__ import annotations

import io
import zlib

import fastavro
import pyarrow as pa
import pytest

from tablestore.datafile.avro_reader import AvroReader
from tablestore.datafile.avro_writer import AvroWriter
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.avro_codec import decompressor
from tablestore.format.avro_seal import check_header
from tablestore.format.manifest_list import decode_manifest_list, encode_manifest_list
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

FIELDS = [DataField(0, "id", parse_type("BIGINT")), DataField(1, "v", parse_type("STRING"))]


def data_file() -> bytes:
    out = io.BytesIO()
    writer = AvroWriter(out, FIELDS)
    writer.write(pa.RecordBatch.from_pydict({"id": [1, 2], "v": ["a", None]}))
    return out.getvalue()


def read(data: bytes) -> list[dict[str, object]]:
    reader = AvroReader(pa.BufferReader(data), "f")
    return [row for batch in reader.batches(FIELDS) for row in batch.to_pylist()]


@pytest.mark.parametrize("data", [data_file(), encode_manifest_list([])], ids=["rows", "list"])
def test_the_checksum_is_that_of_schema_and_codec(data):
    header = fastavro.reader(io.BytesIO(data)).metadata
    text = f"{header['avro.schema']} {header['avro.codec']}".encode()
    assert header["tablestore.header.crc32"] == f"{zlib.crc32(text):08x}"


def test_a_renamed_field_is_found_where_there_is_a_checksum():
    with pytest.raises(CorruptDataError, match="a header with the checksum"):
        read(data_file().replace(b'"name":"v"', b'"name":"w"'))
    data = encode_manifest_list([]).replace(b"_MIN_ROW_ID", b"_MIN_ROW_IE")
    with pytest.raises(CorruptDataError, match="manifest list m is damaged at byte 0"):
        decode_manifest_list(data, "m")


def test_a_header_without_the_key_is_taken_as_it_is():
    check_header({"avro.schema": b"x"})


def test_every_flipped_bit_of_an_avro_data_file_is_found_or_harmless():
    data = data_file()
    right = read(data)
    found = 0
    for bit in range(8 * len(data)):
        out = bytearray(data)
        out[bit // 8] ^= 1 << bit % 8
        try:
            assert read(bytes(out)) == right, bit
        except (CorruptDataError, UnsupportedFormatError):
            found += 1
    assert found > 7 * len(data)


def test_a_snappy_block_that_claims_more_than_it_can_hold_is_refused_before_memory_is_taken():
    claim = b"\xff\xff\xff\x7f"  # 256 MiB
    with pytest.raises(CorruptDataError, match="104 bytes that claim to be 268435455"):
        decompressor(b"snappy")(claim + bytes(104), 512 << 20, 0)
