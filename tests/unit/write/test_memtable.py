"""Buffered rows drain by group and key, in whatever pieces they came."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.rules import MergeRules
from tablestore.write import memtable
from tablestore.write.memtable import Memtable, Rows


def drained(table, window):
    found = []
    for rows in table.drain(MergeRules(Deduplicate()), window):
        assert len(rows) > 0
        assert len(rows) <= window or len(set(rows.groups.tolist())) > 1
        kinds = [0] * len(rows) if rows.kinds is None else rows.kinds.tolist()
        keys = rows.batch.column(0).to_pylist()
        found += zip(rows.groups.tolist(), keys, rows.sequences.tolist(), kinds, strict=True)
    return found


@pytest.mark.parametrize("piece", [1, 5, 1000])
@pytest.mark.parametrize("window", [1, 4, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_the_newest_row_of_each_key_comes_in_order(piece, window, seed, monkeypatch):
    monkeypatch.setattr(memtable, "_PIECE_ROWS", piece)
    r, table, model, number = np.random.default_rng(seed), Memtable([0]), {}, 0
    for _ in range(8):
        count = int(r.integers(1, 12))
        keys, groups = r.integers(0, 9, count), r.integers(0, 4, count)
        kinds = r.integers(0, 4, count).astype(np.int8) if r.random() < 0.5 else None
        sequences = np.arange(number, number + count)
        number += count
        texts = [f"k{k}" for k in keys]
        table.add(Rows(pa.record_batch([pa.array(texts)], ["k"]), groups, sequences, kinds))
        for i in range(count):
            model[int(groups[i]), texts[i]] = (
                int(sequences[i]),
                int(kinds[i]) if kinds is not None else 0,
            )
    assert drained(table, window) == [(*key, *model[key]) for key in sorted(model)]
    assert drained(table, window) == []


def test_cleared_rows_are_gone():
    table = Memtable([0])
    rows = Rows(
        pa.record_batch([pa.array([1])], ["k"]), np.zeros(1, np.int64), np.zeros(1, np.int64), None
    )
    table.add(rows)
    table.clear()
    assert drained(table, 10) == []
