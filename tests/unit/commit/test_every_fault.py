"""Each storage call of a commit fails once, in every way; nothing is lost or doubled."""

from __future__ import annotations

import pytest

from tablestore.errors import (
    CommitConflictError,
    CommitUnknownError,
    StorageUnavailableError,
)
from tablestore.metadata.base import CommittedState
from tests.unit.commit.commit_builders import Table, added, compacted, data_file

VERBS = frozenset({"get", "head", "put", "put_if_absent", "delete", "list"})
KINDS = ("absent", "landed", "dies before", "dies after")


class ProcessDeath(BaseException):
    """The end of the process: no handler for errors may stop it."""


class StepStore:
    """Fails one call, counted from the first; ``before[key]`` runs once before a creation."""

    def __init__(self, inner, step=None, kind=None):
        self.inner, self.uri = inner, inner.uri
        self.step, self.kind = step, kind
        self.calls = 0
        self.before = {}

    def __getattr__(self, verb):
        method = getattr(self.inner, verb)
        if verb not in VERBS:
            return method

        def call(*args, **more):
            at, self.calls = self.calls, self.calls + 1
            if verb == "put_if_absent" and args[0] in self.before:
                self.before.pop(args[0])()
            if at != self.step:
                return method(*args, **more)
            if self.kind == "dies before":
                raise ProcessDeath
            if self.kind == "absent":
                raise StorageUnavailableError("no answer")
            result = method(*args, **more)
            if self.kind == "dies after":
                raise ProcessDeath
            if self.kind == "landed":
                raise StorageUnavailableError("answer lost")
            return result

        return call


def run(step=None, kind=None):
    """A commit of rows and their compaction that loses a race, with one fault.

    Returns:
        the number of calls, what the caller saw, the table on storage without faults, and
        whether the other commit took place.
    """
    table = Table()
    table.commit(added(data_file("first", seq=(0, 9))))
    store = StepStore(table.store.inner, step, kind)
    store.before["snapshot/snapshot-2"] = lambda: table.commit(
        added(data_file("theirs", seq=(10, 19)), bucket=1)
    )
    mine = table.other(store)
    new, after = data_file("new", seq=(10, 19)), data_file("after", level=1)
    try:
        seen = mine.commit(compacted([new], [after], new=[new]))
    except (StorageUnavailableError, CommitUnknownError, CommitConflictError, ProcessDeath) as e:
        seen = e
    return store.calls, seen, table, not store.before


CALLS = run()[0]


def state_of(table, raced):
    """Which of my files are live, as a fresh reader sees it; checks that the table is sound."""
    state = CommittedState(table.store.inner)
    history = list(state.snapshots.history())
    assert [s.id for s in history] == list(range(len(history), 0, -1))
    total = 0
    for snapshot in reversed(history):
        entries = state.manifests.live(snapshot).entries
        total += snapshot.delta_record_count
        assert snapshot.total_record_count == total == sum(e.file.row_count for e in entries)
    names = table.live()
    assert (names.count("first"), names.count("theirs")) == (1, int(raced))
    return [name for name in names if name in {"new", "after"}], history


@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_at_any_call_loses_and_doubles_nothing(kind):
    for step in range(CALLS):
        _, seen, table, raced = run(step, kind)
        mine, history = state_of(table, raced)
        where = f"{kind} at call {step}: {seen!r}"
        if isinstance(seen, CommitUnknownError | ProcessDeath):
            assert mine in ([], ["new"], ["after"]), where
        elif isinstance(seen, Exception):
            assert mine == [], where
        else:
            assert mine == (["after"] if seen.compaction == "committed" else ["new"]), where
            assert {s.id for s in history} >= set(seen.snapshot_ids), where
        table.other().commit(added(data_file("later", seq=(20, 29))))
        assert "later" in table.live(), where
