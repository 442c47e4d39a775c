"""What a user waits for first: the import, the help text, the first write and the first read.

Each figure is the median of five fresh processes: wall time for what a person watches (it holds
on a machine that does nothing else), CPU for the rest.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench import data
from bench.measure import Report, check

ROOT = Path(__file__).resolve().parents[1]
PROCESSES = 5
ROWS = 1_000
IMPORT_MS = 80
HELP_MS = 150
UPSERT_CPU_S = 1.5
READ_CPU_S = 1.0
HEAVY = ("fsspec", "numba", "numpy", "pandas", "pyarrow", "rich", "s3fs", "zstandard")

_IMPORT = f"""
import json, sys, time
start = time.perf_counter()
import tablestore
taken = time.perf_counter() - start
print(json.dumps([taken, [name for name in {HEAVY!r} if name in sys.modules]]))
"""
_UPSERT = """
import sys
import pyarrow as pa
import tablestore as ts
rows = pa.table({"id": range(1000), "name": [f"row {n}" for n in range(1000)]})
ts.connect(sys.argv[1]).table("bench.first").upsert(rows)
"""
_READ = """
import sys
import tablestore as ts
print(ts.connect(sys.argv[1]).table("bench.first").to_arrow().num_rows)
"""
_CREATE = """
import sys
import tablestore as ts
ts.connect(sys.argv[1]).create_table(
    "bench.first", {"id": "BIGINT NOT NULL", "name": "STRING"}, primary_key=["id"],
    options={"bucket": "1"})
"""


def run(report: Report) -> None:
    """Medians of fresh processes, and the heavy modules that an import must not load."""
    imports = [json.loads(_python("-c", _IMPORT)[2]) for _ in range(PROCESSES)]
    taken = [1000 * seconds for seconds, _ in imports]
    _line(report, "import tablestore", "wall ms", taken, IMPORT_MS)
    report.bound("heavy modules after import tablestore", len(imports[0][1]), None, 0,
                 unit="modules", found=imports[0][1])  # fmt: skip
    helped = [_python("-m", "tablestore.cli", "--help")[:2] for _ in range(PROCESSES)]
    cpu = [round(1000 * seconds) for _, seconds in helped]
    walls = [1000 * seconds for seconds, _ in helped]
    _line(report, "tablestore --help", "wall ms", walls, HELP_MS, all_cpu_ms=cpu)
    upserts, reads = [], []
    for _ in range(PROCESSES):
        with tempfile.TemporaryDirectory(dir=data.cache_dir()) as lake:
            _python("-c", _CREATE, lake)
            upserts.append(_python("-c", _UPSERT, lake)[1])
            _, seconds, printed = _python("-c", _READ, lake)
            reads.append(seconds)
            check(f"{ROWS} rows are read", printed.split() == [str(ROWS)])
    _line(report, "first upsert of 1,000 rows in a process", "CPU s", upserts, UPSERT_CPU_S)
    _line(report, "first read of 1,000 rows in a process", "CPU s", reads, READ_CPU_S)


def _line(
    report: Report, name: str, unit: str, values: list[float], bound: float, **more: object
) -> None:
    found = [round(value, 3) for value in values]
    report.bound(name, statistics.median(found), None, bound, unit=unit, all_ours=found, **more)


def _python(*arguments: str) -> tuple[float, float, str]:
    """Wall and CPU seconds of a fresh interpreter, and what it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    check(f"python {arguments[0]} {arguments[1][:60]!r} runs", process.returncode == 0)
    return wall, used.ru_utime + used.ru_stime, printed
