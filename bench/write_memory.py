"""Peak resident memory of a write in a process of its own.

    python -m bench.write_memory [rows]

By hand: 20M rows take minutes. A peak is VmHWM of the process; with ``write-buffer-size=64mb`` it
may exceed that after imports by 256 MB and 64 MB.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tablestore as ts
from bench import data
from bench.measure import Report

ROWS = 20_000_000
BUFFER = "64 mb"
BOUND_MB = 256 + 64
SHUFFLED = "shuffled"


def run(report: Report, rows: int = ROWS) -> None:
    """Writes in key order and shuffled, each in a child."""
    data.lineitem(1)  # made here, not in the child
    for order in ("in key order", SHUFFLED):
        with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
            line = [sys.executable, "-m", "bench.write_memory", "child", folder, order, str(rows)]
            found = subprocess.run(line, check=True, capture_output=True, text=True)
        seen = json.loads(found.stdout)
        name = f"memory of a write of {rows:,} rows {order}, write-buffer-size {BUFFER}"
        report.bound(name, seen.pop("peak_mb"), None, BOUND_MB, unit="MB after imports", **seen)


def child(folder: str, order: str, rows: int) -> None:
    """Write and print what it took."""
    lake = ts.connect(folder)
    first = next(_batches("in key order", 10_000))
    _create(lake, "bench.warm", first.schema).upsert(first)
    start, began = peak_mb(), time.process_time()
    table = _create(lake, "bench.lineitem", first.schema)
    table.upsert(pa.RecordBatchReader.from_batches(first.schema, _batches(order, rows)))
    seconds = time.process_time() - began
    files = [path.stat().st_size for path in Path(table.path).glob("bucket-*/*.parquet")]
    found = {"start_mb": start, "cpu_s": round(seconds, 1), "files": len(files)}
    print(json.dumps({"peak_mb": peak_mb() - start} | found | {"file_mb": sum(files) >> 20}))


def _create(lake: Any, name: str, schema: pa.Schema) -> ts.Table:
    options = {"bucket": "1", "write-only": "true", "write-buffer-size": BUFFER}
    return lake.create_table(name, schema, primary_key=list(data.KEY), options=options)


def _batches(order: str, rows: int) -> Iterator[pa.RecordBatch]:
    """Lineitem again and again, each time with keys of its own; a few rows at a time."""
    with pa.OSFile(str(data.cache_dir() / f"lineitem-{data.ROWS}.arrow")) as source:
        reader = pa.ipc.open_file(source)
        times = -(-rows // data.ROWS)
        places = [(t, index) for t in range(times) for index in range(reader.num_record_batches)]
        random = np.random.default_rng(data.SEED)
        if order == SHUFFLED:
            random.shuffle(places)
        left = rows
        for again, index in places:
            batch = reader.get_batch(index)
            batch = batch.slice(0, min(left, batch.num_rows))
            left -= batch.num_rows
            step, shift = 1, again * 10_000_000
            if order == SHUFFLED:  # the rows of each time lie between those of the others
                batch = batch.take(pa.array(random.permutation(batch.num_rows)))
                step, shift = times, again
            keys = pc.add(pc.multiply(batch.column(0), step), shift)
            yield batch.set_column(0, batch.schema.field(0), keys)
            if not left:
                return


def peak_mb() -> int:
    """The most that this process has had in memory (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))


def main() -> int:
    """Run as the child, or all."""
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return 0
    report = Report(Path(__file__).parent / "results")
    run(report, *map(int, sys.argv[1:2]))
    print(f"saved to {report.save()}", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
