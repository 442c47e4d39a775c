"""Real processes on a local disk: killed with SIGKILL in the middle, and racing for snapshots.

Seeds and the number of kills: see ``make torture``.
"""

from __future__ import annotations

import os

import pytest

from tests.support.real_runs import kill_runs, new_table, race

pytestmark = [pytest.mark.faults, pytest.mark.slow]
SEED = int(os.environ.get("TABLESTORE_SEED", "0"))


@pytest.mark.parametrize("part", range(2))
def test_a_writer_killed_at_any_moment_loses_and_doubles_nothing(tmp_path, part):
    tally = kill_runs(new_table(str(tmp_path)), 10, 2 * SEED + part)
    assert not tally.problems, tally.problems
    assert tally.kills == 10
    assert tally.within >= 5, tally
    assert tally.verified == tally.acknowledged
    assert tally.lost == 0


def test_four_processes_that_race_are_all_acknowledged_and_visible(tmp_path):
    tally = race(new_table(str(tmp_path), **{"write-only": "true"}), 4, 15)
    assert not tally.problems, tally.problems
    assert (tally.acknowledged, tally.verified, tally.lost, tally.doubled) == (60, 60, 0, 0)
