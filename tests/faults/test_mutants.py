"""The suite is worth what it finds: mistakes put in on purpose are found, each by a named test."""

from __future__ import annotations

import pytest

from tests.support.mutants import MUTANTS, copy_project, is_killed, run_test

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_is_found(mutant, tmp_path):
    assert is_killed(mutant, tmp_path), f"{mutant.killer} does not find {mutant.name!r}"


def test_the_unchanged_product_passes_in_a_copy(tmp_path):
    copy_project(tmp_path)
    for killer in {m.killer for m in MUTANTS if "single_faults" not in m.killer}:
        code, output = run_test(tmp_path, killer)
        assert code == 0, output
