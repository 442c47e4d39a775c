"""Whether a table is what its users were told: nothing lost, nothing doubled, always readable.

The rows of every snapshot must follow from those of the one before: by the write that was told
this snapshot's number, by one write whose end is not known, or (a compaction) by nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.faulty_objects import (
    changes,
    first_kept,
    has_changes,
    java_earliest,
    java_latest,
    needs,
    referred,
    snapshot,
    snapshot_ids,
)
from tests.support.faulty_play import (
    ACKED,
    DEAD,
    FAILED,
    UNKNOWN,
    Base,
    Event,
    Play,
    State,
    contents,
    fresh,
    rows,
)
from tests.support.faulty_world import Objects

CONTENT_KINDS = ("APPEND", "OVERWRITE")
_content: dict[tuple[bytes, ...], State] = {}


def rows_of(objects: Objects, snapshot_id: int) -> State:
    """The rows of one snapshot, read by the product in a new process.

    What was read from the same bytes before is not read again.
    """
    at = snapshot(objects, snapshot_id)
    key = (
        objects[f"snapshot/snapshot-{snapshot_id}"][0],
        *(objects[name][0] for name in sorted(needs(objects, at))),
    )
    found = _content.get(key)
    if found is None:
        if len(_content) > 20_000:
            _content.clear()
        with fresh(objects) as table:
            found = _content[key] = contents(table.at(snapshot=snapshot_id).to_arrow())
    return found


class Verdict:
    """Looks at the end of a play.

    Attributes:
        states: rows after each snapshot of the chain, as far as they can be known.
    """

    def __init__(self, base: Base, play: Play, *, seed: int = 0) -> None:
        self.base = base
        self.play = play
        self.objects = play.world.objects
        self.ids = snapshot_ids(self.objects)
        self.states: dict[int, State] = dict(base.states)
        self.seed = seed
        self.acked: dict[int, Event] = {}
        self.doubled = 0
        self.lost = 0

    def check(self, *, java: bool = True, goes_on: bool = True) -> None:
        """Raises an AssertionError with all that is needed to play it again."""
        try:
            self._outcomes()
            self._chain()
            self._fold()
            self._readable(java=java and not self._late_hint())
            referred(self.objects)
            self._resolved()
            if goes_on:
                self._goes_on()
                self._cleans_up()
        except (AssertionError, Exception) as error:
            raise AssertionError(self.report(error)) from error

    def report(self, error: BaseException) -> str:
        events = "\n  ".join(map(str, self.play.events))
        steps = "\n  ".join(map(str, self.play.world.steps))
        script = dict(self.play.world.script)
        return (
            f"{error}\nscript {script}, seed {self.seed}\n  {events}\n"
            f"snapshots {self.ids}\nsteps\n  {steps}"
        )

    # -- what was told ----------------------------------------------------------------------------

    def _outcomes(self) -> None:
        for event in self.play.events:
            assert event.outcome in (ACKED, FAILED, UNKNOWN, DEAD), event
            assert event.took_ms <= self.play.deadline_ms, f"{event} took {event.took_ms} ms"
            if event.outcome == ACKED and event.operation.change is not None and event.ids:
                first = event.ids[0]
                assert first not in self.acked, f"{event} and {self.acked[first]}: one snapshot"
                self.acked[first] = event

    def _chain(self) -> None:
        """No gap between the oldest snapshot that is needed and the newest."""
        newest = max(self.ids, default=0)
        told = max(
            (number for event in self.play.events for number in event.ids),
            default=max(self.base.states, default=0),
        )
        assert newest >= told, f"snapshot {told} was acknowledged, the newest is {newest}"
        self.chain = [newest] if newest else []
        oldest = first_kept(self.objects)
        while self.chain and self.chain[-1] - 1 in self.ids and self.chain[-1] > oldest:
            self.chain.append(self.chain[-1] - 1)
        left = {number for number in self.ids if number >= oldest} - set(self.chain)
        dead = any(event.outcome in (DEAD, UNKNOWN) for event in self.play.events)
        late = any("late" in kind for kind in self.play.world.script.values())
        assert not left or dead or late, f"snapshots {sorted(left)} stand apart"

    # -- the rows ---------------------------------------------------------------------------------

    def _fold(self) -> None:
        start = max(self.base.states, default=0)
        self.open = [
            event
            for event in self.play.events
            if event.outcome in (UNKNOWN, DEAD) and event.operation.change is not None
        ]
        state = self.base.states.get(start, {})
        found = self._search(start + 1, state, frozenset())
        assert found is not None, self._misfit(start, state)
        self.states.update(found)

    def _search(self, number: int, state: State, used: frozenset[int]) -> dict[int, State] | None:
        """States of the snapshots from one on, or None where they do not follow."""
        if number > max(self.ids, default=0):
            self.used = used
            return {}
        for after, now_used in self._followers(number, state, used):
            if number in self.chain and not self._shows(number, after):
                continue
            rest = self._search(number + 1, after, now_used)
            if rest is not None:
                return {number: after, **rest}
        return None

    def _shows(self, number: int, state: State) -> bool:
        found = rows_of(self.objects, number)
        if found == state:
            return True
        written = snapshot(self.objects, number).commit_kind in CONTENT_KINDS
        before = number - 1 in self.chain and rows_of(self.objects, number - 1)
        return self.base.lags and written and found == before

    def _followers(
        self, number: int, state: State, used: frozenset[int]
    ) -> Iterable[tuple[State, frozenset[int]]]:
        event = self.acked.get(number)
        if event is not None:
            yield event.operation.change(state), used
            return
        kind = snapshot(self.objects, number).commit_kind if number in self.chain else None
        if kind not in CONTENT_KINDS or not has_changes(self.objects, number):
            yield state, used
        if kind in (None, *CONTENT_KINDS):
            for at, other in enumerate(self.open):
                if at not in used:
                    yield other.operation.change(state), used | {at}

    def _misfit(self, start: int, state: State) -> str:
        shown = []
        for number in self.chain[::-1]:
            if number > start:
                told = self.acked.get(number)
                shown.append(
                    f"{number} {snapshot(self.objects, number).commit_kind} "
                    f"{told.operation.name if told else '?'}: {rows_of(self.objects, number)}"
                )
        return f"the rows do not follow from {start} {state}: " + "; ".join(shown)

    def _late_hint(self) -> bool:
        """Whether a write of LATEST may have arrived late: Java reads on after the next commit."""
        return any(
            step.fault and step.fault.startswith(("late", "twice")) and step.key.endswith("LATEST")
            for step in self.play.world.steps
        )

    def _resolved(self) -> None:
        """What ``resolve`` says of an unknown end agrees with what the rows show."""
        for at, event in enumerate(self.open):
            token = event.error is not None and getattr(event.error, "detail", {}).get("token")
            if event.outcome != UNKNOWN or not token:
                continue
            with fresh(self.objects, seed=-5) as table:
                said = table.resolve(token).outcome
            assert said in ("committed", "not committed", "unknown"), said
            if said != "unknown":
                there = at in self.used
                assert (said == "committed") == there, f"{event}: resolve says {said}"

    # -- reading and going on ---------------------------------------------------------------------

    def _readable(self, *, java: bool) -> None:
        newest = max(self.ids, default=None)
        with fresh(self.objects) as table:
            assert table.snapshot_id == newest, f"found {table.snapshot_id}, newest is {newest}"
            if self.play.expected is not None:
                found = contents(table.to_arrow())
                assert found == self.play.expected, f"{found} is not {self.play.expected}"
        if java:
            found = java_latest(self.objects)
            assert (found.id if found else None) == newest, f"Java reads {found}"
            earliest = java_earliest(self.objects)
            assert earliest is None or earliest in self.ids

    def _goes_on(self) -> None:
        """A new process reads, writes and reads; then Java finds its way in every case."""
        with fresh(self.objects, seed=-2) as table:
            state = dict(self.states.get(max(self.ids, default=0), {}))
            write = table.upsert if table.primary_key else table.append
            write(rows(table.schema, {9_999: -1}))
            assert contents(table.to_arrow()) == {**state, 9_999: -1}, "after the last write"
        newest = max(snapshot_ids(self.objects))
        found = java_latest(self.objects)
        assert found is not None
        assert found.id == newest

    def _cleans_up(self) -> None:
        """A clean-up leaves what is referred to, and nothing else."""
        with fresh(self.objects, seed=-3) as table:
            table.remove_orphans(older_than="0 s", force=True)
        extra = set(self.objects) - referred(self.objects) - changes(self.objects)
        assert not extra, f"left after a clean-up: {sorted(extra)}"


def outcomes(events: Iterable[Event]) -> Mapping[str, int]:
    found: dict[str, Any] = {}
    for event in events:
        found[event.outcome] = found.get(event.outcome, 0) + 1
    return found
