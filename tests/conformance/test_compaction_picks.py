"""Java and we pick the same: layouts of buckets from a seed, Java's own pickers called directly.

The seed is fresh every day (or from TABLESTORE_SEED).
"""

from __future__ import annotations

import dataclasses

import pytest

from tablestore.lsm.append import (
    AppendQueue,
    DeletedRows,
    Waiting,
    pick_bucketed,
    pick_bucketed_full,
    pick_unaware,
)
from tablestore.lsm.levels import Levels
from tablestore.lsm.picks import Moment, PickState
from tablestore.lsm.pressure import pressure
from tablestore.lsm.sections import sections
from tablestore.lsm.steps import Rewrite, plan_steps
from tablestore.lsm.strategy import Worn, full_pick, next_pick
from tablestore.options.compaction import AppendOptions, TreeOptions
from tests.support.layouts import EXPIRED, HIGH, KEYS, NAME, Layouts, metas
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop
NOW = Moment(now_ms=2_000_000_000_000, hour=13)


@pytest.fixture
def ask(java, figures, tmp_path):
    """Java's answers to cases of one kind."""

    def answers(kind, cases, engine=java):
        figures[f"compaction cases: {kind}"] += len(cases)
        return zip(cases, engine.picks(tmp_path, name=kind, cases=cases), strict=True)

    return answers


def tree_options(case, release="2.0"):
    given = case["options"]
    formats = (entry.split(":") for entry in given["formats"].split(",") if entry)
    return TreeOptions(
        trigger=given["trigger"],
        stop_trigger=given["stop"],
        num_levels=given["num_levels"],
        max_size_amplification_percent=given["amplification"],
        size_ratio=given["ratio"],
        off_peak=tuple(given["off_peak"]),
        full_interval_ms=given["interval"],
        full_below_bytes=given["below"],
        full_above_bytes=given["above"],
        force_up_level_0=given["force"],
        force_interval=given["force_interval"],
        lookup=given["lookup"],
        deletion_vectors=given["vectors"],
        newest_wins=given["newest_wins"],
        force_rewrite_all=given["rewrite_all"],
        small_file_size=given["small"],
        formats=tuple((int(level), name) for level, name in formats),
        release=release,
    )


def state(case):
    age = case["age_ms"]
    return PickState(None if age is None else NOW.now_ms - age, case["waited"])


def names(files):
    return [file.file_name for file in files]


def our_pick(case, release):
    """What Java is asked, answered by us."""
    options = tree_options(case, release)
    levels = Levels.of(metas(case["files"]), options.num_levels, KEYS)
    before = state(case)
    pick, after = next_pick(levels, options, before, NOW)
    answer = {
        "runs": [[run.level, names(run.files)] for run in levels.runs],
        "counts": [levels.run_count, levels.max_level, levels.highest, levels.size],
        "pick": pick and [pick.output_level, names(pick.files)],
    }
    limits = (options.full_interval_ms, options.full_below_bytes, options.full_above_bytes)
    if limits != (None, None, None):
        answer["full_now"] = after.last_full_ms == NOW.now_ms
    if options.force_up_level_0 and options.force_interval is not None:
        answer["waited"] = after.waited
    return answer


def without_idle_moves(case, answer):
    """Java's manager drops a pick of one file that is at its output level already; its pickers,
    which are asked here, do not."""
    level = {file[NAME]: file[2] for file in case["files"]}
    pick = answer["pick"]
    if pick and len(pick[1]) == 1 and level[pick[1][0]] == pick[0]:
        answer["pick"] = None
    return answer


def check_picks(found, release, figures):
    wrong = []
    for case, said in found:
        ours, theirs = our_pick(case, release), without_idle_moves(case, said)
        figures["compaction picks that are not empty"] += theirs["pick"] is not None
        if ours != theirs:
            wrong.append((case, ours, theirs))
    assert not wrong, f"seed {SEED}: {len(wrong)} differ, the first: {wrong[0]}"


def test_runs_and_picks_are_those_of_java_on_2000_layouts(ask, figures):
    layouts = Layouts(SEED)
    cases = [layouts.trigger() for _ in range(2000)]
    found = list(ask("pick", cases))
    picked = [said["pick"] for _, said in found]
    # the layouts reach every rule, and nothing
    assert 300 < sum(pick is None for pick in picked) < 1700
    assert len({pick[0] for pick in picked if pick}) > 4
    check_picks(found, "2.0", figures)


def test_picks_are_those_of_the_older_release_when_told_so(ask, older_java, figures):
    layouts = Layouts(SEED + 1)
    cases = [layouts.trigger() for _ in range(300)]
    check_picks(list(ask("pick", cases, older_java)), "1.4", figures)


def test_picks_are_those_of_the_coming_release_when_told_so(ask, newer_java, figures):
    if newer_java is None:
        pytest.skip("no 2.1 build here")
    layouts = Layouts(SEED + 2)
    cases = [layouts.trigger() for _ in range(300)]
    check_picks(list(ask("pick", cases, newer_java)), "2.1", figures)


def test_off_peak_hours_are_those_of_java(ask):
    hours = [-1, 0, 1, 8, 12, 23, 24]
    cases = [[start, end, 30] for start in hours for end in hours]
    for case, said in ask("off_peak", cases):
        options = TreeOptions(off_peak=tuple(case))
        assert [options.off_peak_ratio(hour) for hour in range(24)] == said, case


def test_sections_are_those_of_java(ask):
    layouts = Layouts(SEED + 3)
    alike = 0
    for case, said in ask("sections", [layouts.overlapping() for _ in range(500)]):
        found = sections(metas(case), KEYS.low, KEYS.high)
        ours = [[names(run) for run in section] for section in found]
        assert shape(ours) == shape(said), case
        if len({file[HIGH] for file in case}) == len(case):
            # runs that end at one key are alike to both, so any of them may go on
            assert [sorted(section) for section in ours] == [sorted(s) for s in said], case
            alike += 1
    assert alike > 20


def shape(parts):
    """Each section's files and number of runs."""
    return [(len(section), sorted(name for run in section for name in run)) for section in parts]


def our_task(case):
    """The steps of a trigger as Java's recorder writes them."""
    options = tree_options(case)
    files = metas(case["files"])
    levels = Levels.of(files, options.num_levels, KEYS)
    worn = Worn({f[NAME] for f in case["files"] if f[EXPIRED]}, set(case["deleted"]))
    if case["full"]:
        pick = full_pick(levels, options, worn)
    else:
        pick, _ = next_pick(levels, options, state(case), NOW)
    lag = pressure(levels, options)
    waits = [lag.write_waits, lag.commit_waits, lag.unfinished]
    if pick is None:
        return [], waits
    plan = plan_steps(pick, levels, options, worn, KEYS)
    moved = {name for step in plan.steps for name in step_names(step)}
    assert moved.isdisjoint(names(plan.kept))
    assert moved | set(names(plan.kept)) == set(names(pick.files))
    assert all(file.level == plan.output_level for file in plan.kept)
    return [written(plan.output_level, step) for step in plan.steps], waits


def step_names(step):
    return names(step.files) if isinstance(step, Rewrite) else [step.file.file_name]


def written(level, step):
    if isinstance(step, Rewrite):
        parts = [[names(run) for run in section] for section in step.sections]
        return ["rewrite", level, shape(parts), step.drop_deletes, step.lookup]
    return ["upgrade", level, step.file.file_name, step.lookup]


def their_step(step, vectors):
    """Java's rewriter of tables with lookup makes some upgrades rewrites."""
    kind, level, what, *how = step
    if kind == "rewrite":
        return [kind, level, shape(what), *how]
    if how == ["CHANGELOG_WITH_REWRITE"]:
        return ["rewrite", level, shape([[[what]]]), vectors, True]
    return ["upgrade", level, what, how == ["CHANGELOG_NO_REWRITE"]]


def test_what_is_rewritten_moved_up_or_left_is_as_in_java(ask, figures):
    layouts = Layouts(SEED + 4)
    for case, said in ask("task", [layouts.trigger() for _ in range(1000)]):
        steps, waits = our_task(case)
        theirs = [their_step(step, case["options"]["vectors"]) for step in said["steps"]]
        assert steps == theirs, f"seed {SEED}: {case}"
        assert waits == said["waits"], case
        for step in steps:
            figures[f"compaction steps: {step[0]}, lookup {step[-1]}"] += 1


def append_options(case):
    given = case["options"]
    return AppendOptions(
        target_file_size=given["target"],
        small_file_size=given["small"],
        min_files=given["min_files"],
        open_file_cost=given["open_cost"],
        delete_ratio=given["delete_ratio"],
        deletion_vectors=given["vectors"],
        force_rewrite_all=given["rewrite_all"],
    )


def test_picks_in_a_bucket_of_an_append_table_are_those_of_java(ask):
    layouts = Layouts(SEED + 5)
    for case, said in ask("bucketed", [layouts.queue() for _ in range(500)]):
        options = append_options(case)
        start = queue = AppendQueue.of(reversed(metas(case["files"])))
        picks = []
        while True:
            pick, queue = pick_bucketed(queue, options)
            if pick is None:
                break
            picks.append(names(pick))
        deleted = {name: DeletedRows("index", None) for name in case["deleted"]}
        full = pick_bucketed_full(start, options, deleted) or ()
        ours = {"picks": picks, "left": sorted(names(queue.files)), "full": names(full)}
        assert ours == said, f"seed {SEED}: {case}"


def test_picks_without_buckets_are_those_of_java(ask):
    layouts = Layouts(SEED + 6)
    for case, said in ask("unaware", [layouts.rounds() for _ in range(400)]):
        options = append_options(case)
        deleted = {name: DeletedRows(*held) for name, held in case["deleted"].items()}
        waiting = Waiting()
        for files, (groups, left) in zip(case["rounds"], said, strict=True):
            if files:
                waiting = waiting.add(metas(files), options, deleted)
            bins, waiting = pick_unaware(waiting, options, deleted)
            assert [sorted(names(group)) for group in bins] == groups, f"seed {SEED}: {case}"
            if waiting.forgotten:
                waiting = dataclasses.replace(waiting, files=(), age=0)
            assert sorted(names(waiting.files)) == left, f"seed {SEED}: {case}"
