"""Where many files are merged in little memory, some are read to their ends first."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.errors import StorageUnavailableError
from tablestore.runs import section, spill
from tests.support.builders import keyed_table, rows, stored

RUNS = 12
ROWS = 140_000
COLUMNS = 24
MEMORY = 32 << 20
CHILD = """
import sys
import pyarrow.compute, pyarrow.parquet
import tablestore as ts
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))
place, work, memory = sys.argv[1:]
table = ts.open_table(place)
before = peak()
if work == "scan":
    rows = sum(batch.num_rows for batch in table.to_batches(memory=int(memory)))
else:
    table.compact(full=True, memory=int(memory), workers=1)
    rows = sum(info.rows for info in table.files())
print(rows, peak() - before)
"""


def batches(count=3):
    for number in range(count):
        ids = pa.array(range(number * 4, number * 4 + 4))
        few = pa.array(["a", "b", "a", None]).dictionary_encode()
        yield pa.RecordBatch.from_arrays([ids, few], names=["id", "few"])


def test_rows_come_back_as_they_were_and_dictionaries_as_values():
    found = pa.Table.from_batches(spill.put_aside(batches()))
    assert found["id"].to_pylist() == list(range(12))
    assert found["few"].to_pylist() == ["a", "b", "a", None] * 3
    assert found["few"].type == pa.string()


def test_the_source_is_read_to_its_end_before_the_first_row_comes_back():
    read = []

    def source():
        for batch in batches():
            read.append(batch.num_rows)
            yield batch

    found = spill.put_aside(source())
    next(found)
    assert read == [4, 4, 4]
    found.close()


def test_a_full_disk_is_one_sentence_with_what_helps(monkeypatch):
    def full(run, batch):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spill.SpilledRun, "write", full)
    with pytest.raises(StorageUnavailableError, match=r"No space left.*TMPDIR.*more memory"):
        list(spill.put_aside(batches()))


@pytest.mark.parametrize("file_format", ["parquet", "orc", "avro"])
@pytest.mark.parametrize("memory", [1, 1 << 20, None])
def test_the_same_rows_whatever_is_put_aside(monkeypatch, memory, file_format):
    aside = []
    inner = spill.put_aside

    def noted(source):
        aside.append(1)
        return inner(source)

    monkeypatch.setattr(section, "put_aside", noted)
    table = keyed_table(write_only="true", file__format=file_format)
    for n in range(6):
        table.upsert(rows(range(n, 200, n + 1), v=str(n)))
    before = stored(table)
    assert {row["id"]: row["v"] for batch in table.to_batches(memory=memory)
            for row in batch.to_pylist()} == before  # fmt: skip
    assert len(aside) == {1: 6}.get(memory, len(aside))
    if memory is None:
        assert not aside
    table.compact(full=True, memory=memory)
    assert stored(table) == before
    assert table.verify(deep=True).ok


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Runs of many columns, one row group a file, with pages as full as writers make them."""
    names = [f"c{number}" for number in range(COLUMNS)]
    schema = pa.schema(
        [pa.field("id", pa.int64(), nullable=False), *(pa.field(n, pa.int64()) for n in names)]
    )
    table = ts.connect(str(tmp_path_factory.mktemp("wide"))).create_table(
        "a.t", schema, primary_key=["id"], options={"bucket": "1", "write-only": "true"}
    )
    for run in range(RUNS):
        ids = np.arange(run, ROWS * RUNS, RUNS)
        columns = {name: (ids // RUNS * (at + 3)) % 4_001 for at, name in enumerate(names)}
        table.upsert(pa.table({"id": ids, **columns}, schema=schema))
    for info in table.files():
        path = f"{table.path}/{info.path}"
        data = pq.read_table(path)
        pq.write_table(data, path, row_group_size=ROWS, use_dictionary=False, compression="zstd")
    return str(table.path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is the kernel's")
@pytest.mark.parametrize("work", ["scan", "compact"])
def test_open_files_take_no_more_than_their_share(wide, work):
    """Open at a time they would hold a page of each column: 12 x 24 x 1 MB."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, wide, work, str(MEMORY)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    found, peak = map(int, done.stdout.split())
    assert found == RUNS * ROWS
    assert peak <= MEMORY + (64 << 20)
