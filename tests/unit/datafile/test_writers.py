"""ORC and Avro files that we write are read by pyarrow's and fastavro's own readers."""

from __future__ import annotations

import datetime as dt
import io
import json
from decimal import Decimal

import fastavro
import pyarrow as pa
import pyarrow.orc as orc
import pytest

from tablestore.datafile.avro_blocks import AvroBlocks
from tablestore.datafile.formats import FileSettings, check_storable, open_reader, open_writer
from tablestore.errors import InvalidInputError
from tablestore.types.arrow import to_arrow
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

STAMP = dt.datetime(2024, 2, 29, 12, 30, 15, 123_456)
DAY = dt.date(1970, 1, 2)
ROW = {"u": 1, "w": {"x": Decimal(-5)}}
FIELDS = [
    ("k", "INT NOT NULL", [1, 2, 3]),
    ("t", "TINYINT", [-128, None, 127]),
    ("c", "CHAR(4)", ["ab", None, ""]),
    ("b", "BYTES", [b"\x00\xff", None, b""]),
    ("n", "DECIMAL(20, 2)", [Decimal("-128.00"), None, Decimal("999999999999999999.99")]),
    ("d", "DATE", [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]),
    ("h", "TIME(3)", [dt.time(23, 59, 59, 999_000), None, dt.time(0)]),
    ("s3", "TIMESTAMP(3)", [dt.datetime(1969, 12, 31, 23, 59, 58, 1_000), None, dt.datetime.min]),
    ("s6", "TIMESTAMP(6)", [STAMP, None, STAMP]),
    ("z6", "TIMESTAMP_LTZ(6)", [STAMP.replace(tzinfo=dt.UTC), None, None]),
    ("a", "ARRAY<TIMESTAMP(6)>", [[STAMP, None], None, []]),
    ("m", "MAP<STRING, DECIMAL(5, 1)>", [[("x", Decimal("1.5")), ("y", None)], None, []]),
    ("i", "MAP<INT, ROW<u DATE, v TIME(3)>>", [[(7, {"u": DAY, "v": None})], [], None]),
    ("e", "MULTISET<STRING>", [[("p", 2)], None, []]),
    ("r", "ROW<u BIGINT NOT NULL, w ROW<x DECIMAL(9, 0)>>", [ROW, None, {"u": 2, "w": None}]),
]  # fmt: skip
SMALL = ("k", "INT NOT NULL", [1, 2, 3])


def batch_of(columns):
    fields = tuple(DataField(i, n, parse_type(t)) for i, (n, t, _) in enumerate(columns))
    arrays = [pa.array(v, to_arrow(f.type)) for f, (_, _, v) in zip(fields, columns, strict=True)]
    return fields, pa.RecordBatch.from_arrays(arrays, names=[f.name for f in fields])


def written(file_format, columns, times=1, **settings):
    fields, batch = batch_of(columns)
    check_storable(file_format, fields)
    sink = io.BytesIO()
    writer = open_writer(file_format, sink, FileSettings(fields, **settings), sample=batch)
    for _ in range(times):
        writer.write(batch)
    writer.close()
    return fields, batch, sink.getvalue()


def without_ancient(columns):
    """ORC files that we write hold timestamps from 1677 on."""
    return [(n, t, v[:2] + v[:1] if n == "s3" else v) for n, t, v in columns]


@pytest.mark.parametrize("codec", ["zstd", "snappy", "none"])
@pytest.mark.parametrize("file_format", ["orc", "avro"])
def test_what_was_written_is_read_back(file_format, codec):
    columns = without_ancient(FIELDS) if file_format == "orc" else FIELDS
    fields, batch, data = written(file_format, columns, times=3, compression=codec)
    reader = open_reader(file_format, pa.BufferReader(data), "f")
    got = pa.Table.from_batches(list(reader.batches(fields)))
    assert got.to_pylist() == batch.to_pylist() * 3


def test_sliced_batches_are_written_as_their_rows():
    for file_format in ("orc", "avro"):
        fields, batch = batch_of(without_ancient(FIELDS))
        sink = io.BytesIO()
        writer = open_writer(file_format, sink, FileSettings(fields), sample=batch)
        writer.write(batch.slice(1, 2))
        writer.write(batch.slice(0, 1))
        writer.close()
        reader = open_reader(file_format, pa.BufferReader(sink.getvalue()), "f")
        rows = batch.to_pylist()
        got = pa.Table.from_batches(list(reader.batches(fields))).to_pylist()
        assert got == [*rows[1:], rows[0]]


def test_orc_columns_have_paimon_ids_and_integers_for_times():
    _, batch, data = written("orc", without_ancient(FIELDS))
    file = orc.ORCFile(pa.BufferReader(data))
    assert file.compression == "ZSTD"
    schema = file.schema
    assert [f.metadata[b"paimon.id"] for f in schema] == [b"%d" % i for i in range(len(FIELDS))]
    assert schema.field("h").type == pa.int32()
    element = schema.field("a").type.value_field
    assert element.metadata[b"paimon.id"] == b"%d" % (536_870_911 + 1024 * 10 + 1)
    key = schema.field("m").type.key_field
    assert key.metadata[b"paimon.id"] == b"%d" % (536_870_911 - 1024 * 11 - 1)
    assert file.read()["s6"].to_pylist() == batch["s6"].to_pylist()


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("TIMESTAMP(6)", -1),
        ("TIMESTAMP(9)", -999_999),
        ("TIMESTAMP_LTZ(3)", 253_402_300_799_999),
        ("TIMESTAMP(6)", -62_135_596_800_000_000),
        ("ARRAY<TIMESTAMP(6)>", [0, -1]),
        ("ROW<a TIMESTAMP(6)>", {"a": -1}),
    ],
)
def test_timestamps_that_orc_does_not_keep_are_refused(kind, number):
    with pytest.raises(InvalidInputError, match=r"column 'x' holds the timestamp .*use Parquet"):
        written("orc", [("x", kind, [None, number])])


def test_an_avro_file_has_the_schema_of_java():
    _, _, data = written("avro", FIELDS)
    schema = json.loads(AvroBlocks(pa.BufferReader(data)).schema)
    types = {member["name"]: member["type"] for member in schema["fields"]}
    assert (schema["name"], schema["namespace"]) == ("record", "org.apache.paimon.avro.generated")
    assert types["k"] == "int"
    assert types["s3"] == ["null", {"type": "long", "logicalType": "timestamp-millis"}]
    assert types["z6"] == ["null", {"type": "long", "logicalType": "local-timestamp-micros"}]
    assert types["e"] == ["null", {"type": "map", "values": ["null", "int"]}]
    pair = types["i"][1]
    assert (pair["logicalType"], pair["items"]["name"]) == ("map", "record_i")
    assert pair["items"]["fields"][1]["type"][1]["name"] == "record_i_value"
    assert types["r"][1]["fields"][1]["type"][1]["name"] == "record_r_w"


def test_fastavro_reads_the_rows_of_an_avro_file():
    _, _, data = written("avro", FIELDS, compression="none")
    first, second, third = fastavro.reader(io.BytesIO(data))
    assert (first["k"], first["n"], first["d"]) == (1, Decimal("-128.00"), dt.date(1, 1, 1))
    assert third["n"] == Decimal("999999999999999999.99")
    assert first["i"] == [{"key": 7, "value": {"u": DAY, "v": None}}]
    assert first["m"] == {"x": Decimal("1.5"), "y": None}
    assert [key for key, value in second.items() if value is not None] == ["k", "i"]


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("x", "TIMESTAMP(9)", r"TIMESTAMP\(9\) cannot be stored in Avro"),
        ("x", "ARRAY<TIMESTAMP_LTZ(7)>", "cannot be stored in Avro"),
        ("x", "ROW<`a b` INT>", "'a b' cannot be stored in Avro"),
        ("x-y", "INT", "column 'x-y' cannot be stored in Avro"),
        ("x", "ROW<a ROW<b_c ROW<d INT>>, a_b ROW<c ROW<d INT>>>", "called 'record_x_a_b_c'"),
    ],
)  # fmt: skip
def test_columns_that_avro_cannot_hold_are_refused(name, kind, said):
    with pytest.raises(InvalidInputError, match=said):
        check_storable("avro", [DataField(0, name, parse_type(kind))])


@pytest.mark.parametrize("file_format", ["parquet", "orc", "avro"])
def test_a_codec_that_a_format_lacks_is_refused(file_format):
    with pytest.raises(InvalidInputError, match=r"file\.compression 'lzo' does not exist"):
        written(file_format, [SMALL], compression="lzo")


def test_a_map_with_a_key_twice_is_no_avro_map():
    with pytest.raises(InvalidInputError, match="column 'm' holds a map with a key"):
        written("avro", [("m", "MAP<STRING, INT>", [[("a", 1), ("a", 2)]])])
