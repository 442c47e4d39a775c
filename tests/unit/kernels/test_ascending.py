"""Runs are merged alike by numpy, by the compiled kernel and by the kernel that Python runs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tablestore.kernels import ascending
from tablestore.kernels.ascending import merge_ascending, sorted_runs
from tablestore.kernels.jit import Kernel

EDGES = [0, 1, 2**63 - 1, 2**63, 2**64 - 2, 2**64 - 1]
RUNS = st.lists(st.lists(st.integers(0, 2**64 - 1) | st.sampled_from(EDGES), max_size=20)
                | st.lists(st.integers(0, 100), min_size=40, max_size=60), max_size=9)  # fmt: skip


def in_runs(parts: list[list[int]]) -> list[int]:
    """Numbers that are not equal, as ascending runs; neighbours may make one run."""
    left = set()
    found: list[int] = []
    for part in parts:
        found += sorted(set(part) - left)
        left |= set(part)
    return found


def merged(numbers: list[int], function) -> list[int]:
    given = np.array(numbers, dtype=np.uint64)
    runs = 1 + int(np.count_nonzero(given[1:] < given[:-1]))
    spare = np.zeros_like(given)
    with np.errstate(over="ignore"):  # places below the first one are not read
        moved = function(given, spare, np.empty(runs, dtype=np.int64))
    return (spare if moved else given).tolist()


@settings(deadline=None)
@given(RUNS)
def test_the_compiled_form_sorts(parts):
    numbers = in_runs(parts)
    assert merge_ascending.warm_up()
    assert merged(numbers, merge_ascending) == sorted(numbers)


@settings(deadline=None)
@given(RUNS)
def test_the_plain_form_sorts(parts):
    numbers = in_runs(parts)
    assert merged(numbers, merge_ascending.plain) == sorted(numbers)


@pytest.mark.parametrize("form", ["numpy", "compiled"])
@pytest.mark.parametrize("runs", [1, 2, 3, 7, 20, 64])
@pytest.mark.parametrize("skew", [False, True])
def test_many_rows_are_sorted_in_either_form(form, runs, skew, monkeypatch):
    r = np.random.default_rng(runs)
    numbers = r.permutation(np.arange(20_000, dtype=np.uint64) * np.uint64(2**40))
    ends = np.sort(r.integers(0, 20_000, runs - 1) // (100 if skew else 1))
    numbers = np.concatenate([np.sort(part) for part in np.split(numbers, ends)])
    fresh = Kernel(merge_ascending.plain, merge_ascending.signature)
    if form == "compiled":
        assert fresh.warm_up()
    monkeypatch.setattr(ascending, "merge_ascending", fresh)
    count = 1 + int(np.count_nonzero(numbers[1:] < numbers[:-1]))
    assert sorted_runs(numbers.copy(), count).tolist() == np.sort(numbers).tolist()
    assert (fresh._compiled is not None) == (form == "compiled")
