"""Key columns become integer lanes in Java's order of keys."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.merge.groups import group_rows
from tablestore.merge.keys import group_starts, key_at, key_lanes, pack, rows_below, stable_order

NAN = math.nan
ASCENDING = [
    (pa.int8(), [-128, -1, 0, 1, 127]),
    (pa.int16(), [-(2**15), -1, 0, 2**15 - 1]),
    (pa.int32(), [-(2**31), -1, 0, 2**31 - 1]),
    (pa.int64(), [-(2**63), -(2**32), -1, 0, 1, 2**53 + 1, 2**63 - 1]),
    (pa.bool_(), [False, True]),
    (pa.float32(), [-math.inf, -1.5, -1e-45, -0.0, 0.0, 1e-45, 2.5, math.inf, NAN]),
    (pa.float64(), [-math.inf, -1.5, -5e-324, -0.0, 0.0, 5e-324, 2.5, math.inf, NAN]),
    (pa.decimal128(5, 2), [Decimal(x) for x in ("-999.99", "-0.01", "0.00", "0.01", "999.99")]),
    (
        pa.decimal128(38, 0),
        [Decimal(x) for x in (-(10**38) + 1, -(2**64), -1, 0, 1, 2**63, 2**64, 10**38 - 1)],
    ),
    # by UTF-8 bytes: U+FFFF stands before U+1F600, which UTF-16 has the other way round
    (pa.string(), ["", "\x00", "A", "B", "a", "ab", "b", "é", "中", "\uffff", "\U0001f600"]),
    (pa.binary(), [b"", b"\x00", b"\x00\x00", b"\x7f", b"\x80", b"\xff", b"\xff\x00"]),
    (pa.date32(), [-719162, -1, 0, 2932896]),
    (pa.time32("ms"), [0, 1, 86_399_999]),
    (pa.timestamp("ms"), [-62135596800000, -1, 0, 253402300799999]),
    (pa.timestamp("us", "UTC"), [-1, 0, 1]),
    (pa.timestamp("ns"), [-(2**63), -1, 0, 2**63 - 1]),
]


def by_type(test):
    return pytest.mark.parametrize(
        ("kind", "values"), ASCENDING, ids=[str(kind) for kind, _ in ASCENDING]
    )(test)


@by_type
def test_lanes_have_the_order_of_java(kind, values):
    r = np.random.default_rng(1)
    shuffled = r.permutation(len(values))
    column = pa.array([values[i] for i in shuffled], kind)
    order = stable_order(key_lanes([column]))
    assert [shuffled[i] for i in order] == list(range(len(values)))


@by_type
def test_lanes_of_slices_are_those_of_the_whole(kind, values):
    column = pa.array([*values, *values], kind)
    part = column.slice(len(values) - 1, len(values))
    rebuilt = pa.array(part.to_pylist(), kind) if str(kind)[:9] != "timestamp" else part
    for a, b in zip(key_lanes([part]), key_lanes([rebuilt]), strict=True):
        assert a.tolist() == b.tolist()


@by_type
def test_a_key_of_one_row_compares_with_keys_of_other_batches(kind, values):
    keys = [key_at([pa.array([value], kind)], 0) for value in values]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@by_type
def test_rows_below_a_bound_are_a_prefix(kind, values):
    column = pa.array(values, kind)
    for at in range(len(values)):
        assert rows_below([column], key_at([column], at)) == at


def test_rows_below_compares_several_columns_in_their_order():
    a, b = pa.array([1, 1, 1, 2, 2]), pa.array(["a", "b", "c", "", "a"])
    found = [rows_below([a, b], key_at([a, b], row)) for row in range(5)]
    assert found == [0, 1, 2, 3, 4]
    above = pa.array([3]), pa.array([""])
    assert rows_below([a, b], key_at(above, 0)) == 5


def test_every_nan_is_one_key():
    bits = [0x7FF8000000000000, 0xFFF8000000000000, 0x7FF0000000000001, 0xFFFFFFFFFFFFFFFF]
    values = np.array([struct.unpack("<d", struct.pack("<Q", b))[0] for b in bits])
    (lane,) = key_lanes([pa.array(values, from_pandas=False)])
    assert len(set(lane.tolist())) == 1


LANES = st.lists(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.sampled_from([0, 1, 2, 255, 2**31, 2**32 - 1, 2**63, 2**64 - 2, 2**64 - 1]),
            min_size=width,
            max_size=width,
        )
    ),
    min_size=1,
    max_size=1,
).flatmap(lambda first: st.lists(
    st.lists(
        st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63, 2**64 - 1]),
        min_size=len(first[0]),
        max_size=len(first[0]),
    ),
    min_size=1,
    max_size=12,
))  # fmt: skip


@given(LANES)
def test_packing_keeps_the_lexicographic_order(rows):
    lanes = [np.array(column, dtype=np.uint64) for column in zip(*rows, strict=True)]
    packed = list(zip(*(lane.tolist() for lane in pack(lanes)), strict=True))
    assert len(packed) == len(rows)
    for i, a in enumerate(rows):
        for j, b in enumerate(rows):
            assert (a < b) == (packed[i] < packed[j])
            assert (a == b) == (packed[i] == packed[j])


@given(LANES)
def test_the_order_is_stable(rows):
    lanes = [np.array(column, dtype=np.uint64) for column in zip(*rows, strict=True)]
    order = stable_order(lanes).tolist()
    assert order == sorted(range(len(rows)), key=lambda i: rows[i])
    starts = group_starts(lanes, np.array(order)).tolist()
    expected = [i == 0 or rows[order[i]] != rows[order[i - 1]] for i in range(len(rows))]
    assert starts == expected


def test_narrow_lanes_pack_into_one():
    lanes = [np.array([5, 6, 7], dtype=np.uint64), np.array([100, 200, 300], dtype=np.uint64)]
    assert len(pack(lanes)) == 1
    assert len(pack([lanes[0], np.array([0, 1, 2**64 - 1], dtype=np.uint64)])) == 2


def test_groups_are_ordered_by_age_and_retracts_come_first():
    (keys,) = key_lanes([pa.array([7, 7, 7, 3])])
    age = np.array([5, 2, 5, 9])
    kind = np.array([0, 0, 3, 0], dtype=np.int8)
    groups = group_rows([keys], age=age, kind=kind)
    assert groups.order.tolist() == [3, 1, 2, 0]
    assert groups.starts.tolist() == [True, True, False, False]


def test_negative_sequence_numbers_are_older():
    (keys,) = key_lanes([pa.array([1, 1])])
    groups = group_rows([keys], age=np.array([0, -1]), kind=None)
    assert groups.order.tolist() == [1, 0]
