"""Positions of a source: laid over those that are stored, and compared with them."""

from __future__ import annotations

import pytest

from tablestore.commit.offsets import check_offsets, moved, progress
from tablestore.errors import InvalidInputError


@pytest.mark.parametrize(
    ("before", "changes", "expected"),
    [
        ({}, {}, "same"),
        ({"0": 5}, {"0": 5}, "same"),
        ({"0": 5}, {"0": 6}, "ahead"),
        ({"0": 5}, {"0": 4}, "behind"),
        ({"0": 5}, {"1": 0}, "ahead"),
        ({"0": 5, "1": 5}, {"0": 6, "1": 4}, "mixed"),
        ({"0": 5, "1": 5}, {"0": 6, "1": 5}, "ahead"),
        ({"0": 5, "1": 5}, {"0": 5, "1": 4}, "behind"),
        ({"t": {"0": 5, "1": 5}}, {"t": {"0": 6}}, "ahead"),
        ({"t": {"0": 5, "1": 5}}, {"t": {"0": 4}}, "behind"),
        ({"t": {"0": 5, "1": 5}}, {"t": {"0": 4, "1": 6}}, "mixed"),
        ({"file": "a"}, {"file": "a"}, "same"),
        ({"file": "b"}, {"file": "a"}, "ahead"),
        ({"at": 1}, {"at": 1.5}, "ahead"),
        ({"at": 1}, {"at": True}, "ahead"),
        ({"at": [1, 2]}, {"at": [1, 2]}, "same"),
        ({"0": 5}, {"0": None}, "ahead"),
        ({}, {"0": None}, "same"),
        ({"t": 5}, {"t": {}}, "ahead"),
        ({"t": {"0": 1}}, {"t": 9}, "ahead"),
    ],
)
def test_where_changes_stand(before, changes, expected):
    assert progress(before, changes) == expected


def test_changes_are_laid_over_name_by_name():
    before = {"t": {"0": 1, "1": 2}, "file": "a", "gone": 1}
    after = moved(before, {"t": {"0": 9, "2": 3}, "gone": None, "new": [1]})
    assert after == {"t": {"0": 9, "1": 2, "2": 3}, "file": "a", "new": [1]}
    assert before == {"t": {"0": 1, "1": 2}, "file": "a", "gone": 1}
    assert moved({"t": 5}, {"t": {"0": 1}}) == {"t": {"0": 1}}


def test_offsets_are_copied():
    given = {"t": {"0": 5}}
    copy = check_offsets(given, "j")
    given["t"]["0"] = 6
    assert copy == {"t": {"0": 5}}


def test_offsets_without_end_or_bottom_are_refused():
    with pytest.raises(InvalidInputError, match="of at most"):
        check_offsets({"a": "x" * (1 << 20)}, "j")
    deep: dict = {}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(InvalidInputError, match="JSON"):
        check_offsets(deep, "j")
