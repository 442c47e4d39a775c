from __future__ import annotations

import random

import numpy as np
import pytest

from tablestore.kernels.hash import SEED, finish, mix_word, mix_words
from tests.support.murmur import murmur_bytes

# Java's MurmurHashUtils over the bytes of a row
VECTORS = [
    ("0000000000000000", -1670924195),
    ("00000000000000000100000000000000", 1465514398),
    ("0000000000000000ffffffff00000000", 1133687267),
    ("00010000000000000000000000000000", -1748325344),
    ("000000000000000008000000100000006162636465666768", -843760178),
    ("00000000000000003f420f0010000000ffffffffffffffff", 61627685),
]


@pytest.mark.parametrize(("data", "hashed"), VECTORS)
def test_hash_of_bytes_is_that_of_java(data: str, hashed: int):
    assert murmur_bytes(bytes.fromhex(data)) == hashed


def test_hashes_of_columns_of_words_equal_those_of_bytes():
    rnd = random.Random(3)
    rows = [rnd.randbytes(40) for _ in range(1000)]
    words = np.frombuffer(b"".join(rows), dtype="<u4").reshape(1000, 10)
    state = np.full(1000, SEED, dtype=np.uint32)
    for column in range(10):
        mix_words(state, words[:, column])
    assert finish(state, 40).tolist() == [murmur_bytes(row) for row in rows]


def test_rows_may_differ_in_length():
    state = np.full(2, SEED, dtype=np.uint32)
    mix_words(state, np.array([1, 1], dtype=np.uint32))
    mix_words(state, np.array([2, 2], dtype=np.uint32))
    longer = state[1:].copy()
    mix_words(longer, np.array([3], dtype=np.uint32))
    mix_words(longer, np.array([4], dtype=np.uint32))
    state[1] = longer[0]
    rows = [np.array(w, dtype="<u4").tobytes() for w in ([1, 2], [1, 2, 3, 4])]
    hashes = finish(state, np.array([8, 16], dtype=np.uint32))
    assert hashes.tolist() == [murmur_bytes(row) for row in rows]


def test_words_of_one_row_mix_as_those_of_many():
    state = np.array([SEED], dtype=np.uint32)
    mix_words(state, np.array([0xDEADBEEF], dtype=np.uint32))
    assert int(state[0]) == mix_word(SEED, 0xDEADBEEF)
