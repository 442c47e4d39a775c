"""Other engines of this format on the same tables: Java Paimon compacts, two others read.

Each runs in a process of its own with the CPU of all its threads counted, in turns with ours, after
a warm-up in the process. Answers are compared before any time counts. A peer that cannot be
installed is named in its line; in CI that fails.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

import tablestore as ts
from bench import data, engine_read, read
from bench.measure import Report, check, cpu_seconds
from tests.support import peers
from tests.support.peers_line import Worker

JAVA = "2.0.0"
JAVA_BOUND = 1 / 3
RUST_BOUND = 1 / 1.5
PYPAIMON_BOUND = 1 / 25
ENGINE_BOUND = 1 / 2
ENGINE_KEYS = 200_000
PYPAIMON_ROWS = 200_000
_TABLE = "bench.lineitem"
_ROUNDS = 3
_COMPACTIONS = 3
_READS = 2
_HALF = 9
"""Columns that the first of two records of a key brings, its key included."""


def run(report: Report) -> None:
    """CPU of a full compaction, of merge scans, and of reads of two merge engines."""
    there = peers.install()
    with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
        place = Path(folder)
        dealt = read.deal(place / "dealt", data.ROWS)
        _compaction(report, there, dealt, place)
        _scan(report, there, dealt, "rust", "2M keys", RUST_BOUND)
        small = read.deal(place / "small", PYPAIMON_ROWS)
        _scan(report, there, small, "pypaimon", "200,000 keys", PYPAIMON_BOUND)
        for engine, options in _ENGINES.items():
            _engine(report, there, engine, _halves(place / engine, options))


# -- compaction ---------------------------------------------------------------------------------


def _compaction(report: Report, there: peers.Peers, dealt: read.Dealt, place: Path) -> None:
    name = f"full compaction of {read.RUNS} runs, 2M keys, against Java Paimon {JAVA}"
    if (reason := there.missing.get(JAVA)) is not None:
        report.absent(name, reason, fails=peers.strict())
        return
    jars = ":".join(map(str, there.classpaths[JAVA]))
    worker = Worker(there.pythons["jpype"], "bench.engine_compact", jars, seconds=900)
    mine, theirs = [], []
    try:
        for _ in range(_COMPACTIONS):  # the first is the warm-up
            theirs.append(worker.call("full", warehouse=_copy(dealt, place / "java"), name=_TABLE))
            mine.append(_ours(_copy(dealt, place / "ours")))
    finally:
        worker.close()
    for owner in ("java", "ours"):
        table = ts.connect(str(place / owner)).table(_TABLE)
        found = read._answer(table.to_arrow())
        check(f"compaction by {owner} keeps {dealt.answer}: {found}", found == dealt.answer)
        levels = {info.level for info in table.files()}
        check(f"compaction by {owner} leaves one run: {levels}", len(levels) == 1)
    more = {"unit": "CPU s", "first_of_java": round(theirs[0], 3)}
    sides = statistics.median(mine[1:]), statistics.median(theirs[1:])
    report.bound(name, *sides, JAVA_BOUND, **_all(mine[1:], theirs[1:]), **more)


def _copy(dealt: read.Dealt, to: Path) -> str:
    shutil.rmtree(to, ignore_errors=True)
    return str(shutil.copytree(dealt.warehouse, to))


def _ours(warehouse: str) -> float:
    table = ts.connect(warehouse).table(_TABLE)
    began = cpu_seconds()
    table.compact(full=True, workers=1)
    return cpu_seconds() - began


# -- reads --------------------------------------------------------------------------------------


def _scan(
    report: Report, there: peers.Peers, dealt: read.Dealt, peer: str, keys: str, bound: float
) -> None:
    name = f"merge scan of {read.RUNS} runs, {keys}, against {_NAMES[peer]}"
    expected = ts.connect(str(dealt.warehouse)).table(_TABLE).to_arrow()
    check(f"we find {dealt.answer}", read._answer(expected) == dealt.answer)
    _against(report, there, name, peer, _Folder(dealt.warehouse, expected), bound)


_NAMES = {"rust": "pypaimon-rust", "pypaimon": "pypaimon"}


@dataclass(frozen=True)
class _Folder:
    """A table, and its rows as we read them."""

    warehouse: Path
    rows: pa.Table

    def read(self, engine: str, python: Path | None = None) -> float:
        """CPU seconds of a warm read by an engine in a process of its own.

        Raises:
            PeerError: it cannot read the table, or reads other rows.
        """
        script = Path(__file__).with_name("engine_read.py")
        arguments = [engine, self.warehouse, _TABLE, _READS, self.warehouse]
        root = Path(__file__).resolve().parents[1]
        done = subprocess.run(
            [str(python or sys.executable), str(script), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": "" if python else str(root)},
        )
        check(f"{engine} runs: {done.stderr[-800:]}", done.returncode == 0)
        found = json.loads(done.stdout.splitlines()[-1])
        want = engine_read.columns(self.rows)
        check(f"{engine} finds {want}: {found['columns']}", found["columns"] == want)
        seconds: float = found["seconds"][-1]
        return seconds


def _against(
    report: Report, there: peers.Peers, name: str, peer: str, table: _Folder, bound: float
) -> None:
    if (reason := there.missing.get(peer)) is not None:
        report.absent(name, reason, fails=peers.strict())
        return
    mine, theirs = _in_turns(
        lambda: table.read("tablestore"), lambda: table.read(peer, there.pythons[peer])
    )
    sides = statistics.median(mine), statistics.median(theirs)
    report.bound(name, *sides, bound, unit="CPU s", **_all(mine, theirs))


def _in_turns(
    ours: Callable[[], float], theirs: Callable[[], float]
) -> tuple[list[float], list[float]]:
    taken = [(ours(), theirs()) for _ in range(_ROUNDS)]
    return [pair[0] for pair in taken], [pair[1] for pair in taken]


def _all(ours: list[float], theirs: list[float]) -> dict[str, Any]:
    return {
        "all_ours": [round(seconds, 3) for seconds in ours],
        "all_limit": [round(seconds, 3) for seconds in theirs],
    }


# -- merge engines ------------------------------------------------------------------------------

_ENGINES: dict[str, dict[str, str]] = {
    "partial-update": {},
    "aggregation": {
        "fields.l_quantity.aggregate-function": "sum",
        "fields.l_extendedprice.aggregate-function": "sum",
        "fields.l_discount.aggregate-function": "max",
        "fields.l_tax.aggregate-function": "min",
        "fields.l_shipdate.aggregate-function": "max",
        "fields.default-aggregate-function": "last_non_null_value",
    },
}


def _engine(report: Report, there: peers.Peers, engine: str, table: _Folder) -> None:
    name = f"read of merge-engine {engine}, {read.RUNS} runs, 200,000 keys of 2 records"
    _against(report, there, f"{name}, against {_NAMES['rust']}", "rust", table, ENGINE_BOUND)


def _halves(warehouse: Path, options: dict[str, str]) -> _Folder:
    """Each key comes twice: with the first columns in one run, with the others in a later one.

    What is summed comes with both.
    """
    sums = {key.split(".")[1] for key, function in options.items() if function == "sum"}
    whole = data.lineitem(ENGINE_KEYS).combine_chunks()
    rows = whole.cast(
        pa.schema([pa.field(f.name, f.type, nullable=f.name not in data.KEY) for f in whole.schema])
    )
    random = np.random.default_rng(data.SEED)
    first = random.integers(0, read.RUNS - 1, rows.num_rows)
    second = random.integers(first + 1, read.RUNS)
    engine = warehouse.name
    made = ts.connect(str(warehouse)).create_table(
        _TABLE,
        rows.schema,
        primary_key=list(data.KEY),
        options={"bucket": "1", "write-only": "true", "merge-engine": engine, **options},
    )
    for number in range(read.RUNS):
        parts = [
            _only(rows.take(pa.array(np.flatnonzero(run_of == number))), sums, late=late)
            for late, run_of in enumerate((first, second))
        ]
        made.upsert(pa.concat_tables(parts))
    found = made.to_arrow()
    order = [(key, "ascending") for key in data.KEY]
    for index, field in enumerate(rows.schema):
        if field.name in sums:
            twice = pc.add(rows[field.name], rows[field.name]).cast(field.type)
            rows = rows.set_column(index, field, twice)
    same = found.sort_by(order).cast(rows.schema).equals(rows.sort_by(order))
    check(f"{engine} joins the two records of each key", same)
    return _Folder(warehouse, found)


def _only(rows: pa.Table, sums: set[str], *, late: int) -> pa.Table:
    """The key, what is summed, and one half of the other columns; the others are null."""
    columns = [
        column
        if field.name in {*data.KEY, *sums} or (index >= _HALF) == bool(late)
        else pa.nulls(rows.num_rows, field.type)
        for index, (field, column) in enumerate(zip(rows.schema, rows.columns, strict=True))
    ]
    return pa.table(columns, rows.schema)
