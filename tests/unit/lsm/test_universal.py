"""The universal picker, rule by rule, and what holds for all of its picks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.lsm.levels import LevelRun, Levels
from tablestore.lsm.picks import Moment, PickState
from tablestore.lsm.strategy import Worn, full_pick, next_pick
from tablestore.lsm.universal import pick_universal
from tablestore.options.compaction import TreeOptions
from tests.support.run_files import KEYS, File

NOW = Moment(now_ms=10_000, hour=3)
FRESH = PickState()


def bucket(*runs):
    """Levels of (level, size) runs, newest first."""
    files = [
        File(f"{place:02}", size, level, max_sequence_number=100 - place)
        for place, (level, size) in enumerate(runs)
    ]
    return Levels.of(files, 6, KEYS)


def decide(runs, options=None, state=FRESH):
    """(output level, sizes, reason) of the pick, and the state."""
    pick, after = next_pick(bucket(*runs), options or TreeOptions(), state, NOW)
    if pick is None:
        return None, after
    return (pick.output_level, [file.file_size for file in pick.files], pick.reason), after


def zeros(*sizes):
    return [(0, size) for size in sizes]


@pytest.mark.parametrize(
    ("runs", "picked"),
    [
        ([*zeros(1, 1, 1, 1), (5, 100)], (4, [1, 1, 1, 1], "size ratio")),
        ([*zeros(1, 50, 1, 1), (5, 1000)], None),
        ([*zeros(60, 60, 60, 60), (5, 100)], (5, [60, 60, 60, 60, 100], "size amplification")),
        ([*zeros(50, 50, 50, 50), (5, 100)], (5, [50, 50, 50, 50, 100], "size ratio")),
        (zeros(1, 1, 1, 1), None),
        ([*zeros(1, 1, 1, 1), (1, 100)], (5, [1, 1, 1, 1, 100], "size ratio")),
        ([*zeros(1, 50, 1, 1, 1), (5, 1000)], (4, [1, 50, 1, 1, 1], "run count")),
    ],
)
def test_pick_of_a_bucket(runs, picked):
    assert decide(runs)[0] == picked


BIG_IN_LEVEL_0 = [*zeros(1, 1, 50, 1, 1), (5, 1000)]
BIG_AT_LEVEL_1 = [*zeros(1, 1, 1, 1), (1, 900), (2, 90_000), (5, 10**7)]
NEAR_AT_LEVEL_2 = [*zeros(1, 1, 1, 1), (1, 900), (2, 910), (5, 10**7)]
BIG_AT_LEVEL_2 = [*zeros(1, 1, 50, 1, 1), (2, 900), (5, 1000)]


@pytest.mark.parametrize(
    ("release", "runs", "picked"),
    [
        # the large run stops the pick, whose output must then find a level above 0
        ("2.0", BIG_IN_LEVEL_0, (5, [1, 1, 50, 1, 1, 1000], "size ratio")),
        ("2.1", BIG_IN_LEVEL_0, (4, [1, 1, 50, 1, 1], "size ratio")),
        # what level 1 weighs draws level 2 in
        ("2.0", BIG_AT_LEVEL_1, (1, [1, 1, 1, 1, 900], "size ratio")),
        ("2.1", BIG_AT_LEVEL_1, (1, [1, 1, 1, 1, 900], "size ratio")),
        ("2.0", NEAR_AT_LEVEL_2, (1, [1, 1, 1, 1, 900], "size ratio")),
        ("2.1", NEAR_AT_LEVEL_2, (4, [1, 1, 1, 1, 900, 910], "size ratio")),
        ("2.0", BIG_AT_LEVEL_2, (2, [1, 1, 50, 1, 1, 900], "size ratio")),
        ("2.1", BIG_AT_LEVEL_2, (1, [1, 1, 50, 1, 1], "size ratio")),
    ],
)
def test_releases_differ_where_a_large_run_is_at_level_0(release, runs, picked):
    assert decide(runs, TreeOptions(release=release))[0] == picked


@pytest.mark.parametrize(
    ("release", "runs", "picked"),
    [
        ("2.0", [(0, 1), (4, 10), (5, 100)], (3, [1], "level 0")),
        ("2.0", [(0, 1), (1, 1000), (5, 9000)], (4, [1, 1000], "level 0")),
        ("2.0", [(0, 1), (1, 99), (2, 100)], (5, [1, 99, 100], "level 0")),
        ("1.4", [(0, 1), (1, 99), (2, 100)], (1, [1, 99], "level 0")),
        ("2.0", [(3, 5), (5, 90)], None),
    ],
)
def test_level_0_is_forced_up(release, runs, picked):
    assert decide(runs, TreeOptions(force_up_level_0=True, release=release))[0] == picked


def test_gently_only_every_nth_trigger_forces_level_0_up():
    options = TreeOptions(force_up_level_0=True, force_interval=3)
    state, seen = FRESH, []
    for _ in range(7):
        pick, state = decide([(0, 1), (5, 100)], options, state)
        seen.append(pick is not None)
    assert seen == [False, False, True, False, False, True, False]


def test_a_pick_of_the_others_kind_leaves_the_wait_alone():
    options = TreeOptions(force_up_level_0=True, force_interval=3)
    _, state = decide([*zeros(1, 1, 1, 1), (5, 100)], options, PickState(waited=2))
    assert state.waited == 2


def test_a_full_compaction_comes_after_the_interval_and_is_remembered():
    options = TreeOptions(full_interval_ms=1000)
    runs = [(0, 1), (5, 100)]
    due, state = decide(runs, options, PickState(last_full_ms=8_999))
    assert due == (5, [1, 100], "early full")
    assert state.last_full_ms == 10_000
    assert decide(runs, options, PickState(last_full_ms=9_000))[0] is None
    assert decide(runs, options, FRESH)[0] == due


def test_any_pick_of_everything_counts_as_a_full_compaction():
    options = TreeOptions(full_interval_ms=10**9)
    state = PickState(last_full_ms=9_999)
    assert decide(zeros(9, 9, 9, 9, 9), options, state)[1].last_full_ms == 10_000
    assert decide([*zeros(1, 1, 1, 1), (5, 100)], options, state)[1] == state


@pytest.mark.parametrize(
    ("options", "full"),
    [
        (TreeOptions(full_below_bytes=102), True),
        (TreeOptions(full_below_bytes=101), False),
        (TreeOptions(full_above_bytes=0), True),
        (TreeOptions(full_above_bytes=1), False),
    ],
)
def test_a_full_compaction_by_size(options, full):
    assert (decide([(0, 1), (5, 100)], options)[0] is not None) == full


def test_one_run_is_never_compacted_early():
    options = TreeOptions(full_interval_ms=1, full_below_bytes=10**9)
    assert decide([(0, 1)], options)[0] is None


def test_a_file_at_its_output_level_alone_is_no_pick():
    assert decide([(5, 7)], TreeOptions(trigger=0))[0] is None


def test_off_peak_the_size_ratio_is_looser():
    runs = [*zeros(100, 120), (3, 300), (4, 10**4), (5, 10**6)]
    assert decide(runs)[0] is None
    assert decide(runs, TreeOptions(off_peak=(4, 8, 50)))[0] is None
    assert decide(runs, TreeOptions(off_peak=(2, 4, 50)))[0] == (3, [100, 120, 300], "size ratio")


def test_a_full_pick_takes_everything():
    pick = full_pick(bucket((0, 1), (5, 9)), TreeOptions(), Worn())
    assert (pick.output_level, len(pick.files), pick.reason) == (5, 2, "full")
    assert full_pick(bucket((3, 9)), TreeOptions(), Worn()).output_level == 5


def test_a_full_pick_of_a_compacted_bucket_takes_worn_files_one_by_one():
    files = [File(name, 9, 5, key, key) for name, key in (("a", 1), ("b", 2), ("c", 3))]
    levels = Levels.of(files, 6, KEYS)
    vectors = TreeOptions(deletion_vectors=True)

    def taken(options, worn):
        pick = full_pick(levels, options, worn)
        assert pick is None or pick.each_alone
        return pick and [file.file_name for file in pick.files]

    assert taken(TreeOptions(), Worn()) is None
    assert taken(TreeOptions(), Worn(expired={"b"}, deleted={"c"})) == ["b"]
    assert taken(vectors, Worn(expired={"b"}, deleted={"c"})) == ["b", "c"]
    assert taken(TreeOptions(force_rewrite_all=True), Worn()) == ["a", "b", "c"]
    assert full_pick(Levels.of([], 6, KEYS), TreeOptions(), Worn()) is None


SIZES = st.integers(1, 10**6) | st.integers(1, 30)
BUCKETS = st.builds(
    lambda newest, upper: [*zeros(*newest), *sorted(upper.items())],
    st.lists(SIZES, max_size=12),
    st.dictionaries(st.integers(1, 5), SIZES),
)
OPTIONS = st.builds(
    TreeOptions,
    trigger=st.integers(1, 8),
    max_size_amplification_percent=st.integers(1, 500),
    size_ratio=st.integers(0, 60),
    force_up_level_0=st.booleans(),
    full_above_bytes=st.none() | st.integers(0, 10**6),
    release=st.sampled_from(["1.4", "2.0", "2.1"]),
)


@given(BUCKETS, OPTIONS)
def test_a_pick_is_whole_runs_from_the_newest_on_and_moves_something(runs, options):
    levels = bucket(*runs)
    pick, _ = next_pick(levels, options, FRESH, NOW)
    if pick is None:
        return
    assert pick.files
    count = len(pick.files)
    assert pick.files == levels.files[:count]  # here every run is one file
    assert pick.size == sum(file.file_size for file in pick.files)
    assert 1 <= pick.output_level <= levels.max_level
    # nothing that stays is newer than the output, or at its level
    assert all(file.level > pick.output_level for file in levels.files[count:])
    assert count > 1 or pick.files[0].level < pick.output_level


@given(BUCKETS, OPTIONS)
def test_picks_end(runs, options):
    """Once compacted as picked, a bucket that nobody writes to comes to rest."""
    levels, state = bucket(*runs), FRESH
    for turn in range(40):
        pick, state = next_pick(levels, options, state, NOW)
        if pick is None:
            break
        merged = File(f"out-{turn}", pick.size, pick.output_level, max_sequence_number=100)
        levels = levels.replace(pick.files, [merged], KEYS)
        assert levels.size == sum(size for _, size in runs)
    else:
        pytest.fail(f"still picking: {levels.runs}")


@given(BUCKETS)
def test_so_many_runs_that_writers_wait_always_give_a_pick(runs):
    options = TreeOptions()
    levels = bucket(*runs)
    pick, _ = pick_universal(levels.runs, levels.max_level, options, FRESH, NOW)
    assert pick is not None or levels.run_count <= options.trigger


def test_a_run_is_measured_as_a_double_as_in_java():
    # 2**53 + 1 is no double: it is rounded to what the runs before it weigh
    runs = [LevelRun(0, (File("a", 2**53, 0),), 2**53), LevelRun(3, (), 2**53 + 1)]
    options = TreeOptions(trigger=2, size_ratio=0, max_size_amplification_percent=10**6)
    pick, _ = pick_universal(runs, 5, options, FRESH, NOW)
    assert pick is not None
    assert pick.reason == "size ratio"
