"""Twin histories: Java makes a table from a seed, we replay the same writes, both engines read
both tables equal.

The seeds are fresh every day (or from TABLESTORE_SEED); TABLESTORE_TWINS says how many (200).
"""

from __future__ import annotations

import datetime as dt
import os

import pytest

from tests.support.oracle_judge import difference

pytestmark = pytest.mark.interop
COUNT = int(os.environ.get("TABLESTORE_TWINS", "200"))
TODAY = dt.datetime.now(dt.UTC).strftime("%Y%m%d")
FIRST = int(os.environ.get("TABLESTORE_SEED", TODAY)) * 1000


@pytest.mark.parametrize("step", range(COUNT))
def test_both_engines_read_both_tables_equal(step, java, ours, figures, tmp_path):
    seed = FIRST + step
    theirs, own = tmp_path / "java", tmp_path / "ours"
    made = java.history(theirs, name="db.t", seed=seed)
    columns = [tuple(c) for c in made["columns"]]
    said = read_theirs(ours, theirs, made, columns)
    said += replay(ours, own, made, columns)
    last = java.read(own, name="db.t")
    said += difference("java reads ours", last, made["after"][-1])
    figures["twin histories"] += 1
    figures["twin histories with a primary key"] += bool(made["primary_key"])
    figures["twin operations"] += len(made["ops"])
    assert not said, f"seed {seed}: {made['options']} {columns}"


def read_theirs(ours, warehouse, made, columns):
    """We read Java's table at each of its snapshots."""
    said = []
    for snapshot in made["snapshots"]:
        n = snapshot["id"]
        rows = ours.read(warehouse, name="db.t", columns=columns, snapshot=n)
        said += difference(f"we read snapshot {n} of Java's", rows, snapshot["rows"])
    return said


def replay(ours, warehouse, made, columns):
    """Our own table by the same writes: what Java read after each of them is what we read;
    compactions are left out."""
    keyed, partitioned = bool(made["primary_key"]), bool(made["partition_by"])
    names = ("columns", "primary_key", "partition_by", "options")
    ours.create(warehouse, name="db.t", **{k: made[k] for k in names})
    said = []
    for i, (op, want) in enumerate(zip(made["ops"], made["after"], strict=True)):
        common = {"name": "db.t", "columns": columns}
        if op[0] == "write":
            ours.write(warehouse, **common, rows=op[2], kinds=op[1], keyed=keyed)
        elif op[0] == "overwrite":
            ours.overwrite(warehouse, **common, rows=op[2], dynamic=partitioned)
        said += difference(f"we read ours after {i} {op[0]}", ours.read(warehouse, **common), want)
    return said
