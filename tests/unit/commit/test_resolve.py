"""What became of a commit whose outcome was unknown."""

from __future__ import annotations

import pytest

from tablestore.commit.settings import CommitSettings
from tablestore.commit.token import CommitToken, resolve
from tablestore.errors import CommitUnknownError, InvalidInputError
from tablestore.format.paths import EARLIEST_HINT, snapshot_path
from tablestore.metadata.base import CommittedState
from tablestore.store.memory import MemoryStore
from tests.unit.commit.commit_builders import FaultyStore, Table, added, data_file

SECOND = snapshot_path(2)


@pytest.fixture
def table():
    first = Table()
    first.commit(added(data_file("first")))
    faults = FaultyStore(MemoryStore(first.name))
    found = first.other(faults)
    found.faults = faults
    return found


def unknown(table, *faults):
    """The token of a commit of file `mine` that ended without an answer."""
    table.faults.fail("put_if_absent", SECOND, *faults)
    # the first look for it, before it is made, finds out that it is not there
    table.faults.fail("get", SECOND, None, *["absent"] * 10_000)
    settings = CommitSettings(timeout_ms=100)
    with pytest.raises(CommitUnknownError) as caught:
        table.committer(settings=settings).commit([added(data_file("mine"))])
    table.faults.script.clear()
    return CommitToken.parse(caught.value.token)


def found(table, token):
    """As another process sees it."""
    return resolve(CommittedState(table.store.inner.inner), token)


def test_a_commit_whose_snapshot_is_there_is_committed(table):
    token = unknown(table, "landed")
    answer = found(table, token)
    assert (answer.outcome, answer.snapshot_id) == ("committed", 2)
    assert "committed in snapshot 2" in repr(answer)
    table.commit(added(data_file("later")))
    assert found(table, token).snapshot_id == 2


def test_a_commit_whose_number_another_took_is_not_committed(table):
    token = unknown(table, "absent")
    table.commit(added(data_file("other")))
    assert found(table, token).outcome == "not committed"
    assert table.live() == ["first", "other"]


def test_a_commit_that_may_yet_land_is_unknown(table):
    token = unknown(table, "absent")
    assert found(table, token).outcome == "unknown"
    assert "delayed request" in found(table, token).reason


def expired_below(table, first_kept):
    for snapshot_id in range(1, first_kept):
        table.faults.inner.delete(snapshot_path(snapshot_id))
    table.faults.inner.put(EARLIEST_HINT, str(first_kept).encode())


def test_a_commit_whose_snapshot_was_expired_is_known_by_its_files(table):
    token = unknown(table, "landed")
    table.commit(added(data_file("later")))
    expired_below(table, 3)
    answer = found(table, token)
    assert (answer.outcome, answer.snapshot_id) == ("committed", None)


def test_a_commit_that_left_no_trace_is_unknown(table):
    token = unknown(table, "absent")
    for name in ("a", "b"):
        table.commit(added(data_file(name)))
    expired_below(table, 3)
    assert found(table, token).outcome == "unknown"


def test_a_snapshot_below_the_earliest_proves_nothing(table):
    """Its writer slept through an expiry and wrote into the hole; nobody reads it."""
    token = unknown(table, "landed")
    hole = table.faults.inner.get(SECOND)
    table.faults.inner.delete(SECOND)
    table.faults.inner.put("snapshot/LATEST", b"1")
    for name in ("a", "b"):
        table.other(table.faults.inner).commit(added(data_file(name)))
    expired_below(table, 3)
    table.faults.inner.put(SECOND, hole)
    assert found(table, token).outcome == "unknown"


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"user": 1}', "[" * 100_000, 5, None])
def test_what_is_no_token_is_refused(text):
    with pytest.raises(InvalidInputError, match="token of a CommitUnknownError"):
        CommitToken.parse(text)


def test_a_token_is_one_line_of_text(table):
    token = unknown(table, "absent")
    assert "\n" not in token.text
    assert CommitToken.parse(token.text) == token
    assert token.files == ("mine",)
