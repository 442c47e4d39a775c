"""The commit protocol, looked at in every state that two writers and an expirer can reach.

Three writers and more faults take minutes: ``python -m tests.support.protocol_model``.
"""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from tests.support.protocol_model import Protocol, Setting, search

pytestmark = pytest.mark.faults
SMALL = Setting(commits=(1, 2), expirations=1, faults=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        Setting((1, 2), 2, faults=2),
        Setting((2, 2), 1, faults=1),
        Setting((1, 2), 2, retain=2, faults=2),
        Setting((1, 2), 1, faults=2, delays=True),
        Setting((1, 2), 2, faults=1, split_hint=True),
        Setting((1, 1), 1, faults=3, delays=True, split_hint=True),
    ],
    ids=str,
)
def test_no_state_of_the_protocol_is_bad(setting):
    found = search(Protocol(), setting)
    assert found.complete
    assert found.states > 10_000
    assert not found.bad, str(found)


# what goes wrong without an ingredient, and what it takes to see that
LOST, TWICE = "an acknowledged commit is lost", "a commit was applied twice"
UNREADABLE = "the table cannot be read"
NEEDED = {
    "conditional": (SMALL, LOST),
    "read_back": (SMALL, TWICE),
    "refusal_read_back": (SMALL, TWICE),
    "own_lookup": (SMALL, TWICE),
    "hole_doubted": (replace(SMALL, faults=2, delays=True), TWICE),
    "earliest_checked": (SMALL, LOST),
    "earliest_first": (SMALL, LOST),
    "latest_first": (SMALL, f"Java: {UNREADABLE}"),
    "hint_forward": (SMALL, f"Java: {UNREADABLE}"),
    "hint_doubted": (replace(SMALL, split_hint=True), UNREADABLE),
    "hint_looked_after": (replace(SMALL, split_hint=True), f"Java: {UNREADABLE}"),
    "keeps_files": (SMALL, "a file that is referred to was deleted"),
}


def test_every_ingredient_is_taken_away_once():
    assert set(NEEDED) == {field.name for field in fields(Protocol)}


@pytest.mark.slow
@pytest.mark.parametrize("ingredient", NEEDED)
def test_without_an_ingredient_there_is_a_way_into_a_bad_state(ingredient):
    setting, what = NEEDED[ingredient]
    found = search(replace(Protocol(), **{ingredient: False}), setting, first_only=True)
    assert what in found.bad, str(found)
    assert len(found.bad[what]) <= 25
