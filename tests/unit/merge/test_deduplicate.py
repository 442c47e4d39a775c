"""The newest row of a key wins."""

from __future__ import annotations

import numpy as np
import pytest

from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.groups import Groups


def groups(sizes, kinds=None):
    """Groups of the given sizes; rows are numbered in order."""
    starts = np.zeros(sum(sizes), dtype=np.bool_)
    starts[np.cumsum([0, *sizes[:-1]]) if sizes else []] = True
    kind = None if kinds is None else np.array(kinds, dtype=np.int8)
    return Groups(np.arange(sum(sizes)), starts, kind)


@pytest.mark.parametrize(
    ("sizes", "rows"), [([], []), ([1], [0]), ([3], [2]), ([1, 2, 1], [0, 2, 3])]
)
def test_the_last_row_of_each_key_wins(sizes, rows):
    assert Deduplicate().pick(groups(sizes)).tolist() == rows


def test_a_retract_wins_like_any_row():
    assert Deduplicate().pick(groups([2, 2], [0, 3, 3, 0])).tolist() == [1, 3]


def test_ignored_deletes_leave_the_row_before_them():
    engine = Deduplicate(ignore_delete=True)
    assert engine.pick(groups([3, 2], [0, 2, 3, 3, 0])).tolist() == [1, 4]


def test_a_key_of_ignored_deletes_only_has_no_row():
    engine = Deduplicate(ignore_delete=True)
    assert engine.pick(groups([2, 1], [3, 1, 0])).tolist() == [2]
    assert engine.pick(groups([2], [3, 1])).tolist() == []


def test_a_single_retract_passes_as_in_java():
    assert Deduplicate(ignore_delete=True).pick(groups([1], [3])).tolist() == [0]


def test_without_kinds_nothing_is_ignored():
    assert Deduplicate(ignore_delete=True).pick(groups([2])).tolist() == [1]


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ignore", [True, False])
def test_any_groups_are_picked_like_row_by_row(seed, ignore):
    r = np.random.default_rng(seed)
    sizes = r.integers(1, 5, r.integers(1, 20)).tolist()
    kinds = r.integers(0, 4, sum(sizes))
    expected, at = [], 0
    for size in sizes:
        rows = list(range(at, at + size))
        if ignore and size > 1:
            rows = [row for row in rows if kinds[row] in (0, 2)]
        expected += rows[-1:]
        at += size
    assert Deduplicate(ignore_delete=ignore).pick(groups(sizes, kinds)).tolist() == expected
