"""The writer of a job: rows and offsets in one snapshot, once, by one writer at a time."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError, StorageUnavailableError, WriterFencedError
from tablestore.format.job import JOB_PROPERTY, decode_job_state
from tablestore.format.paths import snapshot_path
from tests.support.builders import append_table, keyed_table, rows, state_of, store_of, stored, tree
from tests.support.foreign import commit_elsewhere


@pytest.fixture
def table():
    return keyed_table(write_only="true")


def reopened(table):
    """The table as another process sees it."""
    return ts.open_table(table.path)


def latest(table):
    return state_of(reopened(table)).snapshots.latest()


# ---- rows and offsets --------------------------------------------------------------------------


def test_rows_and_offsets_are_in_one_snapshot(table):
    with table.writer(job="orders") as writer:
        assert writer.offsets is None
        writer.write(rows([1, 2]))
        result = writer.checkpoint(offsets={"0": 5, "1": 7}, watermark=1_000)
    snapshot = latest(table)
    assert (result.snapshot_ids, result.rows, result.replayed) == ((snapshot.id,), 2, False)
    text = snapshot.properties[JOB_PROPERTY + "orders"]
    state = decode_job_state(text.encode())
    assert (state.checkpoint, state.snapshot, state.offsets) == (1, snapshot.id, {"0": 5, "1": 7})
    assert (snapshot.commit_user, snapshot.commit_identifier) == ("tablestore-job-orders", 1)
    assert snapshot.watermark == 1_000
    assert stored(table) == {1: "1", 2: "2"}


def test_nothing_is_visible_before_the_checkpoint(table):
    with table.writer("orders", flush_rows=1) as writer:
        writer.write(rows([1]))
        writer.write(rows([2]))
        assert stored(table) == {}
        writer.checkpoint({"0": 1})
        assert stored(table) == {1: "1", 2: "2"}


def test_a_new_writer_goes_on_from_the_offsets_of_the_last_checkpoint(table):
    with table.writer("orders") as writer:
        writer.write(rows([1]))
        writer.checkpoint({"0": 5})
    again = reopened(table).writer("orders")
    assert (again.offsets, again.checkpoint_id) == ({"0": 5}, 1)
    again.write(rows([2]))
    assert again.checkpoint({"0": 6}).snapshot_ids
    assert (again.offsets, again.checkpoint_id) == ({"0": 6}, 2)
    assert [job.offsets for job in reopened(table).jobs()] == [{"0": 6}]


def test_rows_of_a_writer_that_crashed_are_not_there_and_neither_are_its_offsets(table):
    writer = table.writer("orders", flush_rows=1)
    writer.write(rows([1]))
    writer.checkpoint({"0": 1})
    writer.write(rows([2]), offsets={"0": 2})
    del writer  # no end of any kind
    again = reopened(table).writer("orders")
    assert again.offsets == {"0": 1}
    assert stored(table) == {1: "1"}


def test_an_exception_in_the_block_drops_the_rows_and_removes_their_files(tmp_path):
    table = keyed_table(tmp_path)
    before = {name for name in tree(tmp_path) if "bucket-" in name}
    with pytest.raises(ZeroDivisionError), table.writer("orders", flush_rows=1) as writer:
        writer.write(rows([1]), offsets={"0": 1})
        raise ZeroDivisionError
    assert stored(table) == {}
    assert {name for name in tree(tmp_path) if name.endswith(".parquet")} <= before


def test_offsets_that_were_noted_with_rows_are_committed_at_the_end_of_the_block(table):
    with table.writer("orders") as writer:
        writer.write(rows([1]), offsets={"0": 3})
        writer.write(rows([2]), offsets={"1": 9})
    assert table.jobs()[0].offsets == {"0": 3, "1": 9}
    assert stored(table) == {1: "1", 2: "2"}


def test_rows_without_offsets_at_the_end_of_the_block_are_an_error_not_a_loss(table):
    with (
        pytest.raises(InvalidInputError, match="2 rows since the last checkpoint were dropped"),
        table.writer("orders") as writer,
    ):
        writer.write(rows([1]), offsets={"0": 3})
        writer.write(rows([2]))
    assert stored(table) == {}
    assert reopened(table).writer("orders").offsets is None


def test_a_job_without_offsets_commits_its_rows_at_the_end_of_the_block(table):
    with table.writer("plain") as writer:
        writer.write(rows([1]))
    assert stored(table) == {1: "1"}
    assert reopened(table).writer("plain").offsets == {}


def test_positions_that_a_checkpoint_leaves_out_stay_and_none_forgets_one(table):
    with table.writer("orders") as writer:
        writer.checkpoint({"orders": {"0": 1, "1": 5}, "file": "a"})
        writer.checkpoint({"orders": {"0": 2}})
        assert writer.offsets == {"orders": {"0": 2, "1": 5}, "file": "a"}
        writer.checkpoint({"file": None})
    assert table.jobs()[0].offsets == {"orders": {"0": 2, "1": 5}}


@pytest.mark.parametrize("offsets", [{0: 5}, {"0": (1, 2)}, {"0": float("nan")}, [5], {"0": set()}])
def test_offsets_that_would_not_come_back_as_given_are_refused(table, offsets):
    writer = table.writer("orders")
    writer.write(rows([1]))
    with pytest.raises(InvalidInputError, match="offsets"):
        writer.checkpoint(offsets)
    writer.checkpoint({"0": 1})  # the writer lives on
    assert stored(table) == {1: "1"}


def test_the_watermark_never_falls(table):
    with table.writer("orders") as writer:
        writer.checkpoint({"0": 1}, watermark=dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
        writer.checkpoint({"0": 2}, watermark=5)
    assert latest(table).watermark == 1_793_491_200_000
    with pytest.raises(InvalidInputError, match="time zone"):
        table.writer("orders").checkpoint(watermark=dt.datetime(2026, 11, 1))


def test_deletes_travel_as_row_kinds(table):
    with table.writer("orders") as writer:
        writer.write(
            [{"op": "+I", "id": 1, "v": "a"}, {"op": "+I", "id": 2, "v": "b"}], row_kind="op"
        )
        writer.checkpoint({"0": 2})
        writer.write([{"op": "-D", "id": 1, "v": "a"}], row_kind="op")
        writer.checkpoint({"0": 3})
    assert stored(table) == {2: "b"}


def test_append_tables_have_writers_too():
    table = append_table()
    with table.writer("log", flush_rows=2) as writer:
        for n in range(5):
            writer.write(rows([n]))
        result = writer.checkpoint({"0": 5})
    assert (result.rows, result.files_added) == (5, 3)
    assert sorted(table.to_arrow()["id"].to_pylist()) == list(range(5))


def test_a_writer_compacts_what_its_rows_made_due():
    table = keyed_table(bucket=1)
    with table.writer("orders") as writer:
        for n in range(8):
            writer.write(rows([1], str(n)))
            writer.checkpoint({"0": n})
    assert stored(table) == {1: "7"}
    history = state_of(table).snapshots.history()
    kinds = {(s.commit_kind, s.commit_user == "tablestore-job-orders") for s in history}
    assert kinds == {("APPEND", True), ("APPEND", False), ("COMPACT", False)}
    assert reopened(table).writer("orders").offsets == {"0": 7}


# ---- replays -----------------------------------------------------------------------------------


@pytest.mark.parametrize("offsets", [{"0": 5}, {"0": 3}, {"0": 5, "1": 7}])
def test_a_checkpoint_whose_offsets_are_not_ahead_is_skipped_and_says_so(table, offsets):
    writer = table.writer("orders")
    writer.write(rows([1]))
    made = writer.checkpoint({"0": 5, "1": 7})
    snapshots = table.snapshot_id
    writer.write(rows([1], "again"))
    replay = writer.checkpoint(offsets)
    assert (replay.replayed, replay.snapshot_ids) == (True, made.snapshot_ids)
    assert (table.snapshot_id, stored(table)) == (snapshots, {1: "1"})
    assert "replayed" in repr(replay)
    writer.write(rows([2]))
    assert not writer.checkpoint({"0": 6}).replayed
    assert stored(table) == {1: "1", 2: "2"}


def test_a_checkpoint_of_an_id_that_was_committed_is_skipped(table):
    with table.writer("orders") as writer:
        writer.write(rows([1]))
        writer.checkpoint(checkpoint_id=7)
        writer.write(rows([1], "again"))
        assert writer.checkpoint(checkpoint_id=7).replayed
        writer.write(rows([2]))
        assert not writer.checkpoint(checkpoint_id=8).replayed
    assert stored(table) == {1: "1", 2: "2"}


def test_offsets_partly_ahead_and_partly_behind_are_refused(table):
    writer = table.writer("orders")
    writer.checkpoint({"0": 5, "1": 7})
    writer.write(rows([1]))
    with pytest.raises(InvalidInputError, match="some offsets are ahead"):
        writer.checkpoint({"0": 6, "1": 3})


def test_a_checkpoint_without_anything_new_makes_no_snapshot(table):
    writer = table.writer("orders")
    writer.write(rows([1]))
    writer.checkpoint({"0": 5})
    before = table.snapshot_id
    assert writer.checkpoint().snapshot_ids == ()
    assert table.snapshot_id == before
    assert writer.checkpoint({"0": 6}).snapshot_ids == (before + 1,)


# ---- one writer a job --------------------------------------------------------------------------


def test_an_older_writer_is_fenced_at_its_next_checkpoint(table):
    old = table.writer("orders")
    old.write(rows([1]))
    old.checkpoint({"0": 1})
    new = reopened(table).writer("orders")
    old.write(rows([1], "zombie"))
    with pytest.raises(WriterFencedError, match="another writer of job 'orders'"):
        old.checkpoint({"0": 2})
    with pytest.raises(InvalidInputError, match="ended"):
        old.write(rows([1]))
    new.write(rows([2]))
    new.checkpoint({"0": 2})
    assert stored(table) == {1: "1", 2: "2"}


@pytest.mark.parametrize("what", ["nothing", "a replay"])
def test_an_older_writer_is_fenced_also_where_it_has_nothing_to_commit(table, what):
    old = table.writer("orders")
    old.checkpoint({"0": 1})
    reopened(table).writer("orders")
    with pytest.raises(WriterFencedError):
        old.checkpoint({"0": 1} if what == "a replay" else None)


def test_a_writer_that_is_opened_between_the_check_and_the_create_still_fences(table):
    """The older one has looked and found itself in charge; the snapshot decides."""
    old = table.writer("orders")
    old.write(rows([1]))
    store, opened = store_of(table), []
    put_if_absent = store.put_if_absent

    def paused(key, data):
        if key.startswith("snapshot/") and not opened:
            opened.append(None)
            opened.append(reopened(table).writer("orders"))
        return put_if_absent(key, data)

    store.put_if_absent = paused
    with pytest.raises(WriterFencedError):
        old.checkpoint({"0": 2})
    assert opened[1].offsets is None
    assert stored(table) == {}


def test_a_checkpoint_of_the_same_number_by_a_newer_writer_is_not_taken_for_ones_own(table):
    """Both commit checkpoint 1 under the job's user; only the newer one's rows are there."""
    old = table.writer("orders")
    old.write(rows([1], "old"))
    store, paused = store_of(table), []
    put_if_absent = store.put_if_absent

    def late(key, data):
        if key.startswith("snapshot/") and not paused:
            paused.append(None)
            new = reopened(table).writer("orders")
            new.write(rows([1], "new"))
            assert new.checkpoint({"0": 1}).snapshot_ids == (3,)
        return put_if_absent(key, data)

    store.put_if_absent = late
    with pytest.raises(WriterFencedError):
        old.checkpoint({"0": 1})
    assert stored(table) == {1: "new"}


def test_of_two_writers_opened_at_once_one_is_fenced(table):
    store, second = store_of(table), []
    put_if_absent = store.put_if_absent

    def paused(key, data):
        if key.startswith("snapshot/") and not second:
            second.append(None)
            second.append(reopened(table).writer("orders"))
        return put_if_absent(key, data)

    store.put_if_absent = paused
    first = table.writer("orders")
    first.write(rows([1]))
    first.checkpoint({"0": 1})
    second[1].write(rows([2]))
    with pytest.raises(WriterFencedError):
        second[1].checkpoint({"0": 1})
    assert stored(table) == {1: "1"}


def test_jobs_do_not_disturb_each_other(table):
    one, two = table.writer("one"), reopened(table).writer("two")
    for n in range(3):
        one.write(rows([n]))
        one.checkpoint({"a": n})
        two.write(rows([10 + n]))
        two.checkpoint({"b": n})
    assert {job.name: job.offsets for job in table.jobs()} == {"one": {"a": 2}, "two": {"b": 2}}
    assert sorted(stored(table)) == [0, 1, 2, 10, 11, 12]


def test_a_job_that_was_forgotten_starts_anew(table):
    old = table.writer("orders")
    old.checkpoint({"0": 1})
    table.forget_job("orders")
    assert table.jobs() == []
    with pytest.raises(WriterFencedError):
        old.checkpoint({"0": 2})
    new = reopened(table).writer("orders")
    assert (new.offsets, new.checkpoint_id) == (None, None)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "-a", "ä", "x" * 129, None, 5])
def test_a_name_that_no_job_can_have_is_refused(table, name):
    with pytest.raises(InvalidInputError, match="name of a job"):
        table.writer(name)


# ---- errors ------------------------------------------------------------------------------------


def test_bad_rows_end_the_writer_so_that_no_offset_passes_over_them(table):
    writer = table.writer("orders")
    writer.write(rows([1]), offsets={"0": 1})
    with pytest.raises(InvalidInputError, match="id"):
        writer.write([{"id": None, "v": "x"}], offsets={"0": 2})
    with pytest.raises(InvalidInputError, match="ended by an error in write"):
        writer.checkpoint()
    writer.close()  # as the block would
    assert stored(table) == {}
    assert reopened(table).writer("orders").offsets is None


def test_a_lost_answer_of_a_checkpoint_is_settled(table):
    writer = table.writer("orders")
    writer.write(rows([1]))
    lose_answers(table, 1)
    assert writer.checkpoint({"0": 1}).rows == 1
    writer.write(rows([2]))
    writer.checkpoint({"0": 2})
    assert stored(table) == {1: "1", 2: "2"}


def test_an_unknown_checkpoint_is_known_to_the_next_writer():
    table = keyed_table(commit__timeout="1 ms")
    writer = table.writer("orders")
    writer.write(rows([1]))
    lose_answers(table, 1, reads_fail=True)
    with pytest.raises(ts.CommitUnknownError) as caught:
        writer.checkpoint({"0": 1})
    again = reopened(table)
    assert again.resolve(caught.value.token).outcome == "committed"
    assert again.writer("orders").offsets == {"0": 1}
    assert stored(again) == {1: "1"}


def lose_answers(table, count, *, reads_fail=False):
    """The next snapshots are created, and nobody learns of it."""
    store, lost = store_of(table), []
    put_if_absent, get = store.put_if_absent, store.get

    def create(key, data):
        made = put_if_absent(key, data)
        if key.startswith("snapshot/") and len(lost) < count:
            lost.append(key)
            raise StorageUnavailableError("connection reset")
        return made

    def read(key):
        if reads_fail and key in lost:
            raise StorageUnavailableError("connection reset")
        return get(key)

    store.put_if_absent, store.get = create, read


# ---- flushes -----------------------------------------------------------------------------------


def data_files(folder):
    return [name for name in tree(folder) if name.endswith(".parquet")]


@pytest.mark.parametrize(
    "limit", [{"flush_rows": 3}, {"flush_bytes": "20 b"}, {"flush_interval": 1e-9}]
)
def test_rows_become_files_by_count_bytes_and_time(tmp_path, limit):
    table = keyed_table(tmp_path, write_only="true")
    writer = table.writer("orders", **limit)
    writer.write(rows([1, 2, 3]))
    assert len(data_files(tmp_path)) == 1
    writer.write(rows([4, 5, 6]))
    assert len(data_files(tmp_path)) == 2
    assert stored(table) == {}
    assert writer.checkpoint({"0": 6}).files_added == 2
    assert sorted(stored(table)) == [1, 2, 3, 4, 5, 6]


def test_without_limits_rows_wait_in_memory(tmp_path):
    table = keyed_table(tmp_path, write_only="true")
    writer = table.writer("orders")
    writer.write(rows([1]))
    assert data_files(tmp_path) == []
    writer.flush()
    assert len(data_files(tmp_path)) == 1
    writer.abort()
    assert data_files(tmp_path) == []


@pytest.mark.parametrize(
    "limit", [{"flush_rows": 0}, {"flush_bytes": -1}, {"flush_interval": "0 s"}]
)
def test_limits_are_positive(table, limit):
    with pytest.raises(InvalidInputError, match="must be positive"):
        table.writer("orders", **limit)


# ---- SIGTERM -----------------------------------------------------------------------------------

PROGRAM = """
import os, signal, sys
import tablestore as ts
table = ts.open_table(sys.argv[1])
with table.writer("orders") as writer:
    for n in range(100):
        {write}
        if n == 5:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("not reached")
"""


def terminated(table, write):
    command = [sys.executable, "-c", PROGRAM.format(write=write), table.path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 143, done.stderr
    assert done.stderr == ""


def test_sigterm_commits_what_has_offsets_and_ends(tmp_path):
    table = keyed_table(tmp_path)
    terminated(table, 'writer.write([{"id": n, "v": "x"}], offsets={"0": n})')
    assert sorted(stored(table)) == [0, 1, 2, 3, 4, 5]
    assert table.writer("orders").offsets == {"0": 5}


def test_sigterm_drops_rows_whose_offsets_nobody_knows(tmp_path):
    table = keyed_table(tmp_path)
    write = 'writer.write([{"id": n, "v": "x"}]); n in (1, 3) and writer.checkpoint({"0": n})'
    terminated(table, write)
    assert sorted(stored(table)) == [0, 1, 2, 3]
    assert table.writer("orders").offsets == {"0": 3}


def test_sigterm_within_a_call_waits_for_its_end(table):
    writer = table.writer("orders")
    store = store_of(table)
    put_if_absent = store.put_if_absent

    def killed(key, data):
        if key.startswith("snapshot/"):
            store.put_if_absent = put_if_absent
            signal.raise_signal(signal.SIGTERM)
        return put_if_absent(key, data)

    with pytest.raises(SystemExit) as ended, writer:
        writer.write(rows([1]))
        store.put_if_absent = killed
        writer.checkpoint({"0": 1})
        raise AssertionError("not reached")
    assert ended.value.code == 143
    assert stored(table) == {1: "1"}
    assert table.writer("orders").offsets == {"0": 1}


def test_the_handler_that_was_there_is_restored_and_one_of_the_user_is_left_alone(table):
    before = signal.getsignal(signal.SIGTERM)
    with table.writer("one"), table.writer("two"):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
    with table.writer("one", handle_sigterm=False):
        assert signal.getsignal(signal.SIGTERM) is before

    def mine(number, frame):
        raise AssertionError

    signal.signal(signal.SIGTERM, mine)
    try:
        with table.writer("one"):
            assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_writer_in_another_thread_handles_no_signal(table):
    failed = []

    def work():
        try:
            with table.writer("orders") as writer:
                writer.write(rows([1]), offsets={"0": 1})
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failed == []
    assert stored(table) == {1: "1"}


# ---- what other commits do to the offsets ------------------------------------------------------


def everything_else(table):
    """Every kind of commit of ours that is not the job's."""
    table.upsert(rows([1], "u"))
    table.delete(keys=[1])
    table.update(set={"v": "'w'"}, where="true")
    table.compact(full=True)
    table.overwrite(rows([9]))
    with table.batch() as batch:
        batch.upsert(rows([8]))
    table.truncate()


def test_every_commit_of_ours_carries_the_offsets_forward(table):
    with table.writer("orders") as writer:
        writer.write(rows([5]))
        writer.checkpoint({"0": 5})
    first = table.snapshot_id
    everything_else(reopened(table))
    assert table.snapshot_id >= first + 7
    for snapshot_id in range(first, table.snapshot_id + 1):
        properties = json.loads(store_of(table).get(snapshot_path(snapshot_id)))["properties"]
        assert decode_job_state(properties["tablestore.job.orders"].encode()).offsets == {"0": 5}


def test_offsets_are_found_below_the_snapshots_of_another_engine(table):
    with table.writer("orders") as writer:
        writer.checkpoint({"0": 5})
    commit_elsewhere(table, 3)
    assert reopened(table).jobs()[0].offsets == {"0": 5}
    reopened(table).upsert(rows([1]))
    assert JOB_PROPERTY + "orders" in latest(table).properties


def test_a_table_without_jobs_pays_nothing_for_them(table):
    table.upsert(rows([1]))
    assert latest(table).properties == {}
    commit_elsewhere(table, 20)
    fresh = reopened(table)
    store = store_of(fresh)
    before = store.snapshot()
    fresh.upsert(rows([2]))
    assert store.since(before)["get"] < 15  # not one for each foreign snapshot
