"""Buffered rows come out by group and key, in whatever pieces they came."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.merge.deduplicate import Deduplicate
from tablestore.merge.rules import MergeRules
from tablestore.options.write_buffer import BufferOptions
from tablestore.write import budget
from tablestore.write.budget import Budget
from tablestore.write.memtable import Memtable, by_group, numbered
from tablestore.write.merge_buffer import merged_rows, stretches

KEY = (1, 0)
RULES = MergeRules(Deduplicate())


def drained(table, window):
    found = []
    pieces = [[piece] for piece in table.pieces()]
    for rows in merged_rows(pieces, KEY, RULES, window):
        assert rows.num_rows > 0
        found += list(zip(*(rows.column(i).to_pylist() for i in (1, 0, 2, 3)), strict=True))
    return found


@pytest.mark.parametrize("piece", [1, 5, 1000])
@pytest.mark.parametrize("window", [1, 4, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_the_newest_row_of_each_key_comes_in_order(piece, window, seed, monkeypatch):
    monkeypatch.setattr(budget, "_PIECE_ROWS", piece)
    r, number, model = np.random.default_rng(seed), 0, {}
    table = Memtable(KEY, Budget.of(BufferOptions()))
    for _ in range(8):
        count = int(r.integers(1, 12))
        keys, groups = r.integers(0, 9, count), r.integers(0, 4, count)
        kinds = r.integers(0, 4, count).astype(np.int8) if r.random() < 0.5 else None
        sequences = np.arange(number, number + count)
        number += count
        texts = [f"k{k}" for k in keys]
        table.add(numbered(pa.record_batch([pa.array(texts)], ["k"]), groups, sequences, kinds))
        for i in range(count):
            model[int(groups[i]), texts[i]] = (
                int(sequences[i]),
                int(kinds[i]) if kinds is not None else 0,
            )
    assert table.rows == number
    assert drained(table, window) == [(*key, *model[key]) for key in sorted(model)]
    table.clear()
    assert drained(table, window) == []
    assert (table.rows, table.size) == (0, 0)


def rows(groups, keys):
    groups = np.asarray(groups, dtype=np.int64)
    return numbered(pa.record_batch([pa.array(keys)], ["k"]), groups, groups, None)


def test_without_rules_every_version_stays_oldest_first():
    first, second = rows([0, 0, 1], [1, 1, 0]), rows([0, 0], [0, 1])
    found = pa.Table.from_batches(merged_rows([[first], [second]], KEY, None, 2))
    assert found.column(0).to_pylist() == [0, 1, 1, 1, 0]
    assert found.num_rows == 5


def test_rows_are_cut_where_the_group_changes():
    found = [(group, part.num_rows) for group, part in by_group(rows([0, 0, 3], [1, 2, 0]))]
    assert found == [(0, 2), (3, 1)]


def test_pieces_that_follow_one_another_in_each_group_are_stretches():
    last = {}
    found = stretches([rows([0, 1], [5, 1]), rows([0, 1], [6, 2])], KEY, last)
    assert {group: [p.column(0).to_pylist() for p in parts] for group, parts in found.items()} == {
        0: [[5], [6]],
        1: [[1], [2]],
    }
    assert stretches([rows([0], [6])], KEY, dict(last)) is None  # the key was there
    assert stretches([rows([1], [3])], KEY, last) is not None
    assert stretches([rows([2], [1]), rows([2], [1])], KEY, {}) is None
