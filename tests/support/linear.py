"""Whether a history of commits and reads could have been the work of one program at a time.

Snapshots have numbers, so the one order that counts is known: it must agree with the clock on the
wall wherever one call ended before another began, and every read must give one of its states.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """A call with its time.

    Attributes:
        process: who made it.
        began: a moment.
        ended: a moment after it.
        snapshot: what an acknowledged commit was told; None for a read.
        seen: what a read gave; None for a commit.
    """

    process: str
    began: float
    ended: float
    snapshot: int | None = None
    seen: Any = None


def violations(
    calls: Iterable[Call], states: Mapping[int, Any], created: Mapping[int, float] | None = None
) -> list[str]:
    """All that one program at a time could not have done.

    Args:
        calls: acknowledged commits and reads that ended well.
        states: what the table held after each snapshot.
        created: when each snapshot came into being, where that is known.
    """
    ordered = sorted(calls, key=lambda call: call.began)
    commits = [call for call in ordered if call.snapshot is not None]
    return [
        *_commits_out_of_order(commits),
        *_reads_of_the_past(ordered, commits, states, created or {}),
    ]


def _commits_out_of_order(commits: list[Call]) -> Iterable[str]:
    numbers = [call.snapshot for call in commits]
    for number in sorted({n for n in numbers if numbers.count(n) > 1}):
        yield f"snapshot {number} was acknowledged twice"
    for first in commits:
        for second in commits:
            if first.ended < second.began and first.snapshot > second.snapshot:
                yield (
                    f"commit {second.snapshot} began after commit {first.snapshot} was "
                    "acknowledged, and lies before it"
                )


def _reads_of_the_past(
    calls: list[Call],
    commits: list[Call],
    states: Mapping[int, Any],
    created: Mapping[int, float],
) -> Iterable[str]:
    seen_by: dict[str, int] = {}
    last: dict[str, float] = {}
    for call in (call for call in calls if call.snapshot is None):
        oldest = max((c.snapshot for c in commits if c.ended < call.began), default=0)
        if last.get(call.process, -1) < call.began:
            oldest = max(oldest, seen_by.get(call.process, 0))
        fitting = [
            number
            for number, state in sorted(states.items())
            if number >= oldest and state == call.seen and created.get(number, 0) <= call.ended
        ]
        if not fitting:
            yield (
                f"{call.process} read {call.seen!r}, which the table did not hold between "
                f"snapshot {oldest} and the end of the read"
            )
            continue
        seen_by[call.process], last[call.process] = fitting[0], call.ended
