"""``write-buffer-size`` bounds what a process really takes, not only what is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

CHILD = """
import json, sys
import numpy as np, pyarrow as pa, pyarrow.compute, pyarrow.parquet
import tablestore as ts

BATCH, BATCHES = 8192, 244  # 2M rows, about 210 MB

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))

def batch(number):
    r = np.random.default_rng(number)
    ids = r.integers(0, 10**12, BATCH)
    text = pa.compute.utf8_lpad(pa.array(ids).cast(pa.string()), 40)
    floats = [pa.array(r.random(BATCH)) for _ in range(6)]
    return pa.record_batch([pa.array(ids), text, *floats], ["id", "t", *"abcdef"])

def table(name, **options):
    options = {"write-only": "true", "file.compression": "lz4", **options}
    return lake.create_table(name, batch(0).schema, primary_key=["id"], options=options)

lake = ts.connect(sys.argv[1])
table("db.warm").upsert(batch(0))
start = peak()
made = table("db.t", **json.loads(sys.argv[2]))
given = (batch(number) for number in range(BATCHES))
made.upsert(pa.RecordBatchReader.from_batches(batch(0).schema, given))
print(json.dumps([peak() - start, len(made.files()), BATCH * BATCHES]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel for the peak")
@pytest.mark.parametrize("more", [{}, {"bucket": "4"}, {"write-buffer-spillable": "false"}])
def test_the_buffer_bounds_the_resident_memory_of_a_write(tmp_path, more):
    size = 16
    options = {"write-buffer-size": f"{size} mb", "target-file-size": "1 gb", **more}
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path), json.dumps(options)],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    above, files, _ = json.loads(run.stdout)
    assert above <= 2 * size + 64
    if not more.get("write-buffer-spillable"):
        assert files == int(more.get("bucket", "1"))
    else:
        assert files > 10
