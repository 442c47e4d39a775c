"""Full compaction of 20 overlapping runs, against what no merge can go below, and other engines.

The limit T is pyarrow decoding the files in one thread and encoding the merged rows with our
writer's settings. Both sides run in turns in one process and the medians count; manifests, file
statistics and the commit are on our side only.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import tablestore as ts
from bench import data, read
from bench.measure import Report, check, cpu_seconds
from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS, ParquetWriter

LIMIT_BOUND = 1.2
BYTES_BOUND = 1.1
DECODE_BOUND = 1.1
ENGINE_BOUND = 1 / 1.6
THREADS_BOUND = 1 / 1.35
PART_BOUND = 0.15
TEXT_BOUND = 1.3
_ROUNDS = 5
_PART = 0.05
_SYSTEM = "_SEQUENCE_NUMBER"


def run(report: Report) -> None:
    """CPU of compactions, the bytes of what they write, and the gain of a second thread."""
    with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
        place = Path(folder)
        whole = full(report, place, data.ROWS)
        _text_key(report, place, whole)
        _part(report, place)


def full(report: Report, place: Path, rows: int) -> float:
    """A full compaction of so many keys, by all measures; gives its ratio to T."""
    dealt = read.deal(place / "dealt", rows)
    lake = _Lake(dealt.warehouse, place / "work", rows, dealt.answer)
    ratio = _against_limit(report, lake)
    _against_engines(report, lake)
    _threads(report, lake)
    return ratio


@dataclass
class _Lake:
    """A table that is compacted again and again, from a copy each time."""

    source: Path
    work: Path
    rows: int
    answer: dict[str, object] | None = None

    @property
    def name(self) -> str:
        """What is measured."""
        return f"full compaction of {read.RUNS} runs, {self.rows // 1_000_000}M keys"

    def fresh(self) -> ts.Table:
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.source, self.work)
        return ts.connect(str(self.work)).table("bench.lineitem")

    def compact(self, workers: int = 1) -> tuple[float, float]:
        """CPU and wall seconds of a full compaction."""
        table = self.fresh()
        began, clock = cpu_seconds(), time.monotonic()
        table.compact(full=True, workers=workers)
        return cpu_seconds() - began, time.monotonic() - clock

    def files(self) -> list[Path]:
        """Data files of the source."""
        return sorted(self.source.rglob("data-*.parquet"))

    def merged(self) -> list[Path]:
        """Data files of the compacted table, whose rows are what they must be."""
        table = ts.connect(str(self.work)).table("bench.lineitem")
        if self.answer is not None:
            found = read._answer(table.to_arrow())
            check(f"compaction keeps {self.answer}: {found}", found == self.answer)
        kept = self.work.with_name(f"{self.work.name}-kept")
        kept.mkdir(exist_ok=True)
        files = [Path(table.path) / info.path for info in table.files()]
        return [Path(shutil.copy(file, kept / file.name)) for file in files]


def _against_limit(report: Report, lake: _Lake) -> float:
    name = lake.name
    lake.compact()  # warm-up
    outcome = lake.merged()
    rows = _plain_rows(outcome)
    ours, limit = _in_turns(lambda: lake.compact()[0], lambda: _limit(lake.files(), rows))
    report.bound(name, *_medians(ours, limit), LIMIT_BOUND, **_all(ours, limit))
    bare = lake.work.with_name("bare.parquet")
    _encode_as_pyarrow(rows, bare)
    size = sum(path.stat().st_size for path in outcome), bare.stat().st_size
    report.bound(f"{name}: bytes", *size, BYTES_BOUND, unit="bytes")
    decode = _in_turns(lambda: _decode(outcome), lambda: _decode([bare]))
    report.bound(f"{name}: decode", *_medians(*decode), DECODE_BOUND, **_all(*decode))
    return statistics.median(ours) / statistics.median(limit)


def _against_engines(report: Report, lake: _Lake) -> None:
    target = lake.work.with_name("other.parquet")
    for name, work in (("DuckDB", _duckdb), ("Polars", _polars)):

        def merge(work: Callable[[list[str], str], None] = work) -> float:
            began = cpu_seconds()
            work([str(path) for path in lake.files()], str(target))
            return cpu_seconds() - began

        merge()
        check(f"{name} keeps each key", pq.read_metadata(target).num_rows == lake.rows)
        ours, limit = _in_turns(lambda: lake.compact()[0], merge)
        report.bound(
            f"{lake.name}, against {name}",
            *_medians(ours, limit),
            ENGINE_BOUND,
            **_all(ours, limit),
        )


def _threads(report: Report, lake: _Lake) -> None:
    two, one = _in_turns(lambda: lake.compact(2)[1], lambda: lake.compact(1)[1])
    more = _all(two, one) | {"unit": "wall s"}
    report.bound(f"{lake.name}, 2 threads against 1", *_medians(two, one), THREADS_BOUND, **more)


def _text_key(report: Report, place: Path, whole: float) -> None:
    """The same rows by a text of 18 characters in place of the two integers."""
    table = data.lineitem().combine_chunks()
    order, line = (table[key].cast(pa.string()) for key in data.KEY)
    text = pc.binary_join_element_wise(
        "L", pc.utf8_lpad(order, 12, "0"), pc.utf8_lpad(line, 4, "0"), "-"
    )
    rows = table.append_column(pa.field("l_key", pa.string(), nullable=False), text)
    warehouse = place / "text"
    made = ts.connect(str(warehouse)).create_table(
        "bench.lineitem",
        rows.schema,
        primary_key=["l_key"],
        options={"bucket": "1", "write-only": "true"},
    )
    run_of = np.random.default_rng(data.SEED).integers(0, read.RUNS, rows.num_rows)
    for number in range(read.RUNS):
        made.upsert(rows.take(pa.array(np.flatnonzero(run_of == number))))
    lake = _Lake(warehouse, place / "work-text", data.ROWS)
    lake.compact()
    merged = _plain_rows(lake.merged())
    check("text keys stay", merged.num_rows == data.ROWS)
    ours, limit = _in_turns(lambda: lake.compact()[0], lambda: _limit(lake.files(), merged))
    ratio = statistics.median(ours) / statistics.median(limit)
    more = _all(ours, limit) | {"unit": "ratio to T"}
    report.bound(
        "full compaction by a text key, against integers", ratio, whole, TEXT_BOUND, **more
    )


def _part(report: Report, place: Path) -> None:
    """A change of neighbouring keys, where the top level has many files."""
    once = data.lineitem().combine_chunks()
    orders = once["l_orderkey"]
    more = pc.add(orders, pc.max(orders)).cast(orders.type)
    field = once.schema.field("l_orderkey")
    twice = once.set_column(once.schema.get_field_index("l_orderkey"), field, more)
    rows = pa.concat_tables([once, twice]).combine_chunks()
    warehouse = place / "part"
    # a file for each row group
    options = {"bucket": "1", "write-only": "true", "target-file-size": "1 mb"}
    made = ts.connect(str(warehouse)).create_table(
        "bench.lineitem", rows.schema, primary_key=list(data.KEY), options=options
    )
    made.upsert(rows)
    made.compact(full=True)
    files = len(made.files())
    check(f"60 files or more at the top level: {files}", files >= 60)
    whole = _Lake(warehouse, place / "work-part", rows.num_rows)
    start = rows.num_rows * 2 // 5
    made.upsert(read._changed(pa.table(rows.slice(start, int(rows.num_rows * _PART)))))
    rewrite = place / "rewrite"
    everything = ts.connect(str(rewrite)).create_table(
        "bench.lineitem", rows.schema, primary_key=list(data.KEY), options=options
    )
    everything.upsert(rows)
    everything.compact(full=True)
    everything.upsert(read._changed(pa.table(rows.take(pa.array(range(0, rows.num_rows, 20))))))
    full = _Lake(rewrite, place / "work-rewrite", rows.num_rows)
    ours, limit = _in_turns(lambda: whole.compact()[0], lambda: full.compact()[0])
    name = f"compaction of a changed 5 % in a row, {files} files, against all rewritten"
    report.bound(name, *_medians(ours, limit), PART_BOUND, **_all(ours, limit))


def _limit(files: list[Path], rows: pa.RecordBatch) -> float:
    """T: decode the files, encode the merged rows."""
    seconds = _decode(files)
    sample = rows.slice(0, ROW_GROUP_ROWS)
    with tempfile.TemporaryFile() as sink:
        began = cpu_seconds()
        writer = ParquetWriter(sink, rows.schema, sample=sample)
        for start in range(0, rows.num_rows, ROW_GROUP_ROWS):
            writer.write(rows.slice(start, ROW_GROUP_ROWS))
        writer.close()
        return seconds + cpu_seconds() - began


def _decode(files: list[Path]) -> float:
    began = cpu_seconds()
    tables = [pq.read_table(file, use_threads=False) for file in files]
    seconds = cpu_seconds() - began
    del tables
    return seconds


def _plain_rows(files: list[Path]) -> pa.RecordBatch:
    table = pa.concat_tables([pq.read_table(file) for file in files]).combine_chunks()
    return table.to_batches()[0]


def _encode_as_pyarrow(rows: pa.RecordBatch, path: Path) -> None:
    table = pa.Table.from_batches([rows])
    pq.write_table(table, path, compression="zstd", compression_level=1)


def _duckdb(files: list[str], target: str) -> None:
    import duckdb

    keys = ", ".join(data.KEY)
    newest = f"row_number() over (partition by {keys} order by {_SYSTEM} desc) = 1"
    duckdb.connect().execute(
        f"copy (select * from read_parquet({files}) qualify {newest} order by {keys}) "
        f"to '{target}' (format parquet, compression zstd, compression_level 1)"
    )


def _polars(files: list[str], target: str) -> None:
    import polars as pl

    ordered = pl.scan_parquet(files).sort([*data.KEY, _SYSTEM])
    newest = ordered.unique(subset=list(data.KEY), keep="last", maintain_order=True)
    newest.sink_parquet(target, compression="zstd", compression_level=1)


def _in_turns(
    ours: Callable[[], float], limit: Callable[[], float]
) -> tuple[list[float], list[float]]:
    taken = [(ours(), limit()) for _ in range(_ROUNDS)]
    return [pair[0] for pair in taken], [pair[1] for pair in taken]


def _medians(ours: list[float], limit: list[float]) -> tuple[float, float]:
    return statistics.median(ours), statistics.median(limit)


def _all(ours: list[float], limit: list[float]) -> dict[str, object]:
    return {
        "unit": "CPU s",
        "all_ours": [round(seconds, 3) for seconds in ours],
        "all_limit": [round(seconds, 3) for seconds in limit],
    }
