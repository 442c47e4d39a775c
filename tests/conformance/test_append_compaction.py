"""Append tables compacted by us and by Java Paimon, in turn: the rows stay, both go on.

The seed is fresh every day (or from TABLESTORE_SEED).
"""

from __future__ import annotations

from random import Random

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.compact.curve import SortOrder
from tests.support.oracle_arrow import arrow_table, canonical_rows
from tests.support.oracle_histories import value
from tests.support.oracle_judge import difference
from tests.support.seeds import SEED

pytestmark = pytest.mark.interop

COLUMNS = [["id", "INT"], ["p", "STRING"], ["v", "DECIMAL(12, 2)"], ["at", "TIMESTAMP(6)"]]
NAME = "db.t"
ORDERED = [
    "BOOLEAN",
    "TINYINT",
    "SMALLINT",
    "INT",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DATE",
    "TIME(3)",
    "CHAR(4)",
    "STRING",
    "BYTES",
    "BINARY(3)",
    "DECIMAL(9, 2)",
    "DECIMAL(18, 0)",
    "DECIMAL(30, 5)",
    "TIMESTAMP(3)",
    "TIMESTAMP(6)",
    "TIMESTAMP(9)",
    "TIMESTAMP(6) WITH LOCAL TIME ZONE",
]


def random_rows(r, count, first=0):
    return [
        [
            first + n,
            r.choice([None, "a", "b", "long text"]),
            f"{r.randrange(10**6) / 100:.2f}",
            [r.randrange(10**12), 0],
        ]
        for n in range(count)
    ]


class Twin:
    """One table that both engines write and compact; what must be in it."""

    def __init__(self, java, ours, folder, seed, **options):
        self.java, self.ours, self.folder = java, ours, folder
        self.r = Random(f"{SEED} {seed}")
        self.rows: list = []
        self.ids = 0
        options = {k.replace("__", ".").replace("_", "-"): v for k, v in options.items()}
        java.create(folder, name=NAME, columns=COLUMNS, options=options)

    @property
    def table(self):
        return self.ours.table(self.folder, NAME)

    def append(self, count=20, *, by_java=None):
        new = random_rows(self.r, count, self.ids)
        self.ids += count
        self.rows += new
        drawn = self.r.random() < 0.5
        if drawn if by_java is None else by_java:
            self.java.write(self.folder, name=NAME, rows=new)
        else:
            self.ours.write(self.folder, name=NAME, columns=COLUMNS, rows=new, keyed=False)

    def check(self):
        mine = canonical_rows(self.table.to_arrow(), COLUMNS)
        theirs = self.java.read(self.folder, name=NAME)
        assert not difference("tablestore", mine, self.rows)
        assert not difference("java", theirs, self.rows)
        assert self.table.verify().ok

    def orders(self):
        """The rows as both read them, in the order that they read them."""
        mine = [row[0] for row in canonical_rows(self.table.to_arrow(), COLUMNS)]
        return mine, [row[0] for row in self.java.read(self.folder, name=NAME)]


def test_tables_without_buckets_are_compacted_in_turn(java, ours, tmp_path):
    twin = Twin(java, ours, tmp_path, "unaware", target_file_size="1 mb")
    for turn in range(4):
        for _ in range(twin.r.randrange(5, 8)):
            twin.append()
        if turn % 2:
            took = java.append_tables(tmp_path, name=NAME, what="compact")
            assert sum(took) >= 5
        else:
            before = len(twin.table.files())
            result = twin.table.compact(full=turn == 2)
            assert len(twin.table.files()) < before
            assert result.snapshot_ids
        twin.check()
    kinds = {info.kind for info in twin.table.history()}
    assert kinds == {"APPEND", "COMPACT"}


def test_what_we_left_alone_java_leaves_alone(java, ours, tmp_path):
    twin = Twin(java, ours, tmp_path, "same")
    for _ in range(13):
        twin.append(5)
    twin.table.compact()
    assert java.append_tables(tmp_path, name=NAME, what="compact") == []
    for _ in range(3):
        twin.append(5)
    assert twin.table.compact().steps == ()
    assert java.append_tables(tmp_path, name=NAME, what="compact") == []
    twin.check()


@pytest.mark.parametrize("vectors", [False, True])
def test_rows_of_a_bucket_keep_their_order(java, ours, tmp_path, vectors):
    twin = Twin(
        java,
        ours,
        tmp_path,
        f"bucketed {vectors}",
        bucket="1",
        bucket_key="p",
        deletion_vectors__enabled=str(vectors).lower(),
    )
    for turn in range(4):
        for _ in range(twin.r.randrange(3, 8)):
            twin.append(10)
        if vectors:
            java.append_tables(tmp_path, name=NAME, what="delete", every=7)
            twin.rows = java.read(tmp_path, name=NAME)
        before = sorted(row[0] for row in twin.rows)
        if turn % 2:
            java.write(tmp_path, name=NAME, compact="full")
        else:
            twin.table.compact(full=True)
        mine, theirs = twin.orders()
        assert mine == theirs == before
        twin.check()
    assert max(info.runs for info in twin.table.buckets()) < 6


def test_a_writer_compacts_a_bucket_as_java_does(java, ours, tmp_path):
    options = {"bucket": "1", "bucket-key": "p", "compaction.min.file-num": "4"}
    r = Random(f"{SEED} inline")
    commits = [random_rows(r, 5, n * 5) for n in range(12)]
    for name in ("db.mine", "db.theirs"):
        java.create(tmp_path, name=name, columns=COLUMNS, options=options)
    for rows in commits:
        ours.write(tmp_path, name="db.mine", columns=COLUMNS, rows=rows, keyed=False)
        java.write(tmp_path, name="db.theirs", rows=rows)
    mine, theirs = (ours.table(tmp_path, name) for name in ("db.mine", "db.theirs"))

    def what(table):
        kinds = [info.kind for info in table.history()]
        files = [(f.rows, f.min_sequence, f.max_sequence) for f in table.files()]
        return kinds, sorted(files)

    assert what(mine) == what(theirs)
    assert "COMPACT" in what(mine)[0]


def test_deletion_vectors_are_applied_and_those_of_other_files_stay(java, ours, tmp_path):
    twin = Twin(
        java,
        ours,
        tmp_path,
        "vectors",
        target_file_size="20 kb",
        deletion_vectors__enabled="true",
        compaction__delete_ratio_threshold="0.5",
        deletion_vector__index_file__target_size="100 b",
    )
    sizes = [2000, 5, 5, 5, 5, 5, 3000, 5]
    for size in sizes:  # of a large file Java would make small ones, of 1,000 rows
        twin.append(size, by_java=False if size > 100 else None)
    files = len(twin.table.files())
    assert files >= len(sizes)
    assert java.append_tables(tmp_path, name=NAME, what="delete", every=4) == files
    twin.rows = java.read(tmp_path, name=NAME)
    twin.check()
    stored = sum(info.rows for info in twin.table.files())
    twin.table.compact()
    twin.check()
    left = sum(info.rows for info in twin.table.files())
    # the small files lost their deleted rows, the large ones keep theirs under a vector
    assert len(twin.rows) < left < stored
    twin.append(4)
    twin.check()
    # a vector for every second file goes on to be Java's
    java.append_tables(tmp_path, name=NAME, what="delete", every=2)
    twin.rows = java.read(tmp_path, name=NAME)
    twin.check()
    took = java.append_tables(tmp_path, name=NAME, what="compact")
    twin.check()
    assert took
    twin.table.compact(order_by=["id"])
    twin.check()
    assert sum(info.rows for info in twin.table.files()) == len(twin.rows)


def test_rows_that_are_deleted_while_we_compact_stay_deleted(java, ours, tmp_path, monkeypatch):
    from tablestore.compact.append import AppendUnit

    for bucket in ("-1", "1"):
        folder = tmp_path / bucket
        key = {} if bucket == "-1" else {"bucket_key": "p"}
        twin = Twin(
            java, ours, folder, "race", bucket=bucket, deletion_vectors__enabled="true", **key
        )
        for _ in range(6):
            twin.append(10)
        run = AppendUnit.run

        def slow(unit, context, folder=folder, run=run):
            done = run(unit, context)
            java.append_tables(folder, name=NAME, what="delete", every=3)
            return done

        before = len(twin.table.files())
        with monkeypatch.context() as patch:
            patch.setattr(AppendUnit, "run", slow)
            result = twin.table.compact(full=True)
        assert (result.snapshot_ids, result.given_up) == ((), 1)
        twin.rows = java.read(folder, name=NAME)
        assert len(twin.table.files()) == before
        twin.check()
        assert twin.table.compact(full=True).snapshot_ids
        twin.check()


@pytest.mark.parametrize("how", ["order", "zorder", "hilbert"])
def test_java_reads_what_we_sorted_and_goes_on(java, ours, tmp_path, how):
    twin = Twin(java, ours, tmp_path, how)
    for _ in range(4):
        twin.append(200)
    curve = {} if how == "order" else {how: True}
    twin.table.compact(order_by=["v", "at"], **curve)
    assert java.snapshots(tmp_path, name=NAME)[-1]["commitKind"] == "OVERWRITE"
    twin.check()
    for _ in range(5):
        twin.append()
    java.append_tables(tmp_path, name=NAME, what="compact")
    twin.check()


def image_rows(r, types, count):
    """Random rows, some at the edges of their types."""
    return [[None if r.random() < 0.15 else value(r, t) for t in types] for _ in range(count)]


@pytest.mark.parametrize("how", ["zorder", "hilbert"])
@pytest.mark.parametrize("part", range(4))
def test_rows_have_the_same_place_on_a_curve(java, tmp_path, figures, how, part):
    r = Random(f"{SEED} {how} {part}")
    for _ in range(12):
        types = [r.choice(ORDERED) for _ in range(r.randrange(2, 7))]
        columns = [[f"c{n}", t] for n, t in enumerate(types)]
        rows = image_rows(r, types, 60)
        text_bytes = r.choice([1, 5, 8, 8, 13])
        theirs = java.append_tables(
            tmp_path,
            name="db.none",
            what="images",
            columns=columns,
            rows=rows,
            how=how,
            text_bytes=text_bytes,
        )
        order = SortOrder(how, tuple(n for n, _ in columns), text_bytes)
        (batch,) = arrow_table(rows, columns).combine_chunks().to_batches()
        mine = [bytes(image).hex() for image in order.images(batch)]
        wrong = [(row, a, b) for row, a, b in zip(rows, mine, theirs, strict=True) if a != b]
        assert not wrong, (types, wrong[:1])
        figures[f"rows placed on a curve: {how}"] += len(rows)


def test_a_sorted_table_is_read_in_part(java, ours, tmp_path):
    columns = [["a", "BIGINT"], ["b", "BIGINT"]]
    java.create(tmp_path, name=NAME, columns=columns, options={"target-file-size": "300 kb"})
    rng = np.random.default_rng(SEED)
    table: ts.Table = ours.table(tmp_path, NAME)
    for _ in range(2):
        pair = {n: pa.array(rng.integers(0, 1 << 40, 400_000)) for n in ("a", "b")}
        table.append(pa.table(pair))
    where = f"b between {1 << 38} and {(1 << 38) + (1 << 34)}"
    everything = table.to_arrow(where=where).sort_by([("a", "ascending"), ("b", "ascending")])

    def read():
        plan = table.explain(where=where)
        return plan.files_by_value / plan.files

    assert read() == 1
    for curve in ("zorder", "hilbert"):
        table.compact(order_by=["a", "b"], **{curve: True})
        assert read() < 0.6
        found = table.to_arrow(where=where).sort_by([("a", "ascending"), ("b", "ascending")])
        assert found.equals(everything)
