"""No damaged input makes a decoder raise anything but the two errors of a codec, hang, or grow.

The seed is fixed, so that a red run is about the change; `TABLESTORE_FUZZ_SEED` gives another one,
or `chance`. It is printed. `TABLESTORE_FUZZ_SHARE` scales the number of inputs. A finding is the
number of an input: the same seed gives the same bytes again.
"""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.support.decoder_coverage import shares_apart
from tests.support.decoders import DECODERS, run_apart

CHANCE = "chance"
ASKED = os.environ.get("TABLESTORE_FUZZ_SEED") or "1515947434"
SEED = random.SystemRandom().randrange(2**31) if ASKED == CHANCE else int(ASKED)
SHARE = float(os.environ.get("TABLESTORE_FUZZ_SHARE", "1"))
MINUTES = 5
COVERED = 0.9


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
    decoder = DECODERS[name]
    assert found["with_offset"] >= decoder.placed
    assert found["largest_of_budget"] <= 1
    assert found["slowest_seconds"] <= decoder.seconds


@pytest.mark.slow
def test_the_damage_reaches_nine_of_ten_lines_of_every_decoding_module(capfd):
    found = shares_apart(part=0.1, seed=1)
    with capfd.disabled():
        for share in found:
            missed = f", missed {list(share.missed)}" if share.missed else ""
            sys.stdout.write(f"\n{share.module}: {share.reached:.1%} of {share.lines}{missed}")
        sys.stdout.write("\n")
    assert len(found) > 25
    assert [share for share in found if share.reached < COVERED] == []
