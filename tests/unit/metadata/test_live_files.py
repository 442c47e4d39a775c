"""The live files of a snapshot, whole, pruned and followed by deltas."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.manifest import ManifestEntry, encode_manifest
from tablestore.metadata.base import EMPTY, CommittedState, LiveFiles
from tablestore.metadata.manifests import EntryFilter, Manifests
from tests.unit.commit.commit_builders import (
    PARTITIONED,
    Table,
    added,
    compacted,
    data_file,
    partition,
)


def entry(name, *, kind=0, part=b"p", bucket=0, seq=(0, 9), total=2, level=0):
    return ManifestEntry(kind, part, bucket, total, data_file(name, seq=seq, level=level))


@pytest.fixture
def table():
    """Two partitions, one manifest a commit; the last commit compacts."""
    made = Table(PARTITIONED)
    a, b = partition("a"), partition("b")
    a1 = data_file("a1", seq=(0, 4))
    made.commit(added(a1, part=a))
    made.commit(added(data_file("b1", seq=(0, 7)), part=b))
    made.commit(added(data_file("a2", seq=(5, 9)), part=a, bucket=1))
    made.commit(compacted([a1], [data_file("a3", seq=(0, 4), level=5)], part=a))
    return made


def test_a_full_load_merges_all_manifests(table):
    state = CommittedState(table.store)
    live = state.base.live(state.snapshots.latest())
    names = {bucket: [e.file.file_name for e in es] for bucket, es in live.buckets.items()}
    a, b = partition("a"), partition("b")
    assert names == {(b, 0): ["b1"], (a, 1): ["a2"], (a, 0): ["a3"]}
    assert live.max_sequence(b, 0) == 7
    assert live.max_sequence(b, 1) == -1
    assert live.total_buckets(a) == 2
    assert live.total_buckets(partition("zzz")) is None


def test_the_next_snapshot_is_followed_by_its_delta_only(table):
    reader = CommittedState(table.store)
    reader.base.live(reader.snapshots.latest())
    table.commit(added(data_file("b2", seq=(8, 9)), part=partition("b")))
    latest = reader.snapshots.latest()
    mark = table.store.snapshot()
    live = reader.base.live(latest)
    # the snapshot that was known, the delta list, the delta manifest
    assert dict(table.store.since(mark).verbs) == {"get": 3}
    assert live.max_sequence(partition("b"), 0) == 9
    mark = table.store.snapshot()
    assert reader.base.live(latest) is live
    assert table.store.since(mark).total == 0


def test_untouched_buckets_are_shared_between_snapshots(table):
    state = CommittedState(table.store)
    before = state.base.live(state.snapshots.latest())
    table.commit(added(data_file(seq=(8, 9)), part=partition("b")))
    after = state.base.live(state.snapshots.latest())
    key = (partition("a"), 1)
    assert after.buckets[key] is before.buckets[key]
    assert len(before.buckets[partition("b"), 0]) == 1


def test_an_older_snapshot_does_not_push_out_the_newest(table):
    state = table.state
    latest = state.snapshots.latest()
    state.base.live(latest)
    old = state.base.live(state.snapshots.load(2))
    assert sum(map(len, old.buckets.values())) == 2
    assert state.base.peek(latest) is not None


def test_a_snapshot_that_took_the_id_of_another_is_loaded_anew(table):
    reader = CommittedState(table.store)
    reader.base.live(reader.snapshots.latest())
    table.store.delete("snapshot/snapshot-4")
    table.store.put("snapshot/LATEST", b"3")
    other = Table.other(table)
    for n in range(2):
        other.commit(added(data_file(f"new{n}", seq=(20 + n, 20 + n)), part=partition("a")))
    live = reader.base.live(reader.snapshots.latest())
    names = sorted(e.file.file_name for e in live.entries())
    assert names == ["a1", "a2", "b1", "new0", "new1"]


def test_a_gap_in_the_snapshots_leads_to_a_full_load(table):
    reader = CommittedState(table.store)
    reader.base.live(reader.snapshots.load(1))
    table.store.delete("snapshot/snapshot-2")
    live = reader.base.live(reader.snapshots.latest())
    assert sorted(e.file.file_name for e in live.entries()) == ["a2", "a3", "b1"]


def test_a_table_without_commits_has_no_files():
    state = Table().state
    assert state.base.live(None) is EMPTY
    assert EMPTY.max_sequence(b"", 0) == -1
    assert EMPTY.files(b"", 0) == ()


def test_a_filter_reads_only_manifests_that_may_match(table):
    state = CommittedState(table.store)
    latest = state.snapshots.latest()
    b = partition("b")
    calls = []

    def only_b(part):
        calls.append(part)
        return part == b

    wanted = EntryFilter(
        manifest=lambda meta: (
            meta.partition_stats.min_values <= b <= meta.partition_stats.max_values
        ),
        partition=only_b,
    )
    scan = state.base.scan(latest, wanted)
    assert [e.file.file_name for e in scan.entries] == ["b1"]
    assert (scan.manifests_total, scan.manifests_read, scan.entries_read) == (4, 1, 1)


def test_levels_and_buckets_prune_too(table):
    state = CommittedState(table.store)
    latest = state.snapshots.latest()
    upper = state.manifests.live(latest, EntryFilter(levels=(1, 9)))
    assert [e.file.file_name for e in upper.entries] == ["a3"]
    assert upper.manifests_read == 1
    second = state.manifests.live(latest, EntryFilter(bucket=lambda bucket, total: bucket == 1))
    assert [e.file.file_name for e in second.entries] == ["a2"]


def test_a_scan_of_the_known_snapshot_reads_nothing(table):
    latest = table.state.snapshots.latest()
    mark = table.store.snapshot()
    wanted = EntryFilter(partition=lambda part: part == partition("a"), levels=(0, 0))
    scan = table.state.base.scan(latest, wanted)
    assert [e.file.file_name for e in scan.entries] == ["a2"]
    assert scan.manifests_read == 0
    assert table.store.since(mark).total == 0


@pytest.mark.parametrize("cut", [0, 10, -20])
def test_a_damaged_manifest_is_named(table, cut):
    state = CommittedState(table.store)
    latest = state.snapshots.latest()
    (meta, *_) = state.manifests.read_list(latest.delta_manifest_list)
    key = f"manifest/{meta.file_name}"
    data = table.store.get(key)
    table.store.put(key, data[:cut])
    with pytest.raises(CorruptDataError, match=key):
        CommittedState(table.store).base.live(latest)


def test_a_missing_manifest_is_named(table):
    latest = table.state.snapshots.latest()
    table.store.delete(f"manifest/{latest.base_manifest_list}")
    with pytest.raises(NotFoundError, match=latest.base_manifest_list):
        CommittedState(table.store).base.live(latest)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "..", "x\0y"])
def test_a_manifest_name_that_leaves_its_folder_is_not_followed(table, name):
    with pytest.raises(CorruptDataError, match="plain file name"):
        table.state.manifests.read(name)


def test_a_delete_without_its_file_is_damage(table):
    state = CommittedState(table.store)
    latest = state.snapshots.latest()
    (meta,) = state.manifests.read_list(latest.delta_manifest_list)
    entries = state.manifests.read(meta.file_name)
    ghost = [replace(e, file=replace(e.file, file_name="x")) if e.kind else e for e in entries]
    assert ghost != list(entries)
    table.store.put(f"manifest/{meta.file_name}", encode_manifest(ghost))
    with pytest.raises(CorruptDataError, match="DELETE without its ADD"):
        CommittedState(table.store).base.live(latest)


@pytest.mark.parametrize("kind", [0, 1])
def test_a_manifest_with_other_numbers_of_entries_than_its_list_says_is_damage(table, kind):
    state = CommittedState(table.store)
    latest = state.snapshots.latest()
    (meta,) = state.manifests.read_list(latest.delta_manifest_list)
    fewer = [entry for entry in state.manifests.read(meta.file_name) if entry.kind == kind]
    table.store.put(f"manifest/{meta.file_name}", encode_manifest(fewer))
    said = "expected 1 added and 1 deleted files, as its list says, found"
    with pytest.raises(CorruptDataError, match=said):
        CommittedState(table.store).base.live(latest)
    with pytest.raises(CorruptDataError, match=said):
        Manifests(table.store).delta(latest)


def test_a_partition_without_files_has_no_bucket_count():
    live = LiveFiles.of(None, [entry("x", part=b"p"), entry("y", part=b"q", total=4)])
    gone = live.advance(None, [entry("x", kind=1, part=b"p")])
    assert gone.total_buckets(b"p") is None
    assert gone.total_buckets(b"q") == 4
    assert gone.advance(None, [entry("z", part=b"p", total=8)]).total_buckets(b"p") == 8


def test_the_highest_sequence_number_falls_with_its_file():
    live = LiveFiles.of(None, [entry("x", seq=(0, 4)), entry("y", seq=(5, 50))])
    fewer = live.advance(None, [entry("y", kind=1, seq=(5, 50))])
    assert fewer.max_sequence(b"p", 0) == 4


@given(
    st.lists(
        st.lists(
            st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from([b"p", b"q"])), max_size=5
        ),
        max_size=10,
    )
)
def test_following_deltas_equals_loading_at_once(steps):
    live, model, count = EMPTY, {}, 0
    for step in steps:
        delta = []
        for adds, slot, part in step:
            key = (slot, part)
            if adds and key not in model:
                count += 1
                model[key] = entry(f"f{count}", part=part, bucket=slot % 2, seq=(count, count))
                delta.append(model[key])
            elif not adds and key in model:
                delta.append(replace(model.pop(key), kind=1))
        live = live.advance(None, delta)
    loaded = LiveFiles.of(None, model.values())
    assert {b: set(es) for b, es in live.buckets.items()} == {
        b: set(es) for b, es in loaded.buckets.items()
    }
    assert live.max_sequences == loaded.max_sequences
    assert live.totals == loaded.totals


def test_threads_share_one_load(table):
    state = CommittedState(table.store)
    latest = state.snapshots.latest()
    mark = table.store.snapshot()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(state.base.live(latest))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(live) for live in found}) == 1
    assert table.store.since(mark).total == 6
