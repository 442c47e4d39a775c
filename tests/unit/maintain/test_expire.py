"""Expiry by hand and after commits: what goes, what stays, in which order, and after a crash."""

from __future__ import annotations

from dataclasses import replace

import pytest

import tablestore as ts
from tablestore.errors import CorruptDataError, InvalidInputError, StorageUnavailableError
from tablestore.format.snapshot import decode_snapshot, encode_snapshot
from tablestore.table import expiry
from tablestore.table.expiry import expire_table
from tests.support.builders import keyed_table, metered, new_lake, rows, stored
from tests.support.lines import (
    FAR_MS,
    drop_tag,
    expire_now,
    make_branch,
    make_tag,
    on_disk,
    open_branch,
    referenced,
    set_consumer,
    snapshot_ids,
    store_of,
)


def grown(count: int = 6, **options) -> ts.Table:
    """A table whose every commit replaces its rows: each snapshot has a file of its own."""
    table = keyed_table(bucket="1", write_only="true", **options)
    for number in range(count):
        table.overwrite(rows(range(3), v=str(number)))
    return table


def ids(table) -> list[int]:
    return snapshot_ids(table)


def hint(table, name: str) -> int:
    return int(store_of(table).get(f"snapshot/{name}"))


def test_by_hand_the_newest_snapshots_and_their_files_stay():
    table = grown()
    done = expire_now(table, keep=(2, 2))
    assert [snapshot.id for snapshot in done.going] == [1, 2, 3, 4]
    assert ids(table) == [5, 6]
    assert (hint(table, "EARLIEST"), hint(table, "LATEST")) == (5, 6)
    assert on_disk(table) == referenced(table)
    assert [info.id for info in table.history()] == [6, 5]


def test_a_dry_run_says_what_goes_and_changes_nothing():
    table = grown(snapshot__num_retained__min="1", snapshot__num_retained__max="2")
    before = {info.key for info in store_of(table).list("", recursive=True)}
    planned = table.expire(dry_run=True)
    assert {info.key for info in store_of(table).list("", recursive=True)} == before
    assert planned.snapshots == (1, 2, 3, 4)
    assert "would expire 4 snapshots up to 4" in repr(planned)
    done = table.expire()
    assert (done.snapshots, done.files, done.bytes) == (
        planned.snapshots,
        planned.files,
        planned.bytes,
    )
    after = {info.key for info in store_of(table).list("", recursive=True)}
    gone = {*done.files, *(f"snapshot/snapshot-{n}" for n in done.snapshots)}
    assert before - after == gone
    assert done.data_files == 4
    assert "expired 4 snapshots" in repr(done)
    again = table.expire()
    assert again.snapshots == ()
    assert again.kept_by == "snapshot.time-retained"
    assert "nothing to expire" in repr(again)


def test_young_snapshots_stay_whatever_their_number():
    table = grown(14)
    assert table.expire().snapshots == ()
    assert table.expire(older_than="1h", keep_last=1).snapshots == ()


def test_an_older_snapshot_than_asked_for_goes_but_for_the_last_ones():
    table = grown(6)
    store = store_of(table)
    for number in range(1, 5):  # as if they were made long ago
        key = f"snapshot/snapshot-{number}"
        data = store.get(key)
        stamp = data.split(b'"timeMillis" : ')[1].split(b",")[0]
        store.put(key, data.replace(stamp, b"1000"))
    table = ts.open_table(table.path)
    assert table.expire(older_than="7d").snapshots == ()  # snapshot.num-retained.min is 10
    done = table.expire(older_than="7d", keep_last=1)
    assert done.snapshots == (1, 2, 3)  # 4 was the latest until 5 was made, just now
    assert done.kept_by == "snapshot.time-retained"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"keep_last": 0}, "keep_last is a number of snapshots above 0, found 0"),
        ({"limit": True}, "limit is a number of snapshots above 0, found True"),
        ({"older_than": "soon"}, "'soon' is not a duration"),
        ({"older_than": 7}, "older_than is a text such as '7d' or a timedelta, found 7"),
    ],
)
def test_what_makes_no_sense_is_refused(asked, said):
    with pytest.raises(InvalidInputError, match=said):
        grown(1).expire(**asked)


def test_a_limit_takes_the_oldest():
    table = grown(snapshot__num_retained__min="1", snapshot__num_retained__max="1")
    done = table.expire(limit=2)
    assert done.snapshots == (1, 2)
    assert done.kept_by == "snapshot.expire.limit"


def test_a_consumer_keeps_what_it_has_not_read():
    table = grown()
    set_consumer(table, "bi", 3)
    assert [snapshot.id for snapshot in expire_now(table, keep=(1, 1)).going] == [1, 2]
    assert expire_now(table, keep=(1, 1)).cut.reason == "consumer bi"


def test_what_a_tag_has_stays_until_the_tag_goes():
    table = grown()
    make_tag(table, "v1", 2)
    expire_now(table, keep=(1, 1))
    assert stored(table.at(tag="v1")) == dict.fromkeys(range(3), "1")
    assert on_disk(table) == referenced(table)
    drop_tag(table, "v1")
    assert referenced(table) < on_disk(table)
    found = table.remove_orphans(older_than="0s", force=True)
    assert len(found.files) + found.young == len(on_disk(table) | set()) + len(found.files) - len(
        referenced(table)
    )


def test_a_branch_keeps_its_files_when_its_tag_is_gone():
    table = grown()
    make_tag(table, "v1", 2)
    make_branch(table, "b", "v1")
    drop_tag(table, "v1")
    store_of(table).delete("branch/branch-b/tag/tag-v1")
    expire_now(table, keep=(1, 1))
    branch = open_branch(table, "b")
    assert stored(branch) == dict.fromkeys(range(3), "1")
    assert branch.verify().ok
    branch.upsert(rows([7], v="b"))
    assert stored(branch)[7] == "b"


def test_a_branch_keeps_files_that_are_older_than_its_first_snapshot():
    table = keyed_table(bucket="1", write_only="true")
    for number in range(3):
        table.upsert(rows([number]))
    make_tag(table, "v1", 3)
    make_branch(table, "b", "v1")
    for line in (table, open_branch(table, "b")):
        drop_tag(line, "v1")
    table.overwrite(rows([9]))
    expire_now(ts.open_table(table.path), keep=(1, 1))
    assert stored(open_branch(table, "b")) == {0: "0", 1: "1", 2: "2"}


def test_the_expiry_of_a_branch_leaves_the_files_of_the_table():
    table = grown(3)
    make_tag(table, "v1", 3)
    make_branch(table, "b", "v1")
    branch = open_branch(table, "b")
    branch.overwrite(rows([1], v="b"))
    for line in (table, branch):
        drop_tag(line, "v1")
    done = expire_now(branch, keep=(1, 1))
    assert [snapshot.id for snapshot in done.going] == [3]
    assert done.doomed.data == {}
    assert stored(table) == dict.fromkeys(range(3), "2")
    assert stored(open_branch(table, "b")) == {1: "b"}
    assert ids(table) == [1, 2, 3]


def test_the_files_of_a_branch_survive_its_own_later_deletions():
    """A file of the table that a branch deletes is still there for the branch's older snapshots."""
    table = grown(2)
    make_tag(table, "v1", 2)
    make_branch(table, "b", "v1")
    branch = open_branch(table, "b")
    branch.overwrite(rows([1], v="b"))
    for line in (table, branch):
        drop_tag(line, "v1")
    table.overwrite(rows([5], v="x"))
    expire_now(table, keep=(1, 1))
    assert stored(open_branch(table, "b").at(snapshot=2)) == dict.fromkeys(range(3), "1")


def test_a_file_that_moves_up_a_level_is_not_deleted():
    table = keyed_table(bucket="1")
    table.upsert(rows(range(3), v="0"))
    table.compact(full=True, workers=1)
    entries = table._parts.state.manifests.delta(table._parts.state.snapshots.latest())
    assert len({entry.file.file_name for entry in entries}) == 1
    assert len(entries) == 2
    expire_now(ts.open_table(table.path), keep=(1, 1))  # which knows no live files yet
    assert stored(ts.open_table(table.path)) == dict.fromkeys(range(3), "0")


def test_the_newest_snapshot_with_the_offsets_of_jobs_stays():
    table = grown(2)
    with table.writer(job="orders") as writer:
        writer.write(rows([9], v="job"))
        writer.checkpoint(offsets={"topic": 7})
    held = table.snapshot_id
    store = store_of(table)
    for _ in range(3):  # as another engine commits, which knows nothing of jobs
        table.overwrite(rows([1]))
        key = f"snapshot/snapshot-{table.snapshot_id}"
        snapshot = decode_snapshot(store.get(key))
        store.put(key, encode_snapshot(replace(snapshot, properties={}, writer_version="2.0.0")))
    table = ts.open_table(table.path)
    done = expire_now(table, keep=(1, 1))
    assert done.cut.reason == "jobs, whose offsets it holds"
    assert ids(table) == [held, held + 1, held + 2, held + 3]
    with table.writer(job="orders") as writer:
        assert writer.offsets == {"topic": 7}
        writer.write(rows([2]))
        writer.checkpoint(offsets={"topic": 8})
    expire_now(table, keep=(1, 1))
    assert len(ids(table)) == 1
    with table.writer(job="orders") as writer:
        assert writer.offsets == {"topic": 8}


def test_a_job_expires_what_the_options_say():
    options = {"snapshot__num_retained__min": "2", "snapshot__num_retained__max": "3"}
    table = keyed_table(bucket="1", **options)
    with table.writer(job="orders") as writer:
        for number in range(7):
            writer.write(rows([number]))
            writer.checkpoint(offsets={"topic": number})
    assert len(ids(table)) <= 4  # the end of a writer may commit once more


def test_a_data_file_of_a_damaged_tag_stays():
    table = grown()
    make_tag(table, "v1", 2)
    store = store_of(table)
    tagged = table._parts.state.snapshots.find(2)
    store.delete(f"manifest/{tagged.base_manifest_list}")
    store.delete(f"manifest/{tagged.delta_manifest_list}")
    table = ts.open_table(table.path)
    before = {key for key in on_disk(table) if key.startswith("data-")}
    done = expire_now(table, keep=(1, 1))
    assert len(done.doomed.skipped) == 2
    assert "does not exist" in done.doomed.skipped[0]
    assert {key for key in on_disk(table) if key.startswith("data-")} == before
    assert ids(table) == [6]


def test_nothing_is_deleted_where_what_stays_is_damaged():
    table = grown()
    kept = table._parts.state.snapshots.find(5)
    store_of(table).delete(f"manifest/{kept.base_manifest_list}")
    table = ts.open_table(table.path)
    before = on_disk(table)
    with pytest.raises(CorruptDataError, match="snapshot-5"):
        expire_now(table, keep=(2, 2))
    assert on_disk(table) == before
    assert ids(table) == [1, 2, 3, 4, 5, 6]


# -- after commits ---------------------------------------------------------------------------------


def test_writers_expire_what_the_options_say():
    table = keyed_table(
        bucket="1", snapshot__num_retained__min="2", snapshot__num_retained__max="3"
    )
    expired = [table.upsert(rows([n])).expired for n in range(6)]
    assert len(ids(table)) == 3
    assert sum(expired) == max(ids(table)) - 3
    assert hint(table, "EARLIEST") == ids(table)[0]


def test_write_only_writers_leave_it_to_the_compaction():
    table = grown(6, snapshot__num_retained__min="1", snapshot__num_retained__max="2")
    assert len(ids(table)) == 6
    table.upsert(rows([7]))
    done = table.compact(full=True, workers=1)
    assert done.expired == 6
    assert len(ids(table)) == 2


def test_an_expiry_that_fails_does_not_fail_the_commit(monkeypatch):
    table = keyed_table(
        bucket="1", snapshot__num_retained__min="1", snapshot__num_retained__max="1"
    )
    table.upsert(rows([1]))

    def fails(*_, **__):
        raise StorageUnavailableError("no listing today")
        yield

    store = store_of(table)
    monkeypatch.setattr(type(store.inner), "list", fails)
    result = table.upsert(rows([2]))
    assert result.expire_error == "no listing today"
    assert result.snapshot_id == 2
    monkeypatch.undo()
    assert table.upsert(rows([3])).expired == 2


def test_a_commit_asks_nothing_where_nothing_can_be_old():
    table = keyed_table(bucket="1", write_only="true")
    other = keyed_table(bucket="1", num_sorted_run__compaction_trigger="100")
    counts = []
    for made in (table, other):
        for number in range(14):
            with metered(made) as spent:
                made.upsert(rows([number]))
        counts.append(spent[0].verbs)
    # a commit that comes late looks once more for the latest snapshot
    assert counts[1].get("get", 0) - counts[0].get("get", 0) <= 1
    assert counts[0] | {"get": 0} == counts[1] | {"get": 0}


def test_a_warm_commit_that_expires_one_snapshot_stays_cheap():
    table = keyed_table(
        bucket="1",
        num_sorted_run__compaction_trigger="100",
        snapshot__num_retained__min="5",
        snapshot__num_retained__max="5",
    )
    for number in range(12):
        with metered(table) as spent:
            table.upsert(rows([number]))
    plain = keyed_table(bucket="1", num_sorted_run__compaction_trigger="100")
    for number in range(12):
        with metered(plain) as usual:
            plain.upsert(rows([number]))
    assert spent[0].total - usual[0].total <= 24


def test_in_the_background_the_writer_does_not_wait():
    table = keyed_table(
        bucket="1",
        snapshot__num_retained__min="1",
        snapshot__num_retained__max="1",
        snapshot__expire__execution_mode="async",
    )
    for number in range(4):
        assert table.upsert(rows([number])).expired == 0
    expiry._background().submit(lambda: None).result()  # the runs before it have ended
    assert ids(table) == [4]


def test_a_consumer_that_rests_too_long_goes_first():
    table = keyed_table(
        bucket="1",
        snapshot__num_retained__min="1",
        snapshot__num_retained__max="1",
        consumer__expiration_time="1 ms",
    )
    table.upsert(rows([1]))
    set_consumer(table, "bi", 1)
    store = store_of(table)
    from tablestore.store import memory

    name = next(n for n in memory._OBJECTS if n.endswith("consumer-bi") and store.inner._root in n)
    memory._OBJECTS[name] = (memory._OBJECTS[name][0], 1000)
    table.upsert(rows([2]))
    assert table.consumers() == []
    assert ids(table) == [2]


# -- hints and crashes -----------------------------------------------------------------------------


class Killed(BaseException):
    """The process ends."""


def killed_after(table, monkeypatch, calls: int) -> bool:
    """Expires and dies after so many changes of the store; False when it came to its end."""
    store, left = type(store_of(table).inner), [calls]
    real = {verb: getattr(store, verb) for verb in ("put", "put_if_absent", "delete")}

    def dying(verb):
        def call(self, *args):
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real[verb](self, *args)

        return call

    with monkeypatch.context() as patch:
        for verb in real:
            patch.setattr(store, verb, dying(verb))
        try:
            expire_now(table, keep=(2, 2))
        except Killed:
            return True
    return False


def test_a_crash_at_any_point_loses_nothing_and_the_next_run_takes_the_rest(monkeypatch):
    crashes = 0
    while True:
        table = grown(5)
        make_tag(table, "v1", 2)
        if not killed_after(table, monkeypatch, crashes):
            break
        crashes += 1
        left = ids(table)  # the oldest go first: what is there has no holes
        assert left == [*range(left[0], 6)]
        fresh = ts.open_table(table.path)
        for snapshot_id in (4, 5):
            held = stored(fresh.at(snapshot=snapshot_id))
            assert held == dict.fromkeys(range(3), str(snapshot_id - 1))
        assert stored(fresh.at(tag="v1")) == dict.fromkeys(range(3), "1")
        fresh.overwrite(rows(range(3), v="5"))  # writers go on as if nothing were
        expire_now(fresh, keep=(2, 2))
        assert ids(fresh) == [5, 6]
        assert on_disk(fresh) == referenced(fresh), crashes
    assert crashes >= 10


def test_orphans_finish_what_a_killed_expiry_left(monkeypatch):
    table = grown(5)
    assert killed_after(table, monkeypatch, 3)
    assert ids(table) == [1, 2, 3, 4, 5]
    planned = table.remove_orphans(dry_run=True)
    done = table.remove_orphans()
    assert planned.snapshots == done.snapshots == (1, 2, 3)
    assert planned.files == done.files
    assert ids(table) == [4, 5]
    assert on_disk(table) == referenced(table)


def test_a_snapshot_below_earliest_counts_as_expired(monkeypatch):
    table = grown(5)
    assert killed_after(table, monkeypatch, 1)
    assert hint(table, "EARLIEST") == 4
    fresh = ts.open_table(table.path)
    assert [info.id for info in fresh.history()] == [5, 4]
    with pytest.raises(ts.SnapshotExpiredError, match="snapshot 2 was expired"):
        fresh.at(snapshot=2)


def test_the_hints_never_go_back():
    table = grown(6)
    expire_now(table, keep=(2, 2))
    store = store_of(table)
    store.put("snapshot/LATEST", b"3")
    expire_now(table, keep=(1, 1))
    assert (hint(table, "EARLIEST"), hint(table, "LATEST")) == (6, 6)


def test_a_stale_latest_is_raised_before_anything_goes(monkeypatch):
    table = grown(5)
    store_of(table).put("snapshot/LATEST", b"2")
    assert killed_after(table, monkeypatch, 2)
    assert (hint(table, "EARLIEST"), hint(table, "LATEST")) == (4, 5)
    assert ids(table) == [1, 2, 3, 4, 5]


def test_a_missing_earliest_is_written_once():
    table = grown(3)
    assert expire_now(table, keep=(9, 9)).going == ()
    assert hint(table, "EARLIEST") == 1


def test_empty_folders_go_where_the_option_says_so(tmp_path):
    def made(clean: str):
        table = new_lake(tmp_path / clean).create_table(
            "shop.t",
            {"p": "INT NOT NULL", "q": "INT NOT NULL", "v": "INT"},
            partition_by=["p", "q"],
            options={"snapshot.clean-empty-directories": clean},
        )
        table.append([{"p": 1, "q": 1, "v": 1}, {"p": 2, "q": 1, "v": 1}])
        table.append([{"p": 1, "q": 2, "v": 1}])
        table.overwrite([{"p": 1, "q": 1, "v": 1}], partition={"p": 1, "q": 1})
        table.overwrite([], partition={"p": 2})
        table.overwrite([], partition={"p": 1, "q": 2})
        expire_now(table, keep=(1, 1))
        root = tmp_path / clean / "shop.db" / "t"
        return sorted(str(path.relative_to(root)) for path in root.glob("p=*/**/"))

    assert made("true") == ["p=1", "p=1/q=1", "p=1/q=1/bucket-0"]
    assert "p=2/q=1/bucket-0" in made("false")


# -- the clock -------------------------------------------------------------------------------------


class Wrong:
    """A clock of this machine that is years ahead of the storage's."""

    def now_ms(self) -> int:
        return FAR_MS

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def test_ages_are_by_the_clock_of_the_storage():
    table = grown()
    done = expire_table(table._parts, older_than="1h", keep_last=1, clock=Wrong())
    assert done.snapshots == ()
    assert done.kept_by == "snapshot.time-retained"
    left = {info.name for info in store_of(table).list("snapshot")}
    assert not any(name.startswith(".") for name in left)


def test_a_writer_whose_clock_is_ahead_expires_nothing_that_is_young(monkeypatch):
    table = keyed_table(bucket="1", write_only="false", snapshot__num_retained__min="1")
    monkeypatch.setattr(expiry, "_CLOCK", Wrong())
    for number in range(4):
        result = table.upsert(rows([number]))
        assert (result.expired, result.expire_error) == (0, None)
    assert ids(table) == [1, 2, 3, 4]
