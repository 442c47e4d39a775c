"""The universal picker: few, growing runs for few rewrites.

Runs stand newest first. A pick is the newest runs up to some run: everything when the newer runs
together have grown too large beside the oldest (size amplification), else as many as are about as
large as those before them (size ratio), else as many as bring their number down (run count).

Source: ``org.apache.paimon.mergetree.compact.UniversalCompaction``, ``EarlyFullCompaction``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from tablestore.lsm.levels import F, LevelRun, RunFile
from tablestore.lsm.picks import CompactionPick, Moment, PickState, Reason
from tablestore.options.compaction import TreeOptions

AnyFile = TypeVar("AnyFile", bound=RunFile)

Picked = tuple[CompactionPick[AnyFile] | None, PickState]
"""A pick, or None; and the state from then on."""


def pick_universal(
    runs: Sequence[LevelRun[F]],
    max_level: int,
    options: TreeOptions,
    state: PickState,
    moment: Moment,
) -> Picked[F]:
    """What to compact now.

    Args:
        runs: of a bucket, newest first.
        max_level: the bucket's highest level.
        options: of the table.
        state: what the last call gave, or ``first_state``.
        moment: now.
    """
    count, reason = _count(runs, max_level, options, state, moment)
    if reason is None:
        return None, state
    return _picked(runs, max_level, count, reason, state, moment)


def force_level_0(
    runs: Sequence[LevelRun[F]],
    max_level: int,
    options: TreeOptions,
    state: PickState,
    moment: Moment,
) -> Picked[F]:
    """All of level 0, with what goes with it; nothing where level 0 is empty."""
    count = sum(run.level == 0 for run in runs)
    if count == 0:
        return None, state
    # level 1 must come along, or the output would be at level 0; it weighs from the start, so
    # that level 2 is measured against both
    if options.release != "1.4" and count < len(runs) and runs[count].level == 1:
        count += 1
    count = _grown(runs, count, options, moment)
    return _picked(runs, max_level, count, "level 0", state, moment)


def _count(
    runs: Sequence[LevelRun[F]],
    max_level: int,
    options: TreeOptions,
    state: PickState,
    moment: Moment,
) -> tuple[int, Reason | None]:
    """How many runs to take, and why."""
    total, trigger = len(runs), options.trigger
    if _wants_full(runs, max_level, options, state, moment):
        return total, "early full"
    if total < max(trigger, 1):
        return 0, None
    newer = sum(run.size for run in runs[:-1])
    if newer * 100 > options.max_size_amplification_percent * runs[-1].size:
        return total, "size amplification"
    count = _grown(runs, 1, options, moment)
    if count > 1:
        return count, "size ratio"
    if total > trigger:
        return _grown(runs, total - trigger + 1, options, moment), "run count"
    return 0, None


def _wants_full(
    runs: Sequence[LevelRun[F]],
    max_level: int,
    options: TreeOptions,
    state: PickState,
    moment: Moment,
) -> bool:
    if len(runs) == 1:
        return False
    if options.full_interval_ms is not None and (
        state.last_full_ms is None or moment.now_ms - state.last_full_ms > options.full_interval_ms
    ):
        return True
    below, above = options.full_below_bytes, options.full_above_bytes
    if below is not None and sum(run.size for run in runs) < below:
        return True
    return above is not None and sum(run.size for run in runs if run.level != max_level) > above


def _grown(runs: Sequence[LevelRun[F]], count: int, options: TreeOptions, moment: Moment) -> int:
    """How many runs the first ``count`` grow to by the size ratio."""
    percent = 100.0 + options.size_ratio + options.off_peak_ratio(moment.hour)
    size = sum(run.size for run in runs[:count])
    for run in runs[count:]:
        # in doubles, as Java reckons
        small = float(size) * percent / 100.0 < float(run.size)
        # since 2.1 what starts a pick takes the whole of levels 0 and 1 along
        joins = options.release == "2.1" and count > 1 and run.level <= 1
        if small and not joins:
            break
        size += run.size
        count += 1
    return count


def _picked(
    runs: Sequence[LevelRun[F]],
    max_level: int,
    count: int,
    reason: Reason,
    state: PickState,
    moment: Moment,
) -> Picked[F]:
    count, level = _output(runs, max_level, count)
    if count >= len(runs):
        state = replace(state, last_full_ms=moment.now_ms)
    files = tuple(file for run in runs[:count] for file in run.files)
    return CompactionPick(level, files, reason), state


def _output(runs: Sequence[LevelRun[F]], max_level: int, count: int) -> tuple[int, int]:
    """How many runs are taken at last, and the level that they go to, which is never level 0."""
    if count >= len(runs):
        return count, max_level
    level = max(0, runs[count].level - 1)
    while level == 0 and count < len(runs):
        level = runs[count].level
        count += 1
    return count, max_level if count >= len(runs) else level
