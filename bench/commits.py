"""A thousand small commits: what one costs, and whether it costs more as history grows.

CPU, not wall: a commit waits for the disk most of the time. The wall times are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
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
NEW_PROCESSES = 5
ROOT = Path(__file__).resolve().parents[1]
OURS = {
    "upserts": ("tablestore", {}),
    "upserts, write-only": ("tablestore", {"write-only": "true"}),
    "checkpoints of a job": ("job", {"write-only": "true"}),
}


@dataclass
class Place:
    """A table that one engine commits to.

    Attributes:
        warehouse: its warehouse.
        engine: see ``engine_commit``.
        python: of the engine's environment; None for this one.
        done: commits so far.
    """

    warehouse: Path
    engine: str
    python: Path | None = None
    done: int = 0

    def commits(self, count: int) -> dict[str, list[float]]:
        """CPU and wall milliseconds of so many commits by a process of its own."""
        script = Path(__file__).with_name("engine_commit.py")
        arguments = [self.engine, self.warehouse, "bench.small", self.done, count]
        ran = subprocess.run(
            [str(self.python or sys.executable), str(script), *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": "" if self.python else str(ROOT)},
        )
        check(f"{self.engine} commits: {ran.stderr[-800:]}", ran.returncode == 0)
        self.done += count
        found = json.loads(ran.stdout.splitlines()[-1])
        return {what: [1000 * seconds for seconds in found[what]] for what in found}

    def warm(self, count: int) -> dict[str, list[float]]:
        """The same by a process that has made some commits before."""
        found = self.commits(WARM + count)
        return {what: found[what][WARM:] for what in found}

    def check(self) -> None:
        """Stop where a row is not there."""
        rows = ts.connect(str(self.warehouse)).table("bench.small").to_arrow(columns=["id"])
        found = sorted(rows["id"].to_pylist())
        check(f"{self.engine}: every row is there once", found == list(range(self.done)))


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
            found = place.warm(COMMITS)
            place.check()
            first, last = _ends(found["cpu"])
            name = f"commits of {engine}: CPU of the last {PART} of {COMMITS} against the first"
            report.note(name, last, first, unit="CPU ms", **_walls(found["wall"]))


def _ours(report: Report, name: str, place: Place) -> None:
    place.commits(1)
    young = _alone(place)
    found = place.warm(COMMITS)
    old = _alone(place)
    place.check()
    first, last = _ends(found["cpu"])
    parts = [
        round(statistics.fmean(found["cpu"][at : at + PART]), 2) for at in range(0, COMMITS, PART)
    ]
    title = f"{name}: CPU of the last {PART} of {COMMITS} commits against the first"
    report.bound(title, last, first, GROWTH, unit="CPU ms", parts=parts, **_walls(found["wall"]))
    report.bound(f"{name}: CPU ms of a commit", max(parts), None, CPU_MS, unit="CPU ms")
    title = f"{name}: a commit after {COMMITS} by a new process against one of the first"
    report.bound(title, old, young, GROWTH, unit="CPU ms")


def _place(folder: Path, engine: str, options: dict[str, str], python: Path | None = None) -> Place:
    columns = {"id": "BIGINT NOT NULL", "v": "STRING"}
    ts.connect(str(folder)).create_table(
        "bench.small", columns, primary_key=["id"], options={"bucket": "1", **options}
    )
    return Place(folder, engine, python)


def _alone(place: Place) -> float:
    """CPU of the only commit of a process, the median of some processes."""
    return statistics.median(place.commits(1)["cpu"][0] for _ in range(NEW_PROCESSES))


def _ends(cpu: list[float]) -> tuple[float, float]:
    return statistics.fmean(cpu[:PART]), statistics.fmean(cpu[-PART:])


def _walls(wall: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(wall, n=100)
    return {"wall_ms_p50": round(cuts[49], 1), "wall_ms_p99": round(cuts[98], 1)}
