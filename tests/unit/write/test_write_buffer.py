"""A full write buffer: local files, level 0, or straight on where rows come in key order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.write import budget, primary_key, spill
from tests.support.builders import append_table, keyed_table, live_entries

BATCHES = 12
ROWS = 600


@pytest.fixture
def tiny(monkeypatch):
    """Windows, batches and stretches of few rows, and a note of each local file."""
    monkeypatch.setattr(budget, "_ROWS_MIN", 50)
    monkeypatch.setattr(primary_key, "_STRETCH_ROWS_MIN", 50)
    made = []
    inner = spill.SpilledRun.__init__

    def note(run, codec):
        inner(run, codec)
        made.append(run._file)

    monkeypatch.setattr(spill.SpilledRun, "__init__", note)
    return made


def made(**options):
    return keyed_table(write_only=True, write_buffer_size="32 kb", **options)


def fill(table, *, ordered=False, seed=0):
    """Upsert and delete in one batch; what the table must hold then."""
    r, model = np.random.default_rng(seed), {}
    with table.batch() as batch:
        for number in range(BATCHES):
            ids = np.arange(number * ROWS, (number + 1) * ROWS)
            if not ordered:
                ids = r.integers(0, 2000, ROWS)
            kinds = np.where(r.random(ROWS) < 0.3, "-D", "+I")
            texts = [f"{number}-{i}" for i in range(ROWS)]
            batch.upsert(pa.table({"id": ids, "v": texts, "op": kinds}), row_kind="op")
            for key, text, kind in zip(ids.tolist(), texts, kinds.tolist(), strict=True):
                model[key] = text if kind == "+I" else None
    return {key: text for key, text in model.items() if text is not None}


def held(table):
    found = table.to_arrow()
    return dict(zip(found["id"].to_pylist(), found["v"].to_pylist(), strict=True))


def files(table):
    return [entry.file for entry in live_entries(table)]


@pytest.mark.parametrize("bucket", [1, 3])
@pytest.mark.parametrize("handles", [2, 3, 128])
def test_one_commit_of_many_buffers_makes_one_file_a_bucket(tiny, bucket, handles):
    table = made(bucket=bucket, local_sort__max_num_file_handles=handles)
    model = fill(table)
    assert held(table) == model
    assert len(tiny) > 5
    assert all(file.closed for file in tiny)
    assert len(files(table)) == bucket
    assert len({entry.bucket for entry in live_entries(table)}) == bucket


def test_a_buffer_that_may_not_spill_goes_to_level_0(tiny):
    table = made(write_buffer_spillable=False)
    model = fill(table)
    assert held(table) == model
    assert tiny == []
    assert len(files(table)) > 5


def test_full_disk_space_sends_the_rows_to_level_0(tiny):
    table = made(write_buffer_spill__max_disk_size="50 kb", spill_compression="none")
    model = fill(table)
    assert held(table) == model
    assert len(tiny) > 1
    assert 1 < len(files(table)) < len(tiny)


def test_a_local_disk_that_fails_sends_the_rows_to_level_0(tiny, monkeypatch):
    inner, calls = spill.SpilledRun.write, []

    def full(run, batch):
        calls.append(run)
        if len(calls) % 7 == 0:
            raise OSError(28, "No space left on device")
        inner(run, batch)

    monkeypatch.setattr(spill.SpilledRun, "write", full)
    table = made(local_sort__max_num_file_handles=3)
    model = fill(table)
    assert held(table) == model
    assert len(files(table)) > 1
    assert all(file.closed for file in tiny)


@pytest.mark.parametrize("bucket", [1, 2])
def test_rows_in_key_order_go_straight_to_one_file(tiny, bucket):
    table = made(bucket=bucket)
    model = fill(table, ordered=True)
    assert held(table) == model
    assert tiny == []
    assert len(files(table)) == bucket


def test_order_that_breaks_is_noticed(tiny):
    table = made()
    with table.batch() as batch:
        for start in (0, 1000, 2000, 500, 3000, 2500):
            ids = np.arange(start, start + 1000)
            batch.upsert(pa.table({"id": ids, "v": [f"from {start}"] * 1000}))
    found = held(table)
    assert (found[499], found[999], found[2600], found[3600]) == (
        "from 0",
        "from 500",
        "from 2500",
        "from 3000",
    )
    assert found[3100] == "from 2500"
    assert len(found) == 4000
    assert tiny
    assert len(files(table)) == 2


def test_numbers_start_above_those_of_the_bucket_and_follow_arrival(tiny):
    table = made()
    fill(table)
    last = max(file.max_sequence_number for file in files(table))
    assert last == BATCHES * ROWS - 1
    model = fill(table, seed=1)
    assert {k: v for k, v in held(table).items() if k in model} == model
    assert [file.max_sequence_number for file in files(table)] == [last, 2 * last + 1]
    assert min(file.min_sequence_number for file in files(table)) >= 0


def test_a_batch_that_fails_leaves_no_file(tiny):
    table = made()
    with pytest.raises(KeyError), table.batch() as batch:
        for number in range(BATCHES):
            ids = np.random.default_rng(number).integers(0, 2000, ROWS)
            batch.upsert(pa.table({"id": ids, "v": ["x"] * ROWS}))
        assert tiny
        assert not all(file.closed for file in tiny)
        raise KeyError("stop")
    assert all(file.closed for file in tiny)
    assert held(table) == {}


def test_a_straight_file_of_a_failed_batch_is_removed(tiny):
    table = made(target_file_row_num=100)
    with pytest.raises(KeyError), table.batch() as batch:
        for number in range(BATCHES):
            ids = np.arange(number * ROWS, (number + 1) * ROWS)
            batch.upsert(pa.table({"id": ids, "v": ["x"] * ROWS}))
        raise KeyError("stop")
    store = table._parts.store
    assert not list(store.list("bucket-0/"))


def test_sequence_field_orders_rows_across_buffers(tiny):
    table = keyed_table(
        columns={"id": "BIGINT NOT NULL", "v": "STRING", "n": "INT"},
        sequence__field="n",
        write_only=True,
        write_buffer_size="32 kb",
    )
    ids, r = np.arange(1500), np.random.default_rng(3)
    best = {}
    with table.batch() as batch:
        for number in range(8):
            order = r.integers(0, 5, 1500)
            texts = [f"{number}"] * 1500
            batch.upsert(pa.table({"id": ids, "v": texts, "n": pa.array(order, pa.int32())}))
            for key, n in zip(ids.tolist(), order.tolist(), strict=True):
                if key not in best or n >= best[key][0]:
                    best[key] = (n, str(number))
    assert held(table) == {key: text for key, (_, text) in best.items()}
    assert tiny
    assert len(files(table)) <= 2  # what came in key order at first, and all the rest


def test_sums_count_every_row_once(tiny):
    options = {"merge-engine": "aggregation", "fields.x.aggregate-function": "sum"}
    for more in ({}, {"local-merge-buffer-size": "16 kb"}):
        table = keyed_table(
            columns={"id": "BIGINT NOT NULL", "x": "BIGINT"},
            write_only=True,
            write_buffer_size="32 kb",
            **{k.replace("-", "_").replace(".", "__"): v for k, v in (options | more).items()},
        )
        r, model = np.random.default_rng(5), dict.fromkeys(range(900), 0)
        with table.batch() as batch:
            for _ in range(10):
                ids, values = r.integers(0, 900, 900), r.integers(-5, 9, 900)
                batch.upsert(pa.table({"id": ids, "x": values}))
                for key, value in zip(ids.tolist(), values.tolist(), strict=True):
                    model[key] += value
        found = table.to_arrow()
        sums = dict(zip(found["id"].to_pylist(), found["x"].to_pylist(), strict=True))
        assert sums == {key: value for key, value in model.items() if key in sums}
        assert len(sums) > 890
        assert len(files(table)) == 1


def test_local_merge_spares_numbers_and_changes_no_content(tiny):
    plain, merging = made(bucket=2), made(bucket=2, local_merge_buffer_size="8 kb")
    model = fill(plain)
    assert fill(merging) == model
    assert held(merging) == held(plain) == model
    highest = [max(f.max_sequence_number for f in files(t)) for t in (plain, merging)]
    assert highest[1] < highest[0]


# -- rowkind.field --------------------------------------------------------------------------------

OPS = {"id": "BIGINT NOT NULL", "v": "STRING", "op": "STRING"}


def ops(*rows):
    return [dict(zip(("id", "v", "op"), row, strict=True)) for row in rows]


def test_the_kind_of_a_row_may_be_a_column_of_the_table():
    table = keyed_table(columns=OPS, rowkind__field="op")
    table.upsert(ops((1, "a", "+I"), (2, "b", "+I"), (3, "c", "+U")))
    table.upsert(ops((1, "a", "-D"), (2, "x", "-U"), (2, "y", "+U")))
    assert table.to_arrow().to_pylist() == ops((2, "y", "+U"), (3, "c", "+U"))
    table.delete(keys=[3])
    assert table.to_arrow().to_pylist() == ops((2, "y", "+U"))


def test_rows_that_an_option_drops_are_dropped_by_that_column_too():
    table = keyed_table(columns=OPS, rowkind__field="op", ignore_update_before=True)
    table.upsert(ops((1, "a", "+I"), (1, "a", "-U")))
    assert table.to_arrow().to_pylist() == ops((1, "a", "+I"))
    table = append_table(columns=OPS, rowkind__field="op", ignore_delete=True)
    table.append(ops((1, "a", "+I"), (1, "a", "-D")))
    assert table.to_arrow().to_pylist() == ops((1, "a", "+I"))


@pytest.mark.parametrize(
    ("rows", "more", "words"),
    [
        (ops((1, "a", None)), {}, "row-kind column 'op', row 0: expected one of .* found None"),
        (ops((1, "a", "+I"), (2, "a", "del")), {}, "'op', row 1.*found 'del'"),
        (ops((1, "a", "+I")), {"row_kind": "op"}, "'rowkind.field'.*leave out row_kind="),
    ],
)
def test_a_bad_kind_is_named(rows, more, words):
    table = keyed_table(columns=OPS, rowkind__field="op")
    with pytest.raises(InvalidInputError, match=words):
        table.upsert(rows, **more)
    assert table.snapshot_id is None


def test_an_append_table_takes_no_deletes_of_that_column():
    table = append_table(columns=OPS, rowkind__field="op")
    with pytest.raises(InvalidInputError, match=r"takes \+I and \+U rows only, found -D"):
        table.append(ops((1, "a", "-D")))


@pytest.mark.parametrize(
    ("name", "words"), [("id", "found BIGINT NOT NULL"), ("no", "no such column")]
)
def test_that_column_must_be_text(name, words):
    with pytest.raises(InvalidInputError, match=rf"'rowkind.field' = '{name}'.*{words}"):
        keyed_table(columns=OPS, rowkind__field=name)
