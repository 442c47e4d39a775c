"""Writing and reading runs as many lines of Python for 10,000 rows as for 1,000."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tests.support import strategies as s
from tests.support.builders import new_lake
from tests.support.line_events import line_events

PACKAGE = str(Path(ts.__file__).parent)
SMALL, LARGE = 1_000, 10_000
FEW = 200
"""How much more often a line may run: larger numbers have more bytes, larger ranges more lanes.
Work for each row would run a line 9,000 times more, for each tenth row still 900 times."""


@contextmanager
def lines_run():
    """Counts executed lines of the package by (file, line), into the Counter that it gives."""
    found: Counter = Counter()

    def seen(code, number):
        found[code.co_filename, number] += 1
        return True

    with line_events(lambda code: code.co_filename.startswith(PACKAGE), seen):
        yield found


def lines_of(action):
    with lines_run() as found:
        action()
    return found


def difference(small, large):
    """Lines that ran more often, to say where the work per row is."""
    both = {at: (small[at], large[at]) for at in small | large}
    changed = {at: counts for at, counts in both.items() if abs(counts[1] - counts[0]) > FEW}
    return [f"{Path(f).relative_to(PACKAGE)}:{n} {a} -> {b}" for (f, n), (a, b) in changed.items()]


def same_lines(action_of):
    """Asserts that an action runs the same lines whatever the number of rows.

    Args:
        action_of: from a number of rows to what is to be measured, everything prepared.
    """
    action_of(SMALL)()  # imports, and caches that are filled once
    small = lines_of(action_of(SMALL))
    large = lines_of(action_of(LARGE))
    assert sum(small.values()) > 100, "nothing was counted"
    assert difference(small, large) == []


def values(kind, count):
    """`count` values that repeat those known of a type, with nulls."""
    known = [*s.TYPES[kind], None]
    return [known[i % len(known)] for i in range(count)]


def table_of(kind, *, keyed=True, **options):
    columns = {"id": "BIGINT NOT NULL", "v": kind}
    key = ["id"] if keyed else []
    defaults = {"bucket": "3"} if keyed else {}
    return new_lake().create_table("db.t", columns, primary_key=key, options=defaults | options)


def data_of(table, kind, count, start=0):
    ids = pa.array(np.random.default_rng(7).permutation(count) + start)
    return pa.table([ids, pa.array(values(kind, count), table.schema.field("v").type)], ["id", "v"])


@pytest.mark.parametrize("kind", list(s.TYPES))
def test_upsert_of_every_type(kind):
    def action_of(count):
        table = table_of(kind)
        data = data_of(table, kind, count)
        return lambda: table.upsert(data)

    same_lines(action_of)


@pytest.mark.parametrize("kind", list(s.TYPES))
def test_read_of_every_type_merged_from_two_runs(kind):
    def action_of(count):
        table = table_of(kind)
        table.upsert(data_of(table, kind, count))
        table.upsert(data_of(table, kind, count, start=count // 2))
        return table.to_arrow

    same_lines(action_of)


@pytest.mark.parametrize("kind", list(s.TYPES))
def test_append_and_raw_read_of_every_type(kind):
    def action_of(count):
        table = table_of(kind, keyed=False)
        data = data_of(table, kind, count)

        def action():
            table.append(data)
            table.to_arrow()

        return action

    same_lines(action_of)


@pytest.mark.parametrize("kind", list(s.ATOMIC))
def test_keys_and_buckets_of_every_type(kind):
    def action_of(count):
        columns = {"k": kind + " NOT NULL", "id": "INT NOT NULL"}
        options = {"bucket": "3", "bucket-key": "k"}
        table = new_lake().create_table("db.t", columns, primary_key=["k", "id"], options=options)
        known = s.TYPES[kind]
        keys = pa.array([known[i % len(known)] for i in range(count)], table.schema.field("k").type)
        data = pa.table([keys, pa.array(range(count), pa.int32())], ["k", "id"])
        table.upsert(data)

        def action():
            table.upsert(data)
            table.delete(keys=data)
            table.to_arrow()

        return action

    same_lines(action_of)


@pytest.mark.parametrize("kind", [k for k in s.ATOMIC if k not in s.NOT_IN_PARTITIONS])
def test_partitions_of_every_type(kind):
    def action_of(count):
        columns = {"p": kind, "id": "BIGINT"}
        table = new_lake().create_table("db.t", columns, partition_by=["p"])
        parts = pa.array(values(kind, count), table.schema.field("p").type)
        data = pa.table([parts, pa.array(range(count))], ["p", "id"])

        def action():
            table.append(data)
            table.to_arrow()

        return action

    same_lines(action_of)


@pytest.mark.parametrize("function", ["mod", "hive"])
def test_other_bucket_functions(function):
    def action_of(count):
        table = table_of("STRING", **{"bucket-function.type": function})
        data = data_of(table, "STRING", count)
        return lambda: table.upsert(data)

    same_lines(action_of)


def test_row_kinds():
    def action_of(count):
        table = table_of("STRING")
        kinds = pa.array(["+I", "-D", "+U", "-U"] * (count // 4))
        data = data_of(table, "STRING", count).append_column("op", kinds)
        return lambda: table.upsert(data, row_kind="op")

    same_lines(action_of)


@pytest.mark.parametrize(
    "where", ["id >= 500", "v = 'a' or id < 10", "v like 'a%'", "v is null", "id in (1, 2, 3)"]
)
def test_filters_on_merged_rows(where):
    def action_of(count):
        table = table_of("STRING")
        table.upsert(data_of(table, "STRING", count))
        table.upsert(data_of(table, "STRING", count))
        return lambda: table.to_arrow(where=where, columns=["v"])

    same_lines(action_of)


def test_lossless_casts_of_the_input():
    def action_of(count):
        table = new_lake().create_table(
            "db.t",
            {"id": "INT NOT NULL", "f": "FLOAT", "d": "DECIMAL(9, 2)", "r": "ROW<a INT, b STRING>"},
            primary_key="id",
        )
        n = np.arange(count)
        data = pa.table(
            {
                "id": n,
                "f": n / 2,
                "d": n,
                "r": pa.array([{"b": "x", "a": int(i)} for i in n]),
            }
        )
        return lambda: table.upsert(data)

    same_lines(action_of)


@pytest.mark.parametrize("repeat", [1, 2], ids=["unique", "twice"])
@pytest.mark.parametrize("kind", ["BIGINT", "STRING"])
@pytest.mark.parametrize("index", ["bloom-filter", "bitmap", "bsi", "range-bitmap"])
def test_file_indexes_of_many_values(index, kind, repeat):
    if (index, kind) == ("bsi", "STRING"):
        pytest.skip("numbers only")

    def action_of(count):
        table = table_of(kind, **{f"file-index.{index}.columns": "v"})
        numbers = pa.array(np.arange(count) % (count // repeat))
        column = numbers.cast(table.schema.field("v").type)
        data = pa.table([pa.array(range(count)), column], ["id", "v"])
        return lambda: table.upsert(data)

    same_lines(action_of)
