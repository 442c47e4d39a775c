"""Deletion vectors against the bytes that Java Paimon writes."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.deletion_vector import (
    V1_MAGIC,
    check_index_file,
    decode_index_file,
    decode_vector,
    encode_index_file,
    encode_vector,
    read_vector,
)
from tablestore.format.index_manifest import DeletionVectorRange

# made by Java Paimon 2.1-SNAPSHOT: the bytes behind the version, and the length in the manifest
VECTORS = [
    (False, [], "0000000c5e43f2d03a300000000000005de5c7e9", 12),
    (False, [0], "000000165e43f2d03a3000000100000000000000100000000000e33060d3", 22),
    (False, [1, 3, 5], "0000001a5e43f2d03a300000010000000000020010000000010003000500f39291eb", 26),
    (
        False,
        [1, 65536],
        "000000205e43f2d03a300000020000000000000001000000180000001a00000001000000f3c8e5cc",
        32,
    ),
    (False, range(10000), "000000135e43f2d03b3000000100000f27010000000f279c6be6f1", 19),
    (True, [], "0000000cd1d339640000000000000000bf18480c", 20),
    (
        True,
        [0],
        "00000022d1d339640100000000000000000000003a3000000100000000000000100000000000f7a6b4b5",
        42,
    ),
    (
        True,
        [1, 3, 5],
        "00000026d1d339640100000000000000000000003a300000010000000000020010000000010003000500"
        "5a9e5d39",
        46,
    ),
    (
        True,
        [1, 2**33],
        "00000044d1d339640300000000000000000000003a3000000100000000000000100000000100010000003a30"
        "000000000000020000003a300000010000000000000010000000000029e8518f",
        76,
    ),
    (
        True,
        range(10000),
        "0000001fd1d339640100000000000000000000003b3000000100000f27010000000f276920f60f",
        39,
    ),
]
ids = [f"v{1 + wide}-{index % 5}" for index, (wide, *_) in enumerate(VECTORS)]


@pytest.mark.parametrize(("wide", "rows", "text", "length"), VECTORS, ids=ids)
def test_a_vector_of_java_is_read_and_written_to_the_byte(wide, rows, text, length):
    data = b"\x01" + bytes.fromhex(text)
    place = DeletionVectorRange("data-a", 1, length, len(rows))
    assert read_vector(data, place).tolist() == list(rows)
    assert encode_vector(list(rows), bitmap64=wide) == data[1:]
    assert encode_index_file({"data-a": list(rows)}, bitmap64=wide) == (data, (place,))


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def test_any_shape_of_bitmap_comes_back():
    random = np.random.default_rng(7)
    dense = random.choice(200_000, 120_000, replace=False)  # bit containers
    sparse = random.choice(2**31 - 1, 5_000)
    runs = np.concatenate([np.arange(10, 70_000), np.arange(300_000, 300_500), [2**31 - 1]])
    vectors = {"dense": dense, "sparse": sparse, "runs": runs}
    for wide in (False, True):
        data, places = encode_index_file(vectors, bitmap64=wide)
        found = decode_index_file(data, places)
        assert list(found) == list(vectors)
        for name, rows in vectors.items():
            assert np.array_equal(found[name], np.unique(rows))


def test_positions_beyond_32_bits_come_back():
    rows = [0, 2**32 - 1, 2**32, 5 * 2**32 + 7]
    assert decode_vector(encode_vector(rows, bitmap64=True))[0].tolist() == rows


def test_positions_out_of_range_are_not_written():
    with pytest.raises(UnsupportedFormatError, match="2147483648"):
        encode_vector([2**31])
    with pytest.raises(UnsupportedFormatError, match="-1"):
        encode_vector([5, -1], bitmap64=True)
    with pytest.raises(UnsupportedFormatError, match=str(2**50)):
        encode_vector([2**50], bitmap64=True)


def test_an_index_file_without_vectors_is_its_version():
    assert encode_index_file({}) == (b"\x01", ())
    assert decode_index_file(b"\x01", ()) == {}


def test_another_version_of_the_file_is_refused_by_number():
    with pytest.raises(UnsupportedFormatError, match="version 2"):
        check_index_file(b"\x02", "index-1")
    with pytest.raises(CorruptDataError):
        check_index_file(b"")


def test_every_flipped_bit_is_found():
    for wide in (False, True):
        good = encode_vector([1, 3, 5, 70_000], bitmap64=wide)
        for bit in range(8 * len(good)):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            with pytest.raises(CorruptDataError):
                decode_vector(bytes(bad))


def test_every_truncation_is_found():
    good = encode_vector([1, 3, 5], bitmap64=True)
    for length in range(len(good)):
        with pytest.raises(CorruptDataError, match="index-1"):
            decode_vector(good[:length], name="index-1")


def test_a_position_behind_the_last_row_is_damage():
    data = encode_vector([1, 99])
    assert decode_vector(data, rows=100)[0].tolist() == [1, 99]
    with pytest.raises(CorruptDataError, match="rows below 99"):
        decode_vector(data, rows=99)


def test_what_the_manifest_says_of_a_vector_must_hold():
    data, (place,) = encode_index_file({"a": [1, 2]})
    for wrong in (
        DeletionVectorRange("a", 1, place.length + 1, 2),
        DeletionVectorRange("a", 1, place.length, 3),
        DeletionVectorRange("a", 0, place.length, 2),
        DeletionVectorRange("a", -5, place.length, 2),
        DeletionVectorRange("a", len(data), place.length, 2),
    ):
        with pytest.raises(CorruptDataError):
            read_vector(data, wrong)


@pytest.mark.parametrize(
    "bitmap",
    [
        "39300000 00000000",  # no cookie of Roaring
        "3a300000 ffffffff",  # four billion containers
        "3a300000 01000100",  # 65537 containers
        "3a300000 01000000 0000ffff 10000000",  # bits promised, none there
        "3a300000 01000000 00000100 10000000 03000300",  # a value twice
        "3a300000 01000000 00000100 10000000 05000300",  # descending
        "3a300000 02000000 01000000 00000000 18000000 1a000000 01000000",  # containers descend
        "3b300000 01 0000 0100 0000",  # no run
        "3b300000 01 0000 0100 0100 0000 0500",  # more values than promised
        "3b300000 01 0000 ffff 0100 0100 ffff",  # a run over the end of the container
        "3b300000 01 0000 0300 0200 0000 0200 0100 0000",  # runs overlap
        "3a300000 00000000 00",  # a byte too many
    ],
)
def test_a_hostile_bitmap_with_a_right_checksum_is_damage(bitmap):
    with pytest.raises(CorruptDataError):
        decode_vector(framed(V1_MAGIC + bytes.fromhex(bitmap)))


def test_a_bits_container_must_hold_what_its_header_says():
    good = encode_vector(np.arange(0, 20_000, 2))
    bad = bytearray(good[4:-4])
    bad[-1] ^= 1
    with pytest.raises(CorruptDataError, match="10000 values"):
        decode_vector(framed(bytes(bad)))


def test_a_small_file_that_stands_for_billions_of_rows_is_not_unpacked():
    count = 65536
    header = ((count - 1) << 16 | 12347).to_bytes(4, "little") + b"\xff" * (count // 8)
    keys = np.arange(count, dtype="<u2")
    sizes = np.stack([keys, np.full(count, 65535, "<u2")], axis=1).tobytes()
    body = V1_MAGIC + header + sizes + bytes(4 * count) + bytes.fromhex("01000000ffff") * count
    with pytest.raises(CorruptDataError, match="at most 67108864 values"):
        decode_vector(framed(body))
    with pytest.raises(CorruptDataError, match="at most 1000 values"):
        decode_vector(framed(body), rows=1000)


def test_hostile_64_bit_vectors_are_damage():
    good = encode_vector([1, 2**32], bitmap64=True)[4:-4]
    for position, value in ((4, 0xFF), (11, 0x80), (12, 1), (16, 0)):
        bad = bytearray(good)
        bad[position] = value
        with pytest.raises(CorruptDataError):
            decode_vector(framed(bytes(bad)))
