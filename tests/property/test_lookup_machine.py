"""Tables compacted by lookup hold at every step what a small dict holds, however they are written.

Derandomized; set TABLESTORE_EXAMPLES to more than the default to search on with fresh seeds.
"""

from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import tablestore as ts
from tablestore.runs import lookup, merged, rolling
from tests.support.builders import keyed_table, live_entries, rows, state_of, stored

EXAMPLES = int(os.environ.get("TABLESTORE_EXAMPLES", "0"))
VECTORS = {"deletion_vectors__enabled": "true"}
OPTIONS = [
    VECTORS,
    {**VECTORS, "deletion_vectors__bitmap64": "true"},
    {**VECTORS, "target_file_size": "1 b"},
    {**VECTORS, "num_levels": "3", "num_sorted_run__compaction_trigger": "2"},
    {"merge_engine": "first-row"},
    {"merge_engine": "first-row", "ignore_delete": "true", "target_file_size": "1 b"},
    {"force_lookup": "true"},
]
KEYS = st.lists(st.integers(0, 40), min_size=1, max_size=25, unique=True)


class LookupMachine(RuleBasedStateMachine):
    """One table; ``waiting`` where rows of level 0 may not be shown yet."""

    def teardown(self):
        if hasattr(self, "small"):
            self.small.undo()

    @initialize(
        options=st.sampled_from(OPTIONS),
        buckets=st.integers(1, 2),
        group=st.integers(1, 9),
        window=st.sampled_from([1, 5, 1000]),
    )
    def create(self, options, buckets, group, window):
        # so few rows must still fill several row groups, batches and windows
        self.small = pytest.MonkeyPatch()
        self.small.setattr(rolling, "ROW_GROUP_ROWS", group)
        self.small.setattr(merged, "WINDOW_ROWS", window)
        self.small.setattr(lookup, "BATCH_ROWS", max(group // 2, 1))
        self.first = options.get("merge_engine") == "first-row"
        self.skips = "force_lookup" not in options
        self.deletes = not self.first
        self.table = keyed_table(bucket=str(buckets), **options)
        self.idle = ts.open_table(self.table.path)
        self.model, self.shown, self.n, self.waiting = {}, {}, 0, False

    def put(self, ids, value):
        for i in ids:
            if value is None:
                self.model.pop(i, None)
            elif not (self.first and i in self.model):
                self.model[i] = value

    @rule(ids=KEYS)
    def upsert(self, ids):
        self.n += 1
        self.table.upsert(rows(ids, f"v{self.n}"))
        self.put(ids, f"v{self.n}")
        self.written()

    def written(self):
        if self.waiting:  # in a bucket that this write did not touch, perhaps
            self.table.compact(workers=1)
        self.waiting = False
        self.shown = dict(self.model)

    @rule(ids=KEYS)
    def upsert_again(self, ids):
        self.upsert(ids)

    @precondition(lambda self: self.deletes)
    @rule(ids=KEYS)
    def delete(self, ids):
        self.table.delete(keys=ids)
        self.put(ids, None)
        self.written()

    @rule(ids=KEYS)
    def upsert_without_compaction(self, ids):
        self.n += 1
        self.small.setattr("tablestore.table.compaction.is_compactable", lambda *_: False)
        self.table.upsert(rows(ids, f"v{self.n}"))
        self.small.setattr("tablestore.table.compaction.is_compactable", lambda *_: True)
        self.put(ids, f"v{self.n}")
        self.waiting = True
        if not self.skips:
            self.shown = dict(self.model)

    @rule(full=st.booleans())
    def compact(self, full):
        self.table.compact(full=full, workers=1)
        self.waiting = False
        self.shown = dict(self.model)

    @rule(ids=KEYS)
    def overwrite(self, ids):
        self.n += 1
        self.table.overwrite(rows(ids, f"v{self.n}"))
        self.model = dict.fromkeys(ids, f"v{self.n}")
        self.waiting = False
        self.shown = dict(self.model)

    @rule()
    def reopen(self):
        self.table = ts.open_table(self.table.path)

    @invariant()
    def holds_what_is_shown(self):
        if not hasattr(self, "table"):
            return
        assert stored(self.table) == self.shown
        assert stored(self.idle) == self.shown

    @invariant()
    def vectors_are_those_of_live_files(self):
        if not hasattr(self, "table") or self.table.snapshot_id is None:
            return
        state = state_of(self.table)
        snapshot = state.snapshots.latest()
        index = state.manifests.read_index(snapshot.index_manifest)
        assert len({(entry.partition, entry.bucket) for entry in index}) == len(index)
        live = {e.file.file_name: e.file.row_count for e in live_entries(self.table)}
        marked = {place.data_file: place.cardinality for e in index for place in e.dv_ranges}
        assert marked.keys() <= live.keys()
        upper = sum(e.file.row_count for e in live_entries(self.table) if e.file.level)
        if self.skips:
            assert upper - sum(marked.values()) == len(self.shown)


LookupMachine.TestCase.settings = settings(
    max_examples=EXAMPLES or 15,
    stateful_step_count=15,
    deadline=None,
    derandomize=not EXAMPLES,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
TestLookupMachine = LookupMachine.TestCase
