"""Files become sections of overlapping key ranges, and sorted runs inside each."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tablestore.lsm.sections import sections


def split(*files):
    return sections(files, lambda f: f[0], lambda f: f[1])


def test_no_files_no_sections():
    assert split() == []


def test_disjoint_files_are_sections_of_one_run():
    assert split((5, 6), (1, 2), (3, 4)) == [[[(1, 2)]], [[(3, 4)]], [[(5, 6)]]]


def test_files_that_touch_at_a_key_overlap():
    assert split((1, 3), (3, 5)) == [[[(1, 3)], [(3, 5)]]]


def test_a_chain_of_overlaps_is_one_section():
    (section,) = split((1, 4), (3, 6), (5, 8), (7, 9))
    assert section == [[(1, 4), (5, 8)], [(3, 6), (7, 9)]]


def test_a_long_file_holds_short_ones_together():
    (section,) = split((0, 100), (1, 2), (3, 4), (5, 6))
    assert section == [[(0, 100)], [(1, 2), (3, 4), (5, 6)]]


def test_equal_files_get_a_run_each():
    (section,) = split((1, 2), (1, 2), (1, 2))
    assert len(section) == 3


FILES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda p: (p[0], sum(p))))


@given(FILES)
def test_sections_and_runs_hold_for_any_files(files):
    found = split(*files)
    flat = [file for section in found for run in section for file in run]
    assert sorted(flat) == sorted(files)
    for section in found:
        for run in section:
            assert all(a[1] < b[0] for a, b in itertools.pairwise(run))
    spans = [
        (min(f[0] for run in s for f in run), max(f[1] for run in s for f in run)) for s in found
    ]
    assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))
    # as few runs as overlap at one key
    for section, (low, high) in zip(found, spans, strict=True):
        covers = [
            sum(f[0] <= key <= f[1] for run in section for f in run) for key in range(low, high + 1)
        ]
        assert len(section) == max(covers)
        assert min(covers) > 0
