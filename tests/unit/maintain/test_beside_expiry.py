"""Readers and compactions whose snapshot is expired under them."""

from __future__ import annotations

import datetime as dt
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

import tablestore as ts
from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.snapshot import decode_snapshot, encode_snapshot
from tests.support.builders import keyed_table, rows, stored
from tests.support.lines import drop_tag, expire_now, make_tag, on_disk, referenced, store_of


def grown(count: int = 4, folder=None) -> ts.Table:
    table = keyed_table(folder, bucket="1", write_only="true")
    for number in range(count):
        table.overwrite(rows(range(3), v=str(number)))
    return table


def test_a_pinned_reader_is_told_that_its_snapshot_was_expired():
    table = grown()
    pinned = ts.open_table(table.path).at(snapshot=2)
    expire_now(table, keep=(1, 1))
    said = (
        r"table shop\.t: snapshot 2 was expired while you read it; read again \(the latest is 4\), "
        r"or keep snapshots longer: a larger snapshot\.time-retained, a tag, or a consumer"
    )
    with pytest.raises(ts.SnapshotExpiredError, match=said) as caught:
        pinned.to_arrow()
    assert caught.value.detail == {"snapshot": 2, "latest": 4}
    with pytest.raises(ts.SnapshotExpiredError):
        pinned.files()
    with pytest.raises(ts.SnapshotExpiredError):
        pinned.manifests()


def test_a_reader_in_the_middle_is_told():
    table = keyed_table(bucket="2", write_only="true")
    table.upsert(rows(range(50)))
    batches = ts.open_table(table.path).to_batches()
    assert next(batches).num_rows
    table.overwrite(rows([1]))
    expire_now(table, keep=(1, 1))
    with pytest.raises(ts.SnapshotExpiredError, match="snapshot 1 was expired while you read it"):
        list(batches)


def test_a_reader_of_the_latest_plans_again(monkeypatch):
    """Between the look for the latest snapshot and the plan, that one is replaced and expired."""
    table = grown()
    reader = ts.open_table(table.path)
    view = reader._parts.view
    left = [2]

    def overtaken(*arguments):
        found = view(*arguments)
        if left[0]:
            left[0] -= 1
            table.overwrite(rows([9], v="new"))
            expire_now(table, keep=(1, 1))
        return found

    monkeypatch.setattr(reader._parts, "view", overtaken)
    assert stored(reader) == {9: "new"}
    left[0] = 99
    with pytest.raises(ts.SnapshotExpiredError):
        reader.to_arrow()


def test_a_reader_of_a_tag_is_told_that_the_tag_went():
    table = grown()
    make_tag(table, "v", 2)
    expire_now(table, keep=(1, 1))
    pinned = ts.open_table(table.path).at(tag="v")
    drop_tag(table, "v")
    table.remove_orphans(older_than="0s", force=True)
    store = store_of(table)
    for key in on_disk(table) - referenced(table):  # made in this very millisecond
        store.delete(f"manifest/{key}")
    with pytest.raises(ts.SnapshotExpiredError, match="tag 'v' was deleted while you read it"):
        pinned.to_arrow()


def test_a_missing_file_of_a_kept_snapshot_is_damage():
    table = grown()
    store = store_of(table)
    [name] = [info.key for info in store.list("bucket-0") if "data" in info.key][-1:]
    for info in list(store.list("bucket-0")):
        store.delete(info.key)
    with pytest.raises(CorruptDataError, match="it was deleted") as caught:
        ts.open_table(table.path).to_arrow()
    assert name.startswith("bucket-0/")
    assert not isinstance(caught.value, ts.SnapshotExpiredError)


def test_an_expired_id_is_told_from_one_that_never_was():
    table = grown()
    expire_now(table, keep=(2, 2))
    for handle in (table, ts.open_table(table.path)):
        with pytest.raises(ts.SnapshotExpiredError, match="snapshot 2 was expired; read again"):
            handle.at(snapshot=2)
        with pytest.raises(
            NotFoundError, match="no snapshot 9; its latest snapshot is 4"
        ) as caught:
            handle.at(snapshot=9)
        assert not isinstance(caught.value, ts.SnapshotExpiredError)
        assert [info.id for info in handle.history()] == [4, 3]


def test_a_compaction_whose_files_were_expired_gives_its_pick_up(monkeypatch):
    from tablestore.compact import job

    table = keyed_table(bucket="1", num_sorted_run__compaction_trigger="100")
    for number in range(3):
        table.upsert(rows(range(number, number + 3), v=str(number)))
    other = ts.open_table(table.path)
    run = job._run

    def overtaken(*arguments):
        monkeypatch.setattr(job, "_run", run)
        other.compact(full=True, workers=1)
        expire_now(other, keep=(1, 1))
        return run(*arguments)

    monkeypatch.setattr(job, "_run", overtaken)
    done = table.compact(full=True, workers=1)
    assert (done.given_up, done.snapshot_ids) == (1, ())
    assert stored(ts.open_table(table.path)) == {0: "0", 1: "1", 2: "2", 3: "2", 4: "2"}
    assert on_disk(table) == referenced(table)


def test_a_compaction_of_a_missing_file_fails():
    table = keyed_table(bucket="1", num_sorted_run__compaction_trigger="100")
    for number in range(3):
        table.upsert(rows([number]))
    store = store_of(table)
    store.delete(next(info.key for info in store.list("bucket-0")))
    with pytest.raises(CorruptDataError):
        table.compact(full=True, workers=1)


def test_a_writer_whose_snapshot_was_expired_takes_the_latest(monkeypatch):
    table = keyed_table(bucket="1", write_only="true")
    table.upsert(rows([1]))
    writer = ts.open_table(table.path)
    latest = writer._parts.state.snapshots.latest
    done = []

    def overtaken(**how):
        found = latest(**how)
        if not done:
            done.append(table.overwrite(rows([2])))
            expire_now(table, keep=(1, 1))
        return found

    monkeypatch.setattr(writer._parts.state.snapshots, "latest", overtaken)
    writer.upsert(rows([3]))
    assert stored(ts.open_table(table.path)) == {2: "2", 3: "3"}


class Beside:
    """Threads that work on a table until they are stopped, each with a handle of its own."""

    def __init__(self, table: ts.Table):
        self.path = table.path
        self.stop = threading.Event()
        self.pool = ThreadPoolExecutor(8)
        self.running: list[Future] = []
        self.seen = Counter()

    def start(self, work) -> None:
        self.running.append(self.pool.submit(self._loop, work))

    def _loop(self, work) -> None:
        handle = ts.open_table(self.path)
        while not self.stop.is_set():
            work(handle)

    def end(self) -> None:
        """Raises what went wrong in any of them."""
        self.stop.set()
        for future in self.running:
            future.result()
        self.pool.shutdown()

    def read(self, handle) -> None:
        try:
            found = stored(handle)
        except ts.SnapshotExpiredError:
            self.seen["expired"] += 1
            return
        assert len(found) == 20
        assert len(set(found.values())) == 1  # each commit gives all rows one value
        self.seen["reads"] += 1

    def compact(self, handle) -> None:
        self.seen["compactions"] += len(handle.compact(full=True, workers=1).snapshot_ids)


def test_an_expirer_beside_a_writer_a_compactor_and_readers(tmp_path):
    """Everyone works at once; readers get whole states or are told, and nothing is lost."""
    table = keyed_table(
        tmp_path,
        bucket="1",
        num_sorted_run__compaction_trigger="3",
        snapshot__num_retained__min="1",
        snapshot__num_retained__max="2",
    )
    table.upsert(rows(range(20), v="0"))
    beside = Beside(table)
    for work in (beside.read, beside.read, beside.compact, lambda handle: handle.expire()):
        beside.start(work)
    for number in range(1, 40):
        assert table.upsert(rows(range(20), v=str(number))).expire_error is None
    beside.end()
    assert beside.seen["reads"]
    assert beside.seen["compactions"]
    assert stored(ts.open_table(table.path)) == dict.fromkeys(range(20), "39")
    assert ts.open_table(table.path).verify().ok
    expire_now(ts.open_table(table.path), keep=(1, 1))
    orphans = table.remove_orphans(older_than="0s", force=True)
    assert on_disk(table) == referenced(table), orphans


# -- at(watermark) --------------------------------------------------------------------------------


def marked(*watermarks) -> ts.Table:
    """A table whose snapshots have these watermarks."""
    table = grown(len(watermarks))
    store = store_of(table)
    for number, mark in enumerate(watermarks, start=1):
        key = f"snapshot/snapshot-{number}"
        snapshot = decode_snapshot(store.get(key))
        store.put(key, encode_snapshot(replace(snapshot, watermark=mark)))
    return ts.open_table(table.path)


def test_a_watermark_means_the_first_snapshot_that_has_reached_it():
    table = marked(None, 100, 200, None, 300, -(2**63))
    assert [table.at(watermark=mark).snapshot_id for mark in (0, 100, 101, 200, 201, 300)] == [
        2, 2, 3, 3, 5, 5
    ]  # fmt: skip
    with pytest.raises(NotFoundError, match="no snapshot whose watermark has reached 301"):
        table.at(watermark=301)
    assert table.at(watermark=dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).snapshot_id == 2
    assert table.at(watermark="1970-01-01T00:00:00.150Z").snapshot_id == 3


def test_a_table_without_watermarks_has_none():
    table = marked(None, None)
    with pytest.raises(NotFoundError, match="no snapshot whose watermark has reached 5"):
        table.at(watermark=5)


def test_expired_snapshots_do_not_count_for_a_watermark():
    table = marked(100, 200, 300)
    expire_now(table, keep=(1, 1))
    assert ts.open_table(table.path).at(watermark=100).snapshot_id == 3
