"""The keys of sorted batches: comparable across batches, searched by halving."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.merge.sorted_keys import SortedKeys
from tests.unit.merge.test_keys import by_type

KEYS = st.lists(
    st.tuples(
        st.integers(-2, 2) | st.sampled_from([-(2**63), 2**63 - 1]), st.text("ab\x00é", max_size=4)
    ),
    min_size=1,
    max_size=12,
)


def keys_of(rows: list[tuple[int, str]]) -> SortedKeys:
    numbers, texts = zip(*rows, strict=True)
    return SortedKeys([pa.array(numbers, pa.int64()), pa.array(texts, pa.string())])


def in_order(rows: list[tuple[int, str]]) -> list[tuple[int, str]]:
    return sorted(rows, key=lambda row: (row[0], row[1].encode()))


@by_type
def test_a_key_compares_with_keys_of_other_batches(kind, values):
    keys = [SortedKeys([pa.array([value], kind)]).at(0) for value in values]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)


@by_type
def test_rows_below_a_bound_are_a_prefix(kind, values):
    keys = SortedKeys([pa.array(values, kind)])
    assert [keys.below(keys.at(row)) for row in range(len(values))] == list(range(len(values)))


def test_several_columns_compare_in_their_order():
    keys = keys_of([(1, "a"), (1, "b"), (1, "c"), (2, ""), (2, "a")])
    assert [keys.below(keys.at(row)) for row in range(5)] == [0, 1, 2, 3, 4]
    assert keys.below(keys_of([(3, "")]).at(0)) == 5
    assert keys.below(keys_of([(1, "bb")]).at(0)) == 2


@pytest.mark.parametrize("text_first", [False, True])
@given(rows=KEYS, bound=KEYS)
def test_rows_below_any_key_are_counted(text_first, rows, bound):
    order = (1, 0) if text_first else (0, 1)

    def turned(pair):
        return tuple((pair[0], pair[1].encode())[place] for place in order)

    ordered = sorted(rows, key=turned)
    columns = [
        pa.array([row[0] for row in ordered], pa.int64()),
        pa.array([row[1] for row in ordered], pa.string()),
    ]
    keys = SortedKeys([columns[place] for place in order])
    other = SortedKeys(
        [[pa.array([bound[0][0]], pa.int64()), pa.array([bound[0][1]])][place] for place in order]
    )
    assert keys.below(other.at(0)) == sum(turned(row) < turned(bound[0]) for row in ordered)


@given(KEYS, KEYS)
def test_slices_and_copies_are_those_rows(rows, more):
    rows = in_order([*rows, *more])
    keys = keys_of(rows)
    part = keys.slice(len(more), len(rows))
    for found in (part, part.owned()):
        assert len(found) == len(rows) - len(more)
        assert [found.at(row) for row in range(len(found))] == [
            keys.at(row) for row in range(len(more), len(rows))
        ]


@given(KEYS, KEYS)
def test_joined_lanes_have_the_order_of_all_rows(left, right):
    left, right = in_order(left), in_order(right)
    lanes = SortedKeys.joined([keys_of(left), keys_of(right)])
    found = list(zip(*(lane.tolist() for lane in lanes), strict=True))
    plain = [(number, text.encode()) for number, text in [*left, *right]]
    for one, a in zip(plain, found, strict=True):
        for other, b in zip(plain, found, strict=True):
            assert ((one < other), (one == other)) == ((a < b), (a == b))
