from __future__ import annotations

import io
import json
import random
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import fastavro
import pyarrow as pa
import pytest
import zstandard

from tablestore.errors import CorruptDataError, InvalidInputError, UnsupportedFormatError
from tablestore.format.avro import decode_container, encode_container
from tablestore.format.avro_codec import decompressor
from tablestore.format.avro_schema import INT, LONG, STRING, ArrayOf, Nullable, RecordOf

DATA = Path(__file__).parent / "data"
SYNC = bytes(range(16))
SHAPE = RecordOf(
    fields=(("a", LONG), ("b", Nullable(STRING)), ("c", Nullable(ArrayOf(INT)))),
    build=lambda *values: values,
    parts=lambda values: values,
)
PLAIN = {
    "type": "record",
    "name": "r",
    "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "string"]}],
}
ZSTD = zstandard.ZstdCompressor(level=1).compress


def zigzag(value: int) -> bytes:
    out, rest = b"", (value << 1) ^ (value >> 63)
    while rest > 127:
        out, rest = out + bytes((rest & 127 | 128,)), rest >> 7
    return out + bytes((rest,))


def text(value: bytes) -> bytes:
    return zigzag(len(value)) + value


def head(schema: Any, codec: bytes = b"null") -> bytes:
    schema = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    pairs = text(b"avro.schema") + text(schema) + text(b"avro.codec") + text(codec)
    return b"Obj\x01" + zigzag(2) + pairs + b"\0" + SYNC


def block(body: bytes, count: int = 1) -> bytes:
    return zigzag(count) + text(body) + SYNC


def read(data: bytes, **options: int) -> list[Any]:
    return decode_container(data, SHAPE, what="test file", name="f", **options)


def by_fastavro(schema: Any, records: list[Any]) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), records, codec="null")
    return out.getvalue()


ROWS = [(1, "x", (1, 2)), (-(2**63), None, None), (2**63 - 1, "é" * 100, ()), (0, "", (-(2**31),))]


def test_what_is_written_is_read_back():
    assert read(encode_container(ROWS, SHAPE)) == ROWS


def test_many_blocks_are_read_back_in_order():
    rows = [(i, "word" * 50, (i,)) for i in range(2000)]
    data = encode_container(rows, SHAPE)
    assert read(data) == rows


def test_fastavro_reads_what_is_written():
    data = encode_container(ROWS, SHAPE)
    start = data.index(b"\0", data.index(b"zstandard")) + 1
    sync, rest = data[start : start + 16], data[start + 16 :]
    stream = io.BytesIO(rest)
    count = fastavro.schemaless_reader(stream, "long", None)
    body = io.BytesIO(zstandard.decompress(fastavro.schemaless_reader(stream, "bytes", None)))
    assert stream.read() == sync
    written = data[data.index(b'{"type"') : data.index(b"\x14avro.codec")]
    schema = json.loads(written)
    found = [fastavro.schemaless_reader(body, schema, None) for _ in range(count)]
    assert [(r["a"], r["b"], None if r["c"] is None else tuple(r["c"])) for r in found] == ROWS
    assert schema["namespace"] == "org.apache.paimon.avro.generated"
    assert schema["fields"][1] == {"name": "b", "type": ["null", "string"], "default": None}


def test_an_empty_file_has_no_records():
    assert read(encode_container([], SHAPE)) == []


def test_missing_fields_are_none_and_unknown_ones_are_read_over():
    everything = [
        {"name": "more", "type": {"type": "map", "values": {"type": "array", "items": "double"}}},
        {"name": "kind", "type": {"type": "enum", "name": "e", "symbols": ["P", "Q"]}},
        {"name": "raw", "type": {"type": "fixed", "name": "x", "size": 3}},
        {"name": "a", "type": "int"},
        {"name": "flag", "type": "boolean"},
        {"name": "again", "type": ["x", "null", "e", "float"]},
        {"name": "sub", "type": {"type": "record", "name": "s", "fields": [PLAIN["fields"][0]]}},
        {"name": "twice", "type": "s"},
    ]
    schema = {"type": "record", "name": "r", "fields": everything}
    record = {
        "more": {"k": [1.5]},
        "kind": "Q",
        "raw": b"abc",
        "a": -5,
        "flag": True,
        "again": 2.5,
        "sub": {"a": 1},
        "twice": {"a": 2},
    }
    assert read(by_fastavro(schema, [record, record])) == [(-5, None, None)] * 2


@pytest.mark.parametrize("union", [["null", "string"], ["string", "null"]])
def test_unions_are_read_in_either_order(union: list[str]):
    schema = {**PLAIN, "fields": [PLAIN["fields"][0], {"name": "b", "type": union}]}
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
    assert read(by_fastavro(schema, rows)) == [(1, "x", None), (2, None, None)]


def test_a_union_around_the_record_is_read():
    assert read(by_fastavro(["null", PLAIN], [{"a": 1, "b": None}])) == [(1, None, None)]


def test_arrays_in_several_blocks_are_read():
    schema = {**PLAIN, "fields": [*PLAIN["fields"], {"name": "c", "type": _ints()}]}
    body = zigzag(7) + b"\0" + zigzag(1) + zigzag(5) + zigzag(-2) + zigzag(2) + b"\2\4" + b"\0"
    assert read(head(schema) + block(body)) == [(7, None, (5, 1, 2))]


def test_equal_neighbours_share_one_array():
    schema = {**PLAIN, "fields": [*PLAIN["fields"], {"name": "c", "type": _ints()}]}
    rows = [{"a": 1, "b": None, "c": [1, 2]}, {"a": 2, "b": None, "c": [1, 2]}]
    rows += [{"a": 3, "b": None, "c": [1, 3]}, {"a": 4, "b": None, "c": []}]
    first, second, third, fourth = read(by_fastavro(schema, rows))
    assert first[2] is second[2]
    assert [third[2], fourth[2]] == [(1, 3), ()]


def _ints() -> dict[str, str]:
    return {"type": "array", "items": "int"}


def snappy(body: bytes) -> bytes:
    return pa.Codec("snappy").compress(body, asbytes=True) + zlib.crc32(body).to_bytes(4, "big")


def deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


CODECS: list[tuple[bytes, Callable[[bytes], bytes]]] = [
    (b"null", lambda body: body),
    (b"deflate", deflate),
    (b"snappy", snappy),
    (b"zstandard", ZSTD),
]


@pytest.mark.parametrize(("codec", "pack"), CODECS)
def test_every_codec_is_read(codec: bytes, pack: Callable[[bytes], bytes]):
    body = b"\2\0" * 5000
    assert read(head(PLAIN, codec) + block(pack(body), 5000)) == [(1, None, None)] * 5000


@pytest.mark.parametrize(("codec", "pack"), CODECS)
def test_output_beyond_the_limit_is_refused(codec: bytes, pack: Callable[[bytes], bytes]):
    data = head(PLAIN, codec) + block(pack(b"\2\0" * 5000), 5000)
    assert len(read(data, max_bytes=10_000)) == 5000
    with pytest.raises(CorruptDataError, match="expected at most 9999 more bytes of records"):
        read(data, max_bytes=9999)


def test_a_bomb_does_not_take_memory():
    bomb = ZSTD(bytes(256 << 20))
    data = head(PLAIN, b"zstandard") + block(bomb, 1)
    tracemalloc.start()
    with pytest.raises(CorruptDataError, match="at most 1048576 more bytes"):
        read(data, max_bytes=1 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 << 20


@pytest.mark.parametrize("codec", [b"deflate", b"snappy", b"zstandard"])
@pytest.mark.parametrize("damage", [b"", b"\0" * 20, b"\xff" * 20])
def test_garbage_in_a_block_is_named(codec: bytes, damage: bytes):
    data = head(PLAIN, codec) + block(damage)
    with pytest.raises(CorruptDataError) as caught:
        read(data)
    assert f"a {codec.decode()} block" in str(caught.value)
    assert caught.value.offset == len(head(PLAIN, codec))


@pytest.mark.parametrize(("codec", "pack"), CODECS[1:])
def test_bytes_behind_the_data_of_a_block_are_refused(codec: bytes, pack: Callable[[bytes], bytes]):
    with pytest.raises(CorruptDataError, match=codec.decode()):
        read(head(PLAIN, codec) + block(pack(b"\2\0") + b"x" * 3000))


def test_the_checksum_that_fastavro_leaves_behind_a_deflate_block_is_read():
    packed = zlib.compress(b"abc")[2:-1]  # as fastavro writes it; Java reads it too
    unpack = decompressor(b"deflate")
    assert unpack(packed, 3, 0) == b"abc"
    with pytest.raises(CorruptDataError, match="deflate"):
        unpack(packed[:-1] + b"\xff", 3, 0)


def test_a_flipped_bit_of_records_that_we_wrote_is_found():
    body = encode_container([(i, None, None) for i in range(300)], SHAPE)
    start = body.index(bytes.fromhex("28b52ffd"))  # the frame of the only block
    for bit in range(8 * start, 8 * (len(body) - 16)):
        damaged = bytearray(body)
        damaged[bit // 8] ^= 1 << bit % 8
        with suppress(CorruptDataError):
            assert read(bytes(damaged)) == read(body)  # unused bits of the frame


def test_an_unknown_codec_is_named():
    with pytest.raises(UnsupportedFormatError, match="test file f: Avro codec 'bzip2'"):
        read(head(PLAIN, b"bzip2"))


def nested(depth: int) -> Any:
    inner: Any = "long"
    for _ in range(depth):
        inner = {"type": "array", "items": inner}
    return {"type": "record", "name": "r", "fields": [{"name": "z", "type": inner}]}


def with_field(kind: Any) -> Any:
    return {"type": "record", "name": "r", "fields": [{"name": "a", "type": kind}]}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (b"", "JSON in its Avro schema"),
        (b"{", "JSON in its Avro schema"),
        (b"\xff\xff", "JSON in its Avro schema"),
        (b"[" * 50_000, "found RecursionError"),
        (b"9" * 5000, "JSON in its Avro schema"),
        ({}, "a type"),
        (7, "a type"),
        ("long", "a record with a"),
        ("unheard-of", "a known type"),
        ({"type": "record", "name": "r"}, "a record with fields"),
        ({"type": "record", "name": "r", "fields": []}, "a record with fields"),
        ({"type": "record", "name": "r", "fields": [7]}, "a field with a name"),
        ({"type": "record", "fields": [{"name": "a", "type": "long"}]}, "a named type"),
        ({**PLAIN, "fields": PLAIN["fields"] * 2}, "field names that differ"),
        ("array", "a known type"),
        (with_field({"type": "map", "values": "record"}), "found map"),
        (with_field("fixed"), "a known type"),
        (with_field("string"), "expected long in its Avro schema, found string"),
        (with_field("null"), "null only inside a union"),
        (with_field({"type": "array", "items": "long"}), "found array"),
        (with_field(["null", "long", "string"]), "a union of 2 types"),
        (with_field([]), "a union of 0 types"),
        (with_field({"type": "fixed", "name": "x", "size": 8}), "found fixed"),
        (with_field("r"), "a type that does not contain itself"),
        ({"type": "record", "name": "r", "fields": [PLAIN["fields"][1]]}, "field 'a'"),
        (nested(200), "at most 32 nested types"),
        (nested(50), "at most 32 nested types"),
    ],
)
def test_bad_schemas_are_named(schema: Any, words: str):
    with pytest.raises(CorruptDataError) as caught:
        read(head(schema))
    assert str(caught.value).startswith("test file f is damaged")
    assert words in str(caught.value)


def test_zero_width_types_cannot_multiply():
    fields = [{"name": "x", "type": {"type": "fixed", "name": "z", "size": 0}}]
    with pytest.raises(CorruptDataError, match="a fixed size of at least 1"):
        read(head({"type": "record", "name": "r", "fields": fields}))


INTS = {**PLAIN, "fields": [PLAIN["fields"][0], {"name": "c", "type": _ints()}]}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "an Avro file beginning with"),
        (b"Obj\x02", "an Avro file beginning with"),
        (b"Obj\x01", "at byte 4: expected more bytes, found the end of the file"),
        (b"Obj\x01" + zigzag(2**40), "at most 1024 keys"),
        (b"Obj\x01\0" + SYNC, "key 'avro.schema'"),
        (head(PLAIN)[:-1], "16 bytes, found 15"),
        (head(PLAIN) + b"\2", "more bytes"),
        (head(PLAIN) + zigzag(1) + zigzag(2**40) + b"xx", "a length of 0 to 2"),
        (head(PLAIN) + zigzag(1) + zigzag(-1) + SYNC, "a length of 0 to"),
        (head(PLAIN) + zigzag(1) + text(b"\2\0") + SYNC[:15], "16 bytes, found 15"),
        (head(PLAIN) + zigzag(1) + text(b"\2\0") + b"x" * 16, "sync marker 000102"),
        (head(PLAIN) + block(b"\2\0", 2**60), "0 to 2 records"),
        (head(PLAIN) + block(b"\2\0", -1), "0 to 2 records"),
        (head(PLAIN) + block(b"\2\0\2\0", 3), "3 records in the block, found its end"),
        (head(PLAIN) + block(b"\2\0\2", 1), "a block of 2 bytes, found 3 bytes"),
        (head(PLAIN) + block(b"\2\4", 1), "branch 0 or 1 of a union"),
        (head(PLAIN) + block(b"\2\2\x09", 1), "a length of 0 to"),
        (head(PLAIN) + block(b"\2\2\2\xff", 1), "UTF-8 text in its Avro block, found 0xff"),
        (head(PLAIN) + block(b"\xff" * 11, 1), "an integer of at most 10 bytes"),
        (head(PLAIN) + block(b"\xff" * 9 + b"\x7f\0", 1), "an integer of 64 bits"),
        (head(INTS) + block(b"\2" + zigzag(2**60), 1), "at most 0 items"),
        (head(INTS) + block(b"\2\2" + zigzag(2**31) + b"\0", 1), "an integer of 32 bits"),
    ],
)
def test_damaged_files_are_named(data: bytes, words: str):
    with pytest.raises(CorruptDataError) as caught:
        read(data)
    assert str(caught.value).startswith("test file f is damaged")
    assert words in str(caught.value)
    assert caught.value.name == "f"


def test_a_required_value_that_is_null_is_refused():
    with pytest.raises(CorruptDataError, match="a value in its Avro block, found null"):
        read(by_fastavro(["null", PLAIN], [None]))


@pytest.mark.parametrize("name", sorted(p.name for p in DATA.glob("*.avro")))
def test_flipped_and_cut_bytes_raise_only_our_errors(name: str):
    from tablestore.format.index_manifest import decode_index_manifest
    from tablestore.format.manifest import decode_manifest
    from tablestore.format.manifest_list import decode_manifest_list

    decode: Callable[[bytes, str], list[Any]] = decode_manifest
    if "list" in name:
        decode = decode_manifest_list
    elif "index" in name:
        decode = decode_index_manifest
    good = (DATA / name).read_bytes()
    rnd = random.Random(name)
    outcomes = set()
    for _ in range(300):
        data = bytearray(good)
        for _ in range(rnd.randint(1, 3)):
            data[rnd.randrange(len(data))] = rnd.randrange(256)
        if rnd.random() < 0.3:
            del data[rnd.randrange(len(data)) :]
        try:
            decode(bytes(data), name)
            outcomes.add("read")
        except CorruptDataError as e:
            assert e.name == name
            outcomes.add("damaged")
        except UnsupportedFormatError as e:
            assert name in str(e)
    assert "damaged" in outcomes


@pytest.mark.parametrize(
    "row", [(2**63, None, None), (0, None, (2**31,)), (-(2**63) - 1, None, ())]
)
def test_numbers_that_do_not_fit_are_not_written(row: tuple[Any, ...]):
    with pytest.raises(InvalidInputError, match="does not fit"):
        encode_container([row], SHAPE)


def test_objects_beyond_the_budget_are_refused_before_they_are_made():
    body = b"\2\0" * 200_000
    data = head(PLAIN, b"zstandard") + block(ZSTD(body), 200_000)
    assert len(read(data, max_object_bytes=100 << 20)) == 200_000
    tracemalloc.start()
    with pytest.raises(CorruptDataError, match="values that take at most 20971520 more bytes"):
        read(data, max_object_bytes=20 << 20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


def test_items_beyond_the_budget_are_refused_before_they_are_made():
    schema = {**PLAIN, "fields": [*PLAIN["fields"], {"name": "c", "type": _ints()}]}
    items = zigzag(1 << 18) + b"\2" * (1 << 18) + b"\0"
    data = head(schema) + block(b"\2\0" + items, 1)
    assert len(read(data, max_object_bytes=32 << 20)[0][2]) == 1 << 18
    with pytest.raises(CorruptDataError, match="values that take at most"):
        read(data, max_object_bytes=16 << 20)
    unknown = {**schema, "fields": [*PLAIN["fields"], {"name": "z", "type": _ints()}]}
    with pytest.raises(CorruptDataError, match="values that take at most"):
        read(head(unknown) + block(b"\2\0" + items, 1), max_object_bytes=16 << 20)
