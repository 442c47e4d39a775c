"""Merge scan over 20 overlapping runs, against decoding the same files and against other engines.

Each engine reads in a process of its own (``engine_read.py``), one after the other, and is charged
the CPU of all its threads for its third read. Neighbours on the machine cost CPU time, too: where
it takes seconds only, both sides run in several processes in turns, and the median counts.
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

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench import data, write
from bench.measure import REPETITIONS, Report, check
from tests.support import peers

RUNS = 20
AGAIN = 0.05
AGAINST: dict[str, tuple[str, float | None]] = {
    "pyarrow": ("decoding the files in one thread", 1.5),
    "pyarrow-threads": ("decoding the files in threads", None),
    "rust": ("pypaimon-rust", 1 / 1.5),
    "pypaimon": ("pypaimon", 1 / 25),
}
DICTIONARIES_BOUND = 1.3
_ROUNDS = 5
_READS_OF_PYPAIMON = 1
"""It merges row by row and takes most of a minute, in which its start does not count."""


def run(report: Report) -> None:
    """Ratios of CPU seconds for reading whole tables into plain Arrow types."""
    with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
        table = deal(Path(folder), data.ROWS)
        pythons = _peers(report)
        whom = [
            "tablestore",
            "pyarrow",
            "pyarrow-threads",
            "tablestore-dictionaries",
            "pyarrow-dictionaries",
            *(["rust"] if "rust" in pythons else []),
        ]
        thirds: dict[str, list[float]] = {engine: [] for engine in whom}
        for _ in range(_ROUNDS):
            for engine in whom:
                thirds[engine].append(table.read(engine, pythons.get(engine))[-1])
        if "pypaimon" in pythons:
            thirds["pypaimon"] = table.read("pypaimon", pythons["pypaimon"], _READS_OF_PYPAIMON)
    for engine, (name, bound) in AGAINST.items():
        if engine in thirds:
            _against(report, name, thirds["tablestore"], thirds[engine], bound)
    _against(
        report,
        "decoding them so, texts of few values as dictionaries",
        thirds["tablestore-dictionaries"],
        thirds["pyarrow-dictionaries"],
        DICTIONARIES_BOUND,
    )


def _against(
    report: Report, whom: str, ours: list[float], limit: list[float], bound: float | None
) -> None:
    name = f"merge scan of {RUNS} runs, 2M keys, against {whom}"
    more = {"unit": "CPU s", "all_ours": ours, "all_limit": limit}
    figures = statistics.median(ours), statistics.median(limit)
    if bound is None:
        report.note(name, *figures, **more)
    else:
        report.bound(name, *figures, bound, **more)


@dataclass(frozen=True)
class Dealt:
    """A table made of overlapping runs, and what every reader must find in it."""

    warehouse: Path
    folder: Path
    answer: dict[str, object]

    def read(
        self, engine: str, python: Path | None = None, repetitions: int = REPETITIONS
    ) -> list[float]:
        """CPU seconds of each read; pyarrow alone does not merge, so only its answer differs."""
        script = Path(__file__).with_name("engine_read.py")
        arguments = [engine, self.warehouse, "bench.lineitem", repetitions, self.folder]
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
        if not engine.startswith("pyarrow"):
            got = found["answer"]
            check(f"{engine} finds {self.answer}: {got}", got == self.answer)
        seconds: list[float] = found["seconds"]
        return seconds


def deal(warehouse: Path, rows: int) -> Dealt:
    """Deal rows to commits at random, 5 % of them once more to a later one with other values."""
    table = data.lineitem(rows).combine_chunks()
    random = np.random.default_rng(data.SEED)
    run_of = random.integers(0, RUNS, table.num_rows)
    again = np.flatnonzero((random.random(table.num_rows) < AGAIN) & (run_of < RUNS - 1))
    later = random.integers(run_of[again] + 1, RUNS)
    made = write.create(warehouse, table.schema)
    for number in range(RUNS):
        first = table.take(pa.array(np.flatnonzero(run_of == number)))
        second = _changed(table.take(pa.array(again[later == number])))
        made.upsert(pa.concat_tables([first, second]))
    final = pa.concat_tables(
        [table.take(pa.array(np.setdiff1d(np.arange(rows), again))), _changed(table.take(again))]
    )
    return Dealt(warehouse, Path(made.path), _answer(final))


def _changed(rows: pa.Table) -> pa.Table:
    """The rows with another discount and comment."""
    discount = pc.add(rows["l_discount"], pa.scalar(1, rows.schema.field("l_discount").type))
    comment = pc.binary_join_element_wise(rows["l_comment"], "again", " ")
    columns = {"l_discount": discount, "l_comment": comment}
    for name, column in columns.items():
        index = rows.schema.get_field_index(name)
        field = rows.schema.field(name)
        rows = rows.set_column(index, field, column.cast(field.type))
    return rows


def _answer(rows: pa.Table) -> dict[str, object]:
    return {
        "rows": rows.num_rows,
        "orders": pc.sum(rows["l_orderkey"]).as_py(),
        "lines": pc.sum(rows["l_linenumber"]).as_py(),
        "discounts": str(pc.sum(rows["l_discount"]).as_py()),
        "comments": pc.sum(pc.binary_length(rows["l_comment"])).as_py(),
    }


def _peers(report: Report) -> dict[str, Path]:
    """The engines that are or can be installed; CI fails without them."""
    found: dict[str, Path] = {}
    for name in ("rust", "pypaimon"):
        try:
            with peers._locked(peers.cache_dir()):
                found[name] = peers._venv(peers.cache_dir(), name)
        except peers.PeerMissingError as problem:
            report.absent(f"merge scan against {name}", str(problem), fails=peers.strict())
    return found
