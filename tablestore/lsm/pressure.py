"""How far compaction lags behind a bucket's writers.

Source: ``org.apache.paimon.mergetree.compact.MergeTreeCompactManager``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tablestore.lsm.levels import F, Levels
from tablestore.options.compaction import TreeOptions


@dataclass(frozen=True, slots=True)
class Pressure:
    """The sorted runs of a bucket against the table's limits.

    Attributes:
        runs: sorted runs, which is what a read of the bucket merges at most.
        level_0_files: of them at level 0.
        trigger: compaction starts at so many runs.
        stop_trigger: writers wait above so many runs.
        lookup: level 0 must be compacted before its rows are complete.
    """

    runs: int
    level_0_files: int
    trigger: int
    stop_trigger: int
    lookup: bool

    @property
    def write_waits(self) -> bool:
        """True where a writer must let compaction finish before it flushes more."""
        return self.runs > self.stop_trigger

    @property
    def commit_waits(self) -> bool:
        """True where a commit must wait for the running compaction."""
        return self.runs > self.stop_trigger + 1

    @property
    def unfinished(self) -> bool:
        """True where rows of level 0 wait for their lookup."""
        return self.lookup and self.level_0_files > 0


def pressure(levels: Levels[F], options: TreeOptions) -> Pressure:
    """The pressure on a bucket."""
    return Pressure(
        levels.run_count,
        len(levels.level_0),
        options.trigger,
        options.stop_trigger,
        options.lookup,
    )
