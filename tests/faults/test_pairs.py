"""Two faults in one run, 2,000 times.

A failure prints its seed: ``tests.faults.pairs.run_pair(seed)`` plays it again. The environment
variable TABLESTORE_SEED moves on to others.
"""

from __future__ import annotations

import os

import pytest

from tests.faults.pairs import draw, run_pair

pytestmark = pytest.mark.faults
PAIRS, PARTS = 2_000, 8
FIRST = int(os.environ.get("TABLESTORE_SEED", "0")) * PAIRS


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_two_faults_lose_and_double_nothing(part):
    failures, hit = [], 0
    for seed in range(FIRST + part, FIRST + PAIRS, PARTS):
        try:
            _, play = run_pair(seed)
        except AssertionError as error:
            failures.append(f"seed {seed}: {error}")
        else:
            hit += sum(step.fault is not None for step in play.world.steps) == 2
    assert not failures, f"{len(failures)} pairs fail\n" + "\n\n".join(failures[:3])
    # most second faults are met: the first one does not end everything
    assert hit > PAIRS / PARTS * 0.5, hit


def test_pairs_differ():
    drawn = [draw(seed) for seed in range(PAIRS)]
    distinct = {(scenario.name, *script.items()) for scenario, script in drawn}
    assert len(distinct) > PAIRS * 0.98
    assert len({scenario.name for scenario, _ in drawn}) > 10
