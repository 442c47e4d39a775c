"""Overlapping runs are merged in key windows of bounded size."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.rules import MergeRules
from tablestore.runs import merged
from tablestore.runs.merged import WindowShape, key_windows, merge_runs

SHAPE = WindowShape(key=(0,), sequence=1, kind=2, output=(0, 1))


def batch(keys, first, kinds=None, key_type=None):
    keys = pa.array(keys, key_type or pa.int64())
    sequence = pa.array(np.arange(first, first + len(keys)))
    kind = pa.array(kinds or [0] * len(keys), pa.int8())
    return pa.RecordBatch.from_arrays([keys, sequence, kind], names=["k", "seq", "kind"])


def cut(rows, size):
    """A run in batches of `size` rows."""
    return [rows.slice(at, size) for at in range(0, rows.num_rows, size)]


def merge(runs, shape=SHAPE, engine=None):
    found = list(merge_runs(runs, shape, MergeRules(engine or Deduplicate())))
    return [(k, s) for b in found for k, s in zip(*(c.to_pylist() for c in b.columns), strict=True)]


class Loads:
    """Runs that count the rows given out and not yet merged."""

    def __init__(self, monkeypatch):
        self.loaded = self.peak = 0
        inner = merged.merge_window

        def counted(window, shape, *rest):
            self.peak = max(self.peak, self.loaded)
            rows = sum(part.num_rows for part in window.parts)
            yield from inner(window, shape, *rest)
            self.loaded -= rows

        monkeypatch.setattr(merged, "merge_window", counted)

    def run(self, batches):
        for item in batches:
            self.loaded += item.num_rows
            self.peak = max(self.peak, self.loaded)
            yield item


@pytest.mark.parametrize("batches", [4, 40])
def test_twenty_overlapping_runs_hold_two_batches_of_each_at_most(batches, monkeypatch):
    loads, size = Loads(monkeypatch), 64
    runs = [
        loads.run(cut(batch(range(r, 20 * size * batches, 20), first=r * 10**6), size))
        for r in range(20)
    ]
    assert len(merge(runs)) == 20 * size * batches
    assert loads.peak <= 2 * 20 * size


def test_nothing_concatenates_more_than_a_window(monkeypatch):
    largest = 0
    concat_batches, concat_arrays = pa.concat_batches, pa.concat_arrays

    def spy(inner, rows):
        def call(parts, *args, **more):
            nonlocal largest
            parts = list(parts)
            largest = max(largest, sum(rows(part) for part in parts))
            return inner(parts, *args, **more)

        return call

    monkeypatch.setattr(pa, "concat_batches", spy(concat_batches, lambda b: b.num_rows))
    monkeypatch.setattr(pa, "concat_arrays", spy(concat_arrays, len))
    runs = [cut(batch(range(5_000), first=r * 10**6), 50) for r in range(20)]
    assert len(merge(runs)) == 5_000
    assert 0 < largest <= 2 * 20 * 50


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_versions_of_a_key_meet_where_all_runs_end_a_batch_at_it(size):
    runs = [cut(batch(range(21), first=100 * r), size) for r in range(4)]
    assert merge(runs) == [(k, 300 + k) for k in range(21)]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_key_repeated_across_the_edges_of_one_run_gives_one_row(size):
    keys = [1, 5, 5, 5, 5, 5, 5, 9]
    runs = [cut(batch(keys, first=0), size), cut(batch([5, 6], first=100), size)]
    assert merge(runs) == [(1, 0), (5, 100), (6, 101), (9, 7)]
    runs = [cut(batch(keys, first=200), size), cut(batch([5, 6], first=100), size)]
    assert merge(runs) == [(1, 200), (5, 206), (6, 101), (9, 207)]


def test_empty_batches_and_empty_runs_change_nothing():
    none = batch([], first=0)
    runs = [[none, batch([1], 0), none, batch([2], 1)], [], [none]]
    assert merge(runs) == [(1, 0), (2, 1)]
    assert merge([]) == []


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("ordered", [True, False])
def test_any_runs_in_any_batches_merge_like_a_dict(seed, ordered):
    r = np.random.default_rng(seed)
    key_type = [pa.int64(), pa.string(), pa.binary()][seed % 3]
    runs, model, first = [], {}, 0
    for _ in range(r.integers(1, 6)):
        keys = sorted({f"{k:03}" for k in r.integers(0, 60, r.integers(0, 80))})
        plain = [int(k) if seed % 3 == 0 else k if seed % 3 == 1 else k.encode() for k in keys]
        kinds = r.integers(0, 4, len(keys)).tolist()
        rows = batch(plain, first, kinds, key_type)
        model.update({k: (first + i, kinds[i]) for i, k in enumerate(plain)})
        first += len(keys)
        runs.append(cut(rows, int(r.integers(1, 20))))
    expected = [(k, s) for k, (s, kind) in sorted(model.items()) if kind in (0, 2)]
    by_sequence = WindowShape(key=(0,), sequence=1, kind=2, output=(0, 1), ordered=ordered)
    by_age = WindowShape(key=(0,), sequence=None, kind=2, output=(0, 1), ordered=ordered)
    shuffled = [runs[i] for i in r.permutation(len(runs))]
    assert sorted(merge(shuffled, by_sequence)) == expected
    assert sorted(merge(runs, by_age)) == expected


def test_windows_have_disjoint_ascending_key_ranges():
    runs = [cut(batch(range(0, 60, 3), 0), 4), cut(batch(range(0, 60, 2), 100), 7)]
    last = -1
    for window in key_windows(runs, (0,)):
        keys = [k for part in window.parts for k in part.column(0).to_pylist()]
        assert min(keys) > last
        last = max(keys)
    assert last == 58


def test_retracts_are_kept_where_asked():
    runs = [[batch([1, 2], 0)], [batch([1], 10, kinds=[3])]]
    keep = WindowShape(key=(0,), sequence=1, kind=2, output=(0, 1), keep_deletes=True)
    assert merge(runs) == [(2, 1)]
    assert merge(runs, keep) == [(1, 10), (2, 1)]


def test_without_output_columns_the_rows_still_count():
    runs = [[batch([1, 2], 0)], [batch([2, 3], 10)]]
    for ordered in (True, False):
        shape = WindowShape(key=(0,), sequence=1, kind=2, output=(), ordered=ordered)
        assert sum(b.num_rows for b in merge_runs(runs, shape, MergeRules(Deduplicate()))) == 3
