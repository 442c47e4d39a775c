"""What a picker knows of the time."""

from __future__ import annotations

import datetime as dt

import pytest

from tablestore.lsm.picks import Moment, PickState, epoch_ms, first_state
from tests.support.layouts import meta

WALL = dt.datetime(2026, 7, 1, 12, 30, 0, 250_000)
AS_UTC = round(WALL.replace(tzinfo=dt.UTC).timestamp() * 1000)


@pytest.fixture
def summer_in_berlin(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_creation_time_is_a_local_wall_clock(summer_in_berlin):
    assert AS_UTC - epoch_ms(AS_UTC) == 2 * 3_600_000


def test_the_moment_of_a_local_time(summer_in_berlin):
    assert Moment.at(WALL) == Moment(epoch_ms(AS_UTC), 12)


def file(level, made):
    return meta(["f", 1, level, 1, 2, 0, 0, made, 0, 1, False])


def test_the_newest_file_of_the_highest_level_tells_of_the_last_full_compaction():
    files = [file(5, 1_000), file(5, 3_000), file(4, 9_000), file(0, 9_000), file(5, None)]
    assert first_state(files, 6) == PickState(epoch_ms(3_000))
    assert first_state(files, 7) == PickState(None)
