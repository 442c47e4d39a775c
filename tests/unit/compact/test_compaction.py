"""A compaction changes the files of a table and never its rows."""

from __future__ import annotations

import threading

import pytest

import tablestore as ts
from tablestore.compact import job as job_module
from tests.support.builders import append_table, keyed_table, rows, stored


def filled(commits=9, place=None, **options):
    """A table with as many sorted runs as commits, which nobody compacted."""
    table = keyed_table(place, write_only="true", **options)
    for n in range(commits):
        table.upsert(rows(range(n, n + 20)))
    table.delete(keys=[0, 1, 2])
    return table


def levels(table):
    return sorted(info.level for info in table.files())


def names(table):
    return {info.path.rpartition("/")[2] for info in table.files()}


def folder(place):
    return {path.name for path in place.rglob("*.parquet")}


@pytest.mark.parametrize("full", [False, True])
def test_a_compaction_leaves_one_run_and_the_same_rows(full):
    table = filled()
    before = stored(table)
    result = table.compact(full=full)
    assert stored(table) == before
    assert levels(table) == [5]
    assert (result.files_before, result.files_after) == (10, 1)
    assert (result.read_amplification_before, result.read_amplification_after) == (10, 1)
    assert table.history()[0].kind == "COMPACT"
    assert table.verify(deep=True).ok


def test_rows_that_were_deleted_leave_the_highest_level():
    table = filled()
    table.compact()
    assert [info.rows for info in table.files()] == [len(stored(table))]


def test_nothing_is_done_below_the_trigger_and_nothing_twice():
    table = filled(commits=2)
    assert table.compact().snapshot_ids == ()
    assert len(table.compact(full=True).snapshot_ids) == 1
    assert table.compact(full=True).snapshot_ids == ()
    assert table.compact(full=True).steps == ()


def test_a_dry_run_says_what_would_be_done_and_does_nothing():
    table = filled()
    at, files = table.snapshot_id, names(table)
    plan = table.compact(dry_run=True)
    assert plan.dry_run
    assert [(step.runs_before, step.runs_after, step.reason) for step in plan.steps] == [
        (10, 1, "size amplification")
    ]
    assert (table.snapshot_id, names(table)) == (at, files)


def test_only_the_buckets_and_partitions_asked_for_are_touched():
    table = keyed_table(
        columns={"id": "BIGINT NOT NULL", "p": "STRING NOT NULL", "v": "STRING"},
        key=("p", "id"),
        by=("p",),
        bucket="2",
        write_only="true",
    )
    for n in range(6):
        table.upsert([{"id": i, "p": p, "v": str(n)} for i in range(50) for p in "ab"])
    result = table.compact(full=True, partition={"p": "a"}, buckets=[1])
    assert [(step.partition, step.bucket) for step in result.steps] == [("p=a/", 1)]
    runs = {(info.partition, info.bucket): info.runs for info in table.buckets()}
    assert runs == {("p=a/", 0): 6, ("p=a/", 1): 1, ("p=b/", 0): 6, ("p=b/", 1): 6}


def test_a_budget_takes_the_picks_that_fit():
    table = keyed_table(bucket="4", write_only="true")
    for n in range(6):
        table.upsert(rows(range(200), str(n)))
    sizes = sorted(info.bytes for info in table.buckets())
    result = table.compact(budget_bytes=sizes[0] + sizes[1])
    assert 1 <= len(result.steps) <= 2
    assert result.over_budget == 4 - len(result.steps)
    assert sum(step.bytes_read for step in result.steps) <= sizes[0] + sizes[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"partition": {"nope": 1}}, "not partitioned by 'nope'"),
        ({"workers": 0}, "workers is at least 1"),
        ({"buckets": 0}, "buckets is a list of numbers, found 0"),
        ({"buckets": "0"}, "buckets is a list of numbers, found '0'"),
        ({"buckets": [0, 9]}, "no bucket 9; its buckets are 0 to"),
        ({"budget_bytes": "lots"}, "budget_bytes: 'lots' is not a size"),
        ({"memory": 0}, "memory is a number of bytes above 0"),
        ({"budget_bytes": "x"}, "x"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, message):
    with pytest.raises(ts.InvalidInputError, match=message):
        filled(2).compact(**arguments)


def test_a_pick_that_an_overwrite_came_before_is_given_up_and_leaves_nothing_behind(
    monkeypatch, tmp_path
):
    table = filled(place=tmp_path)
    other = ts.open_table(table.path)
    inner = job_module._run

    def overtaken(context, unit):
        done = inner(context, unit)
        other.overwrite(rows([7], "new"))
        return done

    monkeypatch.setattr(job_module, "_run", overtaken)
    result = table.compact()
    assert (result.snapshot_ids, result.given_up, result.steps) == ((), 1, ())
    assert stored(table) == {7: "new"}
    expired = {
        info.path.rpartition("/")[2] for n in range(1, 12) for info in table.at(snapshot=n).files()
    }
    assert names(table) <= folder(tmp_path) <= expired | names(table)


def test_an_upsert_during_a_compaction_is_kept_and_newer(monkeypatch):
    table = filled()
    other = ts.open_table(table.path)
    inner = job_module._run

    def beside(context, unit):
        done = inner(context, unit)
        other.upsert(rows([7], "new"))
        other.delete(keys=[8])
        return done

    monkeypatch.setattr(job_module, "_run", beside)
    before = stored(table)
    result = table.compact()
    assert result.given_up == 0
    assert stored(table) == {**{k: v for k, v in before.items() if k != 8}, 7: "new"}


def test_a_compaction_that_is_asked_to_stop_commits_what_is_done(tmp_path):
    table = keyed_table(tmp_path, bucket="4", write_only="true")
    for n in range(6):
        table.upsert(rows(range(200), str(n)))
    before, files = stored(table), folder(tmp_path)
    stop = threading.Event()
    result = table.compact(workers=1, stop=stop.is_set, progress=lambda _: stop.set())
    assert not result.stopped  # all were done before the first of them was committed
    stop.set()
    table.upsert(rows(range(200), "z"))
    again = table.compact(full=True, workers=1, stop=stop.is_set)
    assert again.stopped
    assert again.snapshot_ids == ()
    assert stored(table) == {**before, **dict.fromkeys(range(200), "z")}
    left = folder(tmp_path)
    assert files < left
    assert len(left) == len(files) + 4 + 4  # what the first compaction and the upsert wrote


def test_an_error_in_the_middle_leaves_no_file_behind(monkeypatch, tmp_path):
    table = filled(place=tmp_path, bucket="1")
    files, at = folder(tmp_path), table.snapshot_id
    from tablestore.runs.rolling import RollingWriter

    def full_disk(self):
        raise ts.StorageUnavailableError("no space left")

    monkeypatch.setattr(RollingWriter, "finish", full_disk)
    with pytest.raises(ts.StorageUnavailableError):
        table.compact()
    assert files
    assert (folder(tmp_path), table.snapshot_id) == (files, at)


def test_an_upsert_compacts_what_it_made_due_and_names_both_snapshots():
    table = keyed_table()
    results = [table.upsert(rows(range(n, n + 20))) for n in range(5)]
    assert [len(result.snapshot_ids) for result in results] == [1, 1, 1, 1, 2]
    assert results[-1].compaction == "committed"
    assert [info.kind for info in table.history()][:2] == ["COMPACT", "APPEND"]
    assert levels(table) == [5]


def test_a_compaction_that_fails_after_an_upsert_does_not_undo_the_rows(monkeypatch):
    table = keyed_table()
    for n in range(4):
        table.upsert(rows(range(n, n + 20)))

    def broken(context, unit):
        raise ts.StorageUnavailableError("the disk is slow")

    monkeypatch.setattr(job_module, "_run", broken)
    result = table.upsert(rows([99]))
    assert (result.compaction, result.compaction_error) == ("not committed", "the disk is slow")
    assert 99 in stored(table)


def test_threads_and_memory_change_nothing_of_the_outcome():
    outcomes = []
    for arguments in ({"workers": 1}, {"workers": 3, "memory": 100_000}, {"workers": 2}):
        table = filled(bucket="3")
        table.compact(full=True, **arguments)
        outcomes.append((stored(table), sorted(info.rows for info in table.files())))
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.parametrize("producer", ["lookup", "full-compaction"])
def test_a_table_whose_changelog_would_be_lost_is_refused(producer, tmp_path):
    from tablestore.compact.unit import is_compactable
    from tablestore.options.table import TableOptions

    options = TableOptions.parse({"changelog-producer": producer}, has_primary_key=True)
    table = keyed_table()
    assert not is_compactable(table._view.schema, options)


def test_pressure_needs_a_primary_key():
    assert keyed_table().pressure().buckets == 0
    with pytest.raises(ts.InvalidInputError, match="no primary key"):
        append_table().pressure()


def test_a_compaction_below_the_highest_level_keeps_deletes_that_hide_older_rows():
    table = keyed_table(bucket="1", write_only="true")
    table.upsert(rows(range(20_000)))
    table.compact(full=True)
    for n in range(4):
        table.upsert(rows([50_000 + n]))
    table.delete(keys=[7])
    table.compact()
    assert levels(table) == [4, 5]
    assert [info.deletes for info in table.files() if info.level == 4] == [1]
    assert 7 not in stored(table)
    table.compact(full=True)
    assert 7 not in stored(table)
    assert [info.deletes for info in table.files()] == [0]
