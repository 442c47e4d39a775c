"""The committed base: cached, immutable, brought up to date by deltas."""

from __future__ import annotations

import dataclasses
import itertools
import os
import uuid

import pytest

import tablestore as ts
from tablestore.metadata.base import LiveFiles
from tests.support.builders import keyed_table, metered, rows, state_of, store_of, stored


def spied_manifests(table, monkeypatch):
    """Names of the manifests and lists that the table gets from its storage from now on."""
    names, store = [], store_of(table)
    get = store.get

    def spy(key):
        if key.startswith("manifest/"):
            names.append(key)
        return get(key)

    get_many = store.get_many

    def spy_many(keys):
        names.extend(key for key in keys if key.startswith("manifest/"))
        return get_many(keys)

    monkeypatch.setattr(store, "get", spy)
    monkeypatch.setattr(store, "get_many", spy_many)
    return names


def test_own_commits_need_no_manifest_read_at_all(monkeypatch):
    table = keyed_table(write_only="true")
    table.upsert(rows([1]))
    names = spied_manifests(table, monkeypatch)
    for n in range(5):
        table.upsert(rows([n]))
    assert names == []
    assert sorted(info.min_sequence for info in table.files()) == [0, 1, 2, 3, 4, 5]


def test_commits_of_others_are_followed_by_their_deltas_only(monkeypatch):
    table = keyed_table()
    for n in range(6):
        table.upsert(rows([n]))
    other = ts.open_table(table.path)
    other.upsert(rows([10, 11]))
    other.upsert(rows([12]))
    names = spied_manifests(table, monkeypatch)
    table.upsert(rows([20]))
    # two deltas, a list and a manifest each; and the base list, which the next one continues
    assert len(names) == 2 * 2 + 1
    assert max(info.max_sequence for info in table.files()) == 6 + 3
    assert stored(table)[20] == "20"


def test_a_fresh_process_takes_the_highest_sequence_number_from_all_manifests():
    table = keyed_table(bucket=2)
    for n in range(4):
        table.upsert(rows(range(20), str(n)))
    ts.open_table(table.path).upsert(rows(range(20), "last"))
    assert set(stored(table).values()) == {"last"}
    by_bucket = {}
    for info in table.files():
        by_bucket.setdefault(info.bucket, []).append((info.min_sequence, info.max_sequence))
    for spans in by_bucket.values():
        spans.sort()
        assert all(a[1] < b[0] for a, b in itertools.pairwise(spans))


def test_a_read_of_the_snapshot_in_memory_reads_no_manifest(monkeypatch):
    table = keyed_table()
    table.upsert(rows([1]))
    names = spied_manifests(table, monkeypatch)
    assert stored(table) == {1: "1"}
    assert names == []


def test_live_files_cannot_be_changed():
    table = keyed_table()
    table.upsert(rows([1]))
    state = state_of(table)
    live = state.base.live(state.snapshots.latest())
    with pytest.raises(dataclasses.FrozenInstanceError):
        live.snapshot = None
    assert all(isinstance(files, tuple) for files in live.buckets.values())


def test_a_later_snapshot_leaves_the_earlier_base_as_it_was():
    table = keyed_table(bucket=2)
    table.upsert(rows(range(10)))
    state = state_of(table)
    first = state.base.live(state.snapshots.latest())
    names = {entry.file.file_name for entry in first.entries()}
    buckets = dict(first.buckets)
    table.upsert(rows([1]))
    second = state.base.live(state.snapshots.latest())
    assert second is not first
    assert {entry.file.file_name for entry in first.entries()} == names
    assert dict(first.buckets) == buckets
    untouched = [key for key in first.buckets if second.buckets[key] is first.buckets[key]]
    assert len(untouched) == 1  # the bucket that the delta did not touch is shared


def test_asking_twice_gives_the_same_object():
    table = keyed_table()
    table.upsert(rows([1]))
    state = state_of(table)
    snapshot = state.snapshots.latest()
    assert state.base.live(snapshot) is state.base.live(snapshot)
    with metered(table) as spent:
        assert isinstance(state.base.live(snapshot), LiveFiles)
    assert spent[0].total == 0


def users(table):
    return [info.user for info in table.history()]


def test_each_batch_call_commits_under_a_fresh_user():
    table = keyed_table()
    for n in range(3):
        table.upsert(rows([n]))
    found = users(table)
    assert len(set(found)) == 3
    for user in found:
        assert str(uuid.UUID(user)) == user
    assert {info.identifier for info in table.history()} == {2**63 - 1}


def test_the_user_prefix_of_the_table_comes_first():
    table = keyed_table(commit__user_prefix="etl")
    table.upsert(rows([1]))
    table.upsert(rows([2]))
    assert all(user.startswith("etl_") for user in users(table))
    assert len(set(users(table))) == 2


def test_two_writers_from_one_base_number_one_after_the_other(tmp_path):
    table = keyed_table(tmp_path)
    other = ts.open_table(table.path)
    mine, theirs = table.batch(), other.batch()
    mine.upsert(rows([1, 2], "mine"))
    theirs.upsert(rows([1, 2], "theirs"))
    theirs.commit()
    mine.commit()
    assert stored(table) == {1: "mine", 2: "mine"}  # the later commit wins
    spans = sorted((info.min_sequence, info.max_sequence) for info in table.files())
    assert spans == [(0, 1), (2, 3)]
    live = {os.fspath(tmp_path / "shop.db" / "t" / info.path) for info in table.files()}
    assert {os.fspath(path) for path in tmp_path.rglob("*.parquet")} == live
