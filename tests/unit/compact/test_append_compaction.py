"""Append tables lose small files and deleted rows to a compaction, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tablestore as ts
from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.compact.append import AppendUnit
from tablestore.format.deletion_vector import encode_index_file
from tablestore.format.index_manifest import DELETION_VECTORS_INDEX, IndexManifestEntry
from tablestore.format.paths import index_path
from tests.support.builders import append_table, rows, stored


def filled(commits=6, count=10, folder=None, **options):
    """A table with as many files as commits, ids from 0 on."""
    table = append_table(folder, **options)
    for n in range(commits):
        table.append(rows(range(n * count, (n + 1) * count)))
    return table


def bucketed(commits=6, count=10, folder=None, **options):
    return filled(commits, count, folder, bucket="1", bucket_key="id", **options)


def ids(table):
    return table.to_arrow()["id"].to_pylist()


def spans(table):
    return sorted((f.min_sequence, f.max_sequence, f.rows) for f in table.files())


def on_disk(table):
    return {path.name for path in Path(table.path).rglob("*") if path.parent.name != "snapshot"}


def mark(table, rows_of):
    """Delete rows as another engine does: a deletion vector for each file, in one index file."""
    parts = table._parts
    live = parts.state.base.live(parts.state.snapshots.latest())
    before = parts.state.manifests.read_index(live.snapshot.index_manifest)
    messages = []
    for (partition, bucket), entries in live.buckets.items():
        vectors = {e.file.file_name: rows_of(e.file) for e in entries}
        data, ranges = encode_index_file({n: r for n, r in vectors.items() if len(r)})
        name = f"index-{len(before)}-{partition.hex()}-{bucket}"
        parts.store.put(index_path(name), data)
        entry = IndexManifestEntry(
            0, partition, bucket, DELETION_VECTORS_INDEX, name, len(data), len(ranges), ranges
        )
        old = tuple(e for e in before if (e.partition, e.bucket) == (partition, bucket))
        half = DataIncrement(new_index_files=(entry,), deleted_index_files=old)
        messages.append(CommitMessage(partition, bucket, entries[0].total_buckets, half))
    return parts.committer(parts.write_context()).commit(messages)


def every(step):
    return lambda meta: np.arange(0, meta.row_count, step)


def indexes(table):
    parts = table._parts
    return parts.state.manifests.read_index(parts.state.snapshots.latest().index_manifest)


def test_small_files_become_one_and_the_rows_stay():
    table = filled()
    before = stored(table)
    result = table.compact()
    assert (result.files_before, result.files_after) == (6, 1)
    assert (result.read_amplification_before, result.read_amplification_after) == (6, 1)
    assert [step.reason for step in result.steps] == ["small files"]
    assert table.history()[0].kind == "COMPACT"
    assert stored(table) == before
    assert table.verify(deep=True).ok


def test_too_few_small_files_wait_until_all_are_asked_for():
    table = filled(commits=4)
    assert table.compact().steps == ()
    assert table.compact(full=True).files_after == 1
    assert table.compact(full=True).steps == ()


def test_one_call_of_a_table_without_buckets_makes_one_round():
    # ten files of two groups would leave two, which are too few for another round anyway
    table = filled(commits=10, count=3000, target_file_size="40 kb", compaction__min__file_num="2")
    before = stored(table)
    result = table.compact()
    assert len(result.snapshot_ids) == 1
    assert stored(table) == before
    small = 0.7 * 40_960
    for info in table.files():
        assert info.bytes < 3 * 40_960
    assert sum(info.bytes < small for info in table.files()) < 10


def test_partitions_are_compacted_by_themselves():
    table = append_table(columns={"id": "BIGINT", "v": "STRING"}, by=("v",))
    for n in range(5):
        table.append(rows([n, n + 5], ["a", "b"]))
    before = stored(table)
    result = table.compact(partition={"v": "b"})
    assert [step.partition for step in result.steps] == ["v=b/"]
    assert {b.partition: b.files for b in table.buckets()} == {"v=a/": 5, "v=b/": 1}
    assert stored(table) == before


def test_large_files_are_left_alone():
    table = append_table(compaction__small_file_ratio="0.0001", target_file_size="1 mb")
    for n in range(6):
        table.append(rows(range(n * 500, n * 500 + 500)))
    assert table.compact(full=True).steps == ()


def test_a_writer_compacts_the_bucket_that_it_writes_to():
    table = bucketed(commits=4)
    assert len(table.files()) == 4
    result = table.append(rows(range(40, 50)))
    assert len(result.snapshot_ids) == 2
    assert [info.kind for info in table.history()[:2]] == ["COMPACT", "APPEND"]
    assert spans(table) == [(0, 49, 50)]
    assert ids(table) == list(range(50))


def test_a_writer_leaves_it_to_others_where_the_table_is_write_only_or_has_no_buckets():
    assert len(bucketed(commits=7, write_only="true").files()) == 7
    assert len(filled(commits=7).files()) == 7


def test_rows_of_a_bucket_stay_in_the_order_of_their_commits():
    table = bucketed(commits=33, write_only="true")
    assert ids(table) == list(range(330))
    result = table.compact()
    assert ids(table) == list(range(330))
    # 33 files make 6 and 3, these 1 and 4, these 1
    assert len(table.files()) == 1
    assert len(result.snapshot_ids) == 3
    table.append(rows([330]))
    assert ids(table) == list(range(331))


def test_new_files_of_a_bucket_count_on_from_the_first_old_one():
    table = append_table(bucket="1", bucket_key="id", write_only="true", target_file_size="200 kb")
    rng = np.random.default_rng(5)
    for n in range(5):
        texts = rng.integers(0, 1 << 60, 20_000).astype(str).tolist()
        table.append(rows(range(n * 20_000, n * 20_000 + 20_000), texts))
    before = ids(table)
    table.compact(full=True)
    assert ids(table) == before == list(range(100_000))
    starts = [first for first, _, _ in spans(table)]
    assert len(starts) > 1
    assert starts == sorted(set(starts))
    assert max(last for _, last, _ in spans(table)) == 99_999


def test_a_full_compaction_of_a_bucket_needs_three_files():
    assert bucketed(commits=2, write_only="true").compact(full=True).steps == ()
    assert bucketed(commits=3, write_only="true").compact(full=True).files_after == 1


def test_a_bucket_is_left_alone_when_there_is_nothing_to_gain():
    table = bucketed(commits=1, write_only="true", deletion_vectors__enabled="true")
    assert table.compact(full=True).steps == ()


@pytest.mark.parametrize("make", [filled, bucketed])
def test_deleted_rows_go_and_their_vectors_with_them(make):
    table = make(commits=4, deletion_vectors__enabled="true")
    mark(table, every(3))
    before = stored(table)
    assert len(before) == 24
    table.compact(full=True)
    assert stored(table) == before
    assert sum(info.rows for info in table.files()) == 24
    assert indexes(table) == ()
    assert table.verify(deep=True).ok


def test_vectors_of_other_files_go_on_in_a_new_index_file():
    table = filled(
        commits=6,
        count=50,
        deletion_vectors__enabled="true",
        compaction__delete_ratio_threshold="0.3",
        compaction__small_file_ratio="0.000001",
    )
    # many rows of three files, few of the others; all files are large
    named = {info.path.rpartition("/")[2]: info.min_sequence for info in table.files()}
    often = set(sorted(named)[:3])
    mark(table, lambda m: every(2 if m.file_name in often else 10)(m))
    before = stored(table)
    (old,) = indexes(table)
    result = table.compact()
    assert [step.reason for step in result.steps] == ["deleted rows"]
    assert result.files_before == 3
    assert stored(table) == before
    (new,) = indexes(table)
    assert {r.data_file for r in new.dv_ranges} == set(named) - often
    assert (new.file_name, new.row_count) != (old.file_name, old.row_count)
    assert [r.cardinality for r in new.dv_ranges] == [5, 5, 5]


def test_a_file_of_which_nothing_is_left_goes_without_a_new_one():
    table = filled(commits=2, deletion_vectors__enabled="true")
    mark(table, every(1))
    assert stored(table) == {}
    assert table.compact().files_after == 0
    assert table.files() == []
    assert stored(table) == {}


@pytest.mark.parametrize("make", [filled, bucketed])
@pytest.mark.parametrize("known", [False, True])
def test_rows_that_are_deleted_meanwhile_stay_deleted(monkeypatch, tmp_path, make, known):
    table = make(commits=4, folder=tmp_path, deletion_vectors__enabled="true")
    if known:
        mark(table, every(5))
    run = AppendUnit.run
    other = ts.open_table(table.path)
    files = []

    def slow(unit, context):
        done = run(unit, context)
        files.append(on_disk(table))
        mark(other, every(2))
        files.append(on_disk(table) - files[0])
        return done

    before = on_disk(table)
    with monkeypatch.context() as patch:
        patch.setattr(AppendUnit, "run", slow)
        result = table.compact(full=True)
    assert (result.given_up, result.snapshot_ids) == (1, ())
    assert len(stored(table)) == 20
    # what was written in vain is gone
    assert on_disk(table) - files[1] == before
    assert table.compact(full=True).files_after == 1
    assert len(stored(table)) == 20


def test_a_file_that_an_overwrite_took_is_given_up(monkeypatch):
    table = filled()
    run = AppendUnit.run

    def slow(unit, context):
        done = run(unit, context)
        table.overwrite(rows([1]))
        return done

    monkeypatch.setattr(AppendUnit, "run", slow)
    assert table.compact().given_up == 1
    assert stored(table) == {1: "1"}


def test_rows_that_come_meanwhile_are_kept(monkeypatch):
    table = filled()
    run = AppendUnit.run

    def slow(unit, context):
        table.append(rows([1000]))
        return run(unit, context)

    monkeypatch.setattr(AppendUnit, "run", slow)
    assert table.compact().snapshot_ids == (8,)
    assert sorted(stored(table)) == [*range(60), 1000]


def test_files_of_older_schemas_and_wide_rows_are_read_in_pieces():
    table = append_table(columns={"id": "BIGINT", "v": "STRING"}, target_file_size="1 mb")
    texts = ["x" * 2000 + str(n) for n in range(3000)]
    for n in range(5):
        table.append(rows(range(n * 3000, n * 3000 + 3000), texts))
    before = stored(table)
    table.compact(memory="1 mb", workers=1)
    assert stored(table) == before
    assert table.explain().row_groups > len(table.files())


@pytest.mark.parametrize(
    "option", ["row-tracking.enabled", "data-evolution.enabled", "clustering.incremental"]
)
def test_what_a_compaction_would_spoil_is_refused(option):
    from tablestore.compact.append import append_hindrance
    from tablestore.options.table import TableOptions

    options = TableOptions.parse({option: "true"}, has_primary_key=False)
    found = append_hindrance(options)
    assert found is not None
    assert found[0] == option
    assert append_hindrance(TableOptions.parse({}, has_primary_key=False)) is None


def test_only_the_partition_whose_rows_were_deleted_meanwhile_is_given_up(monkeypatch):
    table = append_table(
        columns={"id": "BIGINT", "v": "STRING"}, by=("v",), deletion_vectors__enabled="true"
    )
    for n in range(5):
        table.append(rows(range(n * 4, n * 4 + 4), ["a", "b", "c", "d"]))
    run = AppendUnit.run
    left = []

    def slow(unit, context):
        done = run(unit, context)
        left.append(unit)
        if len(left) == 4:
            meta = left[0].before[0]
            mark(table, lambda m: np.arange(1 if m.file_name == meta.file_name else 0))
        return done

    monkeypatch.setattr(AppendUnit, "run", slow)
    result = table.compact(workers=1)
    assert (result.given_up, len(result.steps)) == (1, 3)
    assert len(stored(table)) == 19


def test_text_of_few_values_keeps_its_rows_and_nulls():
    table = append_table(bucket="1", bucket_key="id", write_only="true")
    want = []
    for n in range(6):
        texts = [[f"{n}-{m % 3}", None, "", "same"][m % 4] for m in range(1000)]
        if n == 4:  # too many values for a dictionary
            texts = [f"{m} {'x' * 100}" for m in range(1000)]
        table.append(rows(range(n * 1000, n * 1000 + 1000), texts))
        want += texts
    table.compact(full=True)
    assert table.to_arrow()["v"].to_pylist() == want
    assert table.verify(deep=True).ok
