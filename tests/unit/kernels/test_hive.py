from __future__ import annotations

import numpy as np

from tablestore.kernels.hive import combine, fold_long, hash_bytes, hash_decimal


def test_long_hash_folds_the_halves():
    values = np.array([1, 2**40, 2**64 - 1], dtype=np.uint64)
    assert fold_long(values).tolist() == [1, 256, 0]


def test_bytes_are_signed():
    data = np.frombuffer(b"ab\xff", dtype=np.uint8)
    starts, lengths = np.array([0, 1, 2, 3]), np.array([2, 0, 1, 0])
    assert hash_bytes(data, starts, lengths).tolist() == [97 * 31 + 98, 0, 2**32 - 1, 0]


def test_decimals_lose_their_trailing_zeros():
    def hashed(number: int, scale: int) -> int:
        number &= (1 << 128) - 1
        halves = [np.array([half], dtype=np.uint64) for half in (number & 2**64 - 1, number >> 64)]
        return int(hash_decimal(halves[0], halves[1], scale)[0])

    # Java: new BigDecimal("12.34").hashCode(), new BigDecimal("-5").hashCode(), …
    assert hashed(1234, 2) == hashed(1_234_000, 5) == 31 * 1234 + 2
    assert hashed(-500, 2) == (-5 * 31) & 0xFFFFFFFF
    assert hashed(0, 5) == 0
    assert hashed(500, 0) == 31 * 500
    assert hashed(2**64, 0) == (31 * 31 * 31) & 0xFFFFFFFF


def test_fields_are_combined_by_31():
    first, second = np.array([1], dtype=np.uint32), np.array([2], dtype=np.uint32)
    assert combine(first, second).tolist() == [33]
