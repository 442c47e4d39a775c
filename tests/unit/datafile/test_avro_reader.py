"""Avro data files, made with fastavro by Paimon's mapping, are read as Paimon's data types."""

from __future__ import annotations

import datetime as dt
import io
import json
import random
from decimal import Decimal

import fastavro
import pyarrow as pa
import pytest

from tablestore.datafile.avro_reader import AvroReader
from tablestore.datafile.avro_schema import RawSchema
from tablestore.errors import CorruptDataError, TablestoreError, UnsupportedFormatError
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type


def field(name, text):
    return DataField(0, name, parse_type(text))


def record(**fields):
    members = [{"name": name, "type": kind} for name, kind in fields.items()]
    return {"type": "record", "name": "record", "fields": members}


def file_of(schema, rows, codec="null", **settings):
    sink = io.BytesIO()
    fastavro.writer(sink, schema, rows, codec=codec, **settings)
    return sink.getvalue()


def read(data, fields, **settings):
    return pa.Table.from_batches(list(batches(data, fields, **settings)))


def batches(data, fields, **settings):
    return AvroReader(pa.BufferReader(data), "f.avro").batches(fields, **settings)


def logical(kind, name, **more):
    return ["null", {"type": kind, "logicalType": name, **more}]


def test_logical_types_are_those_of_paimon():
    schema = record(
        d=logical("int", "date"),
        t=logical("int", "time-millis"),
        s3=logical("long", "timestamp-millis"),
        z6=logical("long", "local-timestamp-micros"),
        n=logical("bytes", "decimal", precision=20, scale=2),
        k="int",
    )
    stamp = dt.datetime(1969, 12, 31, 23, 59, 59, 999_000)
    row = {
        "d": dt.date(1, 1, 1),
        "t": dt.time(1, 2, 3, 4_000),
        "s3": stamp.replace(tzinfo=dt.UTC),
        "z6": stamp,
        "n": Decimal("-12345678901234567.89"),
        "k": -7,
    }
    data = file_of(schema, [row, {**dict.fromkeys(row), "k": 8}], codec="deflate")
    got = read(
        data,
        [
            field("d", "DATE"),
            field("t", "TIME(3)"),
            field("s3", "TIMESTAMP(3)"),
            field("z6", "TIMESTAMP_LTZ(6)"),
            field("n", "DECIMAL(20, 2)"),
            field("k", "TINYINT"),
        ],
    )
    want = {**row, "s3": stamp, "z6": stamp.replace(tzinfo=dt.UTC)}
    assert got.to_pylist() == [want, {**dict.fromkeys(row), "k": 8}]


def test_maps_are_avro_maps_or_lists_of_pairs():
    pair = record(key="int", value=["null", "int"]) | {"name": "pair"}
    schema = record(
        m={"type": "map", "values": ["null", "string"]},
        n=["null", {"type": "array", "items": pair, "logicalType": "map"}],
        s={"type": "map", "values": ["null", "int"]},
    )
    rows = [
        {"m": {"a": "x", "b": None}, "n": [{"key": 1, "value": 2}], "s": {"e": 3}},
        {"m": {}, "n": None, "s": {}},
    ]
    fields = [
        field("m", "MAP<STRING, STRING>"),
        field("n", "MULTISET<INT>"),
        field("s", "MULTISET<STRING>"),
    ]
    assert read(file_of(schema, rows), fields).to_pylist() == [
        {"m": [("a", "x"), ("b", None)], "n": [(1, 2)], "s": [("e", 3)]},
        {"m": [], "n": None, "s": []},
    ]


def test_nested_rows_are_matched_by_name_and_named_types_are_followed():
    inner = record(x=["null", "int"], y="string") | {"name": "inner"}
    schema = ["null", record(r=["null", inner], a={"type": "array", "items": ["null", "inner"]})]
    rows = [{"r": {"x": 1, "y": "u"}, "a": [None, {"x": None, "y": "v"}]}, {"r": None, "a": []}]
    fields = [
        field("r", "ROW<y STRING, x INT, z INT>"),
        field("a", "ARRAY<ROW<x INT, y STRING>>"),
        field("gone", "INT"),
    ]
    assert read(file_of(schema, rows), fields).to_pylist() == [
        {"r": {"y": "u", "x": 1, "z": None}, "a": [None, {"x": None, "y": "v"}], "gone": None},
        {"r": None, "a": [], "gone": None},
    ]


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy"])
def test_blocks_are_gathered_and_cut_into_batches(codec):
    rows = [{"k": n} for n in range(10_000)]
    data = file_of(record(k="long"), rows, codec=codec, sync_interval=100)
    parts = list(batches(data, [field("k", "BIGINT")], batch_rows=3_000))
    assert max(part.num_rows for part in parts) == 3_000
    assert pa.Table.from_batches(parts)["k"].to_pylist() == list(range(10_000))
    assert AvroReader(pa.BufferReader(data), "f.avro").group_rows(0) == 10_000
    assert sum(part.num_rows for part in batches(data, [])) == 10_000


def test_a_codec_that_is_not_read_is_refused_by_name():
    data = file_of(record(k="long"), [{"k": 1}], codec="bzip2")
    with pytest.raises(UnsupportedFormatError, match=r"f\.avro: .*'bzip2'"):
        read(data, [])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "enum", "name": "e", "symbols": ["a"]},
        record(k={"type": "fixed", "name": "x", "size": 4}),
        record(k="null"),
        record(k=["int", "string"]),
        "string",
    ],
)
def test_a_schema_that_no_data_file_has_is_damage(schema):
    with pytest.raises(CorruptDataError, match=r"Avro|union|record|type"):
        read(file_of(schema, []), [field("k", "INT")])


@pytest.mark.parametrize("kind", ["record", "array", "map"])
def test_the_bare_name_of_a_composite_type_is_damage(kind):
    with pytest.raises(CorruptDataError, match="type of Paimon"):
        RawSchema(json.dumps(record(k=kind)))


def test_values_that_do_not_fit_the_type_are_damage():
    fields = [field("k", "TINYINT")]
    with pytest.raises(CorruptDataError, match=r"f\.avro"):
        read(file_of(record(k="int"), [{"k": 300}]), fields)


def test_decimals_of_more_digits_than_the_type_are_null_as_in_java():
    schema = record(k={"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 0})
    values = [123_456_789, 99_999_999, -100_000_000, -99_999_999]
    data = file_of(schema, [{"k": Decimal(value)} for value in values])
    found = read(data, [field("k", "DECIMAL(8, 0)")])
    assert found["k"].to_pylist() == [None, Decimal(99_999_999), None, Decimal(-99_999_999)]


def test_a_block_of_more_records_than_bytes_is_damage():
    data = bytearray(file_of(record(k="long"), [{"k": 1}] * 3, sync_marker=b"0123456789abcdef"))
    at = data.index(b"0123456789abcdef") + 16
    assert data[at] == 6  # three records
    data[at] = 8
    with pytest.raises(CorruptDataError, match="records"):
        read(bytes(data), [field("k", "BIGINT")])


def test_no_damage_raises_anything_but_the_two_errors():
    schema = record(k="long", s=["null", "string"], a={"type": "array", "items": "int"})
    rows = [{"k": n, "s": "text" * (n % 5), "a": list(range(n % 7))} for n in range(300)]
    fields = [field("k", "BIGINT"), field("s", "STRING"), field("a", "ARRAY<INT>")]
    good = file_of(schema, rows, codec="null", sync_interval=500)
    chance = random.Random(4)
    refused = 0
    for _ in range(1_500):
        data = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            read(bytes(data[: chance.choice([len(data), chance.randrange(len(data))])]), fields)
        except TablestoreError as error:
            assert isinstance(error, (CorruptDataError, UnsupportedFormatError))
            refused += 1
    assert refused > 500
