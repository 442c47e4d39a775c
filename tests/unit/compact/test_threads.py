"""What a compaction writes does not depend on the number of its threads."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.errors import StorageUnavailableError
from tablestore.runs import rolling
from tablestore.store.local import LocalWriteStream
from tests.support.builders import append_table, keyed_table

ROWS = 150_000
COLUMNS = {"id": "BIGINT NOT NULL", "text": "STRING", "x": "DOUBLE", "few": "STRING"}


def some(ids, seed, *, nan=False):
    r = np.random.default_rng(seed)
    x = r.random(len(ids))
    if nan:
        x[-1] = np.nan
    return pa.table(
        {
            "id": pa.array(ids),
            "text": pa.array(r.integers(0, 2**40, len(ids))).cast(pa.string()),
            "x": pa.array(x, from_pandas=False),
            "few": pa.array(r.integers(0, 9, len(ids))).cast(pa.string()),
        }
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Six overlapping runs with deletes; the keys at the end have a NaN among their values."""
    place = tmp_path_factory.mktemp("runs")
    table = keyed_table(place, COLUMNS, write_only="true", target_file_size="512 kb")
    everything = np.arange(ROWS)
    for seed in range(5):
        chosen = np.sort(np.random.default_rng(seed).choice(everything, ROWS // 2, replace=False))
        table.upsert(some(chosen, seed, nan=seed == 4))
    table.delete(keys=list(range(0, 3_000, 7)))
    return place


def compacted(place, work, **how):
    """The entries and the bytes of all files, in key order; names and times are their own."""
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(place, work)
    table = ts.connect(str(work)).table("shop.t")
    table.compact(full=True, **how)
    files = sorted(table.files(), key=lambda info: (info.min_key or (), info.path))
    found = [(info.rows, info.min_key, info.max_key, info.level) for info in files]
    return found, [(work / "shop.db" / "t" / info.path).read_bytes() for info in files], table


def in_key_order(table):
    """The rows; Arrow does not call two NaN equal."""
    rows = table.to_arrow().sort_by("id")
    return rows.set_column(2, "x", rows["x"].cast(pa.string()))


@pytest.mark.parametrize("how", [{}, {"memory": "8 MB"}], ids=["freely", "in little memory"])
def test_files_are_the_same_bytes_with_any_number_of_threads(runs, tmp_path, how):
    entries, files, table = compacted(runs, tmp_path / "one", workers=1, **how)
    assert len(files) > 2
    for workers in (2, 3):
        again = compacted(runs, tmp_path / "more", workers=workers, **how)
        assert again[0] == entries
        assert again[1] == files
        assert in_key_order(again[2]).equals(in_key_order(table))
    assert table.verify(deep=True).ok


@pytest.mark.parametrize("file_format", ["parquet", "orc", "avro"])
def test_append_tables_keep_their_rows_in_order(tmp_path, file_format):
    options = {"bucket": 1, "bucket_key": "id", "write_only": "true", "target_file_size": "1 mb"}
    table = append_table(tmp_path / "t", COLUMNS, file__format=file_format, **options)
    for seed in range(6):
        table.append(some(np.arange(seed * 30_000, (seed + 1) * 30_000), seed))
    one = compacted(tmp_path / "t", tmp_path / "one", workers=1)
    two = compacted(tmp_path / "t", tmp_path / "two", workers=2)
    assert [entry[0] for entry in one[0]] == [entry[0] for entry in two[0]]
    assert one[2].to_arrow().equals(two[2].to_arrow())
    if file_format == "parquet":
        assert one[1] == two[1]


def test_a_disk_that_is_full_leaves_nothing_behind(runs, tmp_path, monkeypatch):
    shutil.copytree(runs, tmp_path / "t")
    table = ts.connect(str(tmp_path / "t")).table("shop.t")
    before = {path.name for path in tmp_path.rglob("*.parquet")}
    inner, left = LocalWriteStream.write, [2]

    def write(stream, data, /):
        if len(data) > 10_000:
            left[0] -= 1
            if left[0] < 0:
                raise StorageUnavailableError("the disk is full")
        return inner(stream, data)

    monkeypatch.setattr(LocalWriteStream, "write", write)
    with pytest.raises(StorageUnavailableError, match="full"):
        table.compact(full=True, workers=3)
    assert {path.name for path in tmp_path.rglob("*.parquet")} == before


def test_an_encoder_that_fails_in_its_thread_is_the_callers_error(runs, tmp_path, monkeypatch):
    shutil.copytree(runs, tmp_path / "t")
    table = ts.connect(str(tmp_path / "t")).table("shop.t")
    inner, calls = rolling._OpenFile.encode, []

    def encode(file, batch):
        calls.append(batch.num_rows)
        if len(calls) == 3:
            raise ValueError("not this one")
        return inner(file, batch)

    monkeypatch.setattr(rolling._OpenFile, "encode", encode)
    with pytest.raises(ValueError, match="not this one"):
        table.compact(full=True, workers=2)
    assert len(table.files()) == len(list(tmp_path.rglob("*.parquet")))
