from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from tablestore.kernels import avro_rows as rows
from tablestore.kernels.avro_rows import read_records

# a record with one of everything: place, slot, a, b
PROGRAM = np.array(
    [
        (rows.LONG, 0, 0, 0),
        (rows.INT, 1, 0, 0),
        (rows.OPTION, 2, 5, 0),
        (rows.TEXT, 3, 0, 0),
        (rows.INT, -1, 0, 0),
        (rows.BYTES, 5, 0, 0),
        (rows.FIXED, -1, 3, 0),
        (rows.BOOLEAN, -1, 0, 0),
        (rows.PRESENT, 7, 0, 0),
        (rows.OPTION, -1, 11, 1),
        (rows.LONG, -1, 0, 0),
        (rows.LIST, 8, rows.TEXT, 1),
        (rows.LIST, -1, rows.INT, -1),
        (rows.OPTION, 10, -1, 0),
    ],
    dtype=np.int64,
)
SLOTS = 11
GOOD = (
    b"\x03\x02" b"\x02\x06a\xc3\xa9\x08" b"\x04xy" b"abc" b"\x01" b"\x00\x06"
    b"\x03\x0e\x00\x02z\x02\x02\x02\x00" b"\x00" b"\x02"
)  # fmt: skip
GOOD = GOOD.replace(b"\x03\x0e\x00\x02z\x02\x02\x02\x00", b"\x03\x08\x00\x02z\x02\x02\x02\x00")


class Guarded:
    """Bytes whose readers must stay inside."""

    def __init__(self, data: bytes, start: int, end: int) -> None:
        self._data, self._start, self._end = data, start, end

    def __getitem__(self, place: Any) -> np.uint8:
        assert self._start <= place < self._end, "read outside"
        return np.uint8(self._data[place])


def plain(data: bytes, start: int, end: int, count: int) -> tuple[int, list[list[int]]]:
    out = np.zeros((SLOTS, count), dtype=np.int64)
    guarded: Any = Guarded(data, start, end)
    found = read_records.plain(guarded, np.int64(start), np.int64(end), PROGRAM, out, 0, count)
    return found, out.tolist()


def compiled(data: bytes, start: int, end: int, count: int) -> tuple[int, list[list[int]]]:
    out = np.zeros((SLOTS, count), dtype=np.int64)
    array = np.frombuffer(data, dtype=np.uint8)
    return read_records(array, start, end, PROGRAM, out, 0, count), out.tolist()


def both(data: bytes, start: int, end: int, count: int) -> tuple[int, list[list[int]]]:
    found = compiled(data, start, end, count)
    assert plain(data, start, end, count) == found
    return found


def test_values_and_places_of_a_record():
    data = b"??" + GOOD + b"??"
    result, out = both(data, 2, 2 + len(GOOD), 1)
    assert result == 0
    values = [row[0] for row in out]
    assert values[:3] == [-2, 1, 1]
    assert data[values[3] : values[3] + values[4]] == "aé".encode()
    assert data[values[5] : values[5] + values[6]] == b"xy"
    assert values[7] == values[10] == 1
    assert data[values[8] : values[8] + values[9]] == b"\x03\x08\x00\x02z\x02\x02\x02\x00"


def test_records_must_fill_their_bytes():
    assert both(GOOD * 3, 0, len(GOOD) * 3, 3)[0] == 0
    assert both(GOOD * 3, 0, len(GOOD) * 3, 2)[0] == 1
    assert both(GOOD * 3, 0, len(GOOD) * 3, 4)[0] == 1
    assert all(both(GOOD, 0, end, 1)[0] == 1 for end in range(len(GOOD)))


@pytest.mark.parametrize("seed", range(6))
def test_damaged_records_never_lead_outside_and_both_forms_agree(seed: int):
    rng = Random(seed)
    results = []
    for _ in range(500):
        data = bytearray(GOOD * 2)
        for _ in range(rng.randint(1, 3)):
            place = rng.randrange(len(data))
            change = rng.choice(["set", "high", "drop", "double"])
            if change == "set":
                data[place] = rng.choice([0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF, rng.randrange(256)])
            elif change == "high":
                data[place : place + 1] = bytes([data[place] | 0x80, *rng.randbytes(1)])
            elif change == "drop":
                del data[place]
            else:
                data[place:place] = b"\xff" * rng.randint(1, 10)
        results.append(both(bytes(data), 0, len(data), 2)[0])
    assert set(results) == {0, 1}


@pytest.mark.parametrize("value", [0, 1, -1, 63, -64, 64, 2**31, 2**63 - 1, -(2**63)])
def test_numbers_of_every_length(value: int):
    rest, out = (value << 1) ^ (value >> 63), bytearray()
    while rest > 127:
        out.append(rest & 127 | 128)
        rest >>= 7
    out.append(rest)
    matrix = np.zeros((1, 1), dtype=np.int64)
    program = np.array([(rows.LONG, 0, 0, 0)], dtype=np.int64)
    data = np.frombuffer(bytes(out), dtype=np.uint8)
    for read in (read_records, read_records.plain):
        assert read(data, 0, len(data), program, matrix, 0, 1) == 0
        assert matrix[0, 0] == value


@pytest.mark.parametrize(
    "data", [b"\xff" * 9 + b"\x02", b"\xff" * 10 + b"\x01", b"\x80" * 11, b"\x80"]
)
def test_numbers_of_more_than_64_bits_are_refused(data: bytes):
    program = np.array([(rows.LONG, -1, 0, 0)], dtype=np.int64)
    array = np.frombuffer(data, dtype=np.uint8)
    for read in (read_records, read_records.plain):
        assert read(array, 0, len(data), program, np.zeros((1, 1), dtype=np.int64), 0, 1) == 1


def test_text_is_utf_8_as_python_has_it():
    program = np.array([(rows.TEXT, -1, 0, 0)], dtype=np.int64)
    out = np.zeros((1, 1), dtype=np.int64)
    rng = Random(1)
    edges = [0, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0]
    edges += [0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF]
    found = set()
    for _ in range(20_000):
        text = bytes(rng.choice(edges) for _ in range(rng.randint(1, 5)))
        try:
            text.decode()
            good = True
        except UnicodeDecodeError:
            good = False
        data = np.frombuffer(bytes([2 * len(text)]) + text, dtype=np.uint8)
        assert (read_records(data, 0, len(data), program, out, 0, 1) == 0) is good, text
        found.add(good)
    assert found == {True, False}
