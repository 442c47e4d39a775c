"""Orphans: what is left by killed writers goes once it is old, and nothing else."""

from __future__ import annotations

import os

import pytest

import tablestore as ts
from tablestore.errors import CorruptDataError, InvalidInputError
from tests.support.builders import append_table, keyed_table, new_lake, rows, stored
from tests.support.lines import (
    expire_now,
    make_branch,
    make_tag,
    on_disk,
    open_branch,
    referenced,
    store_of,
)

LITTER = (
    "bucket-0/data-left-0.parquet",
    "bucket-0/data-left-0.parquet.index",
    "bucket-0/changelog-left-0.parquet",
    "bucket-7/data-left-1.parquet",
    "manifest/manifest-left-0",
    "manifest/manifest-list-left-0",
    "manifest/index-manifest-left-0",
    "index/index-left-0",
    "statistics/stat-left-0",
    "snapshot/.snapshot-3.left.tmp",
    "schema/.schema-1.left.tmp",
    "tag/.tag-x.left.tmp",
    "branch/branch-b/snapshot/.snapshot-9.left.tmp",
    "bucket-0/.data.left.tmp",
)
NOT_OURS = (
    "notes.txt",
    "bucket-0/deep/er/file",
    "metadata/v1.metadata.json",
    "bucket-0/pack.managed.blob",
    "snapshot/snapshot-x",
    "tablestore/jobs",
    "p=1/bucket-0/data-of-a-partitioned-table.parquet",
)


@pytest.fixture
def table(tmp_path) -> ts.Table:
    """A table on a disk with a tag and a branch."""
    made = keyed_table(tmp_path, bucket="1", write_only="true")
    for number in range(4):
        made.overwrite(rows(range(3), v=str(number)))
    make_tag(made, "v", 2)
    make_branch(made, "b", "v")
    open_branch(made, "b").upsert(rows([8]))
    return made


def litter(table: ts.Table, keys=LITTER) -> set[str]:
    for key in keys:
        store_of(table).put(key, b"left")
    return set(keys)


def age(table: ts.Table, *, hours: float) -> None:
    store = store_of(table)
    for info in list(store.list("", recursive=True)):
        seconds = info.modified_ms / 1000 - hours * 3600
        os.utime(f"{store.uri}/{info.key}", (seconds, seconds))


def keys_of(table: ts.Table) -> set[str]:
    return {info.key for info in store_of(table).list("", recursive=True)}


def test_old_litter_goes_and_all_that_is_needed_stays(table):
    needed = keys_of(table)
    left = litter(table)
    foreign = litter(table, NOT_OURS)
    age(table, hours=25)
    planned = table.remove_orphans(dry_run=True)
    assert keys_of(table) == needed | left | foreign
    done = table.remove_orphans()
    assert set(done.files) == set(planned.files) == left
    assert keys_of(table) == needed | foreign
    assert (done.data_files, done.metadata_files, done.temporary_files) == (4, 5, 5)
    assert done.bytes == 4 * len(left)
    assert stored(table) == dict.fromkeys(range(3), "3")
    assert stored(table.at(tag="v")) == dict.fromkeys(range(3), "1")
    assert stored(open_branch(table, "b"))[8] == "8"
    assert "deleted 14 files" in repr(done)
    assert "would delete 14 files" in repr(planned)
    assert not os.path.exists(f"{table.path}/bucket-7")  # noqa: PTH110


def test_young_files_stay(table):
    left = litter(table)
    assert table.remove_orphans().files == ()
    age(table, hours=23.9)
    done = table.remove_orphans()
    assert (done.files, done.young) == ((), 9)
    assert left <= keys_of(table)
    assert set(table.remove_orphans(older_than="23h").files) == left


def test_an_age_that_running_writers_could_have_is_refused(table):
    with pytest.raises(InvalidInputError, match="older_than=5 min would delete files of writers"):
        table.remove_orphans(older_than="5 min")
    litter(table)
    assert table.remove_orphans(older_than="0s", force=True).files


def test_files_of_a_writer_that_has_not_committed_stay(table):
    age(table, hours=100)
    batch = table.batch()
    batch.upsert(rows([5]))
    messages = batch.prepare()
    before = keys_of(table)
    table.remove_orphans()
    assert keys_of(table) == before
    context = table._parts.write_context()
    table._parts.committer(context).commit(messages)
    assert stored(table)[5] == "5"


def test_files_that_only_deleted_entries_name_go(table):
    """After a tag is dropped its files are in no snapshot, though manifests still name them."""
    expire_now(table, keep=(1, 1))
    store_of(table).delete("tag/tag-v")
    store = store_of(table)
    for info in list(store.list("branch", recursive=True)):
        store.delete(info.key)
    age(table, hours=25)
    assert referenced(table) < on_disk(table)
    done = table.remove_orphans()
    assert done.data_files == 2  # of the tag and of the branch
    assert on_disk(table) == referenced(table)


def test_nothing_goes_where_something_needed_is_missing(table):
    left = litter(table)
    age(table, hours=25)
    snapshot = table._parts.state.snapshots.find(3)
    store_of(table).delete(f"manifest/{snapshot.delta_manifest_list}")
    fresh = ts.open_table(table.path)
    with pytest.raises(CorruptDataError, match="snapshot 3 of the main branch"):
        fresh.remove_orphans()
    assert left <= keys_of(table)


def test_nothing_goes_where_a_branch_lacks_what_it_needs(table):
    left = litter(table)
    age(table, hours=25)
    branch = open_branch(table, "b")
    snapshot = branch._parts.state.snapshots.latest()
    store_of(table).delete(f"manifest/{snapshot.delta_manifest_list}")
    with pytest.raises(CorruptDataError, match="of branch 'b'"):
        ts.open_table(table.path).remove_orphans()
    assert left <= keys_of(table)


def test_a_snapshot_that_expires_meanwhile_is_no_damage(table, monkeypatch):
    left = litter(table)
    age(table, hours=25)
    fresh = ts.open_table(table.path)
    manifests = fresh._parts.state.manifests
    read = manifests.read_list
    done = []

    def expired_under_way(name):
        if not done:
            done.append(expire_now(table, keep=(1, 1)))
        return read(name)

    monkeypatch.setattr(manifests, "read_list", expired_under_way)
    found = fresh.remove_orphans()
    assert left <= set(found.files)
    assert stored(ts.open_table(table.path)) == dict.fromkeys(range(3), "3")
    assert stored(table.at(tag="v")) == dict.fromkeys(range(3), "1")
    assert ts.open_table(table.path).verify().ok


def test_older_files_of_what_stays_are_needed_where_the_older_snapshots_go(tmp_path, monkeypatch):
    """The delta of a snapshot is enough only where the one before it was looked at."""
    table = keyed_table(tmp_path, bucket="1", write_only="true")
    for number in range(4):
        table.upsert(rows([number]))
    age(table, hours=25)
    fresh = ts.open_table(table.path)
    manifests = fresh._parts.state.manifests
    read = manifests.read_list
    done = []

    def expired_under_way(name):
        if not done:
            done.append(expire_now(table, keep=(1, 1)))
        return read(name)

    monkeypatch.setattr(manifests, "read_list", expired_under_way)
    assert fresh.remove_orphans().data_files == 0
    assert stored(ts.open_table(table.path)) == {n: str(n) for n in range(4)}


def test_what_is_committed_meanwhile_is_needed(table, monkeypatch):
    batch = table.batch()
    batch.upsert(rows([5]))
    messages = batch.prepare()
    age(table, hours=25)  # a writer that took very long
    fresh = ts.open_table(table.path)
    live = fresh._parts.state.manifests.live
    done = []

    def committed_under_way(*arguments):
        found = live(*arguments)
        if not done:
            done.append(table._parts.committer(table._parts.write_context()).commit(messages))
        return found

    monkeypatch.setattr(fresh._parts.state.manifests, "live", committed_under_way)
    assert fresh.remove_orphans().files == ()
    assert stored(ts.open_table(table.path))[5] == "5"


def test_partitions_and_data_folders_are_looked_into(tmp_path):
    options = {"bucket": "-1", "data-file.path-directory": "rows"}
    columns = {"p": "STRING", "q": "INT", "v": "INT"}
    table = new_lake(tmp_path).create_table(
        "shop.t", columns, partition_by=["p", "q"], options=options
    )
    table.append([{"p": "a", "q": 1, "v": 1}])
    left = litter(table, ["rows/p=a/q=1/bucket-0/data-x.parquet", "rows/p=b/q=2/bucket-0/data-y"])
    litter(table, ["p=a/q=1/bucket-0/data-z.parquet", "rows/p=a/bucket-0/data-z.parquet"])
    age(table, hours=25)
    assert set(table.remove_orphans().files) == left
    assert table.to_arrow().num_rows == 1


def test_index_files_and_extra_files_are_needed(tmp_path):
    indexed = append_table(
        tmp_path, bucket="-1", file_index__bloom_filter__columns="v",
        file_index__in_manifest_threshold="1 b",
    )  # fmt: skip
    indexed.append(rows(range(5)))
    marked = new_lake(tmp_path / "dv").create_table(
        "shop.t",
        {"id": "BIGINT NOT NULL", "v": "STRING"},
        primary_key=["id"],
        options={"bucket": "1", "deletion-vectors.enabled": "true"},
    )
    marked.upsert(rows(range(9)))
    marked.upsert(rows([1]))
    for table in (indexed, marked):
        assert any(key.endswith(".index") or "index/" in key for key in keys_of(table))
        age(table, hours=25)
        assert table.remove_orphans().files == ()
