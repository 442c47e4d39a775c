"""Every call of the storage in every scenario fails once, in every way that it can fail.

Each run is compared with a dict that folds the acknowledged operations; see ``Verdict``. What a
failure prints (scenario, script) plays it again: ``SCENARIOS[name].run({step: kind})``.
"""

from __future__ import annotations

import pytest

from tests.faults.scenarios import SCENARIOS
from tests.support.faulty_store import kinds_of
from tests.support.faulty_verdict import Verdict

pytestmark = pytest.mark.faults
SHOWN_MAX = 3


def single_faults(scenario):
    """All scripts of one fault, from the calls of a run without any."""
    steps = scenario.run({}).world.steps
    return [{step.number: kind} for step in steps for kind in kinds_of(step.verb, step.key)]


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_one_fault_at_any_call_loses_and_doubles_nothing(name):
    scenario = SCENARIOS[name]
    Verdict(scenario.base(), scenario.run({})).check()
    failures = []
    for script in single_faults(scenario):
        play = scenario.run(script)
        try:
            Verdict(scenario.base(), play).check()
        except AssertionError as error:
            failures.append(str(error))
        if len(failures) >= SHOWN_MAX:
            break
    shown = "\n\n".join(failures)
    assert not failures, f"{len(failures)} scripts of {name!r} fail, or more\n{shown}"


def test_a_scenario_without_faults_acknowledges_every_operation():
    for name, scenario in SCENARIOS.items():
        for event in scenario.run({}).events:
            assert event.error is None, f"{name}: {event}"


@pytest.mark.parametrize(
    "name", ["expire", "expire beside a tag and a consumer", "expire on commit", "orphans"]
)
def test_scenarios_of_clean_ups_delete_something(name):
    scenario = SCENARIOS[name]
    before, after = scenario.base().objects, scenario.run({}).world.objects
    gone = [key for key in before if key not in after]
    assert "tag" in name or any("data-" in key for key in gone), gone  # a tag keeps them all
    assert any(key.startswith("manifest/") for key in gone), gone
    assert name == "orphans" or any(key.startswith("snapshot/snapshot-") for key in gone), gone


def test_the_same_script_makes_the_same_calls_again():
    scenario = SCENARIOS["two writers"]
    creation = [s.number for s in scenario.run({}).world.steps if s.verb == "put_if_absent"]
    script = {creation[0]: "late:7", creation[-1]: "lost"}
    first, second = scenario.run(script), scenario.run(script)
    assert first.world.steps == second.world.steps
    assert list(map(str, first.events)) == list(map(str, second.events))
    assert first.world.objects == second.world.objects


def test_faults_of_every_kind_are_met():
    """The scenarios make every verb's call, so that no kind of fault is only on paper."""
    met = {
        (step.verb, kind)
        for scenario in SCENARIOS.values()
        for step in scenario.run({}).world.steps
        for kind in kinds_of(step.verb, step.key)
    }
    for verb in ("get", "head", "open_read", "open_write", "close", "put", "put_if_absent"):
        assert {kind for v, kind in met if v == verb} >= {"reset", "dies-before"}, verb
    assert ("get", "garbage") in met
    assert ("close", "torn") in met
    assert ("put_if_absent", "412-mine") in met
