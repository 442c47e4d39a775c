"""Footers that pyarrow cannot bear are refused before it sees them."""

from __future__ import annotations

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.orc as orc
import pytest

from tablestore.datafile.orc_tail import PostScript, read_stripes
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tests.support.decoder_inputs import with_lz4_footer

COLUMNS = {
    "number": pa.array([1, 2, 3]),
    "amount": pa.array([Decimal("1.25"), None, Decimal("-7.00")], pa.decimal128(20, 2)),
    "list": pa.array([[1], None, []], pa.list_(pa.int64())),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64())),
    "row": pa.array([{"x": 1}, None, {"x": 2}]),
}


def file_of(columns=COLUMNS, **settings) -> bytes:
    out = io.BytesIO()
    orc.write_table(pa.table(columns), out, **settings)
    return out.getvalue()


def stripes_of(data: bytes):
    return read_stripes(pa.BufferReader(data), data[-(16 << 10) :], len(data))


def message(*fields: tuple[int, int | bytes]) -> bytes:
    """A Protobuf message, encoded here for the tests."""
    out = bytearray()
    for number, value in fields:
        out += varint(number << 3 | (0 if isinstance(value, int) else 2))
        out += varint(value) if isinstance(value, int) else varint(len(value)) + value
    return bytes(out)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


LONG, LIST, MAP, STRUCT, UNION, DECIMAL = 4, 10, 11, 12, 13, 14
ROOT = message((1, STRUCT), (2, b"\x01"), (3, b"a"))


def with_footer(*types: bytes, rows: int = 0, stripes: tuple[bytes, ...] = ()) -> bytes:
    parts = [*((3, stripe) for stripe in stripes), *((4, kind) for kind in types), (6, rows)]
    footer = message(*parts)
    script = message((1, len(footer)), (2, 0), (3, 65536)) + b"\x82\xf4\x03\x03ORC"
    return b"ORC" + bytes(50) + footer + script + bytes([len(script)])


@pytest.mark.parametrize("codec", ["uncompressed", "zlib", "snappy", "lz4", "zstd"])
def test_stripes_are_those_that_pyarrow_finds(codec):
    many = {f"c{i}": pa.array(range(3_000)) for i in range(40)}
    for columns in (COLUMNS, many):
        data = file_of(columns, compression=codec, stripe_size=64 << 10, batch_size=1_000)
        file, stripes = orc.ORCFile(pa.BufferReader(data)), stripes_of(data)
        assert [s.rows for s in stripes] == [
            file.read_stripe(number).num_rows for number in range(file.nstripes)
        ]
        assert stripes[0].start == 3
        end = data[-(16 << 10) :]
        script = PostScript.of(end, len(data))
        assert script.footer == file.file_footer_length
        assert stripes[-1].end == len(data) - script.tail_bytes


@pytest.mark.parametrize("columns", [12, 30, 100])
def test_a_footer_in_lz4_is_read(columns):
    data = file_of({f"column {i}": pa.array([i, i]) for i in range(columns)}, compression="lz4")
    packed = with_lz4_footer(data)
    assert len(packed) < len(data)
    assert orc.ORCFile(pa.BufferReader(packed)).read()["column 0"].to_pylist() == [0, 0]
    assert stripes_of(packed) == stripes_of(data)


def test_a_footer_in_a_codec_that_is_not_read_is_refused_by_name():
    script = message((1, 5), (2, 3), (3, 65536)) + b"\x82\xf4\x03\x03ORC"
    with pytest.raises(UnsupportedFormatError, match="ORC codec lzo"):
        stripes_of(b"ORC" + bytes(9) + script + bytes([len(script)]))


def test_a_footer_longer_than_what_was_read_first_is_read():
    data = file_of({f"column {i}": pa.array([i]) for i in range(900)}, compression="uncompressed")
    script = PostScript.of(data[-300:], len(data))
    assert script.footer > 16 << 10
    assert [s.rows for s in stripes_of(data)] == [1]


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ((), "a row as the first type"),
        ((message((1, LONG)),), "a row as the first type"),
        ((ROOT,), "type 1 of 1"),
        ((ROOT, message((1, LONG)), message((1, LONG))), "2 types"),
        ((message((1, STRUCT), (2, b"\x00"), (3, b"a")),), "type 1 of 1"),
        ((ROOT, message((1, DECIMAL), (5, 39), (6, 2))), "38 digits"),
        ((ROOT, message((1, DECIMAL), (5, 10), (6, 11))), "38 digits"),
        ((ROOT, message((1, DECIMAL), (5, 10), (6, (1 << 64) - 1))), "38 digits"),
        ((ROOT, message((1, LIST))), "1 children"),
        ((ROOT, message((1, MAP), (2, b"\x02")), message((1, LONG))), "2 children"),
        ((ROOT, message((1, LONG), (2, b"\x02")), message((1, LONG))), "0 children"),
        ((ROOT, message((1, UNION))), "kind 13"),
        ((ROOT, message((1, 19))), "kind 19"),
        ((message((1, STRUCT), (2, b"\x01")), message((1, LONG))), "0 children"),
        (
            (message((1, STRUCT), (2, b"\x01\x02"), (3, b"a"), (3, b"a")), *[message((1, 4))] * 2),
            "names of their own",
        ),
    ],
)
def test_types_that_are_no_tree_of_known_kinds_are_refused(types, said):
    with pytest.raises(CorruptDataError, match="ORC file is damaged") as caught:
        stripes_of(with_footer(*types))
    assert said in str(caught.value)


def test_types_nested_too_deep_are_refused():
    types = [message((1, LIST), (2, varint(i + 2))) for i in range(200)]
    with pytest.raises(CorruptDataError, match="at depth 101"):
        stripes_of(with_footer(ROOT, *types, message((1, LONG))))


@pytest.mark.parametrize(
    ("stripe", "said"),
    [
        (message((1, 3), (3, 60), (5, 2)), "stripes in bytes 0 to 53"),
        (message((1, 1 << 63), (5, 2)), "stripes in bytes"),
        (message((1, 3), (3, 50), (5, 1 << 40)), "rows in a stripe"),
        (message((1, 3), (3, 50), (5, 3)), "2 rows in all stripes"),
        (message((1, b"text")), "a number"),
        (b"\x0b", "a field in"),
        (b"\x80" * 11, "a number of at most 10 bytes"),
    ],
)
def test_stripes_that_the_file_does_not_have_are_refused(stripe, said):
    with pytest.raises(CorruptDataError) as caught:
        stripes_of(with_footer(ROOT, message((1, LONG)), rows=2, stripes=(stripe,)))
    assert said in str(caught.value)


def test_a_sound_footer_made_here_is_taken():
    stripe = message((1, 3), (2, 1), (3, 40), (4, 9), (5, 2))
    found = stripes_of(with_footer(ROOT, message((1, LONG)), rows=2, stripes=(stripe,)))
    assert [(s.start, s.end, s.rows) for s in found] == [(3, 53, 2)]


@pytest.mark.parametrize("data", [b"", b"ORC", b"ORC" * 9, b"\x00" * 40])
def test_what_is_no_orc_file_is_refused(data):
    with pytest.raises(CorruptDataError, match="'ORC' at the end"):
        stripes_of(data)


def test_keys_of_maps_that_may_be_null_are_refused_before_pyarrow_ends_the_process():
    maps = pa.array([[("a", 1)], [("b", 2), ("c", 3)]], pa.map_(pa.string(), pa.int64()))
    data = file_of({"m": maps}, compression="uncompressed")
    assert sum(stripe.rows for stripe in stripes_of(data)) == 2
    # the keys are column 2, and their first stream in the stripe's footer holds data (kind 1)
    at = data.index(b"\x08\x01\x10\x02", stripes_of(data)[0].end - stripes_of(data)[0].footer)
    with pytest.raises(CorruptDataError, match="keys of maps that are not null"):
        stripes_of(data[:at] + b"\x08\x00" + data[at + 2 :])
