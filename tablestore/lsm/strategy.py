"""Which files of a bucket to compact next: by the table's options, or all.

Source: ``org.apache.paimon.mergetree.compact.ForceUpLevel0Compaction``, ``CompactStrategy``,
``MergeTreeCompactManager``.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from tablestore.lsm.levels import F, Levels
from tablestore.lsm.picks import CompactionPick, Moment, PickState
from tablestore.lsm.universal import Picked, force_level_0, pick_universal
from tablestore.options.compaction import TreeOptions


@dataclass(frozen=True, slots=True)
class Worn:
    """Names of files that are worth a rewrite although no other run overlaps them.

    Attributes:
        expired: have rows past ``record-level.expire-time``, by their statistics.
        deleted: have a deletion vector.
    """

    expired: AbstractSet[str] = frozenset()
    deleted: AbstractSet[str] = frozenset()


def next_pick(
    levels: Levels[F], options: TreeOptions, state: PickState, moment: Moment
) -> Picked[F]:
    """What to compact now, and the state for the next call.

    Call it after every flush and once for each compaction asked for; keep the state also where
    nothing is picked.
    """
    pick, state = _by_options(levels, options, state, moment)
    if pick is None or not pick.files:
        return None, state
    if len(pick.files) == 1 and pick.files[0].level == pick.output_level:
        return None, state
    return pick, state


def full_pick(levels: Levels[F], options: TreeOptions, worn: Worn) -> CompactionPick[F] | None:
    """Everything, as a user asks for.

    Where all files are at the highest level already, only those that are worn.
    """
    runs = levels.runs
    if not runs:
        return None
    if len(runs) > 1 or runs[0].level != levels.max_level:
        return CompactionPick(levels.max_level, levels.files, "full")
    files = tuple(
        file
        for file in levels.files
        if options.force_rewrite_all
        or file.file_name in worn.expired
        or (options.deletion_vectors and file.file_name in worn.deleted)
    )
    return CompactionPick(levels.max_level, files, "worn files", each_alone=True) if files else None


def _by_options(
    levels: Levels[F], options: TreeOptions, state: PickState, moment: Moment
) -> Picked[F]:
    runs, top = levels.runs, levels.max_level
    pick, state = pick_universal(runs, top, options, state, moment)
    if pick is not None or not options.force_up_level_0:
        return pick, state
    if options.force_interval is not None:
        waited = state.waited + 1
        if waited != options.force_interval:
            return None, replace(state, waited=waited)
        state = replace(state, waited=0)
    return force_level_0(runs, top, options, state, moment)
