"""Rows that expire, by Java Paimon and by us: the same rows are left by the same compactions.

Times are decades before and after any day on which this runs. The seed is fixed; TABLESTORE_SEED
gives others.
"""

from __future__ import annotations

import os
from random import Random

import pytest

import tablestore as ts
from tests.support.oracle_judge import difference
from tests.support.peers_line import PeerError

pytestmark = pytest.mark.interop
FIXED = "20261123"
SEED = int(os.environ.get("TABLESTORE_SEED", FIXED))
NAME = "db.t"
STEPS = 10
PAST, FUTURE = (-86_400, 0, 1_000_000_000), (4_102_444_800, 7_258_118_400)  # to 2100, 2200

EXPIRE = {"record-level.expire-time": "30 d", "record-level.time-field": "at"}
SETTINGS = {
    "INT": {},
    "BIGINT": {},
    "TIMESTAMP(3)": {},
    "TIMESTAMP(6)": {"sequence.field": "n"},
    "TIMESTAMP(9)": {"merge-engine": "partial-update"},
    "TIMESTAMP(3) WITH LOCAL TIME ZONE": {
        "merge-engine": "aggregation",
        "fields.n.aggregate-function": "sum",
    },
    "BIGINT NOT NULL": {"merge-engine": "partial-update", "partial-update.ignore-delete": "true"},
    "INT NOT NULL": {"merge-engine": "first-row"},
}


def columns(kind):
    return [["id", "INT NOT NULL"], ["v", "STRING"], ["n", "INT"], ["at", kind]]


def time_of(r, kind):
    """A time that has expired, or one that will for decades not, or none."""
    if "NOT NULL" not in kind and r.random() < 0.15:
        return None
    # an INT ends in 2038
    future = (2_147_483_000,) if kind.startswith("INT") else FUTURE
    seconds = r.choice(PAST) if r.random() < 0.5 else r.choice(future)
    if kind.startswith("TIMESTAMP"):
        return [seconds * 1000 + r.randrange(1000), 0]
    if kind.startswith("BIGINT") and seconds > 1_000_000_000:
        return seconds * r.choice([1, 1000])
    return seconds


def some_rows(r, kind, engine):
    keys = r.sample(range(60), r.randrange(1, 30))
    rows = [
        [key, r.choice([None, "a", "b"]), r.choice([None, r.randrange(50)]), time_of(r, kind)]
        for key in keys
    ]
    deletes = engine == "deduplicate"
    return rows, ["-D" if deletes and r.random() < 0.2 else "+I" for _ in rows]


@pytest.mark.parametrize("kind", SETTINGS)
def test_the_same_rows_expire(kind, java, ours, tmp_path, figures):
    setting = SETTINGS[kind]
    options = {"bucket": "1", "write-only": "true", **EXPIRE, **setting}
    engine = setting.get("merge-engine", "deduplicate")
    r = Random(f"{SEED} {kind}")
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    common = {"name": NAME, "columns": columns(kind), "primary_key": ["id"], "options": options}
    java.create(theirs, **common)
    ours.create(mine, **common)
    said, expired = [], 0
    for step in range(STEPS):
        rows, kinds = some_rows(r, kind, engine)
        java.write(theirs, name=NAME, rows=rows, kinds=kinds)
        ours.upsert(mine, name=NAME, columns=columns(kind), rows=rows, kinds=kinds)
        said += compared(f"written {step}", kind, java, ours, theirs, mine)
        if r.random() < 0.5:
            before = len(ours.read(mine, name=NAME, columns=columns(kind)))
            java.write(theirs, name=NAME, compact="full", options={"write-only": "false"})
            ours.compact(mine, name=NAME, how="full")
            said += compared(f"compacted {step}", kind, java, ours, theirs, mine)
            expired += before - len(ours.read(mine, name=NAME, columns=columns(kind)))
    assert not said, f"seed {SEED}: {kind}"
    assert expired > 0 or engine == "first-row"
    figures["rows that expired as in Java"] += max(expired, 0)


def compared(label, kind, java, ours, theirs, mine):
    expected = java.read(theirs, name=NAME)
    read = ours.read(mine, name=NAME, columns=columns(kind))
    return difference(f"{label}: we read", read, expected)


@pytest.mark.parametrize("first", ["java", "ours"])
def test_one_table_is_compacted_by_both_in_turn(first, java, ours, tmp_path):
    kind = "BIGINT"
    options = {"bucket": "1", "write-only": "true", **EXPIRE}
    r = Random(f"{SEED} {first}")
    who = java if first == "java" else ours
    who.create(tmp_path, name=NAME, columns=columns(kind), primary_key=["id"], options=options)
    versions = {}
    for step in range(STEPS):
        rows, kinds = some_rows(r, kind, "partial-update")  # no deletes
        if r.random() < 0.5:
            java.write(tmp_path, name=NAME, rows=rows, kinds=kinds)
        else:
            ours.upsert(tmp_path, name=NAME, columns=columns(kind), rows=rows, kinds=kinds)
        for row in rows:
            versions.setdefault(row[0], []).append(row)
        if step % 3 == 2:
            if (step // 3 % 2 == 0) == (first == "java"):
                java.write(tmp_path, name=NAME, compact="full", options={"write-only": "false"})
            else:
                ours.compact(tmp_path, name=NAME, how="full")
            left = {key: [row for row in rows if lives(row[3])] for key, rows in versions.items()}
            versions = {key: rows[-1:] for key, rows in left.items() if rows}
        expected = [rows[-1] for rows in versions.values()]
        said = difference("java reads", java.read(tmp_path, name=NAME), expected)
        read = ours.read(tmp_path, name=NAME, columns=columns(kind))
        said += difference("we read", read, expected)
        assert not said, f"seed {SEED}: step {step}"


def lives(at):
    return at is None or at > 2_000_000_000


@pytest.mark.parametrize("kind", ["DATE", "STRING", "SMALLINT", "DECIMAL(10, 0)", "TIME(3)"])
def test_both_refuse_columns_that_tell_no_time(kind, java, ours, tmp_path):
    common = {"columns": columns(kind), "primary_key": ["id"], "options": {**EXPIRE, "bucket": "1"}}
    with pytest.raises(PeerError, match="time field type"):
        java.create(tmp_path, name=NAME, **common)
    with pytest.raises(ts.InvalidInputError, match=r"record-level\.time-field"):
        ours.create(tmp_path, name=NAME, **common)


def test_a_table_without_its_time_field_is_written_by_neither(java, ours, tmp_path):
    options = {"bucket": "1", "record-level.expire-time": "1 d"}
    java.create(tmp_path, name=NAME, columns=columns("INT"), primary_key=["id"], options=options)
    rows = [[1, "a", 1, 1]]
    with pytest.raises(PeerError, match="should set time field"):
        java.write(tmp_path, name=NAME, rows=rows)
    with pytest.raises(ts.UnsupportedFormatError, match=r"needs 'record-level\.time-field'"):
        ours.upsert(tmp_path, name=NAME, columns=columns("INT"), rows=rows)
