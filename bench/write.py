"""Ingest of lineitem against pyarrow writing the same sorted rows to the same disk."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import tablestore as ts
from bench import data
from bench.measure import Report, check, repeat

CPU_BOUND = 1.6
BYTES_BOUND = 1.1
_ROOMY = "4 gb"  # one flush for all rows


def run(report: Report) -> None:
    """CPU and bytes of one upsert of all rows, in key order and shuffled."""
    rows = data.lineitem()
    mixed = data.shuffled(rows)
    for order, given in (("in key order", rows), ("shuffled", mixed)):
        for buffer in (_ROOMY, None):
            name = f"write 2M rows {order}, write-buffer-size {buffer or 'default'}"
            with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
                _measure(report, Path(folder), name, given, rows, buffer)


def _measure(
    report: Report, place: Path, name: str, given: pa.Table, rows: pa.Table, buffer: str | None
) -> None:
    limit = place / "limit.parquet"
    written: list[ts.Table] = []

    def ours() -> None:
        table = create(place / f"lake-{len(written)}", rows.schema, buffer)
        table.upsert(given)
        written.append(table)

    def forget_older() -> None:
        for number in range(len(written) - 1):
            shutil.rmtree(place / f"lake-{number}", ignore_errors=True)

    seconds = repeat(lambda: write_limit(rows, limit), ours, after=forget_older)
    found = written[-1].to_arrow().sort_by([(key, "ascending") for key in data.KEY])
    check(f"{name}: reads back", found.cast(rows.schema).equals(rows))
    cpu = {"unit": "CPU s", "all_ours": seconds[1], "all_limit": seconds[0]}
    sizes = [path.stat().st_size for path in Path(written[-1].path).glob("bucket-*/*.parquet")]
    size = {"unit": "bytes", "files": len(sizes)}
    pairs = (seconds[1][-1], seconds[0][-1]), (sum(sizes), limit.stat().st_size)
    if given is rows:
        report.bound(name, *pairs[0], CPU_BOUND, **cpu)
        report.bound(f"{name}: bytes", *pairs[1], BYTES_BOUND, **size)
    else:  # reported, not promised: the random gather of every column is most of it
        report.note(name, *pairs[0], **cpu)
        report.note(f"{name}: bytes", *pairs[1], **size)


def write_limit(rows: pa.Table, path: Path) -> None:
    """What pyarrow does by itself: zstd level 1, its own dictionaries and row groups."""
    with pq.ParquetWriter(path, rows.schema, compression="zstd", compression_level=1) as writer:
        writer.write_table(rows)


def create(lake: Path, schema: pa.Schema, buffer: str | None = None) -> ts.Table:
    """An empty table for lineitem rows, in one bucket."""
    options = {"bucket": "1", "write-only": "true"} | (
        {"write-buffer-size": buffer} if buffer else {}
    )
    return ts.connect(str(lake)).create_table(
        "bench.lineitem", schema, primary_key=list(data.KEY), options=options
    )
