"""The schedules by which other engines lose acknowledged rows, with real rows; threads."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import tablestore as ts
from tablestore.format.paths import EARLIEST_HINT, snapshot_path
from tests.support.builders import append_table, keyed_table, rows, store_of, stored
from tests.support.foreign import expire_elsewhere


@pytest.fixture(params=["local", "memory"])
def table(request, tmp_path):
    return keyed_table(tmp_path if request.param == "local" else None, write_only="true")


def reopened(table):
    return ts.open_table(table.path)


def paused_before_create(table, meanwhile):
    """The next creation of a snapshot waits for what others do."""
    store, waits = store_of(table), [meanwhile]
    put_if_absent = store.put_if_absent

    def paused(key, data):
        if key.startswith("snapshot/") and waits:
            waits.pop()()
        return put_if_absent(key, data)

    store.put_if_absent = paused


def next_millisecond():
    now = time.time_ns() // 1_000_000
    while time.time_ns() // 1_000_000 <= now + 1:
        pass


def test_a_writer_paused_between_check_and_create_loses_no_row_of_another(table):
    """Seen with pypaimon on a local disk: the rows that were acknowledged meanwhile are gone."""
    table.upsert(rows([1]))
    results = []
    paused_before_create(
        table, lambda: results.append(reopened(table).upsert(rows([1, 2], "other")))
    )
    mine = table.upsert(rows([2, 3], "mine"))
    assert (results[0].snapshot_ids, mine.snapshot_ids, mine.retries) == ((2,), (3,), 1)
    assert stored(reopened(table)) == {1: "other", 2: "mine", 3: "mine"}
    assert [info.id for info in reopened(table).history()] == [3, 2, 1]


def test_a_writer_paused_while_history_was_expired_does_not_revive_it(table):
    """Seen with pypaimon: the snapshot lands in the hole, and readers serve the old fork."""
    table.upsert(rows([1]))

    def others():
        other = reopened(table)
        for n in range(12):
            other.upsert(rows([100 + n]))
        expire_elsewhere(other, other.snapshot_id)
        next_millisecond()  # the pause is longer than what clocks can tell apart

    paused_before_create(table, others)
    mine = table.upsert(rows([2]))
    expected = {1, 2, *range(100, 112)}
    assert set(stored(reopened(table))) == expected
    assert mine.snapshot_ids == (14,)
    store = store_of(reopened(table))
    assert store.head(snapshot_path(2)) is None
    assert (store.get("snapshot/LATEST"), store.get(EARLIEST_HINT)) == (b"14", b"13")


def test_a_writer_whose_counter_fell_behind_still_writes_the_last_value(table):
    """Seen with Java: a long-lived writer counts on from where it began, and its rows lose."""
    table.upsert(rows([1], "first"))
    with table.batch() as late:
        late.upsert(rows([1], "late"))
        other = reopened(table)
        for n in range(20):
            other.upsert(rows([1], f"other {n}"))
    assert stored(reopened(table)) == {1: "late"}
    writer = table.writer("orders")
    for n in range(3):
        writer.write(rows([1], f"job {n}"))
        for m in range(5):
            other.upsert(rows([1], f"other {m}"))
        writer.checkpoint({"p": n})
        assert stored(reopened(table)) == {1: f"job {n}"}


@pytest.mark.parametrize("keyed", [True, False])
def test_threads_write_through_one_table(keyed):
    table = keyed_table() if keyed else append_table()
    answers, failed = [], []

    def work(start):
        try:
            for n in range(start, start + 6):
                with table.batch() as batch:
                    batch.write(rows([n]))
                answers.append(batch.result)
                assert n in table.to_arrow(columns=["id"], where=f"id = {n}")["id"].to_pylist()
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    made = [snapshot for answer in answers for snapshot in answer.snapshot_ids[:1]]
    assert len(set(made)) == len(made) == 24
    expected = sorted(100 * i + n for i in range(4) for n in range(6))
    assert sorted(table.to_arrow()["id"].to_pylist()) == expected


def test_threads_that_write_one_key_leave_the_value_of_the_newest_snapshot():
    table = keyed_table(write_only="true")
    made, failed = {}, []

    def work(name):
        try:
            for n in range(5):
                result = table.upsert(rows([1], f"{name}{n}"))
                made[result.snapshot_id] = f"{name}{n}"
        except BaseException as error:  # noqa: BLE001
            failed.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for snapshot, value in made.items():
        assert stored(table.at(snapshot=snapshot)) == {1: value}


def test_async_code_writes_in_threads():
    table = keyed_table()

    async def main():
        calls = [asyncio.to_thread(table.upsert, rows([n])) for n in range(4)]
        results = await asyncio.gather(*calls)
        found = await asyncio.to_thread(table.to_arrow)
        return results, sorted(found["id"].to_pylist())

    results, ids = asyncio.run(main())
    assert ids == [0, 1, 2, 3]
    assert sorted(result.snapshot_ids[0] for result in results) == [1, 2, 3, 4]
