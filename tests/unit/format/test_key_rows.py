from __future__ import annotations

from random import Random

import pytest

from tablestore.format.binary_row import decode_row, encode_row, field_decoder
from tablestore.format.key_rows import integer_fields
from tablestore.types.parse import parse_type

KINDS = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "DATE": 31, "TIME": 26, "BIGINT": 63}


@pytest.mark.parametrize("count", [1, 2, 6, 56])
def test_integers_of_many_rows_are_those_of_each_row(count: int):
    rng = Random(count)
    names = [rng.choice(list(KINDS)) for _ in range(count)]
    types = [parse_type(name) for name in names]
    values = [
        [rng.randint(-(2 ** KINDS[n]), 2 ** KINDS[n] - 1) if n != "TIME" else 5 for n in names]
        for _ in range(50)
    ]
    rows = [encode_row(row, types, kind=rng.choice([0, 3])) for row in values]
    found = integer_fields(rows, types)
    assert found is not None
    assert list(map(list, zip(*found, strict=True))) == values
    assert [list(decode_row(row, types)) for row in rows] == values


def test_other_rows_are_left_to_the_decoder():
    whole = [parse_type("INT"), parse_type("BIGINT")]
    row = encode_row([1, 2], whole)
    assert integer_fields([row], whole) == [[1], [2]]
    assert integer_fields([encode_row([1, None], whole)], whole) is None
    assert integer_fields([row, row[:-1]], whole) is None
    assert integer_fields([row + bytes(8)], whole) is None
    assert integer_fields([b"\0\0\0\3" + row[4:]], whole) is None
    assert (
        integer_fields([encode_row(["x"], [parse_type("STRING")])], [parse_type("STRING")]) is None
    )
    many = [parse_type("INT")] * 57
    assert integer_fields([encode_row([1] * 57, many)], many) is None
    assert integer_fields([encode_row([], [])], []) is None


def test_some_fields_of_a_row_are_those_of_the_whole_row():
    types = [parse_type(t) for t in ("INT", "STRING", "TIMESTAMP(6)", "DECIMAL(30, 2)", "DOUBLE")]
    rows = [
        encode_row([1, "a", None, None, 2.5], types),
        encode_row([None, "long text here", (5, 7), None, None], types),
    ]
    for wanted in ([0], [1, 4], [4, 2, 1], [3], []):
        decode = field_decoder(types, wanted)
        for row in rows:
            whole = decode_row(row, types)
            assert decode(row) == tuple(whole[index] for index in wanted)
