"""A batch whose buffer may not spill: few level-0 files, as the stop trigger asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.write import budget, flushed
from tests.support.builders import keyed_table, rows, state_of

FLUSHES, ROWS = 42, 600
SPILLS_NOT = {"write_buffer_size": "32 kb", "write_buffer_spillable": False}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(budget, "_ROWS_MIN", 50)


def fill(table, flushes=FLUSHES, seed=0):
    """Upsert and delete in one batch, about a buffer with each write."""
    r, model = np.random.default_rng(seed), {}
    with table.batch() as batch:
        for number in range(flushes):
            ids = r.integers(0, 2000, ROWS)
            kinds = np.where(r.random(ROWS) < 0.3, "-D", "+I")
            texts = [f"{number}-{i}" for i in range(ROWS)]
            batch.upsert(pa.table({"id": ids, "v": texts, "op": kinds}), row_kind="op")
            for key, text, kind in zip(ids.tolist(), texts, kinds.tolist(), strict=True):
                model[key] = text if kind == "+I" else None
    return batch.result, {key: text for key, text in model.items() if text is not None}


def held(table):
    found = table.to_arrow()
    return dict(zip(found["id"].to_pylist(), found["v"].to_pylist(), strict=True))


def files_at(table, snapshot_id):
    state = state_of(table)
    return [e.file for e in state.manifests.live(state.snapshots.load(snapshot_id)).entries]


def test_a_batch_of_many_flushes_never_has_more_runs_than_the_stop_trigger(tmp_path):
    table = keyed_table(tmp_path, bucket=1, **SPILLS_NOT)
    result, model = fill(table)
    first = files_at(table, result.snapshot_ids[0])
    assert 1 < len(first) <= 8
    assert {meta.level for meta in first} == {0}
    assert held(table.at(snapshot=result.snapshot_ids[0])) == model
    assert held(table) == model
    assert table.verify(deep=True).ok
    named = {meta.file_name for n in result.snapshot_ids for meta in files_at(table, n)}
    assert {path.name for path in Path(table.path).glob("bucket-0/*")} == named


def test_runs_that_the_bucket_has_already_count(tmp_path):
    table = keyed_table(tmp_path, bucket=1, num_sorted_run__compaction_trigger=8, **SPILLS_NOT)
    for n in range(5):
        table.upsert(rows(range(100), f"before {n}"))
    (before,) = {len(files_at(table, table.snapshot_id))}
    assert before == 5
    result, model = fill(table, 20)
    assert len(files_at(table, result.snapshot_ids[0])) <= 8 + 3  # trigger 8 makes it 11
    assert {key: held(table)[key] for key in model} == model


@pytest.mark.parametrize("write_only", [True, False])
def test_writers_that_leave_compaction_to_others_do_not_merge_either(write_only):
    table = keyed_table(bucket=1, write_only=write_only, **SPILLS_NOT)
    result, model = fill(table, 15)
    count = len(files_at(table, result.snapshot_ids[0]))
    assert count > 10 if write_only else count <= 8
    assert held(table) == model


def test_every_bucket_is_relieved_by_itself():
    table = keyed_table(bucket=3, num_sorted_run__stop_trigger=5, **SPILLS_NOT)
    result, model = fill(table, 30)
    per_bucket = [0, 0, 0]
    state = state_of(table)
    for entry in state.manifests.live(state.snapshots.load(result.snapshot_ids[0])).entries:
        per_bucket[entry.bucket] += 1
    assert max(per_bucket) <= 5
    assert held(table) == model


WIDE = {"id": "BIGINT NOT NULL", "n": "BIGINT", "m": "BIGINT", "s": "BIGINT"}
ENGINES = {
    "sums": {
        "merge_engine": "aggregation",
        "fields__n__aggregate_function": "sum",
        "fields__m__aggregate_function": "first_value",
    },
    "partial": {"merge_engine": "partial-update"},
    "groups": {"merge_engine": "partial-update", "fields__s__sequence_group": "n"},
    "first": {"merge_engine": "first-row"},
    "sequence": {"sequence__field": "s"},
    "vectors": {"deletion_vectors__enabled": "true"},
    "orc": {"file__format": "orc"},
    "avro": {"file__format": "avro", "sequence__field": "s"},
}


@pytest.mark.parametrize("engine", ENGINES)
def test_merging_own_runs_changes_no_row(engine):
    r = np.random.default_rng(7)
    parts = []
    for _ in range(25):
        count = 400
        values = {name: r.integers(0, 50, count) for name in ("n", "m", "s")}
        empty = {name: r.random(count) < 0.3 for name in values}
        parts.append(
            pa.table(
                {
                    "id": r.integers(0, 700, count),
                    **{n: pa.array(v, mask=empty[n]) for n, v in values.items()},
                }
            )
        )
    found = []
    for spills in (True, False):
        options = {**ENGINES[engine], **SPILLS_NOT, "write_buffer_spillable": spills}
        table = keyed_table(columns=WIDE, bucket=2, **options)
        with table.batch() as batch:
            for part in parts:
                batch.upsert(part)
        found.append(table.to_arrow().sort_by("id"))
    assert found[0].equals(found[1])


def test_an_error_while_runs_are_merged_leaves_no_file(tmp_path, monkeypatch):
    table = keyed_table(tmp_path, bucket=1, **SPILLS_NOT)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}

    def broken(rows, schema):
        raise ts.StorageUnavailableError("the disk is full")

    monkeypatch.setattr(flushed, "physical_rows", broken)
    with pytest.raises(ts.StorageUnavailableError):
        fill(table)
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_merged_grows_less_than_with_every_flush(monkeypatch):
    sizes = []
    inner = flushed.FlushedRuns._merged

    def merged(runs, place, chosen):
        sizes.append(sum(meta.row_count for run in chosen for meta in run))
        return inner(runs, place, chosen)

    monkeypatch.setattr(flushed.FlushedRuns, "_merged", merged)
    fill(keyed_table(bucket=1, **SPILLS_NOT))
    assert sum(sizes) < 4 * FLUSHES * ROWS
