"""Which snapshots go: the numbers of the format's documents, and the state of jobs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tablestore.format.snapshot import Snapshot
from tablestore.maintain.cut import Cut, first_change_kept, first_kept, kept_for_jobs
from tablestore.options.retention import KEEP_ALL, Retention

OLD, YOUNG = 0, 10**9
NOW = 10**9


def cut(earliest, latest, made, *, keep=(10, KEEP_ALL), time_ms=1000, **more):
    return first_kept(earliest, latest, Retention(*keep, time_ms), NOW, made, **more).first_kept


def test_the_documented_cases():
    common = {"keep": (10, 15), "limit": 50}
    assert cut(1, 20, lambda _: OLD, **common) == 11
    assert cut(1, 20, lambda _: YOUNG, **common) == 6
    assert cut(1, 20, lambda _: OLD, consumers={"bi": 8}, **common) == 8


def test_a_snapshot_goes_by_the_age_of_the_next_one():
    made = {1: 0, 2: NOW - 1001, 3: NOW - 1000, 4: NOW}
    assert cut(1, 4, made.get, keep=(1, KEEP_ALL)) == 2


def test_the_limit_counts_from_the_oldest():
    assert cut(5, 100, lambda _: OLD, limit=3) == 8


def test_what_keeps_it_is_said():
    def reason(**more):
        return first_kept(1, 20, Retention(10, KEEP_ALL, 1000), NOW, lambda _: OLD, **more).reason

    assert reason() == "snapshot.num-retained.min"
    assert reason(limit=2) == "snapshot.expire.limit"
    assert reason(consumers={"bi": 3, "late": 2}) == "consumer late"
    young = first_kept(1, 20, Retention(10, KEEP_ALL, 1000), NOW, lambda _: YOUNG)
    assert young == Cut(1, "snapshot.time-retained")


@given(
    st.integers(1, 30),
    st.integers(0, 40),
    st.integers(1, 20),
    st.integers(0, 20),
    st.integers(1, 60),
    st.lists(st.integers(1, 80), max_size=2),
    st.data(),
)
def test_the_cut_is_what_stepping_through_gives(earliest, more, low, extra, limit, marks, data):
    latest = earliest + more
    times = sorted(data.draw(st.lists(st.integers(0, 100), min_size=more + 1, max_size=more + 1)))
    made = dict(zip(range(earliest, latest + 1), times, strict=True))
    retention = Retention(low, low + extra, 50)
    found = first_kept(
        earliest,
        latest,
        retention,
        100,
        made.get,
        limit=limit,
        consumers={str(n): mark for n, mark in enumerate(marks)},
    )
    # one snapshot at a time, oldest first, as long as it may go
    kept, gone = list(made), 0
    while len(kept) > low and gone < limit and all(kept[0] < mark for mark in marks):
        if len(kept) <= low + extra and made[kept[1]] >= 100 - 50:
            break
        kept.pop(0)
        gone += 1
    assert found.first_kept == kept[0]


def snapshot(number: int, *, ours: bool, jobs: bool = False) -> Snapshot:
    return Snapshot(
        id=number,
        schema_id=0,
        base_manifest_list="a",
        delta_manifest_list="b",
        commit_user="u",
        commit_identifier=1,
        commit_kind="APPEND",
        time_millis=0,
        total_record_count=0,
        delta_record_count=0,
        writer_version="tablestore-0.1.0" if ours else "2.0.0",
        properties={"tablestore.job.orders": "{}"} if jobs else {},
    )


def test_the_newest_snapshot_with_the_states_of_jobs_stays():
    low = Cut(6, "x")
    java = [snapshot(number, ours=False) for number in (7, 6)]
    going = [
        snapshot(5, ours=False),
        snapshot(4, ours=True, jobs=True),
        snapshot(3, ours=True, jobs=True),
    ]
    assert kept_for_jobs(low, going, lambda: java).first_kept == 4
    # a newer one of ours has carried them forward, or dropped them
    assert kept_for_jobs(low, going, lambda: [*java, snapshot(6, ours=True)]) == low
    dropped = [snapshot(5, ours=True), *going]
    assert kept_for_jobs(low, dropped, lambda: java) == low
    assert kept_for_jobs(low, [snapshot(5, ours=False)], lambda: java) == low


def test_nothing_that_goes_is_read_for_jobs_where_the_latest_is_ours():
    def read():
        raise AssertionError("read")
        yield

    assert kept_for_jobs(Cut(6, "x"), read(), lambda: [snapshot(7, ours=True)]) == Cut(6, "x")


def test_changes_go_by_their_own_age_and_the_newest_stay():
    def kept(times, *, keep=(1, KEEP_ALL), consumers=None, limit=50, latest=20):
        return first_change_kept(
            sorted(times),
            latest,
            Retention(*keep, 1000),
            NOW,
            times.get,
            limit=limit,
            consumers=consumers or {},
        )

    old = dict.fromkeys(range(3, 9), OLD)
    assert kept(old) == 8
    assert kept(old | {6: YOUNG, 7: YOUNG, 8: YOUNG}) == 6
    assert kept(old, limit=2) == 5
    assert kept(old, consumers={"bi": 4}) == 4
    assert kept(old, keep=(15, 16)) == 6
    assert kept(dict.fromkeys(range(3, 9), YOUNG), keep=(1, 15)) == 6
