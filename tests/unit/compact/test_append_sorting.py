"""Sort compaction gives append tables an order and keeps their rows, in bounded memory."""

from __future__ import annotations

import tempfile
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.compact import external_sort
from tablestore.compact.curve import SortOrder, compare_images
from tablestore.compact.sort import SortUnit
from tests.support.builders import append_table, keyed_table, rows, stored

COLUMNS = {"a": "BIGINT", "b": "STRING", "c": "DOUBLE", "d": "DECIMAL(22, 2)"}


def random_rows(count, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.integers(-(10**6), 10**6, count)
    c = rng.choice([0.0, -0.0, np.nan, 1.5, -2.5, np.inf, -np.inf], count)
    texts = [f"{x:06d}" for x in rng.integers(0, 10**6, count)]
    cents = rng.integers(-(10**8), 10**8, count)
    return pa.table(
        {
            "a": pa.array(a, mask=rng.random(count) < 0.1),
            "b": pa.array([None if x[0] == "7" else x for x in texts]),
            "c": pa.array(c, mask=rng.random(count) < 0.1, from_pandas=False),
            "d": pa.array(cents).cast(pa.decimal128(22, 2)),
        }
    )


def table_of(count=20_000, commits=3, **options):
    table = append_table(columns=COLUMNS, **options)
    for n in range(commits):
        table.append(random_rows(count, n))
    return table


def content(table):
    columns = table.to_arrow().select(["a", "b", "d"]).to_pylist()
    return Counter(tuple(row.values()) for row in columns)


def in_order(table, order):
    """Whether no row is before one that comes first by its image."""
    (batch,) = table.to_arrow().combine_chunks().to_batches()
    images = compare_images(order.images(batch))
    return bool((images[:-1] <= images[1:]).all())


@pytest.mark.parametrize("memory", [None, "400 kb"])
@pytest.mark.parametrize("strategy", ["order", "zorder", "hilbert"])
def test_all_rows_come_in_order_whether_they_fit_or_not(strategy, memory):
    table = table_of()
    before = content(table)
    how = {} if strategy == "order" else {strategy: True}
    result = table.compact(order_by=["a", "c"], memory=memory, workers=1, **how)
    assert in_order(table, SortOrder(strategy, ("a", "c")))
    assert content(table) == before
    assert table.history()[0].kind == "OVERWRITE"
    assert result.files_before == 3
    assert [step.reason for step in result.steps] == [
        "order by a, c" if strategy == "order" else f"{strategy} of a, c"
    ]
    assert table.verify(deep=True).ok


@pytest.mark.parametrize("memory", [None, "300 kb"])
def test_order_by_several_columns_is_lexicographic_with_nulls_first(memory):
    table = append_table(columns=COLUMNS)
    data = random_rows(20_000)
    data = data.set_column(0, "a", pa.array(np.arange(20_000) % 7 - 3))
    table.append(data)
    table.compact(order_by=["a", "b", "d"], memory=memory, workers=1)
    found = [(row["a"], row["b"] or "", row["d"]) for row in table.to_arrow().to_pylist()]
    assert found == sorted(found)


def test_text_of_a_long_common_beginning_is_in_order_where_it_fits():
    table = append_table(columns={"id": "BIGINT", "v": "STRING"})
    texts = ["x" * 100 + str(n % 1000) for n in range(3000, 0, -1)]
    table.append(rows(range(3000), texts))
    table.compact(order_by=["v"])
    assert table.to_arrow()["v"].to_pylist() == sorted(texts)


def test_rows_that_nothing_tells_apart_do_not_need_more_memory():
    table = append_table(columns=COLUMNS)
    same = pa.table({"a": [1] * 50_000, "b": ["x" * 50] * 50_000})
    table.append(same.append_column("c", pa.array([1.0] * 50_000)), missing="null")
    table.append(random_rows(100))
    before = content(table)
    table.compact(order_by=["a", "b"], zorder=True, memory="300 kb", workers=1)
    assert content(table) == before
    assert in_order(table, SortOrder("zorder", ("a", "b")))


def test_what_waits_on_disk_is_gone_afterwards(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spilled = []
    add = external_sort._Spill.add

    def counted(self, batch):
        add(self, batch)
        spilled.append(batch.nbytes)

    monkeypatch.setattr(external_sort._Spill, "add", counted)
    table_of().compact(order_by=["a"], memory="300 kb", workers=1)
    assert sum(spilled) > 1_000_000
    assert list(tmp_path.iterdir()) == []


def test_a_stop_leaves_nothing_behind(monkeypatch, tmp_path):
    (tmp_path / "temp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    table = append_table(tmp_path / "lake", COLUMNS)
    table.append(random_rows(30_000))
    before = sorted(path.name for path in (tmp_path / "lake").rglob("*.parquet"))
    asked = iter(range(40))
    result = table.compact(
        order_by=["a"], memory="300 kb", workers=1, stop=lambda: next(asked, None) is None
    )
    assert result.stopped
    assert result.snapshot_ids == ()
    assert sorted(path.name for path in (tmp_path / "lake").rglob("*.parquet")) == before
    assert list((tmp_path / "temp").iterdir()) == []


def test_every_partition_is_sorted_by_itself():
    table = append_table(columns={"id": "BIGINT", "v": "STRING"}, by=("v",))
    for n in range(3):
        table.append(rows(range(n * 10, n * 10 + 10), ["a", "b"] * 5))
    before = stored(table)
    result = table.compact(order_by=["id"], partition={"v": "a"})
    assert [step.partition for step in result.steps] == ["v=a/"]
    assert {b.partition: b.files for b in table.buckets()} == {"v=a/": 1, "v=b/": 3}
    assert stored(table) == before


def test_rows_that_come_meanwhile_are_kept(monkeypatch):
    table = append_table()
    table.append(rows(range(10)))
    run = SortUnit.run

    def slow(unit, context):
        table.append(rows([100]))
        return run(unit, context)

    monkeypatch.setattr(SortUnit, "run", slow)
    assert table.compact(order_by=["id"]).snapshot_ids == (3,)
    assert sorted(stored(table)) == [*range(10), 100]


def test_a_partition_that_was_compacted_meanwhile_is_given_up(monkeypatch):
    table = append_table()
    for n in range(6):
        table.append(rows([n]))
    run = SortUnit.run

    def slow(unit, context):
        done = run(unit, context)
        ts.open_table(table.path).compact()
        return done

    monkeypatch.setattr(SortUnit, "run", slow)
    assert table.compact(order_by=["id"]).given_up == 1
    assert sorted(stored(table)) == list(range(6))
    assert table.history()[0].kind == "COMPACT"


def test_a_filter_opens_fewer_files_after_a_z_order():
    table = append_table(columns={"x": "INT", "y": "INT"}, target_file_size="100 kb")
    rng = np.random.default_rng(3)
    x, y = (pa.array(rng.integers(0, 1 << 30, 1_000_000), pa.int32()) for _ in "xy")
    table.append(pa.table({"x": x, "y": y}))

    def share(where):
        plan = table.explain(where=where)
        return plan.files_by_value / plan.files

    narrow = [f"{name} between {1 << 28} and {(1 << 28) + (1 << 20)}" for name in "xy"]
    assert [share(where) for where in narrow] == [1, 1]
    table.compact(order_by=["x", "y"], zorder=True)
    assert all(share(where) <= 0.75 for where in narrow)
    table.compact(order_by=["x", "y"])
    assert share(narrow[0]) <= 0.5
    assert share(narrow[1]) == 1


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"order_by": ["nope"]}, "has no column 'nope'"),
        ({"order_by": []}, "order_by names columns"),
        ({"order_by": ["a", "a"]}, "each once"),
        ({"order_by": "a"}, "list of names"),
        ({"order_by": ["l"]}, "'l': rows cannot be ordered by ARRAY<INT>"),
        ({"order_by": ["a"], "hilbert": True}, "two columns or more"),
        ({"order_by": ["a"], "hilbert": True, "zorder": True}, "not both"),
        ({"zorder": True}, "need order_by"),
        ({"order_by": ["a"], "buckets": [0]}, "leave buckets out"),
    ],
)
def test_what_cannot_be_meant_is_refused(how, message):
    table = append_table(columns={"a": "INT", "l": "ARRAY<INT>"})
    with pytest.raises(ts.InvalidInputError, match=message):
        table.compact(**how)


def test_only_append_tables_without_buckets_are_sorted():
    with pytest.raises(ts.InvalidInputError, match="it has a primary key"):
        keyed_table().compact(order_by=["id"])
    with pytest.raises(ts.InvalidInputError, match="its bucket is 2"):
        append_table(bucket="2", bucket_key="id").compact(order_by=["id"])


def test_text_takes_part_in_a_z_order_with_the_bytes_that_the_table_says():
    texts = [f"{'same' * 3}{n % 100:02d}" for n in range(1000)]
    order = {}
    for size in ("8", "20"):
        table = append_table(zorder__var_length_contribution=size)
        table.append(rows(range(1000), texts))
        table.compact(order_by=["v"], zorder=True)
        order[size] = table.to_arrow()["v"].to_pylist()
    assert order["8"] == texts  # eight bytes tell none from another
    assert order["20"] == sorted(texts)
    table = append_table(zorder__var_length_contribution="0")
    with pytest.raises(ts.InvalidInputError, match="contribution is at least 1"):
        table.compact(order_by=["v"], zorder=True)
