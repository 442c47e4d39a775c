"""Checkpoints in two halves: writers prepare, one committer commits, once."""

from __future__ import annotations

import pickle

import pytest

import tablestore as ts
from tablestore.commit.message_bytes import PreparedCheckpoint
from tablestore.errors import (
    CommitUnknownError,
    CorruptDataError,
    InvalidInputError,
    NotFoundError,
    StorageUnavailableError,
    UnsupportedFormatError,
    WriterFencedError,
)
from tablestore.format.sealed_json import seal
from tests.support.builders import append_table, keyed_table, rows, store_of, stored, tree


@pytest.fixture
def table():
    return keyed_table(write_only="true")


def prepared(table, number, ids, v=None, **more):
    writer = table.writer("orders", prepare_only=True)
    writer.write(rows(ids, v))
    return writer.prepare(number, **more)


def test_what_is_prepared_is_visible_once_it_is_committed(table):
    messages = prepared(table, 7, [1, 2], offsets={"0": 5}, watermark=1_000)
    assert stored(table) == {}
    committer = table.committer("orders")
    result = committer.commit(7, messages)
    assert (result.rows, result.replayed) == (2, False)
    assert stored(table) == {1: "1", 2: "2"}
    assert committer.offsets == {"0": 5}
    assert table.at(snapshot=result.snapshot_id).history()[0].id == result.snapshot_id


def test_a_checkpoint_takes_effect_once_however_often_it_is_committed(table):
    messages = prepared(table, 7, [1])
    committer = table.committer("orders")
    first = committer.commit(7, messages)
    before = table.snapshot_id
    for again in (committer, ts.open_table(table.path).committer("orders")):
        result = again.commit(7, messages)
        assert (result.replayed, result.snapshot_ids) == (True, first.snapshot_ids)
    assert table.snapshot_id == before
    assert stored(table) == {1: "1"}  # and the files of the replay are those of the table


def test_filter_committed_gives_what_is_to_be_done(table):
    committer = table.committer("orders")
    assert committer.filter_committed([3, 5]) == [3, 5]
    committer.commit(5, prepared(table, 5, [1]))
    assert committer.filter_committed([3, 5, 6, 7]) == [6, 7]
    assert ts.open_table(table.path).committer("orders").filter_committed([5, 6]) == [6]


def test_messages_of_parallel_tasks_are_one_checkpoint():
    table = append_table()
    tasks = [table.writer("log", prepare_only=True) for _ in range(3)]
    parts = []
    for n, task in enumerate(tasks):
        task.write(rows([n]))
        parts.append(task.prepare(1, offsets={str(n): n + 10}, watermark=100 + n))
    committer = table.committer("log")
    result = committer.commit(1, [PreparedCheckpoint.from_bytes(p.to_bytes()) for p in parts])
    assert (result.rows, len(result.snapshot_ids)) == (3, 1)
    assert committer.offsets == {"0": 10, "1": 11, "2": 12}
    assert table.history()[0].watermark == 100


def test_tasks_that_disagree_on_an_offset_are_refused(table):
    parts = [prepared(table, 1, [n], offsets={"0": n}) for n in (1, 2)]
    with pytest.raises(InvalidInputError, match="different offsets for '0'"):
        table.committer("orders").commit(1, parts)


def test_writers_that_only_prepare_fence_nobody(table):
    committer = table.committer("orders")
    committer.commit(1, prepared(table, 1, [1]))
    snapshot = table.snapshot_id
    messages = prepared(table, 2, [2])
    assert table.snapshot_id == snapshot
    committer.commit(2, messages)
    with pytest.raises(InvalidInputError, match="prepare_only"):
        table.writer("orders", prepare_only=True).checkpoint({"0": 1})


def test_an_older_committer_is_fenced_by_the_first_commit_of_a_newer_one(table):
    old, new = table.committer("orders"), ts.open_table(table.path).committer("orders")
    old.commit(1, prepared(table, 1, [1]))
    new.commit(2, prepared(table, 2, [2]))
    with pytest.raises(WriterFencedError):
        old.commit(3, prepared(table, 3, [3]))
    new.commit(3, prepared(table, 3, [4]))
    assert sorted(stored(table)) == [1, 2, 4]


def test_prepares_may_be_ahead_of_their_commits_and_the_later_value_wins(table):
    writer = table.writer("orders", prepare_only=True)
    parts = []
    for number in (1, 2, 3):
        writer.write(rows([1], str(number)))
        parts.append(writer.prepare(number))
    lowest = [one.messages[0].data.new_files[0].min_sequence_number for one in parts]
    assert lowest == [0, 1, 2]
    committer = table.committer("orders")
    for number, one in zip((1, 2, 3), parts, strict=True):
        assert committer.commit(number, one).retries == 0
        assert stored(table) == {1: str(number)}


def test_a_late_commit_wins_over_rows_that_others_committed_since(table):
    messages = prepared(table, 1, [1], "mine, later")
    for n in range(5):
        table.upsert(rows([1], f"other {n}"))
    table.committer("orders").commit(1, messages)
    assert stored(table) == {1: "mine, later"}


def test_a_failed_commit_leaves_the_files_for_the_next_try(tmp_path):
    table = keyed_table(tmp_path, write_only="true")
    messages = prepared(table, 1, [1], "mine")
    table.upsert(rows([1], "other"))  # so that the files have to be written again with new numbers
    store = store_of(table)
    put_if_absent = store.put_if_absent

    def full(key, data):
        raise StorageUnavailableError("the disk is full", landed=False)

    before = set(tree(tmp_path))
    committer = table.committer("orders")
    store.put_if_absent = full
    with pytest.raises(StorageUnavailableError):
        committer.commit(1, messages)
    store.put_if_absent = put_if_absent
    assert set(tree(tmp_path)) == before
    committer.commit(1, messages)
    assert stored(table) == {1: "mine"}
    files = {name.rpartition("/")[2] for name in tree(tmp_path) if name.endswith(".parquet")}
    assert len(files) == 2  # the first copy is gone


def test_a_commit_of_unknown_outcome_may_simply_be_made_again(tmp_path):
    table = keyed_table(tmp_path, write_only="true", commit__timeout="1 ms")
    messages = prepared(table, 1, [1])
    store = store_of(table)
    inner = store.put_if_absent, store.get

    def lost(key, data):
        inner[0](key, data)
        raise StorageUnavailableError("connection reset")

    def silent(key):
        if key == "snapshot/snapshot-1":
            raise StorageUnavailableError("connection reset")
        return inner[1](key)

    committer = table.committer("orders")
    store.put_if_absent, store.get = lost, silent
    with pytest.raises(CommitUnknownError):
        committer.commit(1, messages)
    store.put_if_absent, store.get = inner
    assert committer.commit(1, messages).replayed
    assert stored(table) == {1: "1"}
    committer.commit(2, prepared(table, 2, [2]))
    assert sorted(stored(table)) == [1, 2]


def test_messages_whose_files_are_gone_are_refused(tmp_path):
    table = keyed_table(tmp_path)
    messages = prepared(table, 1, [1])
    [data] = tmp_path.rglob("*.parquet")
    data.unlink()
    with pytest.raises(NotFoundError, match="of checkpoint 1 is gone"):
        table.committer("orders").commit(1, messages)
    assert table.committer("orders").filter_committed([1]) == [1]


def test_an_aborted_checkpoint_leaves_no_file_and_a_committed_one_stays(tmp_path):
    table = keyed_table(tmp_path)
    committer = table.committer("orders")
    first = prepared(table, 1, [1])
    committer.commit(1, first)
    committer.abort(prepared(table, 2, [2]))
    assert len(list(tmp_path.rglob("*.parquet"))) == 1
    with pytest.raises(InvalidInputError, match="is committed"):
        committer.abort([first])
    assert stored(table) == {1: "1"}


def test_messages_of_another_job_or_checkpoint_are_refused(table):
    messages = prepared(table, 1, [1])
    for committer, number in ((table.committer("other"), 1), (table.committer("orders"), 2)):
        with pytest.raises(InvalidInputError, match="expected messages of checkpoint"):
            committer.commit(number, messages)
    with pytest.raises(InvalidInputError, match="from_bytes"):
        table.committer("orders").commit(1, [messages.to_bytes()])


@pytest.mark.parametrize("number", [-1, 2**63 - 1, "7", True, 1.0, None])
def test_an_id_that_no_checkpoint_can_have_is_refused(table, number):
    with pytest.raises(InvalidInputError, match="checkpoint id"):
        table.writer("orders", prepare_only=True).prepare(number)
    with pytest.raises(InvalidInputError, match="checkpoint id"):
        table.committer("orders").filter_committed([number])


# ---- as bytes ----------------------------------------------------------------------------------


def test_messages_survive_pickle_and_bytes():
    columns = {"day": "STRING NOT NULL", "id": "BIGINT NOT NULL", "v": "STRING"}
    table = keyed_table(columns=columns, key=("day", "id"), by=("day",), bucket=2)
    writer = table.writer("orders", prepare_only=True)
    data = [{"day": f"d{n % 3}", "id": n, "v": "é"} for n in range(20)]
    writer.write(data)
    messages = writer.prepare(4, offsets={"t": {"0": 5, "1": None}}, watermark=-7)
    assert pickle.loads(pickle.dumps(messages)) == messages
    again = PreparedCheckpoint.from_bytes(messages.to_bytes())
    assert again == messages
    assert len(messages.messages) >= 3
    table.committer("orders").commit(4, again)
    assert table.to_arrow().num_rows == 20


def test_damaged_bytes_of_messages_are_named(table):
    data = prepared(table, 1, [1]).to_bytes()
    for bad in (b"", b"x", data[:-1], data.replace(b'"bucket":0', b'"bucket":1'), b"[]", b"{}"):
        with pytest.raises(CorruptDataError, match="prepared checkpoint"):
            PreparedCheckpoint.from_bytes(bad)
    with pytest.raises(UnsupportedFormatError, match="version 2"):
        PreparedCheckpoint.from_bytes(data.replace(b'"version":1', b'"version":2'))
    with pytest.raises(InvalidInputError, match="expected bytes"):
        PreparedCheckpoint.from_bytes(data.decode())


def test_a_file_name_that_leaves_its_folder_is_refused():
    body = {"job": "j", "checkpoint": 1, "offsets": None, "watermark": None, "messages": []}
    PreparedCheckpoint.from_bytes(seal(body).encode())
    table = append_table()
    writer = table.writer("j", prepare_only=True)
    writer.write(rows([1]))
    name = writer.prepare(1).messages[0].data.new_files[0].file_name
    writer.write(rows([1]))
    messages = writer.prepare(1)
    name = messages.messages[0].data.new_files[0].file_name
    import json

    body = json.loads(messages.to_bytes())["body"]
    body["messages"][0]["data"]["new"][0]["file_name"] = f"../{name}"
    with pytest.raises(CorruptDataError, match="name of a file"):
        PreparedCheckpoint.from_bytes(seal(body).encode())
