from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tablestore.merge.newest import newest_rows

LOW = np.uint64(1 << 63)
keys = st.sets(st.integers(0, 15))  # one row is enough to pay for sixteen slots


def lane(parts: list[list[int]]) -> np.ndarray:
    return np.array([key for part in parts for key in part], dtype=np.uint64) + LOW


@given(st.lists(keys, min_size=1, max_size=6))
def test_a_row_is_chosen_where_no_later_part_has_its_key(found: list[set[int]]) -> None:
    parts = [sorted(part) for part in found]
    sizes = [len(part) for part in parts]
    expected = [
        all(key not in later for later in found[number + 1 :])
        for number, part in enumerate(parts)
        for key in part
    ]
    newest = newest_rows([lane(parts)], sizes)
    assert (newest is None) == (not expected)
    assert newest is None or newest.tolist() == expected


def test_rows_of_two_narrow_lanes_are_told_apart_by_both() -> None:
    first = np.array([5, 5, 6, 5, 6], dtype=np.uint64)
    second = np.array([1, 2, 1, 2, 2], dtype=np.uint64)
    newest = newest_rows([first, second], [3, 2])
    assert newest is not None
    assert newest.tolist() == [True, False, True, True, True]


def test_the_newest_of_as_many_parts_as_there_are_numbers_is_told() -> None:
    parts = [[0, 1, 2]] * 256
    newest = newest_rows([lane(parts)], [3] * 256)
    assert newest is not None
    assert np.flatnonzero(newest).tolist() == [765, 766, 767]
    assert newest_rows([lane([*parts, [0, 1, 2]])], [3] * 257) is None


def test_keys_far_apart_are_left_to_sorting() -> None:
    assert newest_rows([lane([[0, 15], [15]])], [2, 1]) is not None
    assert newest_rows([lane([[0, 48], [48]])], [2, 1]) is None
    wide = np.array([0, 1 << 63], dtype=np.uint64)
    assert newest_rows([wide, wide], [1, 1]) is None


def test_a_part_that_has_a_key_twice_is_left_to_sorting() -> None:
    assert newest_rows([lane([[1, 1], [2]])], [2, 1]) is None
    assert newest_rows([lane([[2, 1], [2]])], [2, 1]) is None


def test_no_rows_are_left_to_sorting() -> None:
    assert newest_rows([lane([[]])], [0]) is None
