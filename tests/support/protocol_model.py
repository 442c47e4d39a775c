"""Every state that writers and an expirer of one table can reach, and what is wrong with one.

The commit protocol as ``commit.publish`` carries it out, call by call: each call of the storage
is one step, and any process may take the next one, or never any more. A request to create a
snapshot may succeed, lose its answer, be dropped, or arrive much later. ``Protocol`` takes single
ingredients away; breadth-first search then gives the shortest way into a bad state.

A commit is one bit of a snapshot's content; ``DOUBLED`` says that a commit was applied twice.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

DOUBLED = 1 << 30


@dataclass(frozen=True)
class Protocol:
    """The ingredients; all of them together are the product's protocol.

    Attributes:
        conditional: a snapshot file is created only if it is absent.
        read_back: an answer that is not a plain yes is settled by reading the file.
        refusal_read_back: so is the answer that the file exists (it may be mine).
        own_lookup: before another attempt newer snapshots are searched for earlier ones.
        hole_doubted: what an attempt below EARLIEST became cannot be told from its name.
        earliest_checked: after a creation EARLIEST is read; behind it, the chain decides.
        earliest_first: the expirer moves EARLIEST before it deletes.
        latest_first: the expirer moves LATEST before it deletes.
        hint_forward: LATEST is never moved backwards.
        hint_doubted: a snapshot that LATEST names is the latest one only without a successor and
            not below EARLIEST.
        keeps_files: files of a commit are not deleted while its end is unknown.
        hint_looked_after: who moved LATEST below EARLIEST moves it up again (matters only where
            it is read in one step and written in another).
    """

    conditional: bool = True
    read_back: bool = True
    refusal_read_back: bool = True
    own_lookup: bool = True
    hole_doubted: bool = True
    earliest_checked: bool = True
    earliest_first: bool = True
    latest_first: bool = True
    hint_forward: bool = True
    hint_doubted: bool = True
    keeps_files: bool = True
    hint_looked_after: bool = True


@dataclass(frozen=True)
class Setting:
    """Who takes part, and what may go wrong.

    Attributes:
        commits: of each writer.
        expirations: runs of the expirer.
        retain: snapshots that it keeps.
        faults: requests that may go wrong, all together.
        delays: requests may also arrive later.
        split_hint: LATEST is read in one step and written in another; else in one.
    """

    commits: tuple[int, ...] = (1, 2)
    expirations: int = 1
    retain: int = 1
    faults: int = 2
    delays: bool = False
    split_hint: bool = False


class Storage(NamedTuple):
    """The snapshot folder: (id, commit, content) sorted by id; hints; requests on their way."""

    snapshots: tuple[tuple[int, int, int], ...]
    latest: int
    earliest: int
    flying: tuple[tuple[int, int, int], ...] = ()
    faults: int = 0
    gone: int = 0

    def find(self, number: int) -> tuple[int, int, int] | None:
        for item in self.snapshots:
            if item[0] == number:
                return item
        return None

    @property
    def newest(self) -> int:
        return self.snapshots[-1][0] if self.snapshots else 0

    def with_snapshot(self, number: int, commit: int, content: int) -> Storage:
        others = [item for item in self.snapshots if item[0] != number]
        return self._replace(snapshots=tuple(sorted([*others, (number, commit, content)])))

    def without(self, number: int) -> Storage:
        return self._replace(snapshots=tuple(s for s in self.snapshots if s[0] != number))


class Writer(NamedTuple):
    """A program: where it is, the commits it has to make, what it knows."""

    at: str
    todo: tuple[int, ...]
    base: int = 0
    content: int = 0
    open: tuple[int, ...] = ()
    searched: int = -1


class Expirer(NamedTuple):
    """A clean-up: the snapshots from ``low`` up to, not with, ``target`` go."""

    at: str
    runs: int
    low: int = 0
    target: int = 0


class State(NamedTuple):
    writers: tuple[Writer, ...]
    expirer: Expirer
    storage: Storage
    acknowledged: int


def latest_for_us(s: Storage, p: Protocol) -> int:
    """The id that our readers and writers find."""
    if not p.hint_doubted:
        return latest_for_java(s)
    h = s.latest
    if s.find(h) and not s.find(h + 1) and h >= s.earliest:
        return h
    return s.newest


def latest_for_java(s: Storage) -> int:
    """The id that a reader finds who believes LATEST."""
    return s.newest if s.find(s.latest + 1) else s.latest


def applied(content: int, commit: int) -> int:
    return content | commit | (DOUBLED if content & commit else 0)


# -- steps ----------------------------------------------------------------------------------------

Moves = Iterator[tuple[str, Writer, Storage]]


def _find(w: Writer, s: Storage, p: Protocol) -> Moves:
    """Reads the latest snapshot; looks for earlier attempts in those that came since."""
    number = latest_for_us(s, p)
    found = s.find(number)
    if found is None:
        yield f"finds nothing at {number}, gives up", w._replace(at="end"), s
        return
    open_ids = w.open
    if p.own_lookup and w.open:
        if p.hole_doubted and min(w.open) < s.earliest:
            yield f"may have been expired at {min(w.open)}", w._replace(at="unknown"), s
            return
        for other in range(w.searched + 1, number + 1):
            there = s.find(other)
            if there is None and other in open_ids:
                yield f"snapshot {other} was expired", w._replace(at="unknown"), s
                return
            if there is not None and there[1] == w.todo[0]:
                yield f"finds its commit at {other}", w._replace(at="hint", base=other - 1), s
                return
            open_ids = tuple(n for n in open_ids if n != other)
    searched = number if w.searched < 0 else max(w.searched, number)
    yield (
        f"finds {number}",
        Writer("create", w.todo, number, found[2], open_ids, searched),
        s,
    )


def _create(w: Writer, s: Storage, p: Protocol, setting: Setting) -> Moves:
    number, commit = w.base + 1, w.todo[0]
    content = applied(w.content, commit)
    tried = w._replace(open=(*w.open, number))
    done = s.with_snapshot(number, commit, content)
    bad = s._replace(faults=s.faults - 1)
    free = s.find(number) is None
    if free or not p.conditional:
        yield f"creates {number}", tried._replace(at="hint"), done
        if s.faults:
            lost = tried._replace(at="doubt")
            yield f"creates {number}, answer lost", lost, done._replace(faults=s.faults - 1)
            told = tried._replace(at="refused")
            yield f"creates {number}, told that it exists", told, done._replace(faults=s.faults - 1)
    else:
        yield f"is told that {number} exists", tried._replace(at="refused"), s
    if s.faults:
        yield f"creation of {number} dropped", tried._replace(at="doubt"), bad
        if setting.delays:
            flying = tuple(sorted((*s.flying, (number, commit, content))))
            late = bad._replace(flying=flying)
            yield f"creation of {number} on its way", tried._replace(at="doubt"), late


def _settle(w: Writer, s: Storage, p: Protocol) -> Moves:
    """Reads the snapshot file back after an answer that was not a yes."""
    number = w.base + 1
    reads = p.read_back if w.at == "doubt" else p.refusal_read_back
    lost = w._replace(at="find", open=tuple(n for n in w.open if n != number))
    if not reads:
        after = s if p.keeps_files else s._replace(gone=s.gone | w.todo[0])
        yield "takes it for a failure", lost, after
        return
    there = s.find(number)
    if there is None:
        if not p.keeps_files:
            ended = w._replace(at="unknown")
            yield "deletes its files", ended, s._replace(gone=s.gone | w.todo[0])
        else:
            yield f"reads back {number}: absent", w._replace(at="find"), s
    elif there[1] == w.todo[0]:
        yield f"reads back {number}: mine", w._replace(at="hint"), s
    elif p.hole_doubted and number < s.earliest:
        yield f"reads back {number}: another's, expired", w._replace(at="find"), s
    else:
        yield f"reads back {number}: another's", lost, s


def _check(w: Writer, s: Storage, p: Protocol) -> Moves:
    """Reads EARLIEST: a snapshot below it counts only where the chain has it."""
    number = w.base + 1
    if not p.earliest_checked or s.earliest <= number:
        yield "is not behind EARLIEST", w._replace(at="ack"), s
        return
    newest = s.find(latest_for_us(s, p))
    if newest is not None and newest[0] != number and newest[2] & w.todo[0]:
        yield "is behind EARLIEST, in the chain", w._replace(at="mend"), s
    else:
        yield "is behind EARLIEST, apart", w._replace(at="undo"), s


def _undo(w: Writer, s: Storage) -> Moves:
    number = w.base + 1
    there = s.find(number)
    mine = there is not None and there[1] == w.todo[0]
    left = tuple(n for n in w.open if n != number)
    again = Writer("find", w.todo, open=left, searched=w.searched if left else -1)
    yield f"takes {number} back", again, s.without(number) if mine else s


def _hint(w: Writer, s: Storage, p: Protocol, setting: Setting) -> Moves:
    number = w.base + 1
    ahead = s.latest < number or not p.hint_forward
    if setting.split_hint and w.at == "hint":
        yield f"reads LATEST {s.latest}", w._replace(at="move" if ahead else "check"), s
    elif ahead or w.at == "move":
        yield f"LATEST := {number}", w._replace(at="check"), s._replace(latest=number)
    else:
        yield "leaves LATEST", w._replace(at="check"), s


def _mend(w: Writer, s: Storage, p: Protocol) -> Moves:
    """Who wrote LATEST while the history moved on must not leave it below EARLIEST."""
    behind = s.latest < s.earliest and p.hint_looked_after
    after = s._replace(latest=s.newest) if behind else s
    yield f"LATEST is {after.latest}", w._replace(at="ack"), after


def _writer_moves(w: Writer, s: Storage, p: Protocol, setting: Setting) -> Moves:
    if w.at == "find":
        yield from _find(w, s, p)
    elif w.at == "create":
        yield from _create(w, s, p, setting)
    elif w.at in ("doubt", "refused"):
        yield from _settle(w, s, p)
    elif w.at == "check":
        yield from _check(w, s, p)
    elif w.at == "undo":
        yield from _undo(w, s)
    elif w.at == "mend":
        yield from _mend(w, s, p)
    elif w.at in ("hint", "move"):
        yield from _hint(w, s, p, setting)


def _expirer_moves(
    e: Expirer, s: Storage, p: Protocol, setting: Setting
) -> Iterator[tuple[str, Expirer, Storage]]:
    if e.at == "plan" and e.runs:
        oldest = s.snapshots[0][0] if s.snapshots else 1
        target = s.newest - setting.retain + 1
        if target <= oldest:
            yield "nothing to expire", Expirer("plan", e.runs - 1), s
        else:
            at = "mark" if p.earliest_first else "move"
            yield f"plans to keep from {target}", Expirer(at, e.runs, oldest, target), s
    elif e.at == "mark":
        after = s._replace(earliest=max(s.earliest, e.target))
        done = e.low >= e.target
        following = Expirer("plan", e.runs - 1) if done else e._replace(at="move")
        yield f"EARLIEST := {after.earliest}", following, after
    elif e.at == "move":
        latest = max(s.latest, s.newest) if p.latest_first else s.latest
        yield f"LATEST := {latest}", e._replace(at="delete"), s._replace(latest=latest)
    elif e.at == "delete":
        if e.low < e.target:
            yield f"deletes {e.low}", e._replace(low=e.low + 1), s.without(e.low)
        else:
            last = Expirer("plan", e.runs - 1) if p.earliest_first else e._replace(at="mark")
            yield "ends", last, s


def moves(state: State, p: Protocol, setting: Setting) -> Iterator[tuple[str, State]]:
    """All that can happen next."""
    writers, expirer, s, acknowledged = state
    for at, writer in enumerate(writers):
        name = "ABC"[at]
        if writer.at in ("ack", "unknown"):
            commit = writer.todo[0] if writer.at == "ack" else 0
            rest = writer.todo[1:]
            after = Writer("find" if rest else "end", rest)
            word = "acknowledges" if commit else "reports an unknown end"
            changed = (*writers[:at], after, *writers[at + 1 :])
            yield f"{name} {word}", State(changed, expirer, s, acknowledged | commit)
            continue
        for label, after, storage in _writer_moves(writer, s, p, setting):
            changed = (*writers[:at], after, *writers[at + 1 :])
            yield f"{name} {label}", State(changed, expirer, storage, acknowledged)
    for label, cleaned, storage in _expirer_moves(expirer, s, p, setting):
        yield f"expirer {label}", State(writers, cleaned, storage, acknowledged)
    for request in s.flying:
        left = list(s.flying)
        left.remove(request)
        landed = s if s.find(request[0]) else s.with_snapshot(*request)
        yield (
            f"creation of {request[0]} arrives",
            State(writers, expirer, landed._replace(flying=tuple(left)), acknowledged),
        )


# -- what must hold -------------------------------------------------------------------------------


def wrong(
    state: State, p: Protocol, before: Storage | None, *, split: bool = False
) -> Iterator[str]:
    """What is wrong with a state, for readers that come now."""
    s = state.storage
    for reader, number in (("", latest_for_us(s, p)), ("Java: ", latest_for_java(s))):
        found = s.find(number)
        if reader and split and any(writer.at in ("check", "mend") for writer in state.writers):
            continue  # LATEST may point into a hole until its writer has looked after it
        if found is None:
            yield f"{reader}the table cannot be read"
        elif found[2] & DOUBLED:
            yield f"{reader}a commit was applied twice"
        elif state.acknowledged & ~found[2]:
            yield f"{reader}an acknowledged commit is lost"
        elif found[2] & s.gone:
            yield f"{reader}a file that is referred to was deleted"
    if before is not None and latest_for_us(s, p) < latest_for_us(before, p):
        yield "readers go back in time"


@dataclass(frozen=True)
class Found:
    """The outcome of a search: states seen, and the shortest way into each kind of bad state."""

    states: int
    bad: dict[str, tuple[str, ...]]
    complete: bool

    def __str__(self) -> str:
        lines = [f"{self.states:,} states" + ("" if self.complete else " (not all)")]
        for what, way in self.bad.items():
            lines.append(f"{what}, {len(way)} steps: " + " | ".join(way))
        return "\n".join(lines)


def search(
    p: Protocol, setting: Setting, *, states_max: int = 20_000_000, first_only: bool = False
) -> Found:
    """Looks at every state that can be reached."""
    bit, writers = 1, []
    for count in setting.commits:
        writers.append(Writer("find", tuple(bit << n for n in range(count))))
        bit <<= count
    storage = Storage(((1, 0, 0),), 1, 1, (), setting.faults)
    start = State(tuple(writers), Expirer("plan", setting.expirations), storage, 0)
    came: dict[State, tuple[State, str] | None] = {start: None}
    waiting, bad = deque([start]), {}

    def way(state: State, last: str) -> tuple[str, ...]:
        labels = [last]
        while (step := came[state]) is not None:
            state, label = step
            labels.append(label)
        return tuple(reversed(labels))

    split = setting.split_hint
    while waiting and len(came) <= states_max:
        state = waiting.popleft()
        for label, after in moves(state, p, setting):
            for what in wrong(after, p, state.storage, split=split):
                bad.setdefault(what, way(state, label))
            if after not in came:
                came[after] = (state, label)
                waiting.append(after)
        if bad and first_only:
            break
    return Found(len(came), bad, complete=not waiting)


def main() -> None:
    """The large searches, by hand: ``python -m tests.support.protocol_model``."""
    for setting in (
        Setting((2, 2), 2, faults=2, delays=True),
        Setting((2, 2), 2, faults=1, delays=True, split_hint=True),
        Setting((2, 2), 2, retain=2, faults=2),
        Setting((1, 1, 1), 2, faults=2),
        Setting((2, 2, 1), 2, faults=1),
    ):
        sys.stdout.write(f"{setting}\n{search(Protocol(), setting)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
