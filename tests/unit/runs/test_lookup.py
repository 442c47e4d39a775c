"""Keys are found in the files of sorted runs, newest first, with what the file deleted left out."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tablestore.compact.rewrite import file_request
from tablestore.runs import lookup as lookup_module
from tablestore.runs import rolling
from tablestore.runs.lookup import Lookup
from tablestore.table.compaction import compact_context
from tests.support.builders import keyed_table, live_entries

GROUP = 16


@pytest.fixture(autouse=True)
def small_groups(monkeypatch):
    monkeypatch.setattr(rolling, "ROW_GROUP_ROWS", GROUP)


def filled(keys, columns, key, **options):
    """A table with one level-0 file a list of keys, and those files oldest first."""
    columns = {**columns, "v": "BIGINT"}
    table = keyed_table(columns=columns, key=key, bucket="1", write_only="true", **options)
    for number, each in enumerate(keys):
        table.upsert([{**dict(zip(key, k, strict=True)), "v": number} for k in each])
    metas = [entry.file for entry in live_entries(table)]
    return table, sorted(metas, key=lambda meta: meta.min_sequence_number)


def opened(table, runs, deleted=None, batch_rows=7):
    context = compact_context(table._parts)
    place = (live_entries(table)[0].partition, 0)

    def request(meta, fields):
        found = file_request(context, place, meta, fields)
        gone = (deleted or {}).get(meta.file_name)
        if gone is None:
            return found
        from dataclasses import replace

        return replace(found, deleted=np.asarray(gone, dtype=np.int64))

    schema = context.schema
    return Lookup(runs, [schema.field(name) for name in context.key], request, batch_rows)


def columns_of(keys, table):
    schema = table.to_arrow().schema
    names = table.schema.names if hasattr(table.schema, "names") else schema.names
    key = [name for name in names if name != "v"]
    return [pa.array([k[i] for k in keys], schema.field(name).type) for i, name in enumerate(key)]


EPOCH = dt.date(1970, 1, 1)
POOLS = {
    "long": ({"a": "BIGINT NOT NULL"}, [(i - 60,) for i in range(120)]),
    "text": ({"a": "STRING NOT NULL"}, [(f"{'x' * (i % 3)}{i:03}",) for i in range(120)]),
    "date": ({"a": "DATE NOT NULL"}, [(EPOCH + dt.timedelta(i - 60),) for i in range(120)]),
    "wide decimal": (
        {"a": "DECIMAL(38, 2) NOT NULL"},
        [(Decimal(i - 60) * 10**30 / 100,) for i in range(120)],
    ),
    "double": ({"a": "DOUBLE NOT NULL"}, [((i - 60) / 7,) for i in range(120)]),
    "text and int": (
        {"a": "STRING NOT NULL", "b": "INT NOT NULL"},
        [(f"k{i // 12}", i % 12 - 6) for i in range(120)],
    ),
    "bool and long": (
        {"a": "BOOLEAN NOT NULL", "b": "BIGINT NOT NULL"},
        [(i % 2 == 0, 2**62 - i) for i in range(120)],
    ),
}


def in_key_order(keys):
    return sorted(keys, key=lambda k: [v.encode() if isinstance(v, str) else v for v in k])


@pytest.mark.parametrize("name", POOLS)
def test_every_key_is_found_in_its_newest_run_at_its_row(name):
    columns, pool = POOLS[name]
    rnd = random.Random(name)
    written = [rnd.sample(pool, 70) for _ in range(3)]
    table, files = filled(written, columns, tuple(columns))
    where = {}
    for meta, keys in zip(files, written, strict=True):
        for row, key in enumerate(in_key_order(keys)):
            where[key] = (meta.file_name, row)
    with opened(table, [[meta] for meta in reversed(files)]) as lookup:
        asked = in_key_order(pool)
        for size in (120, 1, 13):  # from the start again, and in pieces that ascend
            for at in range(0, len(asked), size):
                part = asked[at : at + size]
                found = lookup.find(columns_of(part, table))
                got = [
                    (lookup.files[file].file_name, int(row)) if file >= 0 else None
                    for file, row in zip(found.file, found.position, strict=True)
                ]
                assert got == [where.get(key) for key in part]


def test_rows_that_a_file_deleted_are_looked_for_further_up():
    keys = [(i,) for i in range(40)]
    table, files = filled([keys, keys], {"a": "BIGINT NOT NULL"}, ("a",))
    old, new = files
    gone = {new.file_name: range(0, 40, 2), old.file_name: [4]}
    with opened(table, [[new], [old]], gone) as lookup:
        found = lookup.find([pa.array(range(40))])
        assert found.file[[0, 1, 2, 3, 4]].tolist() == [1, 0, 1, 0, -1]
        assert found.hit.sum() == 39


def test_columns_of_what_was_found_come_in_key_order_from_all_files():
    written = [[(i,) for i in range(0, 90, 3)], [(i,) for i in range(0, 90, 4)]]
    table, files = filled(written, {"a": "BIGINT NOT NULL"}, ("a",))
    with opened(table, [[files[1]], [files[0]]]) as lookup:
        schema = compact_context(table._parts).schema
        fields = (schema.field("v"), schema.field("a"))
        for start in (0, 45, 10):
            asked = list(range(start, 90))
            rows = lookup.rows(lookup.find([pa.array(asked)]), fields)
            expected = [(int(i % 4 == 0), i) for i in asked if i % 3 == 0 or i % 4 == 0]
            assert list(zip(*(c.to_pylist() for c in rows.columns), strict=True)) == expected


def test_no_runs_and_no_hits_give_nothing():
    table, files = filled([[(1,), (5,)]], {"a": "BIGINT NOT NULL"}, ("a",))
    schema = compact_context(table._parts).schema
    for runs in ([], [[]], [files]):
        with opened(table, runs) as lookup:
            found = lookup.find([pa.array([0, 3, 9])])
            assert not found.hit.any()
            assert lookup.rows(found, (schema.field("v"),)).num_rows == 0


@pytest.mark.parametrize("kind", ["BIGINT", "STRING"])
def test_row_groups_without_a_wanted_key_are_not_decoded(kind, monkeypatch):
    value = (lambda i: f"{i:05}") if kind == "STRING" else (lambda i: i)
    keys = [(value(i),) for i in range(10 * GROUP)]
    table, files = filled([keys], {"a": f"{kind} NOT NULL"}, ("a",))
    read = []
    inner = lookup_module._Scan.batches

    def counted(self, group):
        read.append(group)
        return inner(self, group)

    monkeypatch.setattr(lookup_module._Scan, "batches", counted)
    with opened(table, [files]) as lookup:
        asked = [value(i) for i in (3 * GROUP + 1, 3 * GROUP + 2, 8 * GROUP)]
        found = lookup.find([pa.array(asked)])
        assert found.position.tolist() == [3 * GROUP + 1, 3 * GROUP + 2, 8 * GROUP]
        assert read == [3, 8]
        schema = compact_context(table._parts).schema
        lookup.rows(found, (schema.field("v"),))
        assert read == [3, 8, 3, 8]


def test_ascending_batches_of_keys_decode_each_row_group_once(monkeypatch):
    keys = [(i,) for i in range(10 * GROUP)]
    table, files = filled([keys], {"a": "BIGINT NOT NULL"}, ("a",))
    read = []
    inner = lookup_module._Scan.batches

    def counted(self, group):
        read.append(group)
        return inner(self, group)

    monkeypatch.setattr(lookup_module._Scan, "batches", counted)
    schema = compact_context(table._parts).schema
    with opened(table, [files], batch_rows=5) as lookup:
        for at in range(0, 10 * GROUP, 7):
            found = lookup.find([pa.array(range(at, min(at + 7, 10 * GROUP)))])
            assert found.hit.all()
            assert lookup.rows(found, (schema.field("a"),)).column(0)[0].as_py() == at
    assert sorted(read) == sorted([*range(10)] * 2)
