"""Hash codes and bucket order of Java."""

from __future__ import annotations

import numpy as np

from tablestore.kernels.java_hash import buckets, long_hashes, text_hashes


def test_a_long_is_folded():
    values = np.array([0, 1, -1, 1 << 32, (5 << 32) + 3], dtype=np.int64)
    assert long_hashes(values).tolist() == [0, 1, 0, 1, 6]


def test_a_table_grows_when_it_is_three_quarters_full():
    hashes = np.array([17, 17, 17], dtype=np.int32)
    assert buckets(hashes, np.array([12, 13, 25])).tolist() == [1, 17, 17]


def test_the_upper_half_of_a_hash_counts():
    assert buckets(np.array([1 << 16], dtype=np.int32), np.array([1])).tolist() == [1]


def test_texts_hash_by_words_and_then_by_bytes():
    """Values of BinaryString.fromString(…).hashCode() in Java Paimon 2.0."""
    texts = [b"", b"a", b"abc", b"abcd", b"abcde", "größer".encode()]
    offsets = np.cumsum([0, *map(len, texts)])
    data = np.frombuffer(b"".join(texts), dtype=np.uint8)
    assert text_hashes(data, offsets).tolist() == [
        142593372,
        1485273170,
        1322437556,
        -396302900,
        814637928,
        -1350760329,
    ]
