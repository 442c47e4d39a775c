from __future__ import annotations

import numpy as np
import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.hash_index import decode_hash_index, encode_hash_index

# the hashes of INT keys 1, 2, 3 in a file of Java Paimon 2.1-SNAPSHOT
JAVA = bytes.fromhex("5759f99ed206e5474fe4bbf0")
HASHES = [0x5759F99E, 0xD206E547 - (1 << 32), 0x4FE4BBF0]


def test_hashes_of_java_are_read_and_written_to_the_byte():
    assert decode_hash_index(JAVA, row_count=3).tolist() == HASHES
    assert encode_hash_index(np.array(HASHES)) == JAVA


def test_an_empty_bucket_has_an_empty_file():
    assert decode_hash_index(encode_hash_index([]), row_count=0).tolist() == []


@pytest.mark.parametrize(("size", "count"), [(11, None), (12, 4), (12, 2), (0, 1)])
def test_a_length_that_does_not_fit_is_damage(size, count):
    with pytest.raises(CorruptDataError, match="index-7"):
        decode_hash_index(JAVA[:size], row_count=count, name="index-7")
