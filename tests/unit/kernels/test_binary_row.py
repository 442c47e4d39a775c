from __future__ import annotations

import struct

import numpy as np
import pytest

from tablestore.kernels.binary_row import BytesColumn, FixedColumn, ReservedColumn, row_hashes
from tests.support.murmur import murmur_bytes


def fixed(*values: int, nulls: list[bool] | None = None) -> FixedColumn:
    mask = None if nulls is None else np.array(nulls)
    return FixedColumn(np.array(values, dtype=np.uint64), mask)


def texts(*values: bytes) -> BytesColumn:
    data = np.frombuffer(b"".join(values) + bytes(8), dtype=np.uint8)
    lengths = np.array([len(v) for v in values], dtype=np.int64)
    return BytesColumn(data, np.cumsum(lengths) - lengths, lengths)


def test_an_integer_is_a_head_and_a_slot():
    rows = [struct.pack("<QQ", 0, value) for value in (1, 2**64 - 1)]
    assert row_hashes([fixed(1, 2**64 - 1)], 2).tolist() == [murmur_bytes(row) for row in rows]


def test_null_bits_begin_behind_the_row_kind():
    column = fixed(7, 0, nulls=[False, True])
    rows = [struct.pack("<QQQ", head, 5, slot) for head, slot in ((0, 7), (1 << 9, 0))]
    assert row_hashes([fixed(5, 5), column], 2).tolist() == [murmur_bytes(row) for row in rows]


def test_a_57th_column_has_its_null_bit_in_the_second_word():
    columns = [fixed(1, 1)] * 56 + [fixed(2, 0, nulls=[False, True])]
    rows = [
        struct.pack("<QQ57Q", 0, 0, *[1] * 56, 2),
        struct.pack("<QQ57Q", 0, 1, *[1] * 56, 0),
    ]
    assert row_hashes(columns, 2).tolist() == [murmur_bytes(row) for row in rows]


def test_long_values_lie_behind_each_other():
    columns = [texts(b"12345678", b"x"), texts(b"abc", b"123456789")]
    rows = [
        struct.pack("<QII7sB8s", 0, 8, 24, b"abc", 0x83, b"12345678"),
        struct.pack("<Q7sBII16s", 0, b"x", 0x81, 9, 24, b"123456789"),
    ]
    assert row_hashes(columns, 2).tolist() == [murmur_bytes(row) for row in rows]


def test_reserved_places_shift_what_follows():
    stamp = ReservedColumn(
        np.array([5], dtype=np.uint64), (np.array([99], dtype=np.uint64),), np.array([False])
    )
    row = struct.pack("<QIIIIQ8s", 0, 5, 24, 8, 32, 99, b"12345678")
    assert row_hashes([stamp, texts(b"12345678")], 1).tolist() == [murmur_bytes(row)]


@pytest.mark.parametrize("rows", [0, 1, 32_768, 32_769, 65_537])
def test_chunks_leave_no_seam(rows: int):
    values = np.arange(rows, dtype=np.uint64)
    hashes = row_hashes([FixedColumn(values)], rows)
    for place in {0, rows // 2, rows - 1} - {-1} if rows else set():
        assert hashes[place] == murmur_bytes(struct.pack("<QQ", 0, place))
    assert len(hashes) == rows
