"""Files of a bucket become levels and sorted runs."""

from __future__ import annotations

import dataclasses

import pytest

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.lsm.levels import Levels
from tests.support.run_files import KEYS, File


def bucket(*files, num_levels=6):
    return Levels.of(files, num_levels, KEYS)


def names(files):
    return [file.file_name for file in files]


def test_an_empty_bucket_has_no_runs():
    levels = bucket()
    assert (levels.runs, levels.run_count, levels.highest, levels.max_level) == ((), 0, -1, 5)


def test_level_0_is_newest_first_by_sequence_then_age_then_name():
    files = [
        File("old", max_sequence_number=4),
        File("new", max_sequence_number=9),
        File("long", max_sequence_number=7, min_sequence_number=2),
        File("short", max_sequence_number=7, min_sequence_number=5),
        File("b", max_sequence_number=5, creation_time_ms=1),
        File("a", max_sequence_number=5, creation_time_ms=1),
        File("first", max_sequence_number=5, creation_time_ms=0),
    ]
    assert names(bucket(*files).level_0) == ["new", "long", "short", "first", "a", "b", "old"]


def test_each_file_of_level_0_is_a_run_and_each_level_above_one():
    levels = bucket(
        File("0"),
        File("1"),
        File("right", 5, 2, 5, 9),
        File("left", 7, 2, 1, 4),
        File("top", 9, 5),
    )
    assert [(run.level, names(run.files), run.size) for run in levels.runs] == [
        (0, ["0"], 1),
        (0, ["1"], 1),
        (2, ["left", "right"], 12),
        (5, ["top"], 9),
    ]
    assert (levels.run_count, levels.highest, levels.size) == (4, 5, 23)


def test_a_file_above_the_options_levels_adds_levels():
    assert bucket(File("far", level=8)).max_level == 8


def test_files_that_touch_on_a_level_above_0_are_refused():
    with pytest.raises(CorruptDataError, match="level 1 overlap in their keys: a and b"):
        bucket(File("a", 1, 1, 1, 5), File("b", 1, 1, 5, 9))


def test_one_level_is_refused_by_the_name_of_its_option():
    with pytest.raises(InvalidInputError, match="num-levels"):
        bucket(num_levels=1)


def test_a_file_that_moves_up_is_replaced_by_itself():
    moved, other = File("moved"), File("other")
    upper = dataclasses.replace(moved, level=3)
    levels = bucket(moved, other).replace([moved], [upper], KEYS)
    assert (names(levels.level_0), names(levels.upper[2])) == (["other"], ["moved"])
    assert levels.max_level == 5
