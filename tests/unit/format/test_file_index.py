"""File indexes against the bytes that Java Paimon 2.1-SNAPSHOT writes."""

from __future__ import annotations

import struct
import tarfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import zstandard

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.file_index import decode_file_index, encode_file_index, encode_sealed
from tablestore.format.file_index_bitmap import decode_bitmap_index, encode_bitmap_index
from tablestore.format.file_index_bloom import (
    decode_bloom,
    encode_bloom,
    value_hashes,
)
from tablestore.format.file_index_bsi import decode_bsi, encode_bsi
from tablestore.format.file_index_range import decode_range_bitmap, encode_range_bitmap
from tablestore.format.index_values import values_to_arrow
from tablestore.types.arrow import to_arrow
from tablestore.types.parse import parse_type

INT = parse_type("INT")
STRING = parse_type("STRING")

BLOOM_INT = "0000000301280000000088002150c000"  # 1 to 4, items=20
BLOOM_STRING = "00000003080000200200002000500000"  # a, b
BITMAP_V1 = (
    "01000000050000000201fffffffd000000050000000000000007fffffffe3a30000001000000000002001000000000"
    "0003000400"
)
BITMAP_V2 = (
    "02000000050000000201fffffffd000000120000000100000005000000000000001c00000002000000050000000000"
    "00001600000007fffffffeffffffff3a300000010000000000020010000000000003000400"
)
BSI = (
    "01000000040101000000000000000000000000000000033a3000000100000000000100100000000000010000000002"
    "3a300000010000000000010010000000000001003a30000001000000000000001000000001000101000000000000000"
    "000000000000000023a3000000100000000000000100000000200000000023a300000000000003a3000000100000000"
    "000000100000000200"
)
RANGE_INT = (
    "000000150100000005000000030000000100000003000000360000000d010000000100000004000000190000000001"
    "00000001000000000000000000000002000000080000000400000002000000030000001a0102000000180000001000"
    "0000000000001200000012000000143a30000001000000000003001000000000000100020004003a30000001000000"
    "000000001000000002003a30000001000000000001001000000001000400"
)
RANGE_STRING = (
    "0000001701000000030000000200000001610000000162000000380000000d0100000001000000040000001a000000"
    "000100000001610000000000000000000000010000000400000005000000000000000162000000120101000000140000"
    "000800000000000000123a300000010000000000010010000000000001003a3000000100000000000000100000000000"
)
CONTAINER_HEAD = (
    "00054e4ed01a35ae000000010000004c000000020001760000000100066269746d61700000004c0000005500016b"
    "00000001000c626c6f6f6d2d66696c746572000000a10000001000000000"
)


def array(values, kind=INT):
    return pa.array(values, to_arrow(kind))


def values_of(distinct, kind):
    return values_to_arrow(distinct, kind).to_pylist()


# -- vectors --------------------------------------------------------------------------------------


def test_the_hashes_of_java():
    bigint = parse_type("BIGINT")
    numbers = [1, -1, 0, 2147483647, -(2**63)]
    words = ["5bca7c69b794f8ce", "5bca868437950d03", "0" * 16, "c6d8bcc4d61c69a4"]
    words.append("3be7d0f7780de548")
    found = value_hashes(array(numbers, bigint), bigint).view(np.uint64)
    assert [f"{word:016x}" for word in found] == words
    for kind, value, word in (
        ("FLOAT", 1.5, "ad39e1c6b4e29348"),
        ("DOUBLE", 1.5, "3dddff49a005b9c8"),
        ("TIMESTAMP(6)", 1700000000123456, "5e6e89d65e495754"),
    ):
        data_type = parse_type(kind)
        one = pa.array([value], pa.int64() if kind[0] == "T" else to_arrow(data_type))
        hashed = value_hashes(one.cast(to_arrow(data_type)), data_type).view(np.uint64)
        assert f"{hashed[0]:016x}" == word
    texts = value_hashes(array(["", "a", "hello world"], STRING), STRING).view(np.uint64)
    assert [f"{word:016x}" for word in texts] == [
        "ef46db3751d8e999",
        "d24ec4f1a98c6e5b",
        "45ab6734b21e6968",
    ]


def test_xxh64_is_the_checksum_of_zstandard_frames():
    values = [bytes((7 * i + n) % 256 for i in range(n)) for n in range(1, 200)] * 2
    hashes = value_hashes(pa.array(values, pa.binary()), parse_type("BYTES"))
    writer = zstandard.ZstdCompressor(write_checksum=True)
    for value, found in zip(values, hashes.tolist(), strict=True):
        low = int.from_bytes(writer.compress(value)[-4:], "little")
        assert found & 0xFFFFFFFF == low
    assert len(set(hashes.tolist())) == 199


@pytest.mark.parametrize(
    ("values", "kind", "text"), [(range(1, 5), INT, BLOOM_INT), (["a", "b"], STRING, BLOOM_STRING)]
)
def test_a_bloom_filter_of_java_is_read_and_written_to_the_byte(values, kind, text):
    column = array([*values, None], kind)
    assert encode_bloom(column, kind, items=20).hex() == text
    bloom = decode_bloom(bytes.fromhex(text))
    assert bloom.may_contain(value_hashes(column.drop_null(), kind)).all()
    others = array([f"{i}" for i in range(200)] if kind is STRING else range(100, 300), kind)
    assert bloom.may_contain(value_hashes(others, kind)).mean() < 0.1


@pytest.mark.parametrize(("version", "text"), [(1, BITMAP_V1), (2, BITMAP_V2)])
def test_a_bitmap_index_of_java_is_read_and_written_to_the_byte(version, text):
    column = array([5, 7, None, 5, 5])
    assert encode_bitmap_index(column, INT, version=version).hex() == text
    index = decode_bitmap_index(bytes.fromhex(text), INT)
    assert values_of(index.distinct, INT) == [5, 7, None]
    assert [index.rows_of(0).tolist(), index.rows_of(1).tolist()] == [[0, 3, 4], [1]]
    assert index.null_rows().tolist() == [2]


def test_a_bsi_index_of_java_is_read_and_written_to_the_byte():
    column = array([1, 3, -2, None])
    assert encode_bsi(column, INT).hex() == BSI
    index = decode_bsi(bytes.fromhex(BSI))
    found = dict(zip(index.places.tolist(), index.numbers.tolist(), strict=True))
    assert found == {0: 1, 1: 3, 2: -2}
    assert values_of(index.distinct(INT), INT) == [-2, 1, 3, None]


@pytest.mark.parametrize(
    ("values", "kind", "text", "codes"),
    [
        ([1, 3, 2, None, 3], INT, RANGE_INT, [0, 2, 1, 2]),
        (["b", "a", None], STRING, RANGE_STRING, [1, 0]),
    ],
)
def test_a_range_bitmap_of_java_is_read_and_written_to_the_byte(values, kind, text, codes):
    assert encode_range_bitmap(array(values, kind), kind).hex() == text
    index = decode_range_bitmap(bytes.fromhex(text), kind)
    assert values_of(index.distinct, kind) == [*sorted({v for v in values if v}), None]
    assert index.codes().tolist() == codes


def test_a_container_of_java_is_read_and_its_head_written_to_the_byte():
    head = bytes.fromhex(CONTAINER_HEAD)
    body = bytes(range(85)) + bytes(16)
    found = decode_file_index(head + body)
    assert found == {"v": {"bitmap": body[:85]}, "k": {"bloom-filter": body[85:]}}
    assert encode_file_index(found) == head + body


# -- any values -----------------------------------------------------------------------------------

COLUMNS = [
    ("BOOLEAN", [True, None, False, True]),
    ("TINYINT", [-128, 127, 0, None]),
    ("SMALLINT", [-(2**15), 3, 2**15 - 1]),
    ("INT", [-(2**31), None, 2**31 - 1, 0]),
    ("BIGINT", [-(2**63) + 1, 2**63 - 1, 0, None]),
    ("DATE", [-1, 0, None, 20000]),
    ("TIME(3)", [0, 86399999]),
    ("TIMESTAMP(3)", [-1, 0, None]),
    ("TIMESTAMP(6)", [-1, 1700000000123456]),
    ("TIMESTAMP(6) WITH LOCAL TIME ZONE", [5, None]),
    ("DECIMAL(18, 2)", [-(10**17), 1, None, 10**17]),
    ("FLOAT", [-1.5, float("inf"), 0.0, None]),
    ("DOUBLE", [-1.5, 1e300, None]),
    ("CHAR(5)", ["ab", "", None]),
    ("STRING", ["ä", "z", "😀", None, ""]),
]


def column_of(kind, values):
    target = to_arrow(kind)
    if pa.types.is_decimal(target):
        wide = np.array([(v or 0, -1 if (v or 0) < 0 else 0) for v in values], np.int64)
        plain = pa.Array.from_buffers(target, len(values), [None, pa.py_buffer(wide)])
        return pa.array([None if v is None else x for v, x in zip(values, plain, strict=True)])
    if pa.types.is_temporal(target):
        width = pa.int32() if target.bit_width == 32 else pa.int64()
        return pa.array(values, width).view(target)
    return pa.array(values, target)


@pytest.mark.parametrize(("text", "values"), COLUMNS, ids=[c[0] for c in COLUMNS])
@pytest.mark.parametrize("form", ["bitmap-1", "bitmap-2", "bsi", "range-bitmap"])
def test_the_values_of_any_type_come_back(form, text, values):
    kind = parse_type(text)
    column = column_of(kind, values * 3)
    if form == "bsi":
        if text.split("(")[0] in {"BOOLEAN", "FLOAT", "DOUBLE", "CHAR", "STRING"}:
            with pytest.raises(UnsupportedFormatError):
                encode_bsi(column, kind)
            return
        found = decode_bsi(encode_bsi(column, kind)).distinct(kind)
    elif form == "range-bitmap":
        found = decode_range_bitmap(encode_range_bitmap(column, kind), kind).distinct
    else:
        data = encode_bitmap_index(column, kind, version=int(form[-1]))
        found = decode_bitmap_index(data, kind).distinct
    back = values_to_arrow(found, kind)
    assert back.type == column.type
    assert set(map(str, back)) == set(map(str, column))
    assert len(back) == len(set(map(str, column)))


@pytest.mark.parametrize("size", [1, 5000])
def test_large_dictionaries_are_cut_into_blocks_and_chunks(size):
    random = np.random.default_rng(3)
    texts = array([f"key-{i}" for i in random.integers(0, size, 20_000)], STRING)
    numbers = array(random.integers(0, size, 20_000))
    for column, kind in ((texts, STRING), (numbers, INT)):
        want = sorted(set(column.to_pylist()))
        for version in (1, 2):
            bitmap = decode_bitmap_index(encode_bitmap_index(column, kind, version=version), kind)
            found = values_of(bitmap.distinct, kind)
            assert (sorted(found) if version == 1 else found) == want
            at = len(want) // 2
            rows = np.flatnonzero(np.array(column.to_pylist()) == found[at])
            assert bitmap.rows_of(at).tolist() == rows.tolist()
        ranged = decode_range_bitmap(encode_range_bitmap(column, kind), kind)
        assert values_of(ranged.distinct, kind) == want
        assert [want[code] for code in ranged.codes()] == column.to_pylist()


def test_the_sign_of_zero_and_nan_are_values_of_their_own():
    kind = parse_type("DOUBLE")
    column = pa.array([0.0, -0.0, float("nan"), -1.0, float("inf")])
    index = decode_range_bitmap(encode_range_bitmap(column, kind), kind)
    assert [str(v) for v in index.values.tolist()] == ["-1.0", "-0.0", "0.0", "inf", "nan"]


def test_a_column_of_nulls_has_no_values():
    for kind in (INT, STRING):
        column = array([None] * 3, kind)
        assert values_of(
            decode_range_bitmap(encode_range_bitmap(column, kind), kind).distinct, kind
        ) == [None]
        bitmap = decode_bitmap_index(encode_bitmap_index(column, kind), kind)
        assert values_of(bitmap.distinct, kind) == [None]
        assert bitmap.null_rows().tolist() == [0, 1, 2]
        assert not np.frombuffer(encode_bloom(column, kind, items=20)[4:], np.uint8).any()
    assert decode_bsi(encode_bsi(array([None] * 3), INT)).rows == 3


def test_what_cannot_be_indexed_exactly_is_refused_by_type():
    for text in ("TIMESTAMP(9)", "DECIMAL(20, 2)", "ARRAY<INT>", "BYTES"):
        with pytest.raises(UnsupportedFormatError):
            decode_bitmap_index(bytes.fromhex(BITMAP_V2), parse_type(text))
    with pytest.raises(UnsupportedFormatError, match="-9223372036854775808"):
        encode_bsi(array([-(2**63)], parse_type("BIGINT")), parse_type("BIGINT"))
    with pytest.raises(UnsupportedFormatError, match="BOOLEAN"):
        encode_bloom(pa.array([True]), parse_type("BOOLEAN"))


# -- damage ---------------------------------------------------------------------------------------

DECODERS = {
    "container": (CONTAINER_HEAD + "00" * 101, decode_file_index),
    "bitmap 1": (BITMAP_V1, lambda data: decode_bitmap_index(data, INT)),
    "bitmap 2": (BITMAP_V2, lambda data: decode_bitmap_index(data, INT)),
    "bsi": (BSI, decode_bsi),
    "range": (RANGE_INT, lambda data: decode_range_bitmap(data, INT).codes()),
    "range text": (RANGE_STRING, lambda data: decode_range_bitmap(data, STRING).codes()),
    "bloom": (BLOOM_INT, decode_bloom),
}


@pytest.mark.parametrize("name", DECODERS)
def test_hostile_bytes_raise_nothing_but_the_two_errors_of_a_codec(name):
    text, decode = DECODERS[name]
    good = bytes.fromhex(text)
    random = np.random.default_rng(11)
    refused = 0
    for turn in range(3000):
        bad = bytearray(good)
        if turn % 3 == 0:
            bad = bad[: random.integers(0, len(bad))]
        elif turn % 3 == 1:
            bad[random.integers(0, len(bad))] ^= 1 << int(random.integers(0, 8))
        else:
            at = int(random.integers(0, max(len(bad) - 4, 1)))
            number = int(random.choice([-1, 0, 1, 2**31 - 1, -(2**31), 2**24, len(bad)]))
            bad[at : at + 4] = struct.pack(">i", number)
        try:
            decode(bytes(bad))
        except (CorruptDataError, UnsupportedFormatError):
            refused += 1
    assert refused > 100


def test_a_newer_version_is_refused_by_number():
    with pytest.raises(UnsupportedFormatError, match="version 3"):
        decode_bitmap_index(b"\x03" + bytes.fromhex(BITMAP_V2)[1:], INT)
    newer = bytearray.fromhex(CONTAINER_HEAD)
    newer[11] = 2
    with pytest.raises(UnsupportedFormatError, match="version 2"):
        decode_file_index(bytes(newer))


def test_names_are_javas_modified_utf_8():
    names = {"ä😀\0x": {"bitmap": b"1"}, "m[key]": {"bsi": None}}
    data = encode_file_index(names)
    assert b"\xc0\x80" in data
    assert "\ud83d".encode("utf-8", "surrogatepass") in data
    assert decode_file_index(data) == names


# -- the golden tables ----------------------------------------------------------------------------

ARCHIVE = Path(__file__).parent / "data" / "golden-indexes.tar.xz"


def test_the_file_indexes_of_three_releases_of_java_are_decoded():
    with tarfile.open(ARCHIVE) as archive:
        found = {m.name: archive.extractfile(m).read() for m in archive if ".index" in m.name}
    kinds = set()
    for name, data in found.items():
        for column, indexes in decode_file_index(data, name).items():
            kind = {"k": INT, "v": STRING}[column]
            for index, body in indexes.items():
                kinds.add((name.split("/")[0], index))
                if index == "bloom-filter":
                    assert decode_bloom(body).functions
                elif index == "bsi":
                    assert decode_bsi(body).rows
                elif index == "bitmap":
                    assert decode_bitmap_index(body, kind).rows
                else:
                    assert decode_range_bitmap(body, kind).rows
    assert {writer for writer, _ in kinds} == {"java-0.9", "java-1.4", "java-2.1"}


def test_text_that_is_not_utf_8_is_damage():
    data = encode_range_bitmap(array(["b", "a"], STRING), STRING).replace(b"b", b"\xff")
    with pytest.raises(CorruptDataError, match="UTF-8"):
        values_of(decode_range_bitmap(data, STRING).distinct, STRING)


def test_a_container_with_a_checksum_is_read_and_every_flipped_bit_of_it_is_found():
    data = bytes.fromhex(CONTAINER_HEAD + "00" * 101)
    sealed = encode_sealed(data)
    assert sealed == data + b"tablestore.crc32" + zlib.crc32(data).to_bytes(4, "big")
    right = decode_file_index(sealed)
    assert right == decode_file_index(data)
    for bit in range(8 * len(sealed)):
        out = bytearray(sealed)
        out[bit // 8] ^= 1 << bit % 8
        if len(data) <= bit // 8 < len(sealed) - 4:  # no checksum, but nothing is wrong
            assert decode_file_index(bytes(out)) == right
            continue
        with pytest.raises(CorruptDataError, match="f is damaged at byte") as caught:
            decode_file_index(bytes(out), "f")
        assert caught.value.offset == len(data)
