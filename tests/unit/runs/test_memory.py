"""Merging reads and compactions keep to the memory that they are given."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts

RUNS = 16
ROWS = 24_000
TEXT_BYTES = 600
SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), ("text", pa.string())])

CHILD = """
import resource, sys
import pyarrow.compute, pyarrow.parquet
import tablestore as ts
small, large, work, allowed = sys.argv[1:]
def run(place):
    table = ts.open_table(place)
    if work == "scan":
        return sum(batch.num_rows for batch in table.to_batches(memory="16 MB"))
    table.compact(full=True, memory="16 MB")
    return sum(info.rows for info in table.files())
run(small)
with open("/proc/self/status") as status:
    size = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmSize"))
limit = size + int(allowed)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(run(large))
"""


def overlapping(place, rows, *, one_group):
    table = ts.connect(str(place)).create_table(
        "a.t", SCHEMA, primary_key=["id"], options={"bucket": "1", "write-only": "true"}
    )
    random = np.random.default_rng(1)
    for run in range(RUNS):
        ids = pa.array(np.arange(run, rows * RUNS, RUNS))
        texts = [random.bytes(TEXT_BYTES // 2).hex() for _ in range(rows)]
        table.upsert(pa.table({"id": ids, "text": texts}, schema=SCHEMA))
    for info in table.files() if one_group else ():
        path = f"{table.path}/{info.path}"
        pq.write_table(pq.read_table(path), path, row_group_size=rows, store_schema=False)
    return str(table.path)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A small table to warm up with, and one with a row group a file, as other engines write."""
    place = tmp_path_factory.mktemp("memory")
    small = overlapping(place / "small", 10, one_group=False)
    return small, overlapping(place / "large", ROWS, one_group=True)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is the kernel's")
@pytest.mark.parametrize("work", ["scan", "compact"])
def test_many_runs_are_merged_in_less_memory_than_their_rows_take(tables, work):
    allowed = RUNS * ROWS * TEXT_BYTES
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *tables, work, str(allowed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) == RUNS * ROWS
