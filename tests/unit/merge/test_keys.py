"""Key columns become integer lanes in Java's order of keys."""

from __future__ import annotations

import itertools
import math
import struct
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.merge.groups import group_rows
from tablestore.merge.keys import key_lanes, nullable_lanes
from tablestore.merge.orders import group_starts, pack, sorted_groups, stable_order
from tablestore.merge.text_lanes import ranks_of_text, text_lanes

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


# what lanes of text may take for one another: prefixes, NUL bytes, ends of words and of the buffer
PIECES = st.sampled_from(
    [b"", b"\0", b"a", b"b", b"\xff", b"abcdefg", b"abcdefgh", b"a" * 30, b"\0" * 8, b"k" * 300]
)
BYTES = st.tuples(PIECES, PIECES, PIECES).map(b"".join) | st.binary(max_size=20)


def _agree(lanes: list[np.ndarray], values: list[bytes]) -> None:
    found = list(zip(*(lane.tolist() for lane in lanes), strict=True))
    assert len(found) == len(values)
    order = sorted(range(len(values)), key=lambda row: values[row])
    for before, after in itertools.pairwise(order):
        assert (values[before] < values[after]) == (found[before] < found[after])
        assert (values[before] == values[after]) == (found[before] == found[after])


@given(st.lists(BYTES, max_size=30), BYTES, st.integers(0, 3))
def test_lanes_of_text_are_exact(values, shared, skipped):
    values = [shared + value for value in values]
    column = pa.array(values, pa.binary()).slice(skipped)
    _agree(text_lanes(column), values[skipped:])


@given(st.lists(st.binary(min_size=20, max_size=20), max_size=20), st.data())
def test_lanes_of_texts_of_one_length_are_exact(values, data):
    some = data.draw(st.lists(st.sampled_from(values), max_size=20)) if values else []
    changed = [value[:19] + b"z" for value in some]
    _agree(
        text_lanes(pa.array([*values, *some, *changed], pa.binary())), [*values, *some, *changed]
    )


@pytest.mark.parametrize("length", [8, 16, 17, 24, 40, 400])
def test_versions_of_a_long_key_are_equal_and_others_are_not(length):
    values = [b"x" * (length - 1) + bytes([48 + row % 3]) for row in range(12)]
    _agree(text_lanes(pa.array(values, pa.binary())), values)
    _agree(text_lanes(pa.array([b"q" * row + b"x" * length for row in (0, 1, 1, 0)])),
           [b"q" * row + b"x" * length for row in (0, 1, 1, 0)])  # fmt: skip


def test_keys_of_16_bytes_behind_a_prefix_need_no_ranks(monkeypatch):
    monkeypatch.setattr(
        "tablestore.merge.text_lanes.ranks_of_text", lambda column: pytest.fail("compared in full")
    )
    texts = [f"warehouse/orders/{row * 499_979_000_000:016d}" for row in range(5000)]
    lanes = text_lanes(pa.array([*texts, *texts[::7]]))
    assert len(lanes) == 2
    # versions of longer ones are compared word by word
    text_lanes(pa.array([text + "-and-the-rest" for text in (*texts, *texts[::7])]))


@given(
    st.lists(st.none() | st.text("ab\x00é", max_size=20), min_size=1, max_size=20), st.booleans()
)
def test_null_is_before_every_text_in_both_directions(values, descending):
    lanes = nullable_lanes(pa.array(values, pa.string()), descending=descending)
    found = list(zip(*(lane.tolist() for lane in lanes), strict=True))
    ranks = sorted({value.encode() for value in values if value is not None}, reverse=descending)
    wanted = [0 if value is None else 1 + ranks.index(value.encode()) for value in values]
    for a, one in zip(wanted, found, strict=True):
        for b, other in zip(wanted, found, strict=True):
            assert ((a < b), (a == b)) == ((one < other), (one == other))


def test_ranks_count_distinct_texts():
    assert ranks_of_text(pa.array(["b", "a", "b", "é"])).tolist() == [1, 0, 1, 2]


@pytest.mark.parametrize("distinct", [1, 3, 1000, 2**64 - 1])
def test_the_order_of_two_words_is_that_of_lexsort(distinct):
    r = np.random.default_rng(5)
    first = r.integers(0, distinct, 3000, dtype=np.uint64, endpoint=True)
    second = r.integers(0, 2**64 - 1, 3000, dtype=np.uint64, endpoint=True)
    second[::3] = second[1::3]
    lanes = [first, second]
    assert stable_order(lanes).tolist() == np.lexsort([second, first]).tolist()


@given(LANES, LANES.map(lambda rows: [row[0] for row in rows]), st.integers(0, 63))
def test_groups_are_rows_of_one_key_in_the_order_of_the_rest(rows, ages, shift):
    ages = (ages * len(rows))[: len(rows)]
    rows = [[cell >> shift for cell in row] for row in (*rows, *rows)]
    ages = [age >> shift for age in (*ages, *ages[::-1])]
    lanes = [np.array(column, dtype=np.uint64) for column in zip(*rows, strict=True)]
    for rest in ([], [np.array(ages, dtype=np.uint64)]):
        order, starts = (found.tolist() for found in sorted_groups(lanes, rest))
        whole = [(*row, age) if rest else row for row, age in zip(rows, ages, strict=True)]
        assert order == sorted(range(len(rows)), key=lambda i: whole[i])
        assert starts == [i == 0 or rows[order[i]] != rows[order[i - 1]] for i in range(len(rows))]


@pytest.mark.parametrize("bits", [1, 20, 40, 52, 53, 64])
@pytest.mark.parametrize("runs", [1, 20, 1000])
def test_sorted_runs_are_merged_whatever_the_bits(bits, runs):
    r = np.random.default_rng(bits)
    word = r.integers(0, 2**bits - 1, 2000, dtype=np.uint64, endpoint=True)
    word = np.sort(word.reshape(runs, -1), axis=1).ravel()
    expected = np.argsort(word, kind="stable")
    assert stable_order([word]).tolist() == expected.tolist()
    order, starts = sorted_groups([word])
    assert order.tolist() == expected.tolist()
    assert starts.tolist() == group_starts([word], expected).tolist()


def test_no_rows_have_no_groups():
    empty = np.zeros(0, dtype=np.uint64)
    for rest in ([], [empty]):
        order, starts = sorted_groups([empty, empty], rest)
        assert len(order) == len(starts) == 0
