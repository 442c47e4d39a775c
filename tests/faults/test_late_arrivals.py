"""Requests that arrive after the history has moved on past their place.

Found by the model of the protocol (``hole_doubted``, ``hint_looked_after``): a name that an expiry
freed can be taken again by a creation that was on its way all the time.
"""

from __future__ import annotations

import json

import pytest

from tests.faults.scenarios import QUIET, U1, base, upsert
from tests.support.faulty_objects import java_latest, snapshot_ids
from tests.support.faulty_play import OPEN, UNKNOWN, Play, contents, fresh
from tests.support.faulty_world import World

pytestmark = pytest.mark.faults
SNAPSHOT_2 = "snapshot/snapshot-2"


@pytest.fixture
def play():
    world = World(dict(base(U1, **QUIET)().objects))
    return Play(world)


def interlude(play, verb, key, name, act, when=lambda: True):
    """Lets others act before the first such call of a process."""
    world = play.world

    def before(process, called, at):
        if (process.name, called, at) == (name, verb, key) and when():
            world.before_step = None
            act()

    world.before_step = before


def expire_to(world, first):
    """What an expirer does: EARLIEST, LATEST, then the snapshots."""
    newest = max(snapshot_ids(world.objects))
    world.put("snapshot/EARLIEST", str(first).encode())
    world.put("snapshot/LATEST", str(newest).encode())
    for number in snapshot_ids(world.objects):
        if number < first:
            del world.objects[f"snapshot/snapshot-{number}"]


def creation_of(play, name, number):
    """The number of the step at which a process will create a snapshot."""
    again = Play(World(dict(play.world.objects)))
    with again.world.running():
        again.do(name, OPEN)
        again.do(name, upsert({1: 100}))
    return next(
        s.number
        for s in again.world.steps
        if s.key == f"snapshot/snapshot-{number}" and s.verb == "put_if_absent"
    )


def test_a_creation_that_arrives_in_an_expired_hole_is_not_taken_for_a_commit(play):
    world = play.world
    world.script = {creation_of(play, "w", 2): "late:9999"}

    def others():
        for value in (200, 201, 202):
            play.do("b", upsert({2: value}))
        expire_to(world, 4)
        world.land_all()
        assert snapshot_ids(world.objects) == [2, 4]

    with world.running():
        play.do("w", OPEN)
        # the read back of its creation is over when it looks for the latest snapshot again
        seen = []

        def before(process, verb, key):
            if process.name == "w" and verb == "put_if_absent":
                seen.append(1)
            elif seen and (process.name, verb, key) == ("w", "get", "snapshot/snapshot-1"):
                world.before_step = None
                others()

        world.before_step = before
        event = play.do("w", upsert({1: 100}))
    with fresh(world.objects) as table:
        rows = contents(table.to_arrow())
    assert event.outcome == UNKNOWN or rows[1] == 100, f"{event}: {rows}"
    assert rows[2] == 202


def test_anothers_creation_in_an_expired_hole_says_nothing_about_mine(play):
    """Mine landed and was expired; in its place stands another's that arrived late."""
    world = play.world
    world.script = {creation_of(play, "w", 2): "lost"}

    def others():
        mine = world.objects["snapshot/snapshot-2"][0]
        for value in (200, 201):
            play.do("b", upsert({2: value}))
        expire_to(world, 4)
        own = json.loads(mine)["uuid"]
        world.put("snapshot/snapshot-2", mine.replace(own.encode(), b"another"))

    with world.running():
        play.do("w", OPEN)
        landed = lambda: "snapshot/snapshot-2" in world.objects  # noqa: E731
        interlude(play, "get", "snapshot/snapshot-2", "w", others, landed)
        event = play.do("w", upsert({1: 100}))
    assert event.outcome == UNKNOWN, event
    assert max(snapshot_ids(world.objects)) == 4


def test_a_hint_written_late_does_not_stay_below_the_history(play):
    """The writer sleeps between its look at LATEST and its write for longer than the retention."""
    world = play.world

    def others():
        for value in (200, 201):
            play.do("b", upsert({2: value}))
        expire_to(world, 4)

    with world.running():
        play.do("w", OPEN)
        interlude(play, "put", "snapshot/LATEST", "w", others)
        event = play.do("w", upsert({1: 100}))
    assert event.ids == (2,)
    assert java_latest(world.objects).id == 4
    with fresh(world.objects) as table:
        assert contents(table.to_arrow()) == {1: 100, 2: 201}


def others_commit(play, *, expire):
    for value in (200, 201, 202):
        play.do("b", upsert({2: value}))
    if expire:
        expire_to(play.world, 4)


def test_a_writer_that_sleeps_between_look_and_creation_loses_the_race_and_no_rows(play):
    """The first of the two schedules that break pypaimon."""
    with play.world.running():
        play.do("w", OPEN)
        interlude(play, "put_if_absent", SNAPSHOT_2, "w", lambda: others_commit(play, expire=False))
        event = play.do("w", upsert({1: 100}))
    assert event.ids == (5,)
    with fresh(play.world.objects) as table:
        assert contents(table.to_arrow()) == {1: 100, 2: 202}


def test_a_writer_that_sleeps_longer_than_the_history_is_kept_commits_on_top_of_it(play):
    """The second one: its snapshot would lie in a hole that nobody reads."""
    with play.world.running():
        play.do("w", OPEN)
        interlude(play, "put_if_absent", SNAPSHOT_2, "w", lambda: others_commit(play, expire=True))
        event = play.do("w", upsert({1: 100}))
    assert event.ids == (5,)
    assert snapshot_ids(play.world.objects) == [4, 5]
    with fresh(play.world.objects) as table:
        assert contents(table.to_arrow()) == {1: 100, 2: 202}


def test_latest_is_not_moved_back_by_a_writer_that_slept(play):
    with play.world.running():
        play.do("w", OPEN)
        created = []

        def before(process, verb, key):
            if process.name == "w" and verb == "put_if_absent":
                created.append(1)
            elif process.name == "w" and created:
                play.world.before_step = None
                others_commit(play, expire=False)

        play.world.before_step = before
        event = play.do("w", upsert({1: 100}))
    assert event.ids == (2,)
    assert play.world.objects["snapshot/LATEST"][0] == b"5"


def test_files_of_a_commit_whose_end_is_unknown_stay(play):
    """It landed, and the storage did not answer until the time was up."""
    world = play.world
    world.script = {creation_of(play, "w", 2): "lost-away"}

    def before(process, verb, key):
        if verb == "delete":  # what is deleted now is gone: the storage answers again
            process.away_until_ms = 0

    world.before_step = before
    with world.running():
        play.do("w", OPEN)
        event = play.do("w", upsert({1: 100}))
    assert event.outcome == UNKNOWN
    with fresh(world.objects) as table:
        assert contents(table.to_arrow()) == {1: 100, 2: 20}
        assert table.resolve(event.error.detail["token"]).outcome == "committed"
