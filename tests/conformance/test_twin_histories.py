"""Twin histories: Java makes a table from a seed, we replay the same writes, both engines read
both tables equal.

Scope "plain": Parquet. Scope "format": ORC, Avro, formats by level, deletion vectors, thin mode,
and columns that change on the way (Java changes those of our table, too). Scope "engines": all of
that with every merge engine, sequence fields and ignore-delete; there we compact what Java
compacted. The seeds are fresh every day (or from TABLESTORE_SEED); TABLESTORE_TWINS says how many a
scope (200).
"""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.support.golden import scope as scope_of
from tests.support.oracle_histories import design
from tests.support.oracle_interleaved import unsigned
from tests.support.oracle_judge import difference
from tests.support.oracle_operations import CHANGES, columns_after, has_signed_zeros
from tests.support.oracle_ours import Ours
from tests.support.peers_line import PeerError
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop
COUNT = int(os.environ.get("TABLESTORE_TWINS", "200"))
FIRST = SEED * 1000
NAME = "db.t"
SCOPES = ("plain", "format", "engines")


def history(java, warehouse, seed, scope):
    """What Java makes of a seed, and where; of another seed where Java renames a column that its
    own buckets are made from, after which it cannot open its table."""
    for attempt in range(5):
        folder = warehouse / str(attempt)
        try:
            made = java.history(folder, name=NAME, seed=seed + attempt * 10**9, scope=scope)
        except PeerError as error:
            if "contains all bucket keys" not in str(error):
                raise
        else:
            return made, folder
    raise AssertionError(f"Java cannot make a table of {scope} seed {seed}")


@pytest.mark.parametrize("step", range(COUNT))
@pytest.mark.parametrize("scope", SCOPES)
def test_both_engines_read_both_tables_equal(scope, step, java, figures, in_memory):
    seed = FIRST + step
    theirs, own = in_memory / "java", in_memory / "ours"
    made, theirs = history(java, theirs, seed, scope)
    twin = Twin(made, scope)
    ours = OneHandle()
    said = twin.read_theirs(ours, theirs)
    said += twin.replay(java, ours, own)
    twin.count(figures, scope)
    assert not said, f"{scope} seed {seed}: {twin.options} {twin.columns}"


@pytest.mark.parametrize("scope", ["format", "engines"])
def test_a_history_needs_no_more_and_no_less_than_its_scope(scope):
    drawn = [design(Random(f"{scope} {FIRST + step}"), scope)[3] for step in range(200)]
    assert {scope_of(options) for options in drawn} == {scope}


class OneHandle(Ours):
    """Keeps the handle of a table, which so sees what Java does to the table on the way."""

    def __init__(self):
        self.handles = {}

    def table(self, warehouse, name):
        if (warehouse, name) not in self.handles:
            self.handles[warehouse, name] = super().table(warehouse, name)
        return self.handles[warehouse, name]


class Twin:
    """What Java did, and what it read after each step."""

    def __init__(self, made, scope):
        self.made = made
        self.options = made["options"]
        self.columns = [tuple(c) for c in made["columns"]]
        self.snapshots = {s["id"]: s for s in made["snapshots"]}
        self.keyed = bool(made["primary_key"])
        vectors = self.options.get("deletion-vectors.enabled") == "true" and self.keyed
        self.vectors = vectors
        self.compacts = scope == "engines"
        waits = vectors and self.options.get("deletion-vectors.merge-on-read") != "true"
        self.waits = waits and not self.compacts

    def compared(self, who, got, want, columns):
        if has_signed_zeros(columns, self.options):
            got, want = unsigned(got), unsigned(want)
        return difference(who, got, want)

    def read_theirs(self, ours, warehouse):
        """We read Java's table at each of its snapshots."""
        said = []
        for n, snapshot in self.snapshots.items():
            columns = [tuple(c) for c in snapshot["columns"]]
            rows = ours.read(warehouse, name=NAME, columns=columns, snapshot=n)
            who = f"we read snapshot {n} of Java's"
            said += self.compared(who, rows, snapshot["rows"], columns)
        return said

    def replay(self, java, ours, warehouse):
        """Our own table by the same writes: what Java read after each of them is what we read, and
        at the end Java.

        Where deletion vectors make rows wait for a compaction, Java compacts, but in scope engines
        we; the compactions of other tables are left out.
        """
        names = ("columns", "primary_key", "partition_by", "options")
        ours.create(warehouse, name=NAME, **{k: self.made[k] for k in names})
        said, columns, want = [], self.columns, []
        for i, (op, snapshot) in enumerate(zip(self.made["ops"], self.made["after"], strict=True)):
            columns = columns_after(columns, op)
            self._do(java, ours, warehouse, op, columns)
            want = self.snapshots[snapshot]["rows"] if snapshot else []
            if op[0] in CHANGES:
                continue  # a write with the new columns follows
            rows = ours.read(warehouse, name=NAME, columns=columns)
            said += self.compared(f"we read ours after {i} {op[0]}", rows, want, columns)
        again = Ours().read(warehouse, name=NAME, columns=columns)
        last = java.read(warehouse, name=NAME, columns=columns)
        said += self.compared("we read ours afresh", again, want, columns)
        return said + self.compared("java reads ours", last, want, columns)

    def _do(self, java, ours, warehouse, op, columns):
        verb, how, what = op if len(op) == 3 else [*op, None]
        common = {"name": NAME, "columns": columns, "rows": what}
        if verb == "write" and self.compacts:
            ours.upsert(warehouse, **common, kinds=how)
        elif verb == "write":
            ours.write(warehouse, **common, kinds=how, keyed=self.keyed)
        elif verb == "overwrite":
            ours.overwrite(warehouse, **common, dynamic=bool(self.made["partition_by"]))
        elif verb in CHANGES:
            java.evolve(warehouse, name=NAME, verb=verb, column=how, what=what)
            return
        elif self.compacts:
            ours.compact(warehouse, name=NAME, how=how)
        if self.waits or (self.vectors and not self.compacts and verb == "compact"):
            java.write(warehouse, name=NAME, compact="minor" if verb == "write" else "full")

    def count(self, figures, scope):
        ops = self.made["ops"]
        figures[f"twin histories, {scope}"] += 1
        figures[f"twin histories, {scope}, with a primary key"] += self.keyed
        figures[f"twin histories, {scope}, with deletion vectors"] += self.vectors
        figures[f"twin operations, {scope}"] += len(ops)
        figures[f"twin column changes, {scope}"] += sum(op[0] in CHANGES for op in ops)
        figures[f"twin snapshots of Java read, {scope}"] += len(self.snapshots)
