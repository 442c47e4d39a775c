"""No damaged input makes a decoder raise anything but the two errors of a codec, hang, or grow.

The seed comes from `TABLESTORE_FUZZ_SEED` or chance, and is printed; `TABLESTORE_FUZZ_SHARE` scales
the number of inputs. A finding is the number of an input: the same seed gives the same bytes again.
"""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.support.decoders import DECODERS, run_apart

SEED = int(os.environ.get("TABLESTORE_FUZZ_SEED") or random.SystemRandom().randrange(2**31))
SHARE = float(os.environ.get("TABLESTORE_FUZZ_SHARE", "1"))
MINUTES = 5


def test_all_decoders_together_get_a_hundred_thousand_inputs():
    assert sum(decoder.count for decoder in DECODERS.values()) >= 100_000


@pytest.mark.slow
@pytest.mark.parametrize("name", DECODERS)
def test_damage_is_named_and_nothing_else_comes_out(name: str, capsys: pytest.CaptureFixture[str]):
    count = max(1, int(DECODERS[name].count * SHARE))
    found = run_apart(name, count, SEED, timeout=60 * MINUTES)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}: {found}\n")
    assert found["bad"] == [], f"TABLESTORE_FUZZ_SEED={SEED}"
    assert found["outcomes"].get("read", 0) < count  # some of it was damage
