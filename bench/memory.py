"""Peak resident memory of a full compaction and a full scan, each in a process of its own.

    python -m bench.memory [--rows 20000000] [--limit "256 MB"] [--save]

By hand: it reads and writes gigabytes. Two layouts of the same 20 overlapping runs are read: as
tablestore writes them, and with one row group a file, as other engines do; they are made once and
kept in the cache. A peak is VmHWM of the process; it may exceed that after imports by the limit and
64 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import tablestore as ts
from bench import data
from bench.measure import Report, check
from tablestore.options.units import parse_bytes

RUNS = 20
LAYOUTS = ("row groups as written", "one row group a file")
_NAME = "bench.lineitem"
_ALLOWED = 64 << 20
_CHUNK = 1_000_000

CHILD = """
import json, sys
import pyarrow.compute, pyarrow.parquet
import tablestore as ts
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))
table = ts.open_table(sys.argv[1])
before = peak()
if sys.argv[2] == "scan":
    rows = sum(batch.num_rows for batch in table.to_batches(memory=sys.argv[3]))
else:
    table.compact(full=True, memory=sys.argv[3], workers=int(sys.argv[4]))
    rows = sum(info.rows for info in table.files())
print(json.dumps({"before": before, "peak": peak(), "rows": rows}))
"""


def main() -> int:
    """Measure both layouts; exit code 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(prog="bench.memory", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--limit", default="256 MB")
    parser.add_argument("--workers", type=int, default=2, help="threads of the compaction")
    parser.add_argument("--save", action="store_true")
    given = parser.parse_args()
    report = Report(Path(__file__).parent / "results")
    for layout in LAYOUTS:
        warehouse = _made(layout, given.rows)
        for work in ("scan", "compact"):
            with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
                # a compaction adds files and changes none
                shutil.copytree(warehouse, folder, dirs_exist_ok=True, copy_function=os.link)
                table = ts.connect(folder).table(_NAME)
                _measure(report, table, work, layout, given)
    if given.save:
        print(f"saved to {report.save()}", file=sys.stderr)
    return 1 if report.failed else 0


def _measure(
    report: Report, table: ts.Table, work: str, layout: str, given: argparse.Namespace
) -> None:
    line = [sys.executable, "-c", CHILD, str(table.path), work, given.limit, str(given.workers)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    check(f"{work} runs: {done.stderr[-800:]}", done.returncode == 0)
    found = json.loads(done.stdout.splitlines()[-1])
    check(f"{work} gives {given.rows} rows: {found['rows']}", found["rows"] == given.rows)
    allowed = found["before"] + parse_bytes(given.limit) + _ALLOWED
    name = f"peak memory, {work} of {given.rows:,} rows in {RUNS} runs, {layout}"
    more = {"unit": "bytes", "after_imports": found["before"]}
    report.bound(name, found["peak"], allowed, 1.0, **more)


def _made(layout: str, rows: int) -> Path:
    """The warehouse of a layout, from the cache."""
    place = data.cache_dir() / f"memory-{rows}-{layout.replace(' ', '-')}"
    if not place.exists():
        with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
            part = Path(folder) / "made"
            if layout == LAYOUTS[0]:
                _filled(part, rows)
            else:
                shutil.copytree(_made(LAYOUTS[0], rows), part)
                for file in part.rglob("data-*.parquet"):
                    _with_one_group(file)
            part.rename(place)
    return place


def _filled(place: Path, rows: int) -> ts.Table:
    """Runs that all overlap: each has every 20th key; lineitem's other columns repeat."""
    source = data.lineitem().combine_chunks()
    options = {"bucket": "1", "write-only": "true", "target-file-size": "1 gb"}
    table = ts.connect(str(place)).create_table(
        _NAME, source.schema, primary_key=list(data.KEY), options=options
    )
    share = rows // RUNS
    for run in range(RUNS):
        numbers = np.arange(run, rows, RUNS)
        pieces = []
        for start in range(0, share, _CHUNK):
            own = numbers[start : start + _CHUNK]
            piece = source.take(pa.array(own % source.num_rows))
            field = source.schema.field("l_orderkey")
            pieces.append(
                piece.set_column(
                    piece.schema.get_field_index("l_orderkey"),
                    field,
                    pa.array(own).cast(field.type),
                )
            )
        table.upsert(pa.concat_tables(pieces))
    return table


def _with_one_group(path: Path) -> None:
    """The file again, all rows in one row group; its entry counts rows, not bytes, but size too."""
    rows = pq.read_table(path)
    pq.write_table(rows, path, compression="zstd", row_group_size=len(rows), store_schema=False)


if __name__ == "__main__":
    raise SystemExit(main())
