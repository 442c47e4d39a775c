"""Files are left out by their indexes; with values that statistics cannot exclude."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.file_index import encode_file_index
from tablestore.format.file_index_bloom import encode_bloom
from tablestore.format.manifest import EMPTY_ROW, DataFileMeta, SimpleStats
from tablestore.format.schema import TableSchema
from tablestore.predicate.bind import bind
from tablestore.predicate.coerce import to_predicate
from tablestore.read.file_index import FileIndexTest
from tablestore.types.arrow import to_arrow_schema
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

# Java Paimon 2.1-SNAPSHOT: bitmap of [5, 7, null, 5, 5], range-bitmap of [1, 3, 2, null, 3],
# bsi of [1, 3, -2, null], bloom filter of 1 to 4
BITMAP = bytes.fromhex(
    "02000000050000000201fffffffd000000120000000100000005000000000000001c00000002000000050000000000"
    "00001600000007fffffffeffffffff3a300000010000000000020010000000000003000400"
)
RANGE = bytes.fromhex(
    "000000150100000005000000030000000100000003000000360000000d010000000100000004000000190000000001"
    "00000001000000000000000000000002000000080000000400000002000000030000001a0102000000180000001000"
    "0000000000001200000012000000143a30000001000000000003001000000000000100020004003a30000001000000"
    "000000001000000002003a30000001000000000001001000000001000400"
)
BSI = bytes.fromhex(
    "01000000040101000000000000000000000000000000033a3000000100000000000100100000000000010000000002"
    "3a300000010000000000010010000000000001003a30000001000000000000001000000001000101000000000000000"
    "000000000000000023a3000000100000000000000100000000200000000023a300000000000003a3000000100000000"
    "000000100000000200"
)
BLOOM = bytes.fromhex("0000000301280000000088002150c000")

FIELDS = (
    DataField(0, "a", parse_type("INT")),
    DataField(1, "b", parse_type("INT")),
    DataField(2, "x", parse_type("DOUBLE")),
)


def schema(fields=FIELDS):
    return TableSchema(0, tuple(fields), 9)


def may_match(where, indexes, fields=FIELDS, file_fields=FIELDS):
    data = encode_file_index(indexes) if isinstance(indexes, dict) else indexes
    predicate = bind(to_predicate(where), to_arrow_schema(fields))
    stats = SimpleStats(EMPTY_ROW, EMPTY_ROW, ())
    meta = DataFileMeta(
        "data-a.parquet", 1, 5, EMPTY_ROW, EMPTY_ROW, stats, stats, 0, 4, 0, 0, embedded_index=data
    )
    return FileIndexTest(predicate, fields).embedded(meta, schema(file_fields))


@pytest.mark.parametrize(
    ("kind", "data", "values"),
    [
        ("bitmap", BITMAP, {5, 7, None}),
        ("range-bitmap", RANGE, {1, 2, 3, None}),
        ("bsi", BSI, {1, 3, -2, None}),
    ],
    ids=["bitmap", "range-bitmap", "bsi"],
)
def test_an_exact_index_answers_every_condition_on_its_column(kind, data, values):
    known = {v for v in values if v is not None}
    for n in range(-4, 10):
        asked = {
            f"a = {n}": n in known,
            f"a != {n}": bool(known - {n}),
            f"a < {n}": any(v < n for v in known),
            f"a >= {n}": any(v >= n for v in known),
            f"a IN ({n}, 100)": n in known,
            f"a > {n} AND a < {n + 2}": n + 1 in known,
            f"NOT a = {n} AND NOT a > {n}": any(v < n for v in known),
            f"a = {n} OR b = 1": True,
            f"a = {n} AND b = 1": n in known,
            f"a = {n} OR a = 50": n in known,
        }
        for where, want in asked.items():
            assert may_match(where, {"a": {kind: data}}) is want, where
    assert may_match("a IS NULL", {"a": {kind: data}})
    assert not may_match("a IS NULL AND a = 5", {"a": {kind: data}})


def test_a_bloom_filter_answers_equality_only():
    indexes = {"a": {"bloom-filter": BLOOM}}
    for n in (1, 2, 3, 4):
        assert may_match(f"a = {n}", indexes)
        assert may_match(f"a IN (1000, {n})", indexes)
    missed = [n for n in range(1000, 1100) if may_match(f"a = {n}", indexes)]
    assert len(missed) < 20
    absent = next(n for n in range(1000, 1100) if n not in missed)
    assert not may_match(f"a = {absent} AND b = 2", indexes)
    for where in (f"a != {absent}", f"a > {absent}", f"a = {absent} OR b = 2", "a IS NULL"):
        assert may_match(where, indexes)
    assert may_match(f"NOT a = {absent}", indexes)


def test_a_bloom_filter_over_floats_excludes_nothing_by_its_bits():
    kind = parse_type("DOUBLE")
    indexes = {"x": {"bloom-filter": encode_bloom(pa.array([-0.0]), kind, items=20)}}
    assert may_match("x = 0.0", indexes)


def test_an_empty_index_means_that_the_column_has_no_value():
    assert not may_match("a = 1", {"a": {"bitmap": None}})
    assert may_match("a IS NULL", {"a": {"bitmap": None}})


def test_unknown_kinds_and_newer_versions_exclude_nothing():
    assert may_match("a = 1", {"a": {"hologram": b"?"}})
    assert may_match("a = 1", {"a": {"bitmap": b"\x09" + BITMAP[1:]}})
    newer = bytearray(encode_file_index({"a": {"bitmap": BITMAP}}))
    newer[11] = 2
    assert may_match("a = 1", bytes(newer))


def test_a_damaged_index_is_named_with_its_file():
    with pytest.raises(CorruptDataError, match=r"data-a\.parquet"):
        may_match("a = 1", {"a": {"bitmap": BITMAP[:20]}})
    with pytest.raises(CorruptDataError, match=r"data-a\.parquet"):
        may_match("a = 1", b"\x00" * 40)


def test_an_index_has_the_name_that_the_column_had():
    renamed = (DataField(0, "z", parse_type("INT")), DataField(5, "a", parse_type("INT")))
    indexes = {"a": {"bitmap": BITMAP}}
    assert not may_match("z = 1", indexes, fields=renamed)
    assert may_match("z = 5", indexes, fields=renamed)
    assert may_match("a = 1", indexes, fields=renamed)  # a new column of an old name


def test_an_index_over_another_type_excludes_nothing():
    widened = (DataField(0, "a", parse_type("BIGINT")),)
    assert may_match("a = 1", {"a": {"bitmap": BITMAP}}, fields=widened)
    required = (DataField(0, "a", parse_type("INT NOT NULL")),)
    assert not may_match("a = 1", {"a": {"bitmap": BITMAP}}, fields=required)


def test_an_expression_of_pyarrow_is_left_to_the_rows():
    where = pc.field("a") * 2 == 20
    assert may_match(where, {"a": {"bitmap": BITMAP}})
