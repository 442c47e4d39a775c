"""64-bit bitmaps in the bytes of Java's Roaring64Bitmap."""

from __future__ import annotations

import numpy as np
import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.roaring64 import Bitmap64, decode_bitmap64, encode_bitmap64

# Java's RoaringBitmap64.bitmapOf(…).serialize()
ONE_TWO_THREE = bytes.fromhex(
    "01" "0100000000000000" "04000000" "000000000000" "0000000000000000"
    "01000000" "fe" "01000000" "01" "02" "03000000" "010002000300"
    "0100000000000000" "00000000" "00000000"
)  # fmt: skip


def of(values):
    """A bitmap of values, added in the order given."""
    made = Bitmap64([], {})
    for value in values:
        low = np.array([value & 0xFFFF], dtype=np.uint16)
        made.update(Bitmap64([low], {value >> 16: 0}))
    return made


def test_the_bytes_of_three_values_are_those_of_java():
    assert encode_bitmap64(of([1, 2, 3])) == ONE_TWO_THREE
    assert decode_bitmap64(ONE_TWO_THREE).values().tolist() == [1, 2, 3]


def test_an_empty_bitmap_is_one_byte():
    assert encode_bitmap64(Bitmap64([], {})) == b"\x00"
    assert decode_bitmap64(b"\x00").values().tolist() == []


@pytest.mark.parametrize("step", [1, 3, 1 << 10, 1 << 16, (1 << 16) + 1, 1 << 24, 1 << 45])
@pytest.mark.parametrize("count", [1, 4, 5, 16, 17, 48, 49, 300])
def test_values_of_any_spread_come_back(step, count):
    values = [place * step for place in range(count)]
    data = encode_bitmap64(of(values))
    assert decode_bitmap64(data).values().tolist() == values
    assert encode_bitmap64(decode_bitmap64(data)) == data


def test_runs_and_bits_come_back():
    runs = [*range(100, 9000), *range(70_000, 130_000)]
    bits = range(0, 40_000, 3)
    for values in (runs, bits):
        low = {}
        for value in values:
            low.setdefault(value >> 16, []).append(value & 0xFFFF)
        slots = [np.array(part, dtype=np.uint16) for part in low.values()]
        data = encode_bitmap64(
            Bitmap64(slots, {high: i for i, high in enumerate(low)}, len(low) - 1)
        )
        assert decode_bitmap64(data).values().tolist() == list(values)


def test_every_cut_and_every_changed_byte_is_read_or_refused_in_words():
    data = encode_bitmap64(of([1, 2, 1 << 20, 1 << 33, 1 << 60]))
    for end in range(len(data)):
        with pytest.raises(CorruptDataError):
            decode_bitmap64(data[:end])
    for place in range(len(data)):
        for bits in (0xFF, 0x80, 0x01):
            changed = bytearray(data)
            changed[place] ^= bits
            try:
                decode_bitmap64(bytes(changed))
            except CorruptDataError as problem:
                assert len(str(problem).split()) > 4
