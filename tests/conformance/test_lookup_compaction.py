"""Tables compacted by lookup, by us and by Java Paimon in turn: every engine reads the same rows.

Deletion vectors of both forms, first-row and force-lookup; the seed is fresh every day (or from
TABLESTORE_SEED).
"""

from __future__ import annotations

from random import Random

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop
NAME = "db.t"
COLUMNS = [["id", "BIGINT NOT NULL"], ["v", "STRING"], ["n", "INT"], ["s", "INT"]]
STEPS = 9

VECTORS = {"deletion-vectors.enabled": "true"}
SETTINGS = {
    "vectors": VECTORS,
    "vectors of 64 bits": {**VECTORS, "deletion-vectors.bitmap64": "true"},
    "vectors and a sequence": {**VECTORS, "sequence.field": "s"},
    "vectors and partial updates": {**VECTORS, "merge-engine": "partial-update"},
    "vectors and sums": {
        **VECTORS,
        "merge-engine": "aggregation",
        "fields.n.aggregate-function": "sum",
    },
    "first-row": {"merge-engine": "first-row"},
    "forced": {"force-lookup": "true", "sequence.field": "s"},
}


class Model:
    """What must be in the table, by the documents of the merge engines."""

    def __init__(self, options):
        self.rows = {}
        self.engine = options.get("merge-engine", "deduplicate")
        self.ordered = "sequence.field" in options

    def put(self, row, kind):
        old = self.rows.get(row[0])
        if kind == "-D":
            # whether a late delete wins is decided by the sequence field: none is late here
            self.rows.pop(row[0], None)
        elif old is None:
            self.rows[row[0]] = row
        elif self.engine == "deduplicate":
            if not self.ordered or _rank(row) >= _rank(old):
                self.rows[row[0]] = row
        elif self.engine == "partial-update":
            self.rows[row[0]] = [a if b is None else b for a, b in zip(old, row, strict=True)]
        elif self.engine == "aggregation":
            merged = [a if b is None else b for a, b in zip(old, row, strict=True)]
            merged[2] = old[2] if row[2] is None else row[2] + (old[2] or 0)
            self.rows[row[0]] = merged


def _rank(row):
    return -1 if row[3] is None else row[3]


def some_rows(r, model):
    keys = r.sample(range(80), r.randrange(1, 40))
    rows = [
        [
            key,
            r.choice([None, "a", "b", "long text"]),
            r.choice([None, r.randrange(100)]),
            r.choice([None, r.randrange(6)]),
        ]
        for key in keys
    ]
    deletes = model.engine == "deduplicate" and not model.ordered
    kinds = ["-D" if deletes and r.random() < 0.3 else "+I" for _ in rows]
    return rows, kinds


@pytest.mark.parametrize("setting", SETTINGS)
def test_both_engines_write_and_compact_one_table(setting, java, ours, arrow_peers, tmp_path):
    options = {"bucket": "2", **SETTINGS[setting]}
    r, model = Random(f"{SEED} {setting}"), Model(options)
    common = {"columns": COLUMNS, "primary_key": ["id"], "options": options}
    (java if r.random() < 0.5 else ours).create(tmp_path, name=NAME, **common)
    said, vectors = [], 0
    for step in range(STEPS):
        rows, kinds = some_rows(r, model)
        who, full = r.choice(["java", "ours"]), r.random() < 0.2
        if who == "java":
            compact = "full" if full else None
            java.write(tmp_path, name=NAME, rows=rows, kinds=kinds, compact=compact)
        else:
            ours.write(tmp_path, name=NAME, columns=COLUMNS, rows=rows, kinds=kinds, keyed=True)
            if full:
                ours.table(tmp_path, NAME).compact(full=True)
        for row, kind in zip(rows, kinds, strict=True):
            model.put(row, kind)
        expected = list(model.rows.values())
        label = f"step {step} by {who}, {'full' if full else 'minor'}"
        read = ours.read(tmp_path, name=NAME, columns=COLUMNS)
        said += difference(f"{label}: we read", read, expected)
        said += difference(f"{label}: java reads", java.read(tmp_path, name=NAME), expected)
        vectors += bool(vectors_of(ours.table(tmp_path, NAME)))
    for peer in arrow_peers if setting.startswith("vectors") else ():
        if peer.name == "pypaimon" and setting == "vectors of 64 bits":
            continue  # it knows the magic number of the 32-bit form only
        read = peer.read(tmp_path, name=NAME, columns=COLUMNS)
        said += difference(f"{peer.name} reads", read, expected)
    assert not said, f"seed {SEED}: {setting}"
    assert vectors or not setting.startswith("vectors")
    assert ours.table(tmp_path, NAME).verify(deep=True).ok


def vectors_of(table):
    parts = table._parts
    snapshot = parts.state.snapshots.latest()
    return parts.state.manifests.read_index(snapshot.index_manifest)


@pytest.mark.parametrize("bitmap64", ["false", "true"])
def test_java_takes_over_our_vectors_and_hands_them_back(bitmap64, java, ours, tmp_path):
    options = {**VECTORS, "bucket": "1", "deletion-vectors.bitmap64": bitmap64}
    ours.create(tmp_path, name=NAME, columns=COLUMNS, primary_key=["id"], options=options)
    expected = {}
    for step in range(8):
        rows = [[key, f"{step}", step, None] for key in range(step, 300, 1 if step == 0 else 7)]
        if step % 2:
            java.write(tmp_path, name=NAME, rows=rows)
        else:
            kinds = ["+I"] * len(rows)
            ours.write(tmp_path, name=NAME, columns=COLUMNS, rows=rows, kinds=kinds, keyed=True)
        expected.update((row[0], row) for row in rows)
        (entry,) = vectors_of(ours.table(tmp_path, NAME)) or [None]
        if step:  # what the other one marked is still marked
            files = ours.table(tmp_path, NAME).files()
            stored = sum(info.rows for info in files)
            assert stored - sum(place.cardinality for place in entry.dv_ranges) == 300
        said = difference("we read", ours.read(tmp_path, name=NAME, columns=COLUMNS), [
            *expected.values()
        ])  # fmt: skip
        said += difference("java reads", java.read(tmp_path, name=NAME), [*expected.values()])
        assert not said, step


WRITERS = [
    *(f"deletion-vectors/{name}" for name in ("java-1.4", "java-2.1", "rust-0.4")),
    *(f"engines/{name}" for name in ("java-0.9", "java-1.4", "java-2.1")),
]


def looked_up(table):
    """Why a golden table is compacted by lookup, or None."""
    options = table.expected["options"]
    if options.get("merge-engine") == "first-row":
        return "first-row"
    return "vectors" if options.get("deletion-vectors.enabled") == "true" else None


@pytest.mark.parametrize("writer", WRITERS)
def test_golden_tables_stay_equal_when_we_compact_them(writer, java, figures, tmp_path):
    said, seen = [], 0
    for table in golden.unpack(writer, tmp_path):
        kind = looked_up(table)
        if kind is None or table.refused_by_java:
            continue
        opened = ts.open_table(str(table.path))
        if table.expected["options"].get("changelog-producer", "none") in {
            "lookup",
            "full-compaction",
        }:
            with pytest.raises(ts.UnsupportedFormatError, match="changelog-producer"):
                opened.compact(full=True)
            continue
        columns = java.columns(tmp_path, name=f"db.{table.name}")
        before = canonical_rows(opened.to_arrow(), columns)
        waiting = any(info.level == 0 for info in opened.files())
        try:
            opened.compact(full=True)
        except ts.InvalidInputError as error:
            assert "ORC files do not keep" in str(error)  # timestamps that Java wrote cut
            continue
        after = canonical_rows(opened.to_arrow(), columns)
        if not waiting:
            said += difference(f"{table.name} after", after, before)
        assert opened.verify(deep=True).ok, table.name
        read = java.read(tmp_path, name=f"db.{table.name}")
        said += difference(f"java reads {table.name}", read, after)
        figures[f"golden tables compacted by lookup, {kind}"] += 1
        seen += 1
    assert not said
    assert seen or writer == "deletion-vectors/java-2.1"  # both have a changelog
