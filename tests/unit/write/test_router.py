"""Rows go to the bucket and partition that Paimon puts them into."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tablestore.format.binary_row import decode_row
from tablestore.options.table import TableOptions
from tablestore.write.router import Router
from tests.support.builders import new_lake, spelled


def router_of(columns, *, key=(), by=(), **options):
    table = new_lake().create_table(
        "db.t", columns, primary_key=key, partition_by=by, options=spelled(options)
    )
    schema = table._view.schema
    parsed = TableOptions.parse(schema.options, has_primary_key=bool(key))
    return Router(schema, parsed), schema, table.schema


def routed(columns, rows, **table):
    """(partition values, bucket) of each row."""
    router, schema, arrow = router_of(columns, **table)
    batch = pa.RecordBatch.from_pylist(rows, arrow)
    types = [schema.field(name).type for name in schema.partition_keys]
    found = []
    for number in router.route(batch).tolist():
        partition, bucket = router.group(number)
        found.append((decode_row(partition, types), bucket))
    return found


def test_without_partitions_and_buckets_there_is_one_group():
    assert routed({"a": "INT"}, [{"a": 1}, {"a": 2}]) == [((), 0), ((), 0)]


def test_mod_buckets_are_floor_mods():
    rows = [{"k": k} for k in (17, -3, 0, 4)]
    found = routed({"k": "INT"}, rows, key=["k"], bucket=5, bucket_function__type="mod")
    assert [bucket for _, bucket in found] == [2, 2, 0, 4]


def test_the_bucket_key_decides_and_not_the_primary_key():
    columns = {"a": "INT", "b": "INT"}
    rows = [{"a": a, "b": b} for a in range(20) for b in (1, 2)]
    found = routed(columns, rows, key=["a", "b"], bucket=7, bucket_key="b")
    assert len({bucket for _, bucket in found}) <= 2


def test_partitions_are_told_apart_by_all_their_columns_and_by_null():
    rows = [
        {"p": p, "q": q, "n": 0}
        for p in ("a", "b", None, "")
        for q in (dt.date(2026, 1, 1), None, dt.date(1960, 1, 1))
    ]
    found = routed({"p": "STRING", "q": "DATE", "n": "INT"}, rows * 3, by=["p", "q"])
    days = {None: None, dt.date(2026, 1, 1): 20454, dt.date(1960, 1, 1): -3653}
    assert found == [((row["p"], days[row["q"]]), 0) for row in rows * 3]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("BOOLEAN", [True, None, False]),
        ("TINYINT", [1, -1]),
        ("BIGINT", [2**63 - 1, -(2**63), None]),
        ("DECIMAL(38, 2)", [Decimal("1.50"), Decimal("-99999999999999999999.01")]),
        ("TIMESTAMP(9)", [None, np.datetime64(1, "ns")]),
        ("STRING", ["", "x" * 100, "é"]),
    ],
)
def test_equal_values_share_a_partition_over_batches(kind, values):
    router, _, arrow = router_of({"p": kind, "n": "INT"}, by=["p"])
    batch = pa.record_batch(
        [pa.array(values, arrow.field("p").type), pa.nulls(len(values), pa.int32())], ["p", "n"]
    )
    first = router.route(batch).tolist()
    assert len(set(first)) == len(values)
    again = router.route(batch.take(pa.array(range(len(values))[::-1]))).tolist()
    assert again == first[::-1]


def test_many_partition_columns_do_not_overflow():
    columns = {f"p{i}": "INT" for i in range(12)} | {"n": "INT"}
    by = [f"p{i}" for i in range(12)]
    router, _, arrow = router_of(columns, by=by)
    r = np.random.default_rng(0)
    batch = pa.record_batch(
        [*(pa.array(r.integers(0, 10**9, 500), pa.int32()) for _ in by), pa.nulls(500, pa.int32())],
        schema=arrow,
    )
    assert len(set(router.route(batch).tolist())) == 500
