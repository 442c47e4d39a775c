"""Data files are written as a stream of row groups and end at a target size."""

from __future__ import annotations

import dataclasses
import io
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile import parquet_writer
from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS
from tablestore.runs import rolling
from tests.support.builders import append_table, keyed_table, live_entries, rows, store_of, stored

DOUBLES = {"id": "BIGINT NOT NULL", "x": "DOUBLE", "n": "ARRAY<DOUBLE>"}


def files(table):
    """(entry's file, open Parquet footer) of each live file, in the order of sequence numbers."""
    found = []
    metas = {entry.file.file_name: entry.file for entry in live_entries(table)}
    for info in table.files():
        name = info.path.rpartition("/")[2]
        data = store_of(table).get(info.path)
        found.append((metas[name], pq.ParquetFile(io.BytesIO(data))))
    return sorted(found, key=lambda pair: pair[0].min_sequence_number)


def groups(file):
    return [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]


@pytest.mark.parametrize("keyed", [True, False])
def test_a_large_write_becomes_row_groups_of_64k_rows(keyed):
    table = keyed_table() if keyed else append_table()
    data = rows(range(200_000), v="x")
    (table.upsert if keyed else table.append)(data)
    ((_, file),) = files(table)
    assert groups(file) == [ROW_GROUP_ROWS] * 3 + [200_000 - 3 * ROW_GROUP_ROWS]
    assert ROW_GROUP_ROWS == 65_536


def test_many_small_batches_fill_row_groups():
    table = append_table()
    batches = list(rows(range(140_000), v="x").to_batches(max_chunksize=700))
    table.append(pa.RecordBatchReader.from_batches(batches[0].schema, batches))
    ((_, file),) = files(table)
    assert max(groups(file)[:-1]) - min(groups(file)[:-1]) <= 700
    assert groups(file)[0] == ROW_GROUP_ROWS
    assert stored(table) == dict.fromkeys(range(140_000), "x")


def test_row_groups_reach_the_storage_while_the_input_still_flows(monkeypatch):
    table = append_table()
    written = []
    inner = parquet_writer.ParquetWriter.write

    def spy(writer, batch):
        written.append(batch.num_rows)
        inner(writer, batch)

    monkeypatch.setattr(parquet_writer.ParquetWriter, "write", spy)
    seen = []

    def source():
        for at in range(0, 400_000, 50_000):
            seen.append(len(written))
            yield rows(range(at, at + 50_000), v="x").to_batches()[0]

    table.append(pa.RecordBatchReader.from_batches(rows([0]).schema, source()))
    assert seen[-1] >= 4


def test_a_full_file_is_followed_by_the_next_without_overlap():
    r = np.random.default_rng(3)
    texts = r.integers(0, 2**62, 300_000).astype(str).tolist()
    table = keyed_table(target_file_size="1 mb")
    table.upsert(rows(range(300_000), v=texts))
    found = files(table)
    assert len(found) > 2
    infos = sorted(table.files(), key=lambda info: info.min_key)
    for before, after in itertools.pairwise(infos):
        assert before.max_key < after.min_key
    assert sum(meta.row_count for meta, _ in found) == 300_000
    assert stored(table, where="id = 299999") == {299_999: texts[-1]}


def test_target_rows_end_a_file_at_a_row_group():
    table = append_table(target_file_row_num=ROW_GROUP_ROWS)
    table.append(rows(range(150_000), v="x"))
    assert [meta.row_count for meta, _ in files(table)] == [65_536, 65_536, 150_000 - 131_072]


def test_append_files_number_their_rows_one_after_another():
    table = append_table(bucket=1, bucket_key="id", target_file_row_num=1)
    table.append(rows(range(70_000), v="x"))
    table.append(rows(range(3)))
    spans = [(m.min_sequence_number, m.max_sequence_number) for m, _ in files(table)]
    assert spans == [(0, 65_535), (65_536, 69_999), (70_000, 70_002)]


@pytest.mark.parametrize("column", ["x", "n"])
def test_a_column_that_gets_nan_later_starts_a_new_file_without_its_statistics(column):
    table = append_table(None, DOUBLES)
    n = 2 * ROW_GROUP_ROWS
    x = np.zeros(n)
    late = np.where(np.arange(n) == n - 1, np.nan, x)
    lists = pa.ListArray.from_arrays(pa.array(range(n + 1), pa.int32()), late)
    data = {
        "id": pa.array(range(n)),
        "x": pa.array(late if column == "x" else x, from_pandas=False),
        "n": lists if column == "n" else pa.nulls(n, pa.list_(pa.float64())),
    }
    table.append(pa.table(data))
    first, second = (file for _, file in files(table))

    def has_bounds(file):
        group = file.metadata.row_group(0)
        found = [group.column(c) for c in range(group.num_columns)]
        (leaf,) = [c for c in found if c.path_in_schema.split(".")[0] == column]
        return leaf.is_stats_set and leaf.statistics.has_min_max

    assert has_bounds(first)
    assert not has_bounds(second)


def test_entries_hold_exact_counts_keys_and_sequences():
    table = keyed_table()
    data = rows([5, 3, 9, 3]).append_column("op", pa.array(["+I", "+I", "-D", "+U"]))
    table.upsert(data, row_kind="op")
    ((meta, file),) = files(table)
    assert (meta.row_count, meta.delete_row_count) == (3, 1)
    assert (meta.min_sequence_number, meta.max_sequence_number) == (0, 3)
    assert meta.file_size == store_of(table).head(table.files()[0].path).size
    content = file.read()
    assert content["_KEY_id"].to_pylist() == [3, 5, 9]
    assert content["_SEQUENCE_NUMBER"].to_pylist() == [3, 0, 2]
    assert content["_VALUE_KIND"].to_pylist() == [2, 0, 3]
    assert (table.files()[0].min_key, table.files()[0].max_key) == ((3,), (9,))


def test_a_writer_that_cannot_start_a_file_leaves_nothing(monkeypatch, tmp_path):
    table = keyed_table(tmp_path)

    def fail(*args, **more):
        raise OSError("no memory for a writer")

    monkeypatch.setattr(rolling, "open_writer", fail)
    with pytest.raises(OSError, match="no memory"):
        table.upsert(rows([1]))
    assert not list(tmp_path.rglob("*.parquet"))


def test_file_shapes_differ_only_where_the_level_has_its_own_settings():
    table = keyed_table(
        file__compression__per__level="5:snappy", file__format__per__level="0:avro,5:orc"
    )
    context = table._parts.write_context()
    low = rolling.FileShape.of(context.schema, context.options)
    high = rolling.FileShape.of(context.schema, context.options, level=5)
    assert (low.compression, high.compression) == ("zstd", "snappy")
    assert (low.file_format, high.file_format) == ("avro", "orc")
    assert dataclasses.replace(high, level=0, compression="zstd", file_format="avro") == low
