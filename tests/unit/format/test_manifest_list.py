from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.binary_row import Timestamp, encode_row
from tablestore.format.manifest import EMPTY_ROW, EMPTY_STATS, DataFileMeta, ManifestEntry
from tablestore.format.manifest_list import (
    ManifestFileMeta,
    decode_manifest_list,
    encode_manifest_list,
    summarize,
)
from tablestore.format.partition_stats import partition_stats
from tablestore.types.model import BYTES, STRING, AtomicType

DATA = Path(__file__).parent / "data"
INT = AtomicType("INT")
DOUBLE = AtomicType("DOUBLE")
FILE = DataFileMeta("f", 10, 3, EMPTY_ROW, EMPTY_ROW, EMPTY_STATS, EMPTY_STATS, 0, 2, 0, 0)


def entry(
    partition: bytes = EMPTY_ROW, *, kind: int = 0, bucket: int = 0, **file: int
) -> ManifestEntry:
    return ManifestEntry(kind, partition, bucket, 4, replace(FILE, **file))


def test_an_empty_list_is_a_file():
    data = encode_manifest_list([])
    assert data.startswith(b"Obj\x01")
    assert decode_manifest_list(data) == []


def test_every_field_survives_a_round_trip():
    full = ManifestFileMeta("m", 2**40, 1, 2, EMPTY_STATS, 3, -2, 5, 0, 6, 7, 2**62)
    bare = ManifestFileMeta("n", 1, 0, 0, EMPTY_STATS, 0)
    assert decode_manifest_list(encode_manifest_list([full, bare])) == [full, bare]


def test_a_manifest_is_not_a_manifest_list():
    data = (DATA / "java-2.1.manifest.avro").read_bytes()
    with pytest.raises(CorruptDataError, match="manifest list x is damaged: expected field"):
        decode_manifest_list(data, "x")


def test_summary_bounds_added_and_deleted_entries():
    entries = [
        entry(bucket=3, level=5, schema_id=2),
        entry(kind=1, bucket=-2, level=0, schema_id=7),
        entry(bucket=1, level=1),
    ]
    assert summarize(entries, (), "m", 99, 8) == ManifestFileMeta(
        "m", 99, 2, 1, EMPTY_STATS, 7, min_bucket=-2, max_bucket=3, min_level=0, max_level=5
    )


def test_summary_of_no_entries_takes_the_latest_schema():
    assert summarize([], (), "m", 99, 8) == ManifestFileMeta("m", 99, 0, 0, EMPTY_STATS, 8)


def test_row_ids_are_bounded_only_when_every_entry_has_one():
    known = [entry(first_row_id=10), entry(first_row_id=0, row_count=5)]
    summary = summarize(known, (), "m", 1, 0)
    assert (summary.min_row_id, summary.max_row_id) == (0, 12)
    summary = summarize([*known, entry()], (), "m", 1, 0)
    assert (summary.min_row_id, summary.max_row_id) == (None, None)


def test_partition_stats_are_full_values_and_count_entries():
    types = (STRING, INT)
    rows = [("é" * 300, 2), ("z", None), ("z", None), (None, -1)]
    stats = partition_stats([encode_row(row, types) for row in rows], types)
    assert stats.min_values == encode_row(("z", -1), types)
    assert stats.max_values == encode_row(("é" * 300, 2), types)
    assert stats.null_counts == (1, 2)


def test_partition_text_is_bounded_in_the_order_of_its_bytes():
    astral, private = "\U0001f600", "\ue000"  # in UTF-16 the first sorts below the second
    stats = partition_stats([encode_row((v,), (STRING,)) for v in (astral, private)], (STRING,))
    assert stats.min_values == encode_row((private,), (STRING,))
    assert stats.max_values == encode_row((astral,), (STRING,))


def test_partition_columns_without_values_have_no_bounds():
    stats = partition_stats([encode_row((None,), (INT,))] * 2, (INT,))
    assert stats.min_values == stats.max_values == encode_row((None,), (INT,))
    assert stats.null_counts == (2,)


@pytest.mark.parametrize(
    ("kind", "values", "low", "high"),
    [
        (DOUBLE, [0.0, -0.0], -0.0, 0.0),
        (DOUBLE, [1.0, float("nan")], None, None),
        (BYTES, [b"a", b"\xff"], None, None),
        (
            AtomicType("TIMESTAMP", precision=9),
            [Timestamp(-1, 999_999), Timestamp(-1, 5)],
            Timestamp(-1, 5),
            Timestamp(-1, 999_999),
        ),
    ],
)
def test_bounds_by_type(kind: AtomicType, values: list[object], low: object, high: object):
    stats = partition_stats([encode_row((v,), (kind,)) for v in values], (kind,))
    assert stats.min_values == encode_row((low,), (kind,))
    assert stats.max_values == encode_row((high,), (kind,))
    assert stats.null_counts == (0,)
