"""Rows that expire: which, where they are left out, and what stays."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.compact.expire import kept_rows
from tablestore.options.record_expire import RecordExpireOptions
from tests.support.builders import keyed_table, live_entries

NOW = 1_800_000_000
OLD, NEW = 1_000_000_000, 2_147_483_000  # seconds: past, and far enough in the future


def kept(times, kind, seconds=100):
    return kept_rows(times, RecordExpireOptions("at", kind, seconds), NOW).tolist()


def test_a_row_expires_one_second_after_its_time_is_up():
    edge = NOW - 100
    assert kept(pa.array([edge - 1, edge, None], pa.int32()), "INT") == [False, True, True]


def test_a_bigint_is_seconds_below_ten_to_the_twelfth_and_milliseconds_from_there():
    edge = NOW - 100
    times = [edge - 1, edge, edge * 1000 - 1, edge * 1000, 10**12 - 1, -5, None]
    expected = [False, True, False, True, True, False, True]
    assert kept(pa.array(times, pa.int64()), "BIGINT") == expected


@pytest.mark.parametrize(("unit", "factor"), [("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_a_timestamp_counts_whole_seconds(unit, factor):
    edge = (NOW - 100) * factor
    times = pa.array([edge - 1, edge, edge + 1, None], pa.timestamp(unit))
    assert kept(times, "TIMESTAMP") == [False, True, True, True]


def test_before_1970_seconds_are_cut_towards_it():
    rule = RecordExpireOptions("at", "TIMESTAMP", 0)
    times = pa.array([-1_999, -2_000, -2_001], pa.timestamp("ms"))
    assert kept_rows(times, rule, -1).tolist() == [True, False, False]
    assert kept_rows(times, rule, -2).tolist() == [True, True, True]


COLUMNS = {"id": "BIGINT NOT NULL", "v": "STRING", "at": "INT"}


def expiring(columns=COLUMNS, **options):
    rule = {"record_level__expire_time": "1 h", "record_level__time_field": "at"}
    return keyed_table(columns=columns, **{"write_only": "true", **rule, **options})


def records(*triples):
    return [{"id": i, "v": v, "at": at} for i, v, at in triples]


def stored(table):
    return {row["id"]: row["v"] for row in table.to_arrow().to_pylist()}


def test_reads_show_expired_rows_until_a_compaction_has_met_them():
    table = expiring()
    table.upsert(records((1, "old", OLD), (2, "new", NEW), (3, "timeless", None)))
    assert stored(table) == {1: "old", 2: "new", 3: "timeless"}
    table.compact(full=True)
    assert stored(table) == {2: "new", 3: "timeless"}


def test_an_expired_version_uncovers_an_older_one_that_has_not():
    table = expiring()
    table.upsert(records((1, "first", NEW)))
    table.upsert(records((1, "second", OLD)))
    table.compact(full=True)
    assert stored(table) == {1: "first"}


def test_a_full_compaction_rewrites_only_the_top_files_that_hold_expired_rows():
    table = expiring(compaction__small_file_ratio="0")
    table.upsert(records((1, "a", NEW), (2, "b", None)))
    table.compact(full=True)
    table.upsert(records((7, "c", NEW), (8, "d", OLD)))
    # the small file of 7 and 8 overlaps nothing: moving it up would do, were it not for row 8
    table.compact(full=True)
    assert stored(table) == {1: "a", 2: "b", 7: "c"}
    before = {entry.file.file_name for entry in live_entries(table)}
    assert table.compact(full=True).steps == ()
    assert {entry.file.file_name for entry in live_entries(table)} == before


def test_files_at_the_top_whose_rows_have_expired_since_are_rewritten():
    table = expiring(record_level__expire_time="30000 d")  # until after the year 2080
    table.upsert(records((1, "a", OLD), (2, "b", NEW)))
    table.compact(full=True)
    assert stored(table) == {1: "a", 2: "b"}
    table = changed(table, "record-level.expire-time", "1 h")
    result = table.compact(full=True)
    assert [step.reason for step in result.steps] == ["worn files"]
    assert stored(table) == {2: "b"}


def changed(table, key, value):
    """The table, opened anew, with what an ALTER TABLE of another engine leaves: a newer schema."""
    state = table._parts.state
    old = table._parts.latest_schema(state.snapshots.latest())
    new = replace(old, id=old.id + 1, options={**old.options, key: value})
    assert state.schemas.create(new)
    return ts.open_table(table.path)


@pytest.mark.parametrize("mode", ["none", "counts"])
def test_files_without_bounds_are_rewritten_for_other_reasons_only(mode):
    table = expiring(metadata__stats_mode=mode, record_level__expire_time="30000 d")
    table.upsert(records((1, "a", OLD)))
    table.compact(full=True)
    table = changed(table, "record-level.expire-time", "1 h")
    assert table.compact(full=True).steps == ()
    table.upsert(records((1, "b", None), (2, "b", OLD)))
    table.compact(full=True)
    assert stored(table) == {1: "b"}


def test_a_delete_by_key_does_not_expire_before_the_row_that_it_hides():
    columns = {**COLUMNS, "at": "BIGINT NOT NULL"}
    table = expiring(columns, num_sorted_run__compaction_trigger="2")
    table.upsert(records(*((i, "row", NEW) for i in range(5_000))))
    table.compact(full=True)
    table.delete(keys=[3])
    table.upsert(records((9, "again", NEW)))
    table.upsert(records((9, "and again", NEW)))
    result = table.compact()  # the deletion moves below the top level
    assert [step.reason for step in result.steps] == ["size ratio"]
    assert 3 not in stored(table)
    table.compact(full=True)
    assert 3 not in stored(table)


@pytest.mark.parametrize(
    ("sql", "old", "new"),
    [
        ("TIMESTAMP(3)", dt.datetime(2001, 9, 9), dt.datetime(2150, 1, 1)),
        ("TIMESTAMP(6)", dt.datetime(2001, 9, 9), dt.datetime(2150, 1, 1)),
        (
            "TIMESTAMP(9) WITH LOCAL TIME ZONE",
            dt.datetime(2001, 9, 9, tzinfo=dt.UTC),
            dt.datetime(2150, 1, 1, tzinfo=dt.UTC),
        ),
    ],
)
def test_every_type_of_time_expires_also_from_deletes_by_key(sql, old, new):
    table = expiring({**COLUMNS, "at": sql + " NOT NULL"})
    table.upsert(records((1, "a", old), (2, "b", new), (3, "c", new)))
    table.delete(keys=[3])
    table.compact(full=True)
    assert stored(table) == {2: "b"}


def test_in_a_lookup_an_expired_sum_is_not_added_to():
    options = {
        "merge_engine": "aggregation",
        "fields__v__aggregate_function": "sum",
        "fields__at__aggregate_function": "last_non_null_value",
        "force_lookup": "true",
        "record_level__expire_time": "30000 d",
    }
    table = expiring({"id": "BIGINT NOT NULL", "v": "INT", "at": "INT"}, **options)
    table.upsert(records((1, 10, OLD), (2, 10, NEW)))
    table.compact(full=True)
    table = changed(table, "record-level.expire-time", "1 h")
    table.upsert(records((1, 5, NEW), (2, 5, NEW)))
    table.compact()
    assert stored(table) == {1: 5, 2: 15}


def test_a_table_that_lost_its_time_column_is_neither_written_nor_compacted():
    table = expiring()
    table.upsert(records((1, "a", NEW)))
    table = changed(table, "record-level.time-field", "gone")
    for act in (lambda: table.compact(full=True), lambda: table.upsert(records((1, "b", NEW)))):
        with pytest.raises(ts.UnsupportedFormatError, match=r"table shop\.t: .*'gone'"):
            act()
    assert stored(table) == {1: "a"}
