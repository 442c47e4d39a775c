"""Writers, compactor, expirer, cleaner and readers of a table, interleaved, with a few faults."""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.faults.scenarios import (
    OPEN,
    READ,
    U1,
    Operation,
    base,
    compact,
    expire,
    remove_orphans,
    upsert,
    upsert_and_delete,
)
from tests.support.faulty_play import ACKED, DEADLINE_MS, Base, Play
from tests.support.faulty_verdict import Verdict
from tests.support.faulty_world import World
from tests.support.linear import Call, violations
from tests.support.scheduler import Scheduler

MINUTE_MS = 60_000
ZOMBIE_MS = 30 * MINUTE_MS
STEPS_ABOUT = 250

BASES = (
    base(U1, write_only="true"),
    base(U1, num_sorted_run__compaction_trigger=2),
    base(U1, manifest__merge_min_count=2, write_only="true"),
)


@dataclass
class Interleaving:
    """One run.

    Attributes:
        play: what happened.
        base: what it began with.
        seed: of everything.
    """

    play: Play
    base: Base
    seed: int

    def check(self) -> None:
        """Raises an AssertionError where a promise is broken."""
        verdict = Verdict(self.base, self.play, seed=self.seed)
        verdict.check()
        found = violations(self._calls(), verdict.states, self._created())
        assert not found, verdict.report(AssertionError("; ".join(found)))

    def _calls(self) -> list[Call]:
        calls = []
        for event in self.play.events:
            if event.outcome != ACKED:
                continue
            if event.operation.reads:
                calls.append(Call(event.process, event.began, event.ended, seen=event.seen))
            elif event.operation.change is not None and event.ids:
                calls.append(Call(event.process, event.began, event.ended, event.ids[0]))
        return calls

    def _created(self) -> dict[int, float]:
        prefix = "snapshot/snapshot-"
        return {
            int(key[len(prefix) :]): step
            for key, step in self.play.world.created.items()
            if key.startswith(prefix)
        }


def works_of(play: Play, chance: random.Random) -> dict[str, list[Operation]]:
    """Who does what; every write has values of its own."""
    value = iter(range(1_000, 9_000))
    works: dict[str, list[Operation]] = {}
    for name in ("w1", "w2", "w3")[: chance.choice((2, 2, 3))]:
        works[name] = []
        for _ in range(chance.choice((2, 3))):
            keys = chance.sample(range(1, 6), 2)
            values = {key: next(value) for key in keys}
            works[name].append(
                upsert(values)
                if chance.random() < 0.8
                else upsert_and_delete(values, [chance.randrange(1, 6)])
            )
    works["compactor"] = [compact(full=chance.random() < 0.5) for _ in range(2)]
    # the age goes with the sleep of a zombie: it may wake up to a history that has moved on
    kept = {"older_than": chance.choice(("0 s", "10 min")), "keep_last": chance.choice((1, 2))}
    works["expirer"] = [expire(**kept)] * 2
    if chance.random() < 0.3:
        works["cleaner"] = [remove_orphans("2 h")]
    works["reader"] = [READ] * 3
    if chance.random() < 0.3:
        works["reader2"] = [READ] * 2
    return works


def interleave(seed: int, *, faults: int | None = None) -> Interleaving:
    """One run by its seed."""
    chance = random.Random(f"interleaving {seed}")
    made = chance.choice(BASES)()
    count = chance.choice((0, 0, 1, 2, 3)) if faults is None else faults
    script = {chance.randrange(STEPS_ABOUT): f"any:{chance.randrange(99)}" for _ in range(count)}
    world = World(dict(made.objects), script, seed)
    play = Play(world, deadline_ms=DEADLINE_MS + 2 * ZOMBIE_MS)
    works = works_of(play, chance)
    if chance.random() < 0.3:
        play.skews = {name: chance.randrange(-10, 11) * MINUTE_MS for name in works}

    def body(name: str):
        def work() -> None:
            play.do(name, OPEN)
            for operation in works[name]:
                play.do(name, operation)

        return work

    with world.running():
        Scheduler(world, seed, pause_ms=ZOMBIE_MS, pauses=2).run(
            {name: body(name) for name in works}
        )
        world.land_all()
    return Interleaving(play, made, seed)
