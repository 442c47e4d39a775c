"""Merged manifests hold the same live files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.commit.manifest_merge import MergePolicy, merge_manifests
from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import EMPTY_ROW, ManifestEntry, merge_entries
from tablestore.format.manifest_list import summarize
from tests.unit.commit.commit_builders import TEXT, data_file


class Shelf:
    """Manifests by name, each as large as it has entries."""

    def __init__(self, types=()):
        self.types = list(types)
        self.entries = {}
        self.reads = []

    def write(self, entries):
        name = f"m{len(self.entries)}"
        self.entries[name] = tuple(entries)
        return [summarize(entries, self.types, name, len(entries), 0)] if entries else []

    def read(self, name):
        self.reads.append(name)
        return self.entries[name]

    def merge(self, metas, policy):
        return merge_manifests(metas, policy, self.read, self.write, self.types)

    def live(self, metas):
        return {
            entry.identifier for entry in merge_entries([self.entries[m.file_name] for m in metas])
        }


def add(name, part=EMPTY_ROW):
    return ManifestEntry(0, part, 0, 1, data_file(name))


def delete(name, part=EMPTY_ROW):
    return replace(add(name, part), kind=1)


def test_small_manifests_wait_until_there_are_many():
    shelf = Shelf()
    policy = MergePolicy(target_size=1000, min_count=30, full_threshold=10**9)
    metas = [meta for n in range(29) for meta in shelf.write([add(f"f{n}")])]
    assert shelf.merge(metas, policy) == tuple(metas)
    assert shelf.reads == []
    metas += shelf.write([add("f29")])
    merged = shelf.merge(metas, policy)
    assert len(merged) == 1
    assert merged[0].num_added_files == 30


def test_neighbours_are_merged_up_to_the_target_size():
    shelf = Shelf()
    policy = MergePolicy(target_size=4, min_count=30, full_threshold=10**9)
    metas = [meta for n in range(10) for meta in shelf.write([add(f"f{n}")])]
    merged = shelf.merge(metas, policy)
    assert [meta.num_added_files for meta in merged] == [4, 4, 1, 1]
    assert merged[2:] == tuple(metas[8:])


def test_a_large_manifest_alone_is_left_as_it_is():
    shelf = Shelf()
    policy = MergePolicy(target_size=2, min_count=30, full_threshold=10**9)
    metas = [meta for n in range(3) for meta in shelf.write([add(f"a{n}"), add(f"b{n}")])]
    assert shelf.merge(metas, policy) == tuple(metas)
    assert shelf.reads == []


def test_a_minor_merge_keeps_a_delete_whose_file_is_older():
    shelf = Shelf()
    policy = MergePolicy(target_size=2, min_count=2, full_threshold=10**9)
    metas = [
        *shelf.write([add("old"), add("other")]),
        *shelf.write([delete("old")]),
        *shelf.write([add("new")]),
    ]
    merged = shelf.merge(metas, policy)
    assert [(m.num_added_files, m.num_deleted_files) for m in merged] == [(2, 0), (1, 1)]
    assert shelf.live(merged) == shelf.live(metas)


def test_a_group_that_cancels_out_leaves_no_manifest():
    shelf = Shelf()
    policy = MergePolicy(target_size=100, min_count=2, full_threshold=10**9)
    metas = [*shelf.write([add("x")]), *shelf.write([delete("x")])]
    assert shelf.merge(metas, policy) == ()


def test_a_full_merge_drops_deleted_files_and_their_deletes():
    shelf = Shelf()
    policy = MergePolicy(target_size=100, min_count=30, full_threshold=3)
    metas = [
        *shelf.write([add("a"), add("b")]),
        *shelf.write([delete("a")]),
        *shelf.write([add("c")]),
    ]
    merged = shelf.merge(metas, policy)
    assert [(m.num_added_files, m.num_deleted_files) for m in merged] == [(2, 0)]
    assert shelf.live(merged) == shelf.live(metas)


def test_a_full_merge_reads_no_large_manifest_of_other_partitions():
    parts = {name: encode_row([name], [TEXT]) for name in "abc"}
    shelf = Shelf([TEXT])
    policy = MergePolicy(target_size=2, min_count=30, full_threshold=2)
    metas = [
        *shelf.write([add("a1", parts["a"]), add("a2", parts["a"])]),
        *shelf.write([add("c1", parts["c"]), add("c2", parts["c"])]),
        *shelf.write([delete("c1", parts["c"])]),
        *shelf.write([add("b1", parts["b"])]),
    ]
    merged = shelf.merge(metas, policy)
    assert metas[0] in merged
    assert metas[0].file_name not in shelf.reads
    assert shelf.live(merged) == shelf.live(metas)
    assert all(meta.num_deleted_files == 0 for meta in merged)


def test_a_null_partition_is_found_by_its_null_count():
    nothing, something = encode_row([None], [TEXT]), encode_row(["x"], [TEXT])
    shelf = Shelf([TEXT])
    policy = MergePolicy(target_size=2, min_count=30, full_threshold=1)
    metas = [
        *shelf.write([add("n1", nothing), add("x1", something)]),
        *shelf.write([delete("n1", nothing)]),
    ]
    merged = shelf.merge(metas, policy)
    assert shelf.live(merged) == shelf.live(metas)
    assert sum(meta.num_added_files for meta in merged) == 1


@pytest.mark.parametrize("partitioned", [False, True])
@given(
    steps=st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 7)), max_size=6), max_size=14),
    target=st.integers(1, 12),
    count=st.integers(1, 8),
    threshold=st.sampled_from([1, 3, 10, 10**9]),
)
def test_any_merge_keeps_exactly_the_live_files(partitioned, steps, target, count, threshold):
    shelf = Shelf([TEXT] if partitioned else [])
    parts = [encode_row([c], [TEXT]) if partitioned else EMPTY_ROW for c in "abcdefgh"]
    policy = MergePolicy(target_size=target, min_count=count, full_threshold=threshold)
    metas, live, versions = [], {}, 0
    for step in steps:
        entries = []
        for adds, slot in step:
            if adds and slot not in live:
                versions += 1
                live[slot] = f"f{slot}-{versions}"
                entries.append(add(live[slot], parts[slot]))
            elif not adds and slot in live:
                entries.append(delete(live.pop(slot), parts[slot]))
        metas = list(shelf.merge(metas, policy)) + shelf.write(entries)
    expected = {add(name, parts[slot]).identifier for slot, name in live.items()}
    assert shelf.live(metas) == expected
    assert shelf.live(shelf.merge(metas, policy)) == expected
