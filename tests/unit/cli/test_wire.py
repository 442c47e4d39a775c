"""Claims about the text that JSON lines carry for Arrow values."""

from __future__ import annotations

import base64
import datetime
import io
import json
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.cli import render, wire
from tablestore.cli.read_jsonl import read_jsonl
from tablestore.cli.source import Source
from tablestore.errors import InvalidInputError

EVERY_TYPE = {
    "flag": (pa.bool_(), [True, None, False]),
    "small": (pa.int8(), [-128, None, 127]),
    "big": (pa.int64(), [-(2**63), None, 2**63 - 1]),
    "ratio": (pa.float64(), [1.5, None, -0.0]),
    "money": (pa.decimal128(20, 4), [Decimal("-12345678.9000"), None, Decimal("0.0001")]),
    "name": (pa.string(), ["a,\"b'", None, ""]),
    "blob": (pa.binary(), [b"\x00\xff", None, b""]),
    "day": (pa.date32(), [datetime.date(1969, 12, 31), None, datetime.date(9999, 12, 31)]),
    "clock": (pa.time32("ms"), [datetime.time(10, 11, 12, 500000), None, datetime.time(0)]),
    "milli": (pa.timestamp("ms"), [datetime.datetime(2026, 11, 1, 1, 2, 3, 4000), None, None]),
    "nano": (pa.timestamp("ns"), [1234567890123456789, None, -1]),
    "zoned": (pa.timestamp("us", "UTC"), [1700000000123456, None, 0]),
    "tags": (pa.list_(pa.date32()), [[datetime.date(2026, 1, 1), None], None, []]),
    "bytes": (pa.list_(pa.binary()), [[b"x", None, b"xyz"], None, []]),
    "counts": (pa.map_(pa.string(), pa.binary()), [[("a", b"1"), ("b", None)], None, []]),
    "place": (
        pa.struct([("at", pa.time32("ms")), ("raw", pa.binary())]),
        [{"at": datetime.time(1), "raw": b"abcd"}, None, {"at": None, "raw": None}],
    ),
}


def as_lines(table: pa.Table) -> str:
    columns = [wire.to_text(column.combine_chunks()).to_pylist() for column in table.columns]
    rows = zip(*columns, strict=True)
    return "".join(
        render.to_json(dict(zip(table.column_names, row, strict=True))) + "\n" for row in rows
    )


@pytest.mark.parametrize("name", EVERY_TYPE)
def test_what_head_prints_is_what_jsonl_reads_back(name: str):
    arrow_type, values = EVERY_TYPE[name]
    table = pa.table({"id": [1, 2, 3], name: pa.array(values, arrow_type)})
    source = Source("-", "jsonl", schema=table.schema)
    schema, batches = read_jsonl(io.BytesIO(as_lines(table).encode()), source)
    assert schema == table.schema
    assert pa.Table.from_batches(batches, schema).equals(table)


def test_a_slice_of_a_nested_column_keeps_its_own_values():
    lists = pa.array([[1], [2, 3], None, [4]], pa.list_(pa.timestamp("s")))
    assert wire.to_text(lists.slice(1)).to_pylist() == [
        ["1970-01-01T00:00:02", "1970-01-01T00:00:03"],
        None,
        ["1970-01-01T00:00:04"],
    ]
    maps = pa.array([[("a", 1)], None, [("b", 2)]], pa.map_(pa.string(), pa.int64()))
    assert wire.to_text(maps.slice(1)).to_pylist() == [None, [{"key": "b", "value": 2}]]
    rows = pa.array([{"x": 1}, None, {"x": 2}], pa.struct([("x", pa.timestamp("s"))]))
    assert wire.to_text(rows.slice(1)).to_pylist() == [None, {"x": "1970-01-01T00:00:02"}]


@given(st.lists(st.none() | st.binary(max_size=20)), st.integers(0, 3))
def test_base64_text_of_any_bytes_is_decoded(values: list[bytes | None], skipped: int):
    texts = [None if value is None else base64.b64encode(value).decode() for value in values]
    array = pa.array(texts, pa.string()).slice(skipped)
    assert wire.decode_base64(array).to_pylist() == values[skipped:]


@pytest.mark.parametrize("text", ["abc", "ab=c", "a===", "====", "ab!=", "YQ==YQ==", "é==="])
def test_text_that_is_not_base64_is_named(text: str):
    with pytest.raises(InvalidInputError, match="base64"):
        wire.decode_base64(pa.array(["YQ==", None, text]))


def test_json_has_no_bare_nan():
    line = render.to_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": b"\x01"})
    assert json.loads(line) == {"a": "NaN", "b": ["Infinity", 1.5], "c": "AQ=="}


def test_decimals_are_written_without_an_exponent():
    assert render.to_json([Decimal("1E-10"), Decimal("1E+3")]) == '["0.0000000001", "1000"]'
