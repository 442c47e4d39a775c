"""Large sections are loaded and merged by several threads; the rows are the same."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.rules import MergeRules
from tablestore.read import scan as scan_module
from tablestore.runs import merged
from tablestore.runs.crew import Crew
from tablestore.runs.merged import WindowShape, merge_runs
from tests.support.builders import keyed_table, rows


@pytest.fixture
def table(monkeypatch):
    """Overlapping runs with deletes; every section counts as large."""
    monkeypatch.setattr(scan_module, "_ORDERED_ROWS_MAX", 10)
    made = keyed_table(write_only="true")
    for n in range(6):
        made.upsert(rows(range(n, 4_000, n + 1), v=str(n)))
    made.delete(keys=list(range(0, 300, 7)))
    return made


def read(table, threads, **how):
    scan = replace(table._scan(None, how.pop("where", None), None, how.pop("memory", None)), **how)
    found = pa.Table.from_batches(replace(scan, threads=threads).batches(), schema=scan.schema)
    return found.sort_by("id")


def crew():
    return [one.name for one in threading.enumerate() if one.name.startswith("tablestore-crew")]


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("memory", [None, 4_000])
def test_the_rows_do_not_depend_on_the_threads(table, threads, memory):
    one = read(table, 1, memory=memory)
    assert len(one) == 4_000 - len(range(0, 300, 7))
    assert read(table, threads, memory=memory).equals(one)
    chosen = read(table, threads, memory=memory, where="v = '3' and id > 1000")
    assert chosen.equals(read(table, 1, where="v = '3' and id > 1000"))


def test_windows_are_merged_by_more_than_the_callers_thread(table, monkeypatch):
    inner, seen, both = merged._merged_window, set(), threading.Event()

    def noted(*given):
        seen.add(threading.current_thread().name)
        if len(seen) > 1:
            both.set()
        both.wait(20)
        return inner(*given)

    monkeypatch.setattr(merged, "_merged_window", noted)
    read(table, 3, memory=4_000)
    assert both.is_set()


def test_a_read_that_is_given_up_leaves_no_thread(table):
    batches = replace(table._scan(None, None, None, 4_000), threads=3).batches()
    next(batches)
    assert crew()
    batches.close()
    assert not crew()


def test_a_file_that_is_gone_is_the_same_error_in_a_thread(table):
    store = table._parts.store
    store.delete(table.files()[3].path)
    with pytest.raises(Exception, match="the file that the snapshot refers to") as alone:
        read(table, 1)
    with pytest.raises(type(alone.value), match="the file that the snapshot refers to"):
        read(table, 4)
    assert not crew()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ordered", [True, False])
def test_any_runs_in_any_batches_merge_as_in_one_thread(seed, ordered):
    r = np.random.default_rng(seed)
    runs = []
    for run in range(r.integers(2, 7)):
        keys = np.unique(r.integers(0, 900, r.integers(1, 700)))
        sequence = np.arange(len(keys)) + run * 10_000
        kind = r.choice([0, 2, 3], len(keys)).astype(np.int8)
        batch = pa.RecordBatch.from_arrays(
            [*map(pa.array, (keys, sequence, kind))], ["k", "s", "o"]
        )
        size = int(r.integers(1, 90))
        runs.append([batch.slice(at, size) for at in range(0, len(keys), size)])
    shape = WindowShape((0,), 1, 2, (0, 1), ordered=ordered, window_rows=int(r.integers(5, 300)))
    rules = MergeRules(Deduplicate())

    def merge(**how):
        found = pa.Table.from_batches(merge_runs(runs, shape, rules, **how))
        return found if ordered else found.sort_by("k")

    with Crew(3) as three:
        assert merge(crew=three).equals(merge())
