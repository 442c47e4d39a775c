"""Writers wait where compaction lags behind."""

from __future__ import annotations

from tablestore.lsm.levels import Levels
from tablestore.lsm.pressure import pressure
from tablestore.options.compaction import TreeOptions
from tests.support.layouts import KEYS, meta


def bucket(level_0, upper=0):
    files = [
        meta([f"{level}-{n}", 1, level, 1, 2, n, n, 0, 0, 1, False])
        for level, count in ((0, level_0), (3, upper))
        for n in range(count)
    ]
    return Levels.of(files, 6, KEYS)


def waits(level_0, upper=0, **options):
    lag = pressure(bucket(level_0, upper), TreeOptions(**options))
    return lag.write_waits, lag.commit_waits


def test_writes_wait_above_the_stop_trigger_and_commits_one_run_later():
    assert waits(8) == (False, False)
    assert waits(8, 1) == (True, False)
    assert waits(9, 1) == (True, True)


def test_only_lookups_leave_work_at_level_0():
    assert not pressure(bucket(3), TreeOptions()).unfinished
    assert pressure(bucket(3), TreeOptions(lookup=True)).unfinished
    assert not pressure(bucket(0, 1), TreeOptions(lookup=True)).unfinished
