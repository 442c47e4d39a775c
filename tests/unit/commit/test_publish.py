"""Snapshot N+1 exactly once, whatever the storage answers."""

from __future__ import annotations

import json
import time

import pytest

from tablestore.commit.manifest_merge import MergePolicy
from tablestore.commit.settings import CommitSettings
from tablestore.errors import (
    CommitConflictError,
    CommitUnknownError,
    CorruptDataError,
    StorageUnavailableError,
)
from tablestore.metadata.base import CommittedState
from tablestore.store.memory import MemoryStore
from tests.unit.commit.commit_builders import (
    APPENDING,
    FaultyStore,
    Table,
    added,
    data_file,
)

SNAPSHOT_2 = "snapshot/snapshot-2"


@pytest.fixture
def table():
    """A table with one snapshot; its storage does what ``table.faults`` says."""
    made = Table()
    made.commit(added(data_file("first")))
    store = FaultyStore(made.store.inner)
    made = made.other(store)
    made.faults = store
    return made


def rival(table, name="theirs", **more):
    """Commits as another process, on the storage without faults."""
    clean = table.other(table.faults.inner)
    return lambda: clean.commit(added(data_file(name, seq=(100, 109)), **more))


def second(name="mine"):
    return added(data_file(name, seq=(10, 19)))


def test_a_lost_answer_of_a_commit_that_landed_is_a_success(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, "landed")
    assert table.commit(second()).snapshot_ids == (2,)
    assert table.live() == ["first", "mine"]
    assert not any(verb == "delete" for verb, _ in table.faults.log)


def test_a_lost_answer_of_a_commit_that_did_not_land_is_tried_again(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, "absent")
    result = table.commit(second())
    assert (result.snapshot_ids, result.retries) == ((2,), 1)
    assert table.live() == ["first", "mine"]


def test_a_late_landing_of_an_earlier_attempt_is_not_doubled(table):
    late = []
    store = table.faults
    put = store.inner.put_if_absent

    def drop_and_keep(key, data):
        late.append(data)
        raise StorageUnavailableError("time out")

    def land_then_put(key, data):
        # The first request arrives while the second one is on its way.
        assert put(key, late[0])
        store.inner.put_if_absent = put
        return put(key, data)

    def first(key, data):
        store.inner.put_if_absent = land_then_put
        return drop_and_keep(key, data)

    store.inner.put_if_absent = first
    result = table.commit(second())
    del store.inner.put_if_absent
    assert result.snapshot_ids == (2,)
    assert result.files_added == 1
    assert table.state.snapshots.latest().id == 2
    assert table.live() == ["first", "mine"]


def test_an_answer_lost_while_another_commit_won_is_a_lost_race(table):
    commit_theirs = rival(table)

    def theirs_then_time_out():
        commit_theirs()
        raise StorageUnavailableError("time out")

    table.faults.fail("put_if_absent", SNAPSHOT_2, theirs_then_time_out)
    assert table.commit(second()).snapshot_ids == (3,)
    assert table.live() == ["first", "mine", "theirs"]


def test_a_lost_race_keeps_the_data_files_and_builds_on_the_winner(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, rival(table))
    result = table.commit(second())
    assert (result.snapshot_ids, result.retries) == ((3,), 1)
    assert table.live() == ["first", "mine", "theirs"]
    latest = table.state.snapshots.latest()
    assert latest.total_record_count == 30
    assert table.state.base.peek(latest) is not None


def test_a_lost_race_leaves_no_manifest_that_nobody_refers_to(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, rival(table))
    table.commit(second())
    state = CommittedState(table.faults.inner)
    referred = set()
    for snapshot in state.snapshots.history():
        referred |= {snapshot.base_manifest_list, snapshot.delta_manifest_list}
        referred |= {meta.file_name for meta in state.manifests.of(snapshot)}
    assert set(table.objects("manifest")) == referred


def test_the_delta_manifest_of_a_lost_race_is_used_again(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, rival(table))
    before = table.store.snapshot()
    table.commit(second())
    spent = table.store.since(before)
    # manifest, delta list, two base lists, LATEST
    assert spent["put"] == 5


def test_numbers_that_a_winner_reached_are_raised_before_publishing(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, rival(table))
    asked = []

    def resequence(messages, reached):
        asked.append(reached)
        return [added(data_file("raised", seq=(110, 119)))]

    table.committer(resequence=resequence).commit([second()])
    assert asked == [{(bytes(12), 0): 109}]
    assert table.live() == ["first", "raised", "theirs"]


def test_a_full_disk_at_the_snapshot_file_is_not_committed_and_not_retried(table):
    before = table.objects("manifest")
    table.faults.fail("put_if_absent", SNAPSHOT_2, "refused")
    with pytest.raises(StorageUnavailableError, match="disk is full"):
        table.commit(second())
    assert table.objects("manifest") == before
    assert table.clock.slept == []


def test_a_failing_storage_before_publishing_takes_back_what_was_written(table):
    before = table.objects("manifest")
    store = table.faults
    put = store.inner.put
    writes = []

    def failing_third(key, data):
        writes.append(key)
        if len(writes) == 3:
            raise StorageUnavailableError("no answer")
        put(key, data)

    store.inner.put = failing_third
    with pytest.raises(StorageUnavailableError, match="no answer"):
        table.commit(second())
    del store.inner.put
    assert table.objects("manifest") == before
    assert table.live() == ["first"]


def test_an_outcome_that_stays_unknown_says_so_and_deletes_nothing(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, *["absent"] * 10_000)
    before = set(table.objects("manifest"))
    with pytest.raises(CommitUnknownError, match="left open whether") as caught:
        table.commit(second(), identifier=7)
    assert table.clock.seconds >= 1_120
    assert set(table.objects("manifest")) > before
    assert not any(verb == "delete" for verb, _ in table.faults.log)
    token = json.loads(caught.value.detail["token"])
    assert (token["identifier"], token["kind"], token["open"]) == (7, "APPEND", [2])
    assert token["uuids"]


def test_a_storage_that_stops_answering_after_the_attempt_is_unknown(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, "landed")
    table.faults.fail("get", SNAPSHOT_2, None, *["absent"] * 10_000)
    with pytest.raises(CommitUnknownError):
        table.commit(second())
    assert table.live() == ["first", "mine"]


def test_a_storage_that_answers_again_settles_the_outcome(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, "landed")
    table.faults.fail("get", SNAPSHOT_2, None, *["absent"] * 5)
    assert table.commit(second()).snapshot_ids == (2,)


def test_time_bounds_the_retries_of_lost_races(table):
    settings = CommitSettings(timeout_ms=50)
    commits = [rival(table, f"theirs{n}") for n in range(1000)]
    store = table.faults
    put = store.inner.put_if_absent
    racing = []

    def always_second(key, data):
        if not racing:
            racing.append(key)
            commits.pop()()
            racing.clear()
        return put(key, data)

    store.inner.put_if_absent = always_second
    before = {*table.objects("manifest")}
    with pytest.raises(CommitConflictError, match=r"commit\.timeout \(50 ms\)") as caught:
        table.committer(settings=settings).commit([second()])
    del store.inner.put_if_absent
    assert caught.value.detail["retries"] > 1
    assert "mine" not in table.live()
    assert before < {*table.objects("manifest")}


def test_the_users_limit_of_tries_is_kept(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, rival(table, "a"))
    table.faults.fail("put_if_absent", "snapshot/snapshot-3", rival(table, "b"))
    settings = CommitSettings(max_retries=1)
    with pytest.raises(CommitConflictError, match=r"commit\.max-retries \(1\)"):
        table.committer(settings=settings).commit([second()])
    assert table.live() == ["a", "b", "first"]


def test_waits_grow_and_stay_below_their_limit(table):
    table.faults.fail("put_if_absent", SNAPSHOT_2, *["absent"] * 12)
    settings = CommitSettings(retry_wait_ms_min=10, retry_wait_ms_max=160)
    table.committer(settings=settings).commit([second()])
    assert len(table.clock.slept) == 12
    limits = [min(0.010 * 2 ** (n + 1), 0.160) for n in range(12)]
    assert all(0 <= s <= limit for s, limit in zip(table.clock.slept, limits, strict=True))


def test_a_replayed_job_commit_that_races_with_itself_is_applied_once(table):
    clean = table.other(table.faults.inner)
    message = second()
    table.faults.fail(
        "put_if_absent",
        SNAPSHOT_2,
        lambda: clean.committer("job").commit([message], identifier=5),
    )
    result = table.committer("job").commit([message], identifier=5)
    assert result.snapshot_ids == (2,)
    assert table.live() == ["first", "mine"]


def test_two_batch_commits_of_one_user_are_not_taken_for_one(table):
    clean = table.other(table.faults.inner)
    table.faults.fail(
        "put_if_absent",
        SNAPSHOT_2,
        lambda: clean.committer("same").commit([added(data_file("other", seq=(100, 109)))]),
    )
    result = table.committer("same").commit([second()])
    assert result.snapshot_ids == (3,)
    assert table.live() == ["first", "mine", "other"]


def expire(store, below, latest):
    """What an expiry leaves: EARLIEST first, then no snapshots below it."""
    store.put("snapshot/EARLIEST", str(below).encode())
    for snapshot_id in range(1, below):
        store.delete(f"snapshot/snapshot-{snapshot_id}")
    store.put("snapshot/LATEST", str(latest).encode())


def age(store, snapshot_id, millis):
    """Moves the time at which the storage got an object."""
    from tablestore.store import memory

    name = f"{store.uri.removeprefix('memory://')}/snapshot/snapshot-{snapshot_id}"
    data, modified = memory._OBJECTS[name]
    memory._OBJECTS[name] = (data, modified + millis)


def test_a_writer_that_slept_through_an_expiry_takes_back_its_snapshot(table):
    inner = table.faults.inner

    def history_moves_on():
        for n in range(5):
            rival(table, f"theirs{n}")()
        expire(inner, below=5, latest=6)
        for snapshot_id in (5, 6):
            age(inner, snapshot_id, -60_000)

    table.faults.fail("put_if_absent", SNAPSHOT_2, history_moves_on)
    result = table.commit(second())
    assert result.snapshot_ids == (7,)
    assert inner.head(SNAPSHOT_2) is None
    assert inner.get("snapshot/LATEST") == b"7"
    assert "mine" in table.live()
    assert len(table.live()) == 7


def test_a_commit_that_was_expired_before_it_was_verified_is_a_success(table):
    inner = table.faults.inner

    def history_moves_on():
        inner.put("snapshot/LATEST", b"2")
        for n in range(3):
            rival(table, f"theirs{n}")()
        expire(inner, below=4, latest=5)

    # The first look at EARLIEST is that of step 1, the second that of step 6.
    table.faults.fail("get", "snapshot/EARLIEST", None, history_moves_on)
    assert table.commit(second()).snapshot_ids == (2,)
    assert inner.get("snapshot/LATEST") == b"5"
    assert len(table.live()) == 5
    assert table.live().count("mine") == 1


def test_a_commit_whose_standing_cannot_be_shown_is_unknown(table):
    inner = table.faults.inner

    def history_moves_on():
        inner.put("snapshot/LATEST", b"2")
        rival(table, "theirs")()
        inner_table = table.other(inner)
        inner_table.commit(overwrite_filter=lambda _: True)
        expire(inner, below=4, latest=4)
        age(inner, 4, 60_000)

    table.faults.fail("get", "snapshot/EARLIEST", None, history_moves_on)
    with pytest.raises(CommitUnknownError):
        table.commit(second())
    assert table.live() == []


def test_the_latest_hint_never_goes_backwards(table):
    inner = table.faults.inner
    commit_theirs = rival(table)

    def others_advance():
        inner.put("snapshot/LATEST", b"2")
        commit_theirs()

    table.faults.fail("get", "snapshot/LATEST", None, others_advance)
    table.commit(second())
    assert inner.get("snapshot/LATEST") == b"3"


def roll_back(store, to):
    """What Java's rollback leaves: LATEST at the snapshot, and none above it."""
    store.put("snapshot/LATEST", str(to).encode())
    for info in list(store.list("snapshot")):
        number = info.name.rpartition("-")[2]
        if number.isdigit() and int(number) > to:
            store.delete(info.key)


@pytest.fixture
def warm(table):
    """A table whose next commit builds on the tip that it knows."""
    for n in range(3):
        table.commit(added(data_file(f"warm{n}", seq=(100 + 10 * n, 109 + 10 * n))))
    assert table.state.snapshots.tip().id == 4
    return table


@pytest.mark.parametrize("rivals", [0, 1, 2, 3])
def test_a_known_tip_that_was_rolled_back_is_not_built_on(warm, rivals):
    inner = warm.faults.inner
    # with two rivals another snapshot has the number of the known tip
    seconds = time.monotonic()
    warm.state.snapshots._clock = lambda: seconds + 2
    roll_back(inner, to=2)
    for n in range(rivals):
        rival(warm, f"theirs{n}")()
    result = warm.commit(second())
    assert result.snapshot_ids == (3 + rivals,)
    theirs = [f"theirs{n}" for n in range(rivals)]
    assert warm.live() == ["first", "mine", *theirs, "warm0"]
    assert inner.get("snapshot/LATEST") == str(3 + rivals).encode()


def test_a_known_tip_that_was_expired_is_not_built_on(warm):
    inner = warm.faults.inner
    for n in range(4):
        rival(warm, f"theirs{n}")()
    expire(inner, below=8, latest=8)
    age(inner, 8, -60_000)
    assert warm.commit(second()).snapshot_ids == (9,)
    assert inner.head("snapshot/snapshot-5") is None


def test_the_snapshot_before_may_expire_right_after_a_commit(warm):
    inner = warm.faults.inner
    # as an expirer does that keeps one snapshot, between the creation and the look at the base
    warm.faults.fail("get", "snapshot/snapshot-4", lambda: expire(inner, below=5, latest=5))
    assert warm.commit(second()).snapshot_ids == (5,)
    assert "mine" in warm.live()


def test_the_snapshot_before_may_expire_before_earliest_says_so(warm):
    inner = warm.faults.inner

    def java_expires():
        for snapshot_id in range(1, 5):
            inner.delete(f"snapshot/snapshot-{snapshot_id}")

    warm.faults.fail("get", "snapshot/snapshot-4", java_expires)
    assert warm.commit(second()).snapshot_ids == (5,)
    assert inner.head("snapshot/snapshot-5") is not None


def test_a_known_tip_that_is_stale_is_a_lost_race_and_costs_no_rows(warm):
    rival(warm)()
    result = warm.commit(second())
    assert (result.snapshot_ids, result.retries) == ((6,), 1)
    assert {"mine", "theirs"} <= set(warm.live())
    # where others commit, the next one asks first
    assert warm.state.snapshots.tip() is None


def test_a_failing_hint_does_not_fail_the_commit(table):
    table.faults.fail("put", "snapshot/LATEST", "absent")
    assert table.commit(second()).snapshot_ids == (2,)
    assert table.other().state.snapshots.latest().id == 2


def test_everything_a_snapshot_refers_to_is_written_before_it(table):
    table.commit(second())
    writes = [key for verb, key in table.faults.log if verb.startswith("put")]
    assert writes.index(SNAPSHOT_2) == 3
    assert all(key.startswith("manifest/") for key in writes[:3])
    assert writes[4:] == ["snapshot/LATEST"]


def test_garbage_in_the_place_of_the_next_snapshot_is_named(table):
    table.faults.inner.put(SNAPSHOT_2, b"{")
    with pytest.raises(CorruptDataError, match="snapshot/snapshot-2"):
        table.commit(second())


def test_blind_appends_that_race_all_stay():
    table = Table(APPENDING)
    faults = FaultyStore(table.store.inner)
    racer = table.other(faults)
    faults.fail(
        "put_if_absent",
        "snapshot/snapshot-1",
        lambda: table.commit(added(data_file("theirs"), total=-1)),
    )
    racer.commit(added(data_file("mine"), total=-1))
    assert table.live() == ["mine", "theirs"]


def test_a_table_that_was_dropped_meanwhile_is_not_written_again(table):
    inner = table.faults.inner
    assert isinstance(inner, MemoryStore)
    inner.delete_folder("")
    fresh = table.other(inner)
    with pytest.raises(LookupError, match="not a table"):
        fresh.commit(second())
    assert list(inner.list(recursive=True)) == []


@pytest.mark.parametrize(("lowest", "raised"), [(8, True), (109, True), (110, False)])
def test_numbers_are_raised_exactly_when_they_are_reached(table, lowest, raised):
    rival(table)()
    asked = []

    def resequence(messages, reached):
        asked.append(reached)
        return [added(data_file("raised", seq=(110, 110)))]

    committer = table.committer(resequence=resequence)
    committer.commit([added(data_file("mine", seq=(lowest, lowest)))])
    assert bool(asked) == raised
    assert ("raised" in table.live()) == raised


@pytest.mark.parametrize("rival_merges", [False, True])
def test_manifests_merged_for_a_lost_race_are_right_for_the_next_attempt(table, rival_merges):
    for n in range(4):
        rival(table, f"old{n}")()
    merging = CommitSettings(merge=MergePolicy(min_count=3))
    clean = table.other(table.faults.inner)
    theirs = clean.committer(settings=merging if rival_merges else CommitSettings())
    table.faults.fail(
        "put_if_absent",
        "snapshot/snapshot-6",
        lambda: theirs.commit([added(data_file("theirs", seq=(200, 209)))]),
    )
    result = table.committer(settings=merging).commit([second()])
    assert result.snapshot_ids == (7,)
    assert table.live() == ["first", "mine", "old0", "old1", "old2", "old3", "theirs"]
    latest = table.state.snapshots.latest()
    # one merged manifest and that of the winner, then mine
    assert len(table.state.manifests.of(latest)) == 3


def test_the_caller_learns_which_files_replaced_his(table):
    rival(table)()
    raised = added(data_file("raised", seq=(110, 119)))
    messages = [second()]
    table.committer(resequence=lambda late, reached: [raised]).commit(messages)
    assert messages == [raised]
