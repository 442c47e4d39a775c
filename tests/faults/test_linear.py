"""The check of histories finds what it is there to find."""

from __future__ import annotations

import pytest

from tests.support.linear import Call, violations

STATES = {0: "none", 1: "one", 2: "two", 3: "three"}


def commit(number, began, ended, process="w"):
    return Call(process, began, ended, snapshot=number)


def read(seen, began, ended, process="r"):
    return Call(process, began, ended, seen=seen)


@pytest.mark.parametrize(
    "calls",
    [
        [commit(1, 0, 1), commit(2, 2, 3), read("two", 4, 5)],
        [commit(2, 0, 9), commit(1, 1, 8)],  # at the same time: any order
        [commit(1, 0, 1), commit(2, 2, 9), read("one", 3, 4), read("two", 5, 6)],
        [commit(1, 0, 9), read("none", 1, 2), read("one", 3, 4)],
        [commit(1, 0, 9), read("one", 1, 2, "r"), read("none", 3, 4, "other")],
    ],
)
def test_what_one_program_could_have_done_passes(calls):
    assert violations(calls, STATES) == []


@pytest.mark.parametrize(
    "calls",
    [
        [commit(2, 0, 1), commit(1, 2, 3)],  # a later commit lies before an earlier one
        [commit(1, 0, 1), commit(1, 2, 3)],  # two commits, one snapshot
        [commit(1, 0, 1), read("none", 2, 3)],  # an acknowledged commit is not seen
        [commit(1, 0, 1), commit(2, 0, 9), read("two", 2, 3), read("one", 4, 5)],  # back in time
        [commit(1, 0, 1), read("a torn state", 2, 3)],
    ],
)
def test_what_no_program_could_have_done_is_found(calls):
    assert len(violations(calls, STATES)) == 1


def test_a_read_cannot_see_a_snapshot_that_comes_later():
    assert violations([read("two", 0, 1)], STATES, {2: 5})
    assert not violations([read("two", 0, 6)], STATES, {2: 5})
