"""Any sequence of writes and reads of any table gives what a small dict gives.

Derandomized, so that a run in CI says the same twice. To search on: set the environment variable
TABLESTORE_EXAMPLES to more than the default; hypothesis then also draws a fresh seed, and prints
the blob that repeats a failure.
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
from tablestore.read import scan
from tablestore.runs import rolling
from tablestore.write import budget, primary_key
from tests.support import strategies as s
from tests.support.model import canonical, canonical_rows

EXAMPLES = int(os.environ.get("TABLESTORE_EXAMPLES", "0"))
KINDS = ["+I", "+I", "+U", "-U", "-D"]
UPSERT, APPEND, DELETE = "upsert", "append", "delete"


class TableMachine(RuleBasedStateMachine):
    """One table, written by every verb and read in every way."""

    def teardown(self):
        if hasattr(self, "lake"):
            self.lake.drop_table("db.t", if_exists=True)
            self.small.undo()

    @initialize(
        plan=s.plans(),
        batch=st.integers(1, 9),
        group=st.integers(1, 9),
        piece=st.sampled_from([1, 4, 100]),
        ordered=st.booleans(),
    )
    def create(self, plan, batch, group, piece, ordered):
        # so few rows must still fill several row groups, batches and windows
        self.small = pytest.MonkeyPatch()
        self.small.setattr(scan, "BATCH_ROWS", batch)
        self.small.setattr(scan, "_ORDERED_ROWS_MAX", 1 << 20 if ordered else 0)
        self.small.setattr(rolling, "ROW_GROUP_ROWS", group)
        self.small.setattr(budget, "ROW_GROUP_ROWS", group)
        self.small.setattr(budget, "_PIECE_ROWS", piece)
        self.small.setattr(budget, "_ROWS_MIN", batch)
        self.small.setattr(primary_key, "_STRETCH_ROWS_MIN", piece)
        self.small.setattr(primary_key, "FILES_MAX", 3)
        self.plan = plan
        self.lake = ts.connect(f"memory://{uuid.uuid4()}")
        self.table = plan.create(self.lake)
        self.model = plan.model()

    # -- writes ---------------------------------------------------------------------------------

    def draw_rows(self, data, **fixed):
        # files of one or two rows have statistics that exclude something
        size = data.draw(st.sampled_from([1, 1, 2, 3, 12]), label="size")
        return data.draw(st.lists(self.plan.rows(**fixed), max_size=size), label="rows")

    def arrow(self, rows, pieces=1):
        table = s.arrow(rows, self.table.schema)
        if pieces > 1 and rows:
            return pa.Table.from_batches(
                table.to_batches(max_chunksize=max(len(rows) // pieces, 1))
            )
        return table

    def apply(self, into, data):
        """One write by a table or a batch, and by the model."""
        rows = self.draw_rows(data)
        pieces = data.draw(st.integers(1, 3), label="batches")
        if not self.plan.key:
            into.append(self.arrow(rows, pieces))
            kinds = ["+I"] * len(rows)
        else:
            verb = data.draw(st.sampled_from([UPSERT, UPSERT, "kinds", DELETE]), label="verb")
            kinds = self.apply_keyed(into, verb, rows, pieces, data)
        for row, kind in zip(rows, kinds, strict=True):
            self.model.put(row, kind)

    def apply_keyed(self, into, verb, rows, pieces, data):
        if verb == UPSERT:
            into.upsert(self.arrow(rows, pieces))
            return ["+I"] * len(rows)
        if verb == DELETE:
            into.delete(keys=self.arrow(rows, pieces).select(self.plan.key))
            return ["-D"] * len(rows)
        one = st.lists(st.sampled_from(KINDS), min_size=len(rows), max_size=len(rows))
        kinds = data.draw(one, label="kinds")
        table = self.arrow(rows, pieces).append_column("op", pa.array(kinds, pa.string()))
        into.upsert(table, row_kind="op")
        return kinds

    @rule(data=st.data(), calls=st.integers(1, 3))
    def batch(self, data, calls):
        with self.table.batch() as batch:
            for _ in range(calls):
                self.apply(batch, data)
        self.model.committed(batch.result.snapshot_id)
        self.filtered(data, 2)

    @rule(data=st.data())
    def first_write(self, data):
        self.write(data)

    def write(self, data):
        before = self.table.snapshot_id
        self.apply(self.table, data)
        after = self.table.snapshot_id
        self.model.committed(after if after != before else None)
        self.filtered(data, 2)

    @rule(data=st.data())
    def write_again(self, data):
        self.write(data)

    @rule(full=st.booleans())
    def compact(self, full):
        """Changes no content: the invariant reads what is there, here and at each snapshot."""
        if not self.plan.key:
            return
        result = self.table.compact(full=full)
        for snapshot in result.snapshot_ids:
            self.model.committed(snapshot)

    @rule(data=st.data())
    def rare(self, data):
        """What would too often leave the table empty, or change nothing."""
        rare = [self.failed_batch, self.truncate, self.overwrite, self.reopen]
        if self.plan.by:
            rare.append(self.overwrite_partition)
        data.draw(st.sampled_from(rare), label="verb")(data)

    def failed_batch(self, data):
        before = self.table.snapshot_id
        kept = dict(self.model.rows)
        try:
            with self.table.batch() as batch:
                self.apply(batch, data)
                raise KeyError("stop")  # noqa: TRY301  what the user's code does
        except KeyError:
            self.model.rows = kept
        assert self.table.snapshot_id == before

    def overwrite(self, data):
        dynamic = bool(self.plan.by) and data.draw(st.booleans(), label="dynamic")
        rows = self.draw_rows(data)
        result = self.table.overwrite(self.arrow(rows), dynamic=dynamic)
        gone = {self.model.partition_of(row) for row in rows}
        self.model.drop(lambda row: not dynamic or self.model.partition_of(row) in gone)
        for row in rows:
            self.model.put(row)
        self.model.committed(result.snapshot_id)

    def overwrite_partition(self, data):
        fill = data.draw(st.booleans(), label="fill")
        chosen = data.draw(
            st.lists(st.sampled_from(self.plan.by), min_size=1, unique=True), label="columns"
        )
        values, spec = {}, {}
        for name in chosen:
            column = self.plan.column(name)
            pairs = [*column.literals(), *([(None, None)] if column.nullable else [])]
            if not pairs:
                return
            values[name], spec[name] = data.draw(st.sampled_from(pairs), label=name)
        rows = self.draw_rows(data, **values)
        table = self.arrow(rows)
        if fill:
            table = table.drop_columns(chosen)
        result = self.table.overwrite(table, partition=spec)
        want = {name: canonical(value) for name, value in values.items()}
        self.model.drop(lambda row: all(canonical(row[n]) == v for n, v in want.items()))
        for row in rows:
            self.model.put(row)
        self.model.committed(result.snapshot_id)

    def truncate(self, data):
        result = self.table.truncate()
        self.model.rows = {}
        self.model.committed(result.snapshot_id)

    def reopen(self, data):
        self.table = ts.open_table(self.table.path)

    # -- reads ----------------------------------------------------------------------------------

    @rule(data=st.data())
    def read(self, data):
        self.read_columns(data)
        self.read_some(data)
        if self.model.history:
            self.read_then(data)

    def read_columns(self, data):
        columns = data.draw(st.lists(st.sampled_from(self.plan.names), unique=True))
        found = self.table.to_arrow(columns=columns)
        assert found.column_names == columns
        assert canonical_rows(found) == self.model.expected(self.model.rows.values(), columns)

    def filtered(self, data, times):
        for _ in range(times):
            where = data.draw(s.conditions(self.plan), label="where")
            columns = data.draw(st.none() | st.lists(st.sampled_from(self.plan.names), unique=True))
            found = canonical_rows(self.table.to_arrow(columns=columns, where=where.built))
            expected = self.model.expected(self.model.rows.values(), columns, where)
            assert found == expected, where.text

    def read_some(self, data):
        limit = data.draw(st.integers(0, 5), label="limit")
        where = data.draw(st.none() | s.conditions(self.plan), label="where")
        built = None if where is None else where.built
        found = canonical_rows(self.table.to_arrow(where=built, limit=limit))
        every = self.model.expected(self.model.rows.values(), None, where)
        assert found <= every
        assert found.total() == min(limit, every.total())

    def read_then(self, data):
        snapshot = data.draw(st.sampled_from(sorted(self.model.history)), label="snapshot")
        where = data.draw(st.none() | s.conditions(self.plan), label="where")
        then = self.table.at(snapshot=snapshot)
        found = canonical_rows(then.to_arrow(where=None if where is None else where.built))
        assert found == self.model.expected(self.model.history[snapshot].values(), None, where)

    @invariant()
    def current(self):
        if hasattr(self, "table"):
            found = canonical_rows(self.table.to_arrow())
            assert found == self.model.expected(self.model.rows.values())


TestTableMachine = TableMachine.TestCase
TestTableMachine.settings = settings(
    max_examples=EXAMPLES or 110,
    stateful_step_count=10,
    derandomize=not EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
