"""Writers, a compactor and readers, interleaved call by call, 300 times.

Each history is compared with the model, and with what one program at a time could have done. A
failure prints its seed: ``tests.faults.interleaved.interleave(seed)`` plays it again.
"""

from __future__ import annotations

import os

import pytest

from tests.faults.interleaved import interleave
from tests.support.faulty_play import ACKED
from tests.support.faulty_verdict import outcomes

pytestmark = pytest.mark.faults
RUNS, PARTS = 300, 6
FIRST = int(os.environ.get("TABLESTORE_SEED", "0")) * RUNS


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_interleaving_loses_doubles_or_reorders_anything(part):
    failures = []
    for seed in range(FIRST + part, FIRST + RUNS, PARTS):
        try:
            interleave(seed).check()
        except AssertionError as error:
            failures.append(f"seed {seed}: {error}")
    assert not failures, f"{len(failures)} runs fail\n" + "\n\n".join(failures[:3])


def test_the_same_seed_gives_the_same_run():
    first, second = interleave(11).play, interleave(11).play
    assert first.world.steps == second.world.steps
    assert list(map(str, first.events)) == list(map(str, second.events))


def test_without_faults_every_race_is_won_in_the_end():
    for seed in range(12):
        run = interleave(seed, faults=0)
        run.check()
        paused = run.play.world.now_ms - min(at for _, at in run.base.objects.values()) > 10**6
        assert paused or set(outcomes(run.play.events)) == {ACKED}, list(map(str, run.play.events))


def test_runs_are_interleaved():
    runs = [interleave(seed, faults=0) for seed in range(12)]
    changes = [
        sum(
            a.process != b.process
            for a, b in zip(r.play.world.steps, r.play.world.steps[1:], strict=False)
        )
        for r in runs
    ]
    assert max(changes) > 150
    assert min(changes) < 60
    retries = [e for r in runs for e in r.play.events if len(e.ids) and e.outcome == ACKED]
    assert len(retries) > 60
