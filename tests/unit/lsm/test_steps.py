"""What is done with the files of a pick."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.lsm.levels import Levels
from tablestore.lsm.picks import CompactionPick
from tablestore.lsm.steps import Rewrite, Upgrade, drops_deletes, plan_steps
from tablestore.lsm.strategy import Worn
from tablestore.options.compaction import TreeOptions
from tests.support.run_files import KEYS, File

SMALL = 100


def keyed(name, low, high, size=SMALL, level=0, deletes=0):
    return File(name, size, level, low, high, delete_row_count=deletes)


def plan(files, output_level=5, worn=None, rest=(), each_alone=False, **options):
    """Steps in short: a rewrite is the list of its sections' runs, an upgrade a name."""
    settings = TreeOptions(small_file_size=SMALL, **options)
    levels = Levels.of([*files, *rest], settings.num_levels, KEYS)
    pick = CompactionPick(output_level, tuple(files), "full", each_alone)
    return plan_steps(pick, levels, settings, worn or Worn(), KEYS)


def short(steps):
    return [
        [[[file.file_name for file in run] for run in section] for section in step.sections]
        if isinstance(step, Rewrite)
        else step.file.file_name
        for step in steps
    ]


def test_a_large_file_that_nothing_overlaps_moves_up():
    found = plan([keyed("a", 1, 5), keyed("b", 6, 9, level=3)])
    assert short(found.steps) == ["a", "b"]
    assert found.size == 0


def test_a_large_file_at_its_place_is_left():
    there = keyed("there", 1, 5, level=5)
    found = plan([there, keyed("new", 6, 9)])
    assert short(found.steps) == ["new"]
    assert found.kept == (there,)


def test_what_overlaps_is_rewritten():
    found = plan([keyed("a", 1, 5), keyed("b", 5, 9)])
    assert short(found.steps) == [[[["a"], ["b"]]]]
    assert found.size == 2 * SMALL


def test_small_neighbours_are_rewritten_together_and_end_before_a_large_file():
    files = [
        keyed("a", 1, 2, 10),
        keyed("b", 3, 4, 10),
        keyed("large", 5, 6),
        keyed("c", 7, 8, 10),
        keyed("d", 9, 10, 10, level=2),
    ]
    assert short(plan(files).steps) == [[[["a"]], [["b"]]], "large", [[["c"]], [["d"]]]]


def test_a_small_file_joins_the_section_beside_it():
    files = [keyed("a", 1, 3), keyed("b", 2, 4), keyed("small", 5, 6, 10)]
    assert short(plan(files).steps) == [[[["a"], ["b"]], [["small"]]]]


def test_a_small_file_alone_moves_up_without_a_rewrite():
    assert short(plan([keyed("a", 1, 2, 10), keyed("large", 3, 4)]).steps) == ["a", "large"]


@pytest.mark.parametrize("deletes", [3, None])
def test_deletes_do_not_reach_the_highest_level(deletes):
    file = keyed("a", 1, 5, deletes=deletes)
    (step,) = plan([file]).steps
    assert isinstance(step, Rewrite)
    assert step.drop_deletes
    assert short(plan([file], output_level=4).steps) == ["a"]


def test_files_at_the_highest_level_with_deletes_are_cleaned():
    assert short(plan([keyed("a", 1, 5, level=5, deletes=1)]).steps) == [[[["a"]]]]


def test_expired_files_are_rewritten_and_all_where_it_is_forced():
    files = [keyed("a", 1, 2, level=5), keyed("b", 3, 4, level=5)]
    assert short(plan(files, worn=Worn(expired={"b"})).steps) == [[[["b"]]]]
    assert short(plan(files, force_rewrite_all=True).steps) == [[[["a"]]], [[["b"]]]]


def test_files_one_by_one_are_not_merged():
    files = [keyed("a", 1, 2, 10, 5), keyed("b", 3, 4, 10, 5)]
    assert short(plan(files, each_alone=True).steps) == [[[["a"]]], [[["b"]]]]


def test_deletes_are_dropped_where_nothing_older_is_left():
    below, top = keyed("a", 1, 2), keyed("b", 1, 2, level=4)
    levels = Levels.of([below, top], 6, KEYS)
    options = TreeOptions()
    assert not drops_deletes(3, levels, options)
    assert drops_deletes(4, levels, options)
    assert not drops_deletes(0, levels, TreeOptions(deletion_vectors=True))
    assert drops_deletes(3, levels, TreeOptions(deletion_vectors=True))


LOOKUP = {"lookup": True, "num_levels": 6}


def moved_by_lookup(output_level=3, **options):
    """The one step of a large file of level 0 under a file of the highest level."""
    deletes = options.pop("deletes", 0)
    top = keyed("top", 1, 9, level=5)
    file = keyed("a", 1, 5, deletes=deletes)
    rest = [top] if output_level < 5 else []
    (step,) = plan([file], output_level, rest=rest, **LOOKUP, **options).steps
    return step


def test_level_0_is_looked_up_on_its_way():
    assert moved_by_lookup() == Upgrade(keyed("a", 1, 5), lookup=True)


def test_merging_engines_rewrite_level_0_unless_it_goes_to_the_top():
    step = moved_by_lookup(newest_wins=False)
    assert isinstance(step, Rewrite)
    assert (step.lookup, step.drop_deletes) == (True, False)
    assert isinstance(moved_by_lookup(5, newest_wins=False), Upgrade)


def test_an_upgrade_that_merges_keeps_deletes_without_deletion_vectors():
    (step,) = plan([keyed("a", 1, 5, deletes=1)], 3, newest_wins=False, **LOOKUP).steps
    assert isinstance(step, Rewrite)
    assert not step.drop_deletes


def test_another_format_at_the_output_level_needs_a_rewrite():
    assert isinstance(moved_by_lookup(formats=((0, "avro"),)), Rewrite)
    assert isinstance(moved_by_lookup(formats=((1, "avro"),)), Upgrade)


def test_with_deletion_vectors_no_delete_row_leaves_level_0():
    step = moved_by_lookup(deletion_vectors=True, deletes=2)
    assert isinstance(step, Rewrite)
    assert step.drop_deletes


def test_only_files_of_level_0_are_looked_up():
    upper = [keyed("a", 1, 5, level=2), keyed("b", 3, 9, level=3)]
    (merge,) = plan(upper, 5, **LOOKUP).steps
    assert not merge.lookup
    (merge,) = plan([dataclasses.replace(upper[0], level=0), upper[1]], 5, **LOOKUP).steps
    assert merge.lookup
    (move,) = plan(upper[:1], 5, **LOOKUP).steps
    assert move == Upgrade(upper[0])


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9), st.integers(1, 200)), max_size=15)


@given(SPANS, st.booleans(), st.booleans())
def test_every_file_is_in_one_step_or_kept_and_steps_are_in_key_order(spans, rewrite_all, lookup):
    files = [keyed(str(i), low, low + width, size) for i, (low, width, size) in enumerate(spans)]
    found = plan(files, force_rewrite_all=rewrite_all, lookup=lookup)
    steps = [s.files if isinstance(s, Rewrite) else (s.file,) for s in found.steps]
    every = [file for step in steps for file in step] + list(found.kept)
    assert sorted(every, key=str) == sorted(files, key=str)
    for left, right in itertools.pairwise(steps):
        assert max(f.max_key for f in left) < min(f.min_key for f in right)
    assert not (rewrite_all and found.upgrades)
    assert found.size == sum(f.file_size for r in found.rewrites for f in r.files)
