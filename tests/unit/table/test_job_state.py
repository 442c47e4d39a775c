"""How far a job came is known, or an error; it never silently starts from nothing."""

from __future__ import annotations

import pytest

import tablestore as ts
from tablestore.errors import (
    CorruptDataError,
    JobStateExpiredError,
    StorageUnavailableError,
    WriterFencedError,
)
from tablestore.format.job import KNOWN_SINCE_PROPERTY, marker_path
from tablestore.format.paths import snapshot_path
from tests.support.builders import keyed_table, rows, state_of, store_of, stored
from tests.support.foreign import commit_elsewhere, expire_elsewhere


@pytest.fixture
def table():
    return keyed_table(write_only="true")


def reopened(table):
    return ts.open_table(table.path)


def checkpointed(table, job="orders", **offsets):
    with table.writer(job) as writer:
        writer.checkpoint(offsets or {"p": 5})


def forgotten_elsewhere(table):
    """Another engine commits last and expires every snapshot of ours."""
    expire_elsewhere(table, commit_elsewhere(table, 3))


def test_state_that_another_engine_expired_is_an_error_not_an_empty_start(table):
    checkpointed(table)
    forgotten_elsewhere(table)
    for attempt in range(2):
        with pytest.raises(JobStateExpiredError, match="restart_from"):
            reopened(table).writer("orders")
        with pytest.raises(JobStateExpiredError):
            reopened(table).committer("orders").filter_committed([1])
        if attempt == 0:
            reopened(table).upsert(rows([1]))  # a commit of ours does not hide the loss


def test_what_was_lost_stays_known_through_commits_of_ours(table):
    checkpointed(table)
    forgotten_elsewhere(table)
    first = table.snapshot_id
    for n in range(3):
        reopened(table).upsert(rows([n]))
    properties = state_of(reopened(table)).snapshots.latest().properties
    assert properties[KNOWN_SINCE_PROPERTY] == str(first)


def test_a_job_that_is_opened_for_the_first_time_after_a_loss_starts_empty(table):
    checkpointed(table, "old")
    forgotten_elsewhere(table)
    assert reopened(table).writer("young").offsets is None
    assert reopened(table).writer("young").offsets is None  # it was opened once, and lost nothing
    with pytest.raises(JobStateExpiredError):
        reopened(table).writer("old")


def test_a_job_goes_on_from_offsets_that_the_user_gives(table):
    checkpointed(table)
    forgotten_elsewhere(table)
    with reopened(table).writer("orders", restart_from={"p": 6}) as writer:
        assert writer.offsets == {"p": 6}
        writer.write(rows([1]))
        writer.checkpoint({"p": 7})
    assert reopened(table).writer("orders").offsets == {"p": 7}


def test_a_writer_that_lives_through_the_loss_commits_nothing(table):
    old = table.writer("orders")
    old.checkpoint({"p": 5})
    forgotten_elsewhere(table)
    new = reopened(table).writer("orders", restart_from={"p": 5})
    old.write(rows([1]))
    with pytest.raises(WriterFencedError):
        old.checkpoint({"p": 6})
    new.checkpoint({"p": 6})
    assert stored(table) == {}


def test_a_live_writer_whose_state_was_expired_stops_instead_of_guessing(table):
    writer = table.writer("orders")
    writer.checkpoint({"p": 5})
    forgotten_elsewhere(table)
    writer.write(rows([1]))
    with pytest.raises(JobStateExpiredError):
        writer.checkpoint({"p": 6})


def test_a_job_that_died_while_it_was_opened_first_starts_empty(table):
    table.upsert(rows([1]))
    state_of(table).jobs.mark("orders", state_of(table).snapshots.latest())
    commit_elsewhere(table, 3)
    assert reopened(table).writer("orders").offsets is None


def test_a_job_that_died_while_it_was_opened_first_is_not_known_after_a_loss(table):
    table.upsert(rows([1]))
    state_of(table).jobs.mark("orders", state_of(table).snapshots.latest())
    forgotten_elsewhere(table)
    with pytest.raises(JobStateExpiredError):  # its checkpoints may have been in what is gone
        reopened(table).writer("orders")


def test_a_state_in_the_one_snapshot_after_the_marker_is_missed_too(table):
    table.upsert(rows([1]))
    table.writer("orders", restart_from={"p": 1})  # the marker says 1, the state is in 2
    commit_elsewhere(table, 1)
    expire_elsewhere(table, 3)
    with pytest.raises(JobStateExpiredError):
        reopened(table).writer("orders")


def test_our_snapshots_above_the_expired_ones_keep_all_offsets(table):
    checkpointed(table, "one", a=1)
    checkpointed(table, "two", b=2)
    commit_elsewhere(table, 2)
    reopened(table).upsert(rows([1]))
    expire_elsewhere(table, table.snapshot_id)
    assert {job.name: job.offsets for job in reopened(table).jobs()} == {
        "one": {"a": 1},
        "two": {"b": 2},
    }


def test_a_forgotten_job_is_not_missed_after_a_loss(table):
    checkpointed(table)
    table.forget_job("orders")
    assert store_of(table).head(marker_path("orders")) is None
    forgotten_elsewhere(table)
    assert reopened(table).writer("orders").offsets is None


def test_a_rollback_takes_the_offsets_back_with_the_rows(table):
    with table.writer("orders") as writer:
        for n in (1, 2, 3):
            writer.write(rows([n]))
            writer.checkpoint({"p": n})
    store = store_of(table)
    store.delete(snapshot_path(4))  # as Java's rollback does
    store.delete(snapshot_path(3))
    store.put("snapshot/LATEST", b"2")
    again = reopened(table)
    assert again.writer("orders").offsets == {"p": 1}
    assert stored(again) == {1: "1"}


def test_a_flipped_bit_in_stored_offsets_is_found(table):
    checkpointed(table)
    store, key = store_of(table), snapshot_path(table.snapshot_id)
    data = store.get(key)
    assert data.count(rb"\"p\":5") == 1
    store.put(key, data.replace(rb"\"p\":5", rb"\"p\":4"))
    with pytest.raises(CorruptDataError, match="job state"):
        reopened(table).writer("orders")
    reopened(table).upsert(rows([1]))  # others go on, and carry it as it is


def test_a_branch_has_jobs_of_its_own(tmp_path):
    table = keyed_table(tmp_path)
    checkpointed(table)
    home = tmp_path / "shop.db/t"
    (home / "branch/branch-b/schema").mkdir(parents=True)
    (home / "branch/branch-b/schema/schema-0").write_bytes((home / "schema/schema-0").read_bytes())
    branch = ts.open_table(str(home), branch="b")
    with branch.writer("orders") as writer:
        assert writer.offsets is None
        writer.checkpoint({"p": 1})
    assert (home / "branch/branch-b/tablestore/job-orders").exists()
    assert reopened(table).writer("orders").offsets == {"p": 5}


def test_the_marker_is_there_before_the_first_state(table):
    store, seen = store_of(table), []
    put_if_absent = store.put_if_absent

    def watched(key, data):
        if key.startswith("snapshot/"):
            seen.append(store.head(marker_path("orders")) is not None)
        return put_if_absent(key, data)

    store.put_if_absent = watched
    table.writer("orders")
    assert seen == [True]


def test_a_lost_answer_is_settled_by_the_state_where_the_snapshot_was_expired(table):
    """The answer is lost, others commit and expire meanwhile, and then it is looked for."""
    writer = table.writer("orders")
    writer.write(rows([1]))
    store, tried = store_of(table), []
    put_if_absent, get = store.put_if_absent, store.get

    def lost(key, data):
        made = put_if_absent(key, data)
        if key.startswith("snapshot/") and not tried:
            tried.append(key)
            raise StorageUnavailableError("connection reset")
        return made

    def late(key):
        if tried and key == tried[0] and len(tried) == 1:
            tried.append(key)
            other = reopened(table)
            other.upsert(rows([2]))
            other.upsert(rows([3]))
            expire_elsewhere(other, other.snapshot_id)
        return get(key)

    store.put_if_absent, store.get = lost, late
    result = writer.checkpoint({"p": 1})
    assert (result.snapshot_ids, result.rows, result.replayed) == ((2,), 1, False)
    writer.write(rows([4]))
    writer.checkpoint({"p": 2})
    assert sorted(stored(table)) == [1, 2, 3, 4]


@pytest.mark.parametrize("foreign", [0, 3])
def test_our_expiry_keeps_the_offsets_of_every_job(table, foreign):
    checkpointed(table, "one", a=1)
    checkpointed(table, "two", b=2)
    for n in range(5):
        table.upsert(rows([n]))
    if foreign:
        commit_elsewhere(table, foreign)
    reopened(table).expire(older_than="0 ms", keep_last=1)
    found = {job.name: job.offsets for job in reopened(table).jobs()}
    assert found == {"one": {"a": 1}, "two": {"b": 2}}
    assert len(reopened(table).history()) == 1 + foreign
    assert reopened(table).writer("one").offsets == {"a": 1}
