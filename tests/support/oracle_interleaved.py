"""One table that two engines write and compact in turn, drawn from a seed.

After each operation Java and tablestore read the table; the rows must be equal, and the same as
before where the operation was a compaction.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

from tests.support.oracle_engines import depends_on_compactions, engine_of
from tests.support.oracle_histories import design
from tests.support.oracle_judge import difference
from tests.support.oracle_operations import CHANGES, Columns, has_signed_zeros
from tests.support.oracle_ours import Ours

NAME = "db.t"
ACTIVE = {"write-only": "false"}
Rows = list[list[Any]]


class Interleaved:
    """A random table in `warehouse`: what is done to it, and what its readers say."""

    def __init__(self, java: Any, warehouse: Path, seed: int):
        self.r = Random(f"interleaved {seed}")
        self.java, self.ours, self.warehouse = java, Ours(), warehouse
        self.cols, pk, part, self.options, self.kinds = design(self.r, "engines")
        self.columns = Columns(self.r, self.cols, self.options)
        self.done: list[str] = []
        self.rows: Rows = []
        self.makes = {"columns": self.cols, "primary_key": pk, "partition_by": part}

    @property
    def engine(self) -> str:
        return engine_of(self.options)

    @property
    def vectors(self) -> bool:
        return "deletion-vectors.enabled" in self.options

    def create(self) -> None:
        """Made by one engine or the other."""
        who = self.r.choice(["java", "ours"])
        self.done.append(f"{who} create")
        maker = self.java if who == "java" else self.ours
        maker.create(self.warehouse, name=NAME, **self.makes, options=self.options)

    def step(self) -> list[str]:
        """One operation, then both engines read: differences in words."""
        who = self.r.choice(["java", "ours"])
        what = self.r.choice(
            ["write"] * 6 + ["writes"] * 3 + ["minor"] * 5 + ["full"] * 2 + ["overwrite", "change"]
        )
        self.done.append(f"{who} {what}")
        if what == "write":
            self._write(who)
        elif what == "writes":  # so that there are runs to choose from
            for _ in range(4):
                self._write(self.r.choice(["java", "ours"]))
        elif what == "overwrite":
            self._overwrite(who)
        elif what == "change":
            self._change()
        elif who == "java":
            self.java.write(self.warehouse, name=NAME, compact=what, options=ACTIVE)
        else:
            self.ours.compact(self.warehouse, name=NAME, how=what)
        before, self.rows = self.rows, self.read(self.java)
        said = self.compared("we", self.read(self.ours), self.rows)
        if what in ("minor", "full") and self._keeps_rows(what):
            said += self.compared(f"after a compaction by {who}", self.rows, before)
        return said

    def _keeps_rows(self, how: str) -> bool:
        """Whether a compaction changes nothing that is read.

        Rows of first-row tables may wait for it. A retraction may find another row once its
        neighbours are merged; in deduplicate only a later row can tell.
        """
        if self.engine == "first-row" and self.options.get("write-only") == "true":
            return False
        plain = not depends_on_compactions(self.options, self.kinds)
        return how == "full" or plain or self.engine == "deduplicate"

    def _write(self, who: str) -> None:
        rows = self.columns.rows(self.r.choice([1, 3, 8, 12]))
        kinds = [self.r.choice(self.kinds) for _ in rows]
        if who == "java":
            self.java.write(self.warehouse, name=NAME, rows=rows, kinds=kinds)
            return
        common = {"name": NAME, "columns": self.columns.cols, "rows": rows}
        self.ours.upsert(self.warehouse, **common, kinds=kinds)

    def _overwrite(self, who: str) -> None:
        rows = self.columns.rows(4)
        if who == "java":
            self.java.write(self.warehouse, name=NAME, rows=rows, overwrite={})
            return
        dynamic = bool(self.makes["partition_by"])
        common = {"name": NAME, "columns": self.columns.cols, "rows": rows}
        self.ours.overwrite(self.warehouse, **common, dynamic=dynamic)

    def _change(self) -> None:
        change = self.columns.change()
        if change is not None:
            verb, column, what = change
            assert verb in CHANGES
            self.java.evolve(self.warehouse, name=NAME, verb=verb, column=column, what=what)

    def read(self, reader: Any, snapshot: int | None = None) -> Rows:
        return reader.read(self.warehouse, name=NAME, columns=self.columns.cols, snapshot=snapshot)

    def compared(self, who: str, got: Rows, want: Rows) -> list[str]:
        """Differences, but for the sign of zeros where Java's ORC reader loses it."""
        if has_signed_zeros(self.columns.cols, self.options):
            got, want = unsigned(got), unsigned(want)
        return difference(who, got, want)


def unsigned(rows: Rows) -> Rows:
    """Zeros without their sign."""
    return [[0.0 if isinstance(v, float) and v == 0 else v for v in row] for row in rows]
