"""The negative control: on a server that cannot arbitrate, what proves the others must fail.

    python -m tests.support.arbitration_control [SECONDS]

versitygw looks for an object and writes it in two steps: its condition holds for creations one
after the other, and not for some at the same time. Races of creations, and of commits with the
first look switched off, are run there until one is seen to go wrong; a lane in which none does
has proved nothing and fails.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tablestore.store.arbitration import broken_race, broken_rule
from tablestore.store.registry import open_store
from tests.support import servers
from tests.support.racer import race

CREATORS = 16
PROCESSES, COMMITS = 4, 15


def main(seconds: float = 120.0) -> int:
    """Races until one is wrong; 0 when that was seen."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        with servers.running("versitygw", root) as server:
            say(f"one after the other: {broken_rule(_store(server)) or 'as it should be'}")
            seen = creations(server, seconds / 2) + commits(server, seconds / 2)
    say("the control is red, as it must be" if seen else "NOTHING WRONG WAS SEEN: no proof")
    return 0 if seen else 1


def creations(server: servers.Server, seconds: float) -> int:
    """Races of creations until time is up; how many went wrong."""
    store, wrong, rounds = _store(server), [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end and rounds < 100:
        rounds += 1
        reason = broken_race(store, CREATORS)
        if reason is not None:
            wrong.append(reason)
    say(f"{CREATORS} creations at once: {len(wrong)} of {rounds} races wrong, e.g. {wrong[:2]}")
    return len(wrong)


def commits(server: servers.Server, seconds: float) -> int:
    """Races of commits until time is up; in how many acknowledged rows were lost."""
    lost, runs = [], 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or not runs:
        runs += 1
        found = race(server.place(), server.options, processes=PROCESSES, commits=COMMITS)
        twice = len(found.acknowledged) - len(set(found.acknowledged))
        if found.lost or twice or found.refused:
            lost.append((len(found.lost), len(found.rows), twice, found.refused[-1:]))
    say(f"{PROCESSES} processes x {COMMITS} commits: wrong in {len(lost)} of {runs} runs; "
        f"(rows lost, acknowledged, snapshots given twice, errors): {lost}")  # fmt: skip
    return len(lost)


def _store(server: servers.Server):
    return open_store(server.place(), server.options)


def say(text: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main(*map(float, sys.argv[1:2])))
