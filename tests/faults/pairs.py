"""Two faults in one scenario, drawn by a seed."""

from __future__ import annotations

import random
from functools import cache

from tests.faults.scenarios import SCENARIOS
from tests.support.faulty_play import Play, Scenario
from tests.support.faulty_verdict import Verdict


@cache
def _steps(name: str) -> int:
    return len(SCENARIOS[name].run({}).world.steps)


def draw(seed: int) -> tuple[Scenario, dict[int, str]]:
    """A scenario and a script of two faults; the second often comes soon after the first."""
    chance = random.Random(f"pair {seed}")
    scenario = SCENARIOS[chance.choice(sorted(SCENARIOS))]
    steps = _steps(scenario.name)
    # a fault often ends an operation: the second one must come in time, or in the next operation
    first = chance.randrange(steps * 3 // 4)
    far = first + 1 + chance.randrange(max(steps - first - 1, 1))
    second = first + 1 + chance.randrange(8) if chance.random() < 0.6 else far
    return scenario, {step: f"any:{chance.randrange(840)}" for step in sorted((first, second))}


def run_pair(seed: int) -> tuple[str, Play]:
    """One run, compared with the model.

    Raises:
        AssertionError: a promise is broken.
    """
    scenario, script = draw(seed)
    play = scenario.run(script)
    Verdict(scenario.base(), play, seed=seed).check()
    return scenario.name, play
