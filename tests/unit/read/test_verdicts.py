from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import EMPTY_STATS, DataFileMeta, ManifestEntry, SimpleStats
from tablestore.format.schema import TableSchema
from tablestore.predicate.bind import bind
from tablestore.predicate.parse import parse_where
from tablestore.predicate.prune import may_match
from tablestore.read.ranges import ValueRanges
from tablestore.read.verdicts import value_verdicts
from tablestore.types.arrow import to_arrow_schema
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

COLUMNS = {"a": "BIGINT", "b": "INT", "c": "STRING", "d": "DATE", "e": "TINYINT", "f": "DOUBLE"}
FIELDS = tuple(DataField(i, n, parse_type(t)) for i, (n, t) in enumerate(COLUMNS.items()))
TABLE = TableSchema(id=1, fields=FIELDS, highest_field_id=9)
# before: b was narrower, c had another name, e was not there
OLD_FIELDS = (
    FIELDS[0],
    DataField(1, "b", parse_type("SMALLINT")),
    DataField(2, "e", parse_type("STRING")),
    FIELDS[3],
    FIELDS[5],
)
SCHEMAS = {0: TableSchema(id=0, fields=OLD_FIELDS, highest_field_id=9), 1: TABLE}


def bounds(rng: Random, schema: TableSchema, names: tuple[str, ...]) -> SimpleStats:
    types = [schema.field(name).type for name in names]
    lows, highs = [], []
    for kind in types:
        low, high = sorted((rng.randint(-9, 9), rng.randint(-9, 9)))
        text = kind.sql() == "STRING"
        lows.append(f"text number {low}" if text else float(low) if "DOUBLE" in kind.sql() else low)
        highs.append(f"u {high}" if text else float(high) if "DOUBLE" in kind.sql() else high)
        if rng.random() < 0.15:
            lows[-1] = None
        if rng.random() < 0.15:
            highs[-1] = None
    counts = tuple(rng.choice([None, 0, 5]) for _ in names)
    return SimpleStats(encode_row(lows, types), encode_row(highs, types), counts)


def entry(rng: Random) -> ManifestEntry:
    schema = SCHEMAS[rng.choice([0, 1, 1])]
    names = schema.field_names
    some = tuple(name for name in names if rng.random() < 0.7)
    dense = rng.random() < 0.5
    empty = dense and not some
    stats = EMPTY_STATS if empty else bounds(rng, schema, some if dense else names)
    meta = DataFileMeta(
        "f", 1, rng.choice([0, 5, 5, 5]), b"", b"", EMPTY_STATS, stats, 0, 0, schema.id, 0,
        value_stats_cols=some if dense else None,
    )  # fmt: skip
    return ManifestEntry(0, b"", 0, 1, meta)


FILTERS = [
    *(f"{name} {op} {value}" for name in "abe" for op in ("=", "!=", "<", "<=", ">", ">=")
      for value in (-3, 0, 4)),
    "d < date '1970-01-05'",
    "a > 9223372036854775806",
    "b > 3000000000",
    "a > 2 and b < 3",
    "a > 2 and c like 'text number 3%'",
    "f < 0.5 and a = 1 and e >= 0",
    "a > 2 or b < 3",
    "not a > 2",
    "a in (1, 2)",
    "c = 'u'",
    "a < b",
]  # fmt: skip


@pytest.mark.parametrize("text", FILTERS)
def test_verdicts_of_many_files_are_those_of_each(text: str):
    rng = Random(text)
    predicate = bind(parse_where(text), to_arrow_schema(FIELDS))
    entries = [entry(rng) for _ in range(600)]
    found = value_verdicts(predicate, entries, SCHEMAS.__getitem__, TABLE)
    ranges = ValueRanges(SCHEMAS.__getitem__, FIELDS)
    for one in entries:
        if id(one) in found:
            assert found[id(one)] == may_match(predicate, ranges(one.file), one.file.row_count), one
    if text in ("a = 0", "a < 0", "a >= 4", "e > 0", "d < date '1970-01-05'"):
        assert {True, False} <= set(found.values())


def test_few_files_and_damaged_statistics_are_left_to_the_exact_test():
    rng = Random(1)
    predicate = bind(parse_where("a > 0"), to_arrow_schema(FIELDS))
    entries = [entry(rng) for _ in range(100)]
    assert value_verdicts(predicate, entries[:10], SCHEMAS.__getitem__, TABLE) == {}
    cut = SimpleStats(b"\0\0\0\6" + bytes(9), b"\0\0\0\6" + bytes(9), None)
    for stats in (cut, EMPTY_STATS):
        damaged = [
            replace(e, file=replace(e.file, value_stats=stats, schema_id=1, value_stats_cols=None))
            for e in entries
        ]
        assert value_verdicts(predicate, damaged, SCHEMAS.__getitem__, TABLE) == {}
