"""Tables whose level 0 is compacted by lookup: what is above is marked, dropped or merged in."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import tablestore as ts
from tablestore.compact import job as job_module
from tablestore.runs import rolling
from tests.support.builders import keyed_table, live_entries, rows, state_of, stored

VECTORS = {"deletion_vectors__enabled": "true"}
WIDE = {"id": "BIGINT NOT NULL", "v": "STRING", "n": "BIGINT", "s": "INT"}


def index_of(table):
    """The index files of the latest snapshot."""
    state = state_of(table)
    snapshot = state.snapshots.latest()
    return state.manifests.read_index(snapshot.index_manifest)


def deleted(table):
    """Rows that vectors take out, by the index manifest."""
    return sum(r.cardinality for entry in index_of(table) for r in entry.dv_ranges)


def stored_rows(table):
    return sum(entry.file.row_count for entry in live_entries(table) if entry.file.level)


def index_files(table):
    return {path.name for path in Path(table.path).glob("index/*")}


def layered(**options):
    """A hundred keys on the highest level, then a commit that touches twenty of them."""
    table = keyed_table(bucket="1", **{**VECTORS, **options})
    table.upsert(rows(range(100), "old"))
    table.upsert(rows(range(0, 40, 2), "new"))
    return table


@pytest.mark.parametrize("bitmap64", ["false", "true"])
def test_an_upsert_marks_the_rows_that_it_replaces_and_rewrites_none_of_them(bitmap64):
    table = keyed_table(bucket="1", deletion_vectors__bitmap64=bitmap64, **VECTORS)
    table.upsert(rows(range(100), "old"))
    (big,) = {entry.file.file_name for entry in live_entries(table)}
    result = table.upsert(rows(range(0, 40, 2), "new"))
    assert len(result.snapshot_ids) == 2
    assert stored(table) == {i: "new" if i < 40 and i % 2 == 0 else "old" for i in range(100)}
    assert big in {entry.file.file_name for entry in live_entries(table)}
    assert {entry.file.level for entry in live_entries(table)} == {4, 5}
    (entry,) = index_of(table)
    (place,) = entry.dv_ranges
    assert (place.data_file, place.cardinality, entry.row_count) == (big, 20, 1)
    assert table.verify(deep=True).ok


def test_one_index_file_holds_all_vectors_of_a_bucket():
    table = layered()
    before = index_of(table)
    table.upsert(rows([0, 1, 99], "newer"))
    (entry,) = index_of(table)
    assert entry.file_name != before[0].file_name
    assert deleted(table) == stored_rows(table) - 100
    buckets = keyed_table(bucket="3", **VECTORS)
    buckets.upsert(rows(range(500)))
    for n in range(3):
        buckets.upsert(rows(range(n, 60), "again"))
    assert sorted(e.bucket for e in index_of(buckets)) == [0, 1, 2]


def test_a_delete_marks_its_rows_and_leaves_none_behind():
    table = layered()
    table.delete(keys=[0, 1, 2, 500])
    assert set(stored(table)) == set(range(3, 100))
    assert all(entry.file.delete_row_count == 0 for entry in live_entries(table))
    assert stored_rows(table) - deleted(table) == 97


def test_vectors_of_rewritten_files_go_with_them():
    table = layered()
    assert deleted(table) == 20
    table.compact(full=True)
    assert index_of(table) == ()
    assert stored_rows(table) == 100
    assert len(stored(table)) == 100


def test_a_full_compaction_rewrites_files_that_have_vectors_and_no_others(monkeypatch):
    monkeypatch.setattr(rolling, "ROW_GROUP_ROWS", 64)
    table = keyed_table(bucket="1", target_file_size="1 b", num_levels="2", **VECTORS)
    table.upsert(rows(range(256)))
    table.compact(full=True)
    before = {entry.file.file_name for entry in live_entries(table)}
    assert len(before) > 2
    table.delete(keys=[0])
    marked = {place.data_file for entry in index_of(table) for place in entry.dv_ranges}
    after = {entry.file.file_name for entry in live_entries(table)}
    assert marked == set()  # two levels: the deletes meet their file in the merge
    assert len(after & before) == len(before) - 1


def test_worn_files_are_rewritten_alone_by_a_full_compaction():
    table = keyed_table(bucket="1", **VECTORS)
    table.upsert(rows(range(100), "old"))
    table.delete(keys=list(range(0, 40, 2)))
    assert {entry.file.level for entry in live_entries(table)} == {5}
    assert deleted(table) == 20
    assert [step.reason for step in table.compact(full=True).steps] == ["worn files"]
    assert (deleted(table), stored_rows(table)) == (0, 80)
    assert table.compact(full=True).steps == ()


def test_write_only_rows_wait_until_a_compaction_has_marked_what_they_replace():
    table = keyed_table(bucket="1", write_only="true", **VECTORS)
    table.upsert(rows(range(10), "a"))
    assert stored(table) == {}
    table.compact()
    assert stored(table) == dict.fromkeys(range(10), "a")
    table.upsert(rows([3], "b"))
    assert stored(table)[3] == "a"
    table.compact()
    assert stored(table)[3] == "b"


@pytest.mark.parametrize("options", [VECTORS, {"merge_engine": "first-row"}])
def test_rows_of_an_overwrite_are_read_at_once(options):
    table = keyed_table(write_buffer_size="1 kb", **options)
    table.upsert(rows(range(50), "old"))
    table.overwrite(rows([*range(100), *range(100)], [*["a"] * 100, *["b"] * 100]))
    assert set(stored(table)) == set(range(100))
    assert {entry.file.level for entry in live_entries(table)} <= {1, 2, 3, 4, 5}


def test_first_row_drops_keys_that_are_there_already():
    table = keyed_table(bucket="1", merge_engine="first-row")
    table.upsert(rows(range(10), "first"))
    table.upsert(rows(range(5, 15), "second"))
    assert stored(table) == {i: "first" if i < 10 else "second" for i in range(15)}
    assert stored_rows(table) == 15
    table.compact(full=True)
    assert stored_rows(table) == 15


def test_first_row_takes_no_deletion_vectors_and_no_sequence_field():
    for options in (VECTORS, {"sequence__field": "v"}):
        with pytest.raises(ts.InvalidInputError, match="first-row"):
            keyed_table(merge_engine="first-row", **options)


ENGINES = {
    "deduplicate": {},
    "sequence": {"sequence__field": "s"},
    "sequence down": {"sequence__field": "s", "sequence__field__sort-order": "descending"},
    "partial-update": {"merge_engine": "partial-update"},
    "partial-update removing": {
        "merge_engine": "partial-update",
        "partial-update__remove-record-on-delete": "true",
    },
    "aggregation": {
        "merge_engine": "aggregation",
        "fields__n__aggregate_function": "sum",
        "fields__v__aggregate_function": "last_non_null_value",
    },
}
LOOKUPS = {
    "vectors": VECTORS,
    "vectors64": {**VECTORS, "deletion_vectors__bitmap64": "true"},
    "forced": {"force_lookup": "true"},
}


def some_rows(rnd):
    return [
        {
            "id": i,
            "v": rnd.choice([None, f"v{rnd.randrange(9)}"]),
            "n": rnd.choice([None, rnd.randrange(9)]),
            "s": rnd.choice([None, rnd.randrange(5)]),
        }
        for i in rnd.sample(range(60), rnd.randrange(1, 30))
    ]


@pytest.mark.parametrize("lookup", LOOKUPS)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_gives_the_rows_that_it_gives_without_lookup(engine, lookup, monkeypatch):
    monkeypatch.setattr(rolling, "ROW_GROUP_ROWS", 8)
    rnd = random.Random(f"{engine} {lookup}")
    plain = keyed_table(columns=WIDE, bucket="2", **ENGINES[engine])
    ours = keyed_table(columns=WIDE, bucket="2", **ENGINES[engine], **LOOKUPS[lookup])
    deletes = engine in {"deduplicate", "partial-update removing"}
    for step in range(14):
        if deletes and rnd.random() < 0.2:
            keys = rnd.sample(range(60), 5)
            verb = lambda table, keys=keys: table.delete(keys=keys)  # noqa: E731
        else:
            some = some_rows(rnd)
            verb = lambda table, some=some: table.upsert(some)  # noqa: E731
        verb(plain)
        verb(ours)
        if rnd.random() < 0.2:
            ours.compact(full=rnd.random() < 0.5)
        expected = sorted(plain.to_arrow().to_pylist(), key=lambda row: row["id"])
        assert sorted(ours.to_arrow().to_pylist(), key=lambda row: row["id"]) == expected, step
    assert ours.verify(deep=True).ok


def test_vectors_changed_by_another_compaction_are_not_overwritten(monkeypatch):
    table = layered(write_only="true")
    table.compact()
    table.upsert(rows(range(0, 40, 2), "new"))
    table.compact()
    other = ts.open_table(table.path)
    other.upsert(rows([50, 52], "late"))
    inner = job_module._run
    once = []

    def overtaken(context, unit):
        done = inner(context, unit)
        if not once:
            once.append(unit)
            other.compact()
        return done

    monkeypatch.setattr(job_module, "_run", overtaken)
    result = table.compact()
    assert (result.given_up, result.snapshot_ids) == (1, ())
    assert stored(table) == {
        i: "late" if i in {50, 52} else "new" if i < 40 and i % 2 == 0 else "old"
        for i in range(100)
    }
    assert table.verify(deep=True).ok


def test_a_rewrite_of_a_marked_file_does_not_bring_its_rows_back(monkeypatch, tmp_path):
    table = keyed_table(tmp_path, bucket="1", write_only="true", **VECTORS)
    table.upsert(rows(range(100), "old"))
    table.compact(full=True)
    table.delete(keys=[1])
    table.compact()
    other = ts.open_table(table.path)
    inner = job_module._run
    once = []

    def overtaken(context, unit):
        done = inner(context, unit)
        if not once:
            once.append(unit)
            other.upsert(rows([2], "late"))
            other.compact()  # marks a row of the file that is rewritten right now
        return done

    monkeypatch.setattr(job_module, "_run", overtaken)
    before = index_files(table)
    result = table.compact(full=True)
    assert (result.given_up, result.snapshot_ids) == (1, ())
    assert stored(table) == {i: "late" if i == 2 else "old" for i in range(100) if i != 1}
    assert index_files(table) == before | {entry.file_name for entry in index_of(table)}


def test_a_writer_compacts_again_what_another_compaction_came_before(monkeypatch):
    table = keyed_table(bucket="1", **VECTORS)
    table.upsert(rows(range(100), "old"))
    other = ts.open_table(table.path)
    inner = job_module._run
    once = []

    def overtaken(context, unit):
        done = inner(context, unit)
        if not once:
            once.append(unit)
            other.upsert(rows([7], "other"))
        return done

    monkeypatch.setattr(job_module, "_run", overtaken)
    table.upsert(rows([5, 6], "mine"))
    assert stored(table) == {**dict.fromkeys(range(100), "old"), 5: "mine", 6: "mine", 7: "other"}


def test_an_error_after_the_index_was_written_leaves_no_file_behind(monkeypatch, tmp_path):
    table = keyed_table(tmp_path, bucket="1", write_only="true", **VECTORS)
    table.upsert(rows(range(100), "old"))
    table.compact()
    table.upsert(rows([1], "new"))
    files = {p for p in tmp_path.rglob("*") if p.is_file()}

    def broken(self, messages):
        raise ts.StorageUnavailableError("the disk is slow")

    from tablestore.table.compaction import _Run

    monkeypatch.setattr(_Run, "_commit", broken)
    with pytest.raises(ts.StorageUnavailableError):
        table.compact()
    assert {p for p in tmp_path.rglob("*") if p.is_file()} == files


def test_gentle_lookup_counts_the_triggers_of_all_calls_on_a_table():
    gentle = {"lookup_compact": "gentle", "lookup_compact__max_interval": "4"}
    table = keyed_table(bucket="1", num_sorted_run__compaction_trigger="4", **gentle, **VECTORS)
    table.upsert(rows(range(100), "old"))  # the first trigger
    table.compact(full=True)  # asked for, which is no trigger
    assert [table.upsert(rows([n], "new")).compaction for n in (1, 2)] == ["none", "none"]
    assert stored(table) == dict.fromkeys(range(100), "old"), "level 0 is not read before"
    for _ in range(3):
        assert len(table.compact(dry_run=True).steps) == 1, "to look is no trigger"
    assert len(table.compact().steps) == 1
    assert stored(table) == {**dict.fromkeys(range(100), "old"), 1: "new", 2: "new"}
    assert [table.upsert(rows([n], "new")).compaction for n in (3, 4)] == ["none", "none"]
