"""Write, flush, spill, compact, restart and read: buffers so small that every path is taken.

Derandomized in CI; set TABLESTORE_EXAMPLES to search on (see test_table_machine.py).
"""

from __future__ import annotations

import os
import uuid

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import tablestore as ts
from tablestore.runs import merged, rolling
from tablestore.write import budget, primary_key
from tests.support.strategies import BUFFERS, TREES

EXAMPLES = int(os.environ.get("TABLESTORE_EXAMPLES", "0"))
COLUMNS = {"p": "INT NOT NULL", "id": "STRING NOT NULL", "n": "INT", "v": "BIGINT"}
ORDERS = [{}, {"sequence.field": "n"}, {"sequence.field": "n", "descending": "1"}]
ROW = st.tuples(st.integers(0, 1), st.integers(0, 25), st.none() | st.integers(0, 3), st.booleans())
SIZES = st.sampled_from([1, 3, 30, 30, 60])


class WriteBufferMachine(RuleBasedStateMachine):
    """One table of few keys, and what its rows must be."""

    def teardown(self):
        if hasattr(self, "small"):
            self.small.undo()

    @initialize(
        buffer=st.sampled_from(BUFFERS),
        tree=st.sampled_from(TREES),
        order=st.sampled_from(ORDERS),
        size=st.sampled_from(["200 b", "1 kb"]),
        bucket=st.integers(1, 3),
        rows=st.sampled_from([1, 4, 50]),
        group=st.sampled_from([1, 5, 100]),
    )
    def create(self, buffer, tree, order, size, bucket, rows, group):
        self.small = pytest.MonkeyPatch()
        self.small.setattr(budget, "_ROWS_MIN", rows)
        self.small.setattr(budget, "_PIECE_ROWS", 4 * rows)
        self.small.setattr(primary_key, "_STRETCH_ROWS_MIN", rows)
        self.small.setattr(primary_key, "FILES_MAX", 3)
        self.small.setattr(rolling, "ROW_GROUP_ROWS", group)
        self.small.setattr(merged, "WINDOW_ROWS", rows)
        options = {"bucket": str(bucket), "write-buffer-size": size, **buffer, **tree}
        self.ordered = "sequence.field" in order
        self.descending = "descending" in order
        if self.ordered:
            direction = "descending" if self.descending else "ascending"
            options |= {"sequence.field": "n", "sequence.field.sort-order": direction}
        self.table = ts.connect(f"memory://{uuid.uuid4()}").create_table(
            "db.t", COLUMNS, primary_key=["p", "id"], partition_by=["p"], options=options
        )
        self.model, self.count, self.history = {}, 0, {}

    # -- writes ---------------------------------------------------------------------------------

    def rows(self, data, *, ascending):
        rows = data.draw(st.lists(ROW, max_size=data.draw(SIZES)), label="rows")
        return sorted(rows, key=lambda row: (row[0], f"{row[1]:02}")) if ascending else rows

    def put(self, into, rows):
        """Rows through the writer and into the model; a delete is a row without a value."""
        keys = [(p, f"{number:02}") for p, number, _, _ in rows]
        orders = [n for _, _, n, _ in rows]
        # a tombstone with a sequence value is forgotten by a compaction, in Java as here
        kinds = ["-D" if gone and not self.ordered else "+I" for *_, gone in rows]
        values = list(range(self.count, self.count + len(rows)))
        self.count += len(rows)
        columns = [
            pa.array([p for p, _ in keys], pa.int32()),
            pa.array([key for _, key in keys], pa.string()),
            pa.array(orders, pa.int32()),
            pa.array(values, pa.int64()),
            pa.array(kinds, pa.string()),
        ]
        into.upsert(pa.table(columns, [*COLUMNS, "op"]), row_kind="op")
        for key, n, value, kind in zip(keys, orders, values, kinds, strict=True):
            rank = self.rank(n)
            if key not in self.model or rank >= self.rank(self.model[key][0]):
                self.model[key] = (n, None if kind == "-D" else value)

    def rank(self, n):
        if not self.ordered:
            return 0
        return -100 if n is None else -n if self.descending else n

    @rule(
        data=st.data(),
        calls=st.integers(1, 4),
        ascending=st.booleans(),
        then=st.sampled_from([None, False, True]),
    )
    def write(self, data, calls, ascending, then):
        with self.table.batch() as batch:
            for _ in range(calls):
                self.put(batch, self.rows(data, ascending=ascending))
        self.note(batch.result.snapshot_ids)
        if then is not None:
            self.compact_now(full=then)

    @rule(data=st.data())
    def fail(self, data):
        before = dict(self.model)
        with pytest.raises(KeyError), self.table.batch() as batch:
            self.put(batch, self.rows(data, ascending=False))
            raise KeyError("stop")
        self.model = before

    def compact_now(self, *, full):
        self.note(self.table.compact(full=full).snapshot_ids)

    @rule(full=st.booleans())
    def compact(self, full):
        self.compact_now(full=full)

    @rule()
    def restart(self):
        self.table = ts.open_table(self.table.path)

    def note(self, snapshots):
        for snapshot in snapshots:
            self.history[snapshot] = self.expected()

    # -- reads ----------------------------------------------------------------------------------

    def expected(self):
        return {key: row for key, row in self.model.items() if row[1] is not None}

    def found(self, table):
        rows = table.to_arrow().to_pylist()
        found = {(row["p"], row["id"]): (row["n"], row["v"]) for row in rows}
        assert len(found) == len(rows), "a key came twice"
        return found

    @rule(data=st.data())
    def read_then(self, data):
        if self.history:
            snapshot = data.draw(st.sampled_from(sorted(self.history)), label="snapshot")
            assert self.found(self.table.at(snapshot=snapshot)) == self.history[snapshot]

    @invariant()
    def current(self):
        if hasattr(self, "table"):
            assert self.found(self.table) == self.expected()


TestWriteBufferMachine = WriteBufferMachine.TestCase
TestWriteBufferMachine.settings = settings(
    max_examples=EXAMPLES or 60,
    stateful_step_count=12,
    derandomize=not EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
