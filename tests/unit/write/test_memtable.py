"""A memtable gives the newest row of each key, by bucket and key, however its input was cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.merge.deduplicate import Deduplicate
from tablestore.write import memtable
from tablestore.write.memtable import Memtable, Rows


def fill(table: Memtable, keys, groups, cuts, kinds=None):
    """Add rows whose value is their number, in pieces that end at ``cuts``."""
    numbers = np.arange(len(keys))
    batch = pa.record_batch({"v": numbers, "k": keys})
    rows = Rows(batch, np.asarray(groups, dtype=np.int64), numbers + 100, kinds)
    for start, end in zip([0, *cuts], [*cuts, len(keys)], strict=True):
        table.add(rows.slice(start, end))


def drained(table: Memtable, window_rows: int = 7):
    """(group, key, value, sequence, kind) of each row, and the groups of each window."""
    found, windows = [], []
    for rows in table.drain(Deduplicate(), window_rows):
        kinds = [None] * len(rows) if rows.kinds is None else rows.kinds.tolist()
        columns = (rows.batch.column("k").to_pylist(), rows.batch.column("v").to_pylist())
        found += zip(rows.groups.tolist(), *columns, rows.sequences.tolist(), kinds, strict=True)
        windows.append(rows.groups.tolist())
    return found, windows


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("text", [False, True])
def test_the_newest_row_of_a_key_stays_in_key_order(seed, text, monkeypatch):
    monkeypatch.setattr(memtable, "_PIECE_ROWS", 16)
    random = np.random.default_rng(seed)
    count = int(random.integers(1, 120))
    numbers = random.integers(0, 40, count)
    keys = [f"{n:02}" for n in numbers.tolist()] if text else numbers.tolist()
    groups = random.integers(0, 1 + seed % 4, count)
    kinds = random.integers(0, 4, count).astype(np.int8) if seed % 2 else None
    cuts = sorted(random.integers(0, count, seed % 5).tolist())
    cuts = [cut for cut in dict.fromkeys(cuts) if cut > 0]
    table = Memtable([1])
    fill(table, keys, groups, cuts, kinds)
    newest = {}
    for row, (group, key) in enumerate(zip(groups.tolist(), keys, strict=True)):
        newest[group, key] = (row, row + 100, None if kinds is None else int(kinds[row]))
    found, windows = drained(table)
    assert found == [(*where, *newest[where]) for where in sorted(newest)]
    assert all(len(window) <= 7 for window in windows)
    assert drained(table) == ([], [])


def test_a_window_cuts_large_groups_only():
    table = Memtable([1])
    groups = [0] * 2 + [1] * 3 + [2] * 10 + [3] * 2
    fill(table, list(range(len(groups))), groups, [])
    _, windows = drained(table, window_rows=6)
    assert windows == [[0, 0, 1, 1, 1], [2] * 6, [2] * 4 + [3] * 2]


def test_input_in_key_order_is_passed_on_without_a_copy():
    table = Memtable([1])
    keys = pa.array(range(1_000))
    fill(table, keys, [0] * 1_000, [])
    (first, *_) = table.drain(Deduplicate(), 100)
    assert first.batch.column("k").buffers()[1].address == keys.buffers()[1].address


def test_a_cleared_table_is_empty():
    table = Memtable([1])
    fill(table, [1, 2], [0, 0], [])
    table.clear()
    assert drained(table) == ([], [])
