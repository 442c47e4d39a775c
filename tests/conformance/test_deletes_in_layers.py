"""Which deletions a compaction keeps: those that may hide a row below what it takes, no others.

Java and we compact copies of one table whose levels hold deletions of rows in deeper levels
(`oracle_layers.py`); the rows and the files must be equal. Two seeded mistakes, to drop every
deletion and to drop none, turn it red. The seed is fresh every day (or from TABLESTORE_SEED).
"""

from __future__ import annotations

import pytest

from tablestore.lsm import steps
from tests.support.oracle_layers import SETTINGS, Layers
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("setting", SETTINGS)
def test_compactions_keep_the_deletions_that_java_keeps(setting, java, ours, in_memory, figures):
    layers = Layers(java, ours, in_memory, setting, SEED)
    said = play(layers)
    assert not said, f"seed {SEED}: {layers.options} {layers.done}"
    outputs = [output for _, output in layers.done]
    assert {4, 3} <= set(outputs)
    figures["compactions over layers with deletions"] += len(outputs) + 2


def play(layers):
    """Picks of level 0 alone over one and over two runs, of some runs below, and of all."""
    layers.base()
    said = []
    for joined in (0, 0, layers.r.choice([0, 1]), layers.r.choice([1, 2])):
        layers.runs(apart=layers.r.random() < 0.5)
        said += layers.compact(joined)
    layers.runs(apart=True)
    said += layers.compact(layers.below())  # the lowest level is reached by a pick, too
    layers.runs(apart=True)
    return said + layers.finish()


def always(*_):
    return True


def never(*_):
    return False


def where_something_is_below(output_level, levels, options):
    return output_level < levels.highest


MISTAKES = {
    "drops all": always,
    "keeps all": never,
    "the wrong way round": where_something_is_below,
}
CASES = [
    (setting, mistake)
    for setting, options in SETTINGS.items()
    for mistake in MISTAKES  # with deletion vectors it is right to drop all
    if mistake == "keeps all" or "deletion-vectors.enabled" not in options
]


@pytest.mark.parametrize(("setting", "mistake"), CASES)
def test_a_wrong_rule_turns_the_judge_red(setting, mistake, java, ours, in_memory, monkeypatch):
    monkeypatch.setattr(steps, "drops_deletes", MISTAKES[mistake])
    layers = Layers(java, ours, in_memory, setting, SEED)
    layers.base()
    layers.runs()
    said = layers.compact(0)
    if mistake == "keeps all":
        layers.runs()
        said += layers.compact(layers.below())
    assert said
    if mistake != "keeps all":  # rows come back, and both engines see it
        assert any("java after ours" in sentence for sentence in said)
        assert any("we after ours" in sentence for sentence in said)
