"""The latest snapshot is found without a listing, and hints are never believed blindly."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

import pytest

from tablestore.errors import CorruptDataError, NotFoundError, UnsupportedFormatError
from tablestore.format.snapshot import Snapshot, encode_snapshot
from tablestore.metadata.snapshots import Snapshots
from tablestore.store.memory import MemoryStore
from tablestore.store.metered import Metered


def snapshot(snapshot_id, time_millis=None, **more):
    return Snapshot(
        id=snapshot_id,
        schema_id=0,
        base_manifest_list="b",
        delta_manifest_list="d",
        commit_user=more.pop("commit_user", "u"),
        commit_identifier=1,
        commit_kind="APPEND",
        time_millis=snapshot_id * 100 if time_millis is None else time_millis,
        total_record_count=0,
        delta_record_count=0,
        **more,
    )


@pytest.fixture
def store():
    return Metered(MemoryStore(uuid.uuid4().hex))


def fill(store, ids, *, latest=None, earliest=None):
    for snapshot_id in ids:
        store.put(f"snapshot/snapshot-{snapshot_id}", encode_snapshot(snapshot(snapshot_id)))
    if latest is not None:
        store.put("snapshot/LATEST", str(latest).encode())
    if earliest is not None:
        store.put("snapshot/EARLIEST", str(earliest).encode())


def test_a_right_hint_needs_no_listing(store):
    fill(store, range(1, 6), latest=5)
    mark = store.snapshot()
    assert Snapshots(store).latest().id == 5
    # LATEST, the snapshot and a look for its successor, and as it is old, EARLIEST
    spent = store.since(mark)
    assert (dict(spent.verbs), spent.rounds) == ({"get": 4}, 3)


def test_a_young_snapshot_needs_no_look_at_earliest(store):
    now = int(time.time() * 1000)
    store.put("snapshot/snapshot-5", encode_snapshot(snapshot(5, now)))
    store.put("snapshot/LATEST", b"5")
    mark = store.snapshot()
    assert Snapshots(store).latest().id == 5
    spent = store.since(mark)
    assert (dict(spent.verbs), spent.rounds) == ({"get": 3}, 2)


def test_a_proof_asks_for_both_hints_at_once(store):
    fill(store, range(1, 6), latest=5, earliest=1)
    mark = store.snapshot()
    snapshots = Snapshots(store)
    assert snapshots.latest(proven=True).id == 5
    spent = store.since(mark)
    assert (dict(spent.verbs), spent.rounds) == ({"get": 4}, 2)
    assert snapshots.tip().id == 5


def test_what_was_not_proven_is_no_tip(store):
    fill(store, range(1, 6), latest=5)
    snapshots = Snapshots(store)
    snapshots.latest()
    assert snapshots.tip() is None
    snapshots.latest(proven=True)
    snapshots.latest()
    assert snapshots.tip().id == 5
    snapshots.forget()
    assert snapshots.tip() is None


def test_the_snapshot_seen_last_and_a_look_for_its_successor_take_one_round(store):
    fill(store, range(1, 6), latest=5)
    snapshots = Snapshots(store)
    snapshots.latest()
    mark = store.snapshot()
    assert snapshots.latest().id == 5
    spent = store.since(mark)
    assert (dict(spent.verbs), spent.rounds) == ({"get": 2}, 1)
    fill(store, [6, 7])
    mark = store.snapshot()
    assert snapshots.latest().id == 7
    spent = store.since(mark)
    assert (dict(spent.verbs), spent.rounds) == ({"get": 4}, 3)


@pytest.mark.parametrize("proven", [False, True])
def test_a_zombie_is_not_proven_to_be_the_latest_however_young(store, proven):
    fill(store, [8, 9], latest=3, earliest=8)
    now = int(time.time() * 1000)
    store.put("snapshot/snapshot-3", encode_snapshot(snapshot(3, now)))
    assert Snapshots(store).latest(proven=proven).id == (9 if proven else 3)


@pytest.mark.parametrize("stale", [1, 3, 4])
def test_a_stale_hint_is_walked_up_without_a_listing(store, stale):
    fill(store, range(1, 6), latest=stale)
    mark = store.snapshot()
    assert Snapshots(store).latest().id == 5
    assert store.since(mark)["list"] == 0


def test_a_hint_far_behind_is_not_walked_for_ever(store):
    fill(store, range(1, 200), latest=1)
    mark = store.snapshot()
    assert Snapshots(store).latest().id == 199
    assert store.since(mark).total < 150


@pytest.mark.parametrize(
    "hint", [b"", b"garbage", b"-3", b"0", b"99", b"\xff\xfe", b"1" * 30, b"4.0", "٤".encode()]
)
def test_a_useless_hint_is_replaced_by_a_listing(store, hint):
    fill(store, range(1, 6))
    store.put("snapshot/LATEST", hint)
    mark = store.snapshot()
    assert Snapshots(store).latest().id == 5
    assert store.since(mark)["list"] == 1


@pytest.mark.parametrize("hint", [b"5\n", b"5\r\n", b"\n5\n"])
def test_newlines_in_a_hint_do_not_count(store, hint):
    fill(store, range(1, 6))
    store.put("snapshot/LATEST", hint)
    mark = store.snapshot()
    assert Snapshots(store).latest().id == 5
    assert store.since(mark)["list"] == 0


def test_a_missing_hint_is_replaced_by_a_listing(store):
    fill(store, range(3, 6))
    assert Snapshots(store).latest().id == 5


def test_names_that_are_no_snapshots_are_not_looked_at(store):
    fill(store, [1, 2])
    for name in ("snapshot-x", "snapshot-", ".snapshot-9.tmp", "other-7", "snapshot-3.tmp"):
        store.put(f"snapshot/{name}", b"?")
    assert Snapshots(store).latest().id == 2


def test_a_table_without_commits_has_no_latest_snapshot(store):
    snapshots = Snapshots(store)
    assert snapshots.latest() is None
    assert snapshots.earliest_id() is None
    assert list(snapshots.history()) == []
    assert snapshots.at_timestamp(10**15) is None


def test_a_snapshot_left_below_earliest_is_not_the_latest(store):
    # A writer slept through an expiry and wrote snapshot 3 into the hole.
    fill(store, [3, 8, 9], latest=3, earliest=8)
    assert Snapshots(store).latest().id == 9


def test_a_snapshot_is_read_once(store):
    fill(store, range(1, 4), latest=3)
    snapshots = Snapshots(store)
    first = snapshots.load(2)
    mark = store.snapshot()
    assert snapshots.load(2) is first
    assert store.since(mark).total == 0


def test_the_latest_snapshot_is_looked_at_again_each_time(store):
    fill(store, range(1, 4), latest=3)
    snapshots = Snapshots(store)
    assert snapshots.latest().commit_user == "u"
    # A rollback to 2, and another commit that takes the id.
    other = encode_snapshot(replace(snapshot(3), commit_user="other"))
    store.put("snapshot/snapshot-3", other)
    assert snapshots.latest().commit_user == "other"
    assert snapshots.load(3).commit_user == "other"


def test_a_rollback_is_not_hidden_by_what_was_read_before(store):
    fill(store, range(1, 6), latest=5)
    snapshots = Snapshots(store)
    assert [s.id for s in snapshots.history()] == [5, 4, 3, 2, 1]
    for snapshot_id in (4, 5):
        store.delete(f"snapshot/snapshot-{snapshot_id}")
    store.put("snapshot/LATEST", b"3")
    assert snapshots.latest().id == 3
    assert snapshots.find(5) is None


def test_a_missing_snapshot_is_not_found(store):
    fill(store, range(3, 6), latest=5)
    with pytest.raises(NotFoundError, match=r"snapshot 2 .*expired"):
        Snapshots(store).load(2)


@pytest.mark.parametrize("data", [b"", b"{", b"\x00" * 50, b"[]", b'{"version": 3, "id": 5}'])
def test_a_damaged_snapshot_is_named(store, data):
    fill(store, range(1, 5), latest=5)
    store.put("snapshot/snapshot-5", data)
    with pytest.raises(CorruptDataError, match="snapshot/snapshot-5"):
        Snapshots(store).latest()


def test_a_snapshot_with_the_id_of_another_is_damaged(store):
    store.put("snapshot/snapshot-2", encode_snapshot(snapshot(7)))
    with pytest.raises(CorruptDataError, match="expected id 2, found id 7"):
        Snapshots(store).load(2)


def test_a_newer_version_is_not_read_but_named(store):
    fill(store, [1], latest=1)
    store.put("snapshot/snapshot-1", encode_snapshot(replace(snapshot(1), version=4)))
    with pytest.raises(UnsupportedFormatError, match="newer"):
        Snapshots(store).latest()


def test_the_earliest_hint_is_checked(store):
    fill(store, range(4, 8), latest=7, earliest=4)
    assert Snapshots(store).earliest_id() == 4
    store.put("snapshot/EARLIEST", b"2")
    assert Snapshots(store).earliest_id() == 4


def test_history_ends_where_snapshots_were_expired(store):
    fill(store, range(4, 8), latest=7)
    assert [s.id for s in Snapshots(store).history()] == [7, 6, 5, 4]


@pytest.mark.parametrize("first", [1, 40])
def test_a_moment_is_found_by_bisection(store, first):
    last = first + 99
    fill(store, range(first, last + 1), latest=last, earliest=first)
    for moment in range((first - 2) * 100, (last + 2) * 100, 50):
        expected = min(moment // 100, last) if moment >= first * 100 else None
        found = Snapshots(store).at_timestamp(moment)
        assert (None if found is None else found.id) == expected
    mark = store.snapshot()
    Snapshots(store).at_timestamp((first + 30) * 100)
    assert store.since(mark).total < 16
    assert store.since(mark)["list"] == 0


def test_the_latest_hint_only_grows(store):
    snapshots = Snapshots(store)
    snapshots.advance_latest(5)
    snapshots.advance_latest(3)
    assert store.get("snapshot/LATEST") == b"5"
    store.put("snapshot/LATEST", b"garbage")
    snapshots.advance_latest(6)
    assert store.get("snapshot/LATEST") == b"6"
