"""An input is consumed as a stream: what is held does not grow with it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tests.support.builders import append_table, keyed_table, live_entries

COLUMNS = {"id": "BIGINT NOT NULL", "x": "DOUBLE", "s": "STRING"}
ROWS = 20_000
BATCH_BYTES = ROWS * (8 + 8 + 4 + 32)


class Stream:
    """Batches made one by one; remembers the largest amount of Arrow memory seen between two."""

    def __init__(self, batches):
        self.batches = batches
        self.peak = 0
        self.start = pa.total_allocated_bytes()

    def batch(self, number):
        r = np.random.default_rng(number)
        ids = r.integers(0, 10**9, ROWS)
        texts = pa.array(ids).cast(pa.string())
        padded = pa.compute.utf8_lpad(texts, 32)
        return pa.record_batch([pa.array(ids), pa.array(r.random(ROWS)), padded], ["id", "x", "s"])

    def reader(self):
        schema = self.batch(0).schema

        def made():
            for number in range(self.batches):
                self.peak = max(self.peak, pa.total_allocated_bytes() - self.start)
                yield self.batch(number)

        return pa.RecordBatchReader.from_batches(schema, made())


@pytest.fixture(params=["primary key", "append", "append with buckets"])
def make(request, tmp_path):
    def made(number):
        folder, small = tmp_path / str(number), {"write_buffer_size": "4 mb"}
        if request.param == "primary key":
            return keyed_table(folder, COLUMNS, bucket=2, **small)
        if request.param == "append":
            return append_table(folder, COLUMNS, **small)
        return append_table(folder, COLUMNS, bucket=4, bucket_key="id", **small)

    return made


def test_the_memory_of_a_write_does_not_grow_with_its_input(make):
    peaks = []
    for batches in (20, 60):
        table, stream = make(batches), Stream(batches)
        with table.batch() as batch:
            batch.write(stream.reader())
        assert sum(entry.file.row_count for entry in live_entries(table)) > 0.9 * batches * ROWS
        peaks.append(stream.peak)
    short, long = peaks
    assert long < short + 4 * BATCH_BYTES
    assert long < 0.5 * 60 * BATCH_BYTES


def test_a_read_in_batches_does_not_hold_the_table(make):
    table = make("read")
    with table.batch() as batch:
        batch.write(Stream(40).reader())
    before, peak, count = pa.total_allocated_bytes(), 0, 0
    for part in table.to_batches(memory="8 mb"):
        count += part.num_rows
        del part
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert count > 0.9 * 40 * ROWS
    assert peak < 0.6 * 40 * BATCH_BYTES


def test_many_partitions_in_one_input_hold_few_open_files(tmp_path, monkeypatch):
    table = append_table(tmp_path, {"p": "INT", "x": "BIGINT"}, by=["p"])
    store, opened, most = table._parts.store, set(), 0
    inner = store.open_write

    def spy(key):
        nonlocal most
        stream = inner(key)
        opened.add(stream)
        most = max(most, sum(not s.closed for s in opened))
        return stream

    monkeypatch.setattr(store, "open_write", spy)
    numbers = np.arange(150, dtype=np.int32)
    table.append(pa.table({"p": np.repeat(numbers, 3), "x": np.arange(450)}))
    assert len(opened) == 150
    assert most <= 65
    assert table.to_arrow(where="p = 149")["x"].to_pylist() == [447, 448, 449]
