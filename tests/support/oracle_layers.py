"""Buckets whose levels are known, with deletions above the rows that they hide.

Each step writes runs of level 0 (deletions of rows in every level below and of rows that are not
there, late rows, changes, rows that come back), then asks for a pick of exactly these runs and so
many of those below. The table is copied, Java compacts one copy and tablestore the other: both read
both, and the files must have the same levels, rows, deletions and sequence numbers.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random
from typing import Any

from tests.support.oracle_judge import difference

NAME = "db.t"
COLUMNS = [["id", "BIGINT NOT NULL"], ["v", "STRING"], ["n", "INT"], ["s", "INT"]]
TOP = 5
ACTIVE = {"write-only": "false"}
VECTORS = {"deletion-vectors.enabled": "true"}
SEQUENCE = {"sequence.field": "s"}
PARTIAL = {"merge-engine": "partial-update"}
REMOVE = {**PARTIAL, "partial-update.remove-record-on-delete": "true"}
GROUP = "partial-update.remove-record-on-sequence-group"
SETTINGS: dict[str, dict[str, str]] = {
    "newest": {},
    "sequence": SEQUENCE,
    "descending sequence": {**SEQUENCE, "sequence.field.sort-order": "descending"},
    "partial-update": REMOVE,
    "partial-update and a sequence": {**REMOVE, **SEQUENCE},
    "sequence group": {**PARTIAL, "fields.s.sequence-group": "v,n", GROUP: "s"},
    "aggregation": {
        "merge-engine": "aggregation",
        "aggregation.remove-record-on-delete": "true",
        "fields.n.aggregate-function": "sum",
    },
    "vectors": VECTORS,
    "vectors of 64 bits": {**VECTORS, "deletion-vectors.bitmap64": "true"},
    "vectors and a sequence": {**VECTORS, **SEQUENCE},
    "vectors and partial-update": {**VECTORS, **REMOVE},
}
Rows = list[list[Any]]


class Layers:
    """A table of one bucket, and the keys that its levels hold."""

    def __init__(self, java: Any, ours: Any, folder: Path, setting: str, seed: int):
        self.java, self.ours, self.root = java, ours, folder
        self.r = Random(f"layers {setting} {seed}")
        self.setting = setting
        self.options = {
            "bucket": "1",
            "write-only": "true",
            "num-levels": str(TOP + 1),
            "file.format": self.r.choice(["parquet", "parquet", "orc", "avro"]),
            "target-file-size": self.r.choice(["1 kb", "128 mb"]),  # files are large, or small
            "compaction.max-size-amplification-percent": "1000000",
            "compaction.size-ratio": "-100",  # only the number of runs asks for a pick
            **SETTINGS[setting],
        }
        self.copies = 0
        self.warehouse = folder / "0"
        self.levels: dict[int, set[int]] = {}
        self.serial = 0
        self.done: list[Any] = []
        maker = self.r.choice([java, ours])
        common = {"columns": COLUMNS, "primary_key": ["id"], "options": self.options}
        maker.create(self.warehouse, name=NAME, **common)

    # -- runs -----------------------------------------------------------------------------------

    def base(self) -> None:
        """The lowest run, in the highest level."""
        self.write([("+I", key, 5) for key in range(60)])
        self.r.choice([self._java, self._us])(self.warehouse, "full")
        self.levels = {TOP: set(range(60))}

    def write(self, changes: list[tuple[str, int, int]]) -> None:
        """A run of level 0 of (kind, key, order)."""
        kinds, rows = [], []
        for kind, key, order in changes:
            self.serial += 1
            value = self.r.choice([None, f"v{self.serial}", f"v{self.serial}"])
            rows.append([key, value, self.r.choice([None, 1, 2, 30]), order])
            kinds.append(kind)
        if self.r.random() < 0.5:
            self.java.write(self.warehouse, name=NAME, rows=rows, kinds=kinds)
        else:
            self.ours.upsert(self.warehouse, name=NAME, columns=COLUMNS, rows=rows, kinds=kinds)

    def runs(self, *, apart: bool = False) -> None:
        """Two or three runs with what may go wrong; at least one deletion of each level below.

        `apart`: the third has keys of its own, so that it may only be moved up.
        """
        r = self.r
        fresh = set()
        for number in range(3 if apart else r.choice([2, 2, 3])):
            changes: dict[int, tuple[str, int]] = {}
            if number == 2 and apart:
                far = 1000 + 10 * self.serial
                changes = {far + i: (r.choice(["+I", "-D"]), 5) for i in range(9)}
                changes[far] = ("-D", 5)
            else:
                for held in self.levels.values():
                    self._above(changes, sorted(held))
                for key in r.sample(range(60, 90), 4):
                    changes[key] = (r.choice(["+I", "-D"]), r.randrange(10))
                for key in r.sample(sorted(fresh), min(len(fresh), 3)):  # back, or gone again
                    changes[key] = (r.choice(["+I", "-D"]), r.randrange(10))
            fresh |= set(changes)
            self.write([(kind, key, order) for key, (kind, order) in changes.items()])
        self.levels[0] = fresh

    def _above(self, changes: dict[int, tuple[str, int]], held: list[int]) -> None:
        for key in self.r.sample(held, min(len(held), 5)):
            changes[key] = ("-D", self.r.choice([9, 9, 0]))  # 0 is late
        for key in self.r.sample(held, min(len(held), 3)):
            changes[key] = (self.r.choice(["+I", "+U"]), self.r.choice([9, 0]))

    # -- compactions ----------------------------------------------------------------------------

    def _java(self, warehouse: Path, how: str) -> None:
        self.java.write(warehouse, name=NAME, compact=how, options=ACTIVE)

    def _us(self, warehouse: Path, how: str) -> None:
        self.ours.compact(warehouse, name=NAME, how=how)

    def below(self) -> int:
        """How many runs there are below level 0."""
        return sum(level > 0 for level in self.levels)

    def compact(self, joined: int) -> list[str]:
        """A pick of level 0 and the `joined` runs that follow it; differences in words."""
        lower = sorted(level for level in self.levels if level > 0)
        trigger = str(len(lower) - joined + 1)
        self.java.set_option(
            self.warehouse, name=NAME, key="num-sorted-run.compaction-trigger", value=trigger
        )
        rest = lower[joined:]
        output = rest[0] - 1 if rest else TOP
        before = self._read(self.java, self.warehouse)
        theirs, mine = self._copy(), self._copy()
        self._java(theirs, "minor")
        self._us(mine, "minor")
        self.done.append((joined, output))
        said = self._twins(theirs, mine, f"level {output}", [] if self._changes() else before)
        found = {info.level for info in self._files(mine)}
        assert found <= {output, *rest}, f"the pick is not the one asked for: {found}"
        if not rest or "deletion-vectors.enabled" in self.options:
            said += self._no_deletions(mine, output)
        self.warehouse = self.r.choice([theirs, mine])
        self.levels = {level: self._keys(level) for level in {output, *rest}}
        return said

    def finish(self) -> list[str]:
        """A full compaction by each of both: no deletion is left."""
        theirs, mine = self._copy(), self._copy()
        self._java(theirs, "full")
        self._us(mine, "full")
        return self._twins(theirs, mine, "full", []) + self._no_deletions(mine, TOP)

    def _changes(self) -> bool:
        """Whether a compaction may change what is read, in Java too: level 0 of tables with
        deletion vectors is not read, and a removal forgets what it removed."""
        return self.setting not in ("newest", "sequence", "descending sequence")

    def _copy(self) -> Path:
        self.copies += 1
        return Path(shutil.copytree(self.warehouse, self.root / str(self.copies)))

    # -- what is there --------------------------------------------------------------------------

    def _read(self, reader: Any, warehouse: Path) -> Rows:
        return reader.read(warehouse, name=NAME, columns=COLUMNS)

    def _files(self, warehouse: Path) -> list[Any]:
        return self.ours.table(warehouse, NAME).files()

    def _keys(self, level: int) -> set[int]:
        """Keys that may be in files of a level, deleted ones too."""
        found: set[int] = set()
        for info in self._files(self.warehouse):
            if info.level == level:
                found |= set(range(info.min_key[0], min(info.max_key[0], 89) + 1))
        return found

    def layout(self, warehouse: Path) -> list[tuple[Any, ...]]:
        """Level, rows, deletions, sequence numbers and marked rows of each file."""
        table = self.ours.table(warehouse, NAME)
        marked = _marked(table)
        return sorted(
            (
                info.level,
                info.min_key,
                info.max_key,
                info.rows,
                info.deletes,
                info.min_sequence,
                info.max_sequence,
                marked.get(Path(info.path).name, 0),
            )
            for info in table.files()
        )

    def _twins(self, theirs: Path, mine: Path, what: str, rows: Rows) -> list[str]:
        want = self._read(self.java, theirs)
        said = difference(f"{what}: java after its compaction", want, rows) if rows else []
        said += difference(f"{what}: java after ours", self._read(self.java, mine), want)
        said += difference(f"{what}: we after ours", self._read(self.ours, mine), want)
        said += difference(f"{what}: we after java's", self._read(self.ours, theirs), want)
        a, b = self.layout(mine), self.layout(theirs)
        if a != b:
            said.append(f"{what}: our files {a}, java's {b}")
        return said

    def _no_deletions(self, warehouse: Path, level: int) -> list[str]:
        files = [info for info in self._files(warehouse) if info.level == level]
        left = sum(info.deletes for info in files)
        said = [] if not left else [f"{left} deletions are left in level {level}"]
        report = self.ours.table(warehouse, NAME).verify(deep=True)  # counts them itself
        return said if report.ok else [*said, str(report)]


def _marked(table: Any) -> dict[str, int]:
    """Rows that a deletion vector marks, by data file."""
    state = table._parts.state
    snapshot = state.snapshots.latest()
    entries = state.manifests.read_index(snapshot.index_manifest)
    return {place.data_file: place.cardinality for entry in entries for place in entry.dv_ranges}
