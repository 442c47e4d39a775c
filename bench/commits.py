"""A thousand small commits: what one costs, and whether it costs more as history grows.

CPU, not wall: a commit waits for the disk most of the time. The last hundred commits take turns
with the first hundred to another table, so that what else the machine does falls on both.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import tablestore as ts
from bench import data
from bench.measure import Report, check
from tests.support import peers

COMMITS = 1_000
PART = 100
WARM = 20
GROWTH = 1.2
CPU_MS = 25.0
NEW_PROCESSES = 10
ROOT = Path(__file__).resolve().parents[1]
OURS = {
    "upserts": ("tablestore", {}),
    "upserts, write-only": ("tablestore", {"write-only": "true"}),
    "checkpoints of a job": ("job", {"write-only": "true"}),
}
OLD, YOUNG = "bench.old", "bench.young"


@dataclass
class Place:
    """Two tables that one engine commits to.

    Attributes:
        warehouse: their warehouse.
        engine: see ``engine_commit``.
        python: of the engine's environment; None for this one.
        done: commits so far, by table.
    """

    warehouse: Path
    engine: str
    python: Path | None = None
    done: dict[str, int] = field(default_factory=lambda: {OLD: 0, YOUNG: 0})

    def commits(self, count: int, *tables: str) -> list[dict[str, list[float]]]:
        """CPU and wall milliseconds of so many commits to each table by one new process."""
        script = Path(__file__).with_name("engine_commit.py")
        places = [text for table in tables for text in (table, str(self.done[table]))]
        ran = subprocess.run(
            [
                *(str(self.python or sys.executable), str(script)),
                *(self.engine, str(self.warehouse), str(count), *places),
            ],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": "" if self.python else str(ROOT)},
        )
        check(f"{self.engine} commits: {ran.stderr[-800:]}", ran.returncode == 0)
        for table in tables:
            self.done[table] += count
        found = json.loads(ran.stdout.splitlines()[-1])
        return [{what: [1000 * s for s in one[what]] for what in one} for one in found]

    def check(self) -> None:
        """Stop where a row is not there."""
        for table, count in self.done.items():
            rows = ts.connect(str(self.warehouse)).table(table).to_arrow(columns=["id"])
            found = sorted(rows["id"].to_pylist())
            check(f"{self.engine}: every row is there once", found == list(range(count)))


def run(report: Report) -> None:
    """Growth of the cost of a commit, ours and theirs."""
    for name, (engine, options) in OURS.items():
        with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
            _ours(report, name, _place(Path(folder), engine, options))
    for engine in ("pypaimon", "rust"):
        try:
            with peers._locked(peers.cache_dir()):
                python = peers._venv(peers.cache_dir(), engine)
        except peers.PeerMissingError as problem:
            report.absent(f"commits of {engine}", str(problem), fails=peers.strict())
            continue
        with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
            place = _place(Path(folder), engine, {"write-only": "true"}, python)
            title = f"commits of {engine}, write-only: the last {PART} of {COMMITS} and the first"
            last, first, walls = _grown(place)
            report.note(title, last, first, unit="CPU ms", **walls)
            place.check()


def _ours(report: Report, name: str, place: Place) -> None:
    last, first, walls = _grown(place)
    title = f"{name}: the last {PART} of {COMMITS} commits and the first"
    report.bound(title, last, first, GROWTH, unit="CPU ms", **walls)
    report.bound(f"{name}: one of the last {PART} commits", last, None, CPU_MS, unit="CPU ms")
    alone = [
        [place.commits(1, table)[0]["cpu"][0] for table in (OLD, YOUNG)]
        for _ in range(NEW_PROCESSES)
    ]
    # the mean: every fifth commit or so compacts
    old, young = (statistics.fmean(one) for one in zip(*alone, strict=True))
    title = f"{name}: one commit by a new process, after {COMMITS} and after {PART}"
    report.bound(title, old, young, GROWTH, unit="CPU ms")
    place.check()


def _grown(place: Place) -> tuple[float, float, dict[str, float]]:
    """CPU of one of the last and of one of the first commits; wall times of those between."""
    [before] = place.commits(COMMITS - PART, OLD)
    old, young = place.commits(WARM + PART, OLD, YOUNG)
    cuts = statistics.quantiles(before["wall"], n=100)
    walls = {"wall_ms_p50": round(cuts[49], 1), "wall_ms_p99": round(cuts[98], 1)}
    return statistics.fmean(old["cpu"][WARM:]), statistics.fmean(young["cpu"][WARM:]), walls


def _place(folder: Path, engine: str, options: dict[str, str], python: Path | None = None) -> Place:
    for table in (OLD, YOUNG):
        ts.connect(str(folder)).create_table(
            table,
            {"id": "BIGINT NOT NULL", "v": "STRING"},
            primary_key=["id"],
            options={"bucket": "1", **options},
        )
    return Place(folder, engine, python)
