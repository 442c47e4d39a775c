from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.format.binary_row import Timestamp, decode_row, row_arity
from tablestore.format.manifest import EMPTY_ROW
from tablestore.format.stats import (
    KEY_STATS_MODE,
    ColumnStats,
    StatsMode,
    column_modes,
    column_stats,
    encode_key_stats,
    encode_value_stats,
)
from tablestore.format.stats_mode import COUNTS, FULL, NONE, truncate_max, truncate_min
from tablestore.format.values import values_to_arrow
from tablestore.types.arrow import to_arrow
from tablestore.types.model import BYTES, STRING, ArrayType, AtomicType, DataField, DataType

INT, DOUBLE = AtomicType("INT"), AtomicType("DOUBLE")
FOUR = StatsMode.parse("truncate(4)")


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("abcd", "abcd", "abcd"),
        ("abcde", "abcd", "abce"),
        ("中文字符号", "中文字符", "中文字笧"),
        ("\x7f" * 5, "\x7f" * 4, "\x7f\x7f\x7f\x80"),
        ("\U0010ffff" * 5, "\U0010ffff" * 4, None),
        ("ab" + "\U0010ffff" * 3, "ab" + "\U0010ffff" * 2, "ac"),
        ("\U0001f600" * 5, "\U0001f600" * 4, "\U0001f600" * 3 + "\U0001f601"),
        ("abc\ud7ffx", "abc\ud7ff", "abc\ue000"),
        (b"\1\2\3\4\5", b"\1\2\3\4", b"\1\2\3\5"),
        (b"\1\2\3\xff\5", b"\1\2\3\xff", b"\1\2\4"),
        (b"\xff\xff\xff\xff\5", b"\xff\xff\xff\xff", None),
        ("", "", ""),
        (b"", b"", b""),
    ],
)
def test_truncated_bounds_hold(value: Any, low: Any, high: Any):
    assert truncate_min(value, 4) == low
    assert truncate_max(value, 4) == high
    assert low <= value
    assert high is None or high >= value


def test_text_that_has_no_upper_bound_has_no_lower_one_either():
    values = pa.array(["a", "\U0010ffff" * 5, None])
    assert column_stats(values, STRING, FOUR) == (None, None, 1)


def test_truncated_text_is_cut_at_the_end_only():
    stats = ColumnStats(STRING, FOUR)
    stats.add(pa.array(["abcdz"]))
    stats.add(pa.array(["abcdy", "abcdzz"]))
    assert stats.finish() == ("abcd", "abce", 0)
    assert column_stats(pa.array(["abcdz"]), STRING, FULL) == ("abcdz", "abcdz", 0)


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("none", NONE),
        ("COUNTS", COUNTS),
        (" full ", FULL),
        ("truncate(16)", StatsMode(True, True, 16)),
        ("TRUNCATE( 3 )", StatsMode(True, True, 3)),
    ],
)
def test_modes_are_parsed(text: str, mode: StatsMode):
    assert StatsMode.parse(text) == mode


@pytest.mark.parametrize(
    "text", ["", "some", "truncate", "truncate()", "truncate(0)", "truncate(-1)"]
)
def test_unknown_modes_are_named(text: str):
    with pytest.raises(InvalidInputError, match="unknown stats mode"):
        StatsMode.parse(text)


def decimal(precision: int, scale: int) -> AtomicType:
    return AtomicType("DECIMAL", precision=precision, scale=scale)


@pytest.mark.parametrize(
    ("kind", "values", "low", "high"),
    [
        (AtomicType("BOOLEAN"), [True, False], False, True),
        (AtomicType("BOOLEAN"), [True, True], True, True),
        (AtomicType("TINYINT"), [5, -128], -128, 5),
        (AtomicType("BIGINT"), [2**63 - 1, -(2**63)], -(2**63), 2**63 - 1),
        (AtomicType("FLOAT"), [1.5, -2.5], -2.5, 1.5),
        (DOUBLE, [-math.inf, math.inf], -math.inf, math.inf),
        (AtomicType("DATE"), [19000, -5], -5, 19000),
        (AtomicType("TIME", precision=3), [86_399_999, 1], 1, 86_399_999),
        (decimal(10, 2), [Decimal("12.30"), Decimal("-0.01")], Decimal("-0.01"), Decimal("12.30")),
        (decimal(38, 0), [Decimal(10**38 - 1), Decimal(0)], Decimal(0), Decimal(10**38 - 1)),
        (
            AtomicType("TIMESTAMP", precision=3),
            [Timestamp(-1), Timestamp(7)],
            Timestamp(-1),
            Timestamp(7),
        ),
        (
            AtomicType("TIMESTAMP_LTZ", precision=6),
            [Timestamp(-1, 999_000), Timestamp(-1, 1000)],
            Timestamp(-1, 1000),
            Timestamp(-1, 999_000),
        ),
        (
            AtomicType("TIMESTAMP", precision=9),
            [Timestamp(5, 1), Timestamp(5, 999_999)],
            Timestamp(5, 1),
            Timestamp(5, 999_999),
        ),
        (STRING, ["\U0001f600", "\ue000", "z"], "z", "\U0001f600"),
        (AtomicType("CHAR", 5), ["b ", "a"], "a", "b "),
    ],
)
def test_bounds_of_every_type(kind: AtomicType, values: list[Any], low: Any, high: Any):
    array = values_to_arrow([None, *values, None], kind)
    assert column_stats(array, kind) == (low, high, 2)
    stats = ColumnStats(kind)
    for start in range(len(array)):  # batch by batch, in chunks, all-null and empty batches too
        stats.add(pa.chunked_array([array[start : start + 1], array[:0]]))
    assert stats.finish() == (low, high, 2)


@pytest.mark.parametrize("kind", [AtomicType("FLOAT"), DOUBLE])
def test_a_column_with_nan_has_no_bounds(kind: AtomicType):
    nan = pa.array([math.nan, None], to_arrow(kind))
    one = pa.array([1.0], to_arrow(kind))
    for batches in ([nan], [one, nan], [nan, one], [one, nan, one]):
        stats = ColumnStats(kind)
        for batch in batches:
            stats.add(batch)
        assert stats.finish() == (None, None, 1)


@pytest.mark.parametrize("zeros", [[0.0], [-0.0], [0.0, -0.0]])
def test_a_zero_bound_holds_for_both_zeros(zeros: list[float]):
    low, high, _ = column_stats(pa.array(zeros), DOUBLE)
    assert (math.copysign(1, low), math.copysign(1, high)) == (-1, 1)
    low, high, _ = column_stats(pa.array([*zeros, 5.0]), DOUBLE)
    assert (math.copysign(1, low), high) == (-1, 5.0)
    low, high, _ = column_stats(pa.array([*zeros, -5.0]), DOUBLE)
    assert (low, math.copysign(1, high)) == (-5.0, 1)


@pytest.mark.parametrize("kind", [BYTES, AtomicType("BINARY", 3), AtomicType("VARBINARY", 9)])
def test_binary_columns_count_nulls_only(kind: AtomicType):
    assert column_stats(pa.array([b"a", None, b"\xff"]), kind) == (None, None, 1)


def test_all_null_columns_have_their_null_count():
    assert column_stats(pa.nulls(3, pa.int32()), INT) == (None, None, 3)
    assert column_stats(pa.array([], pa.int32()), INT) == (None, None, 0)


def test_counts_mode_keeps_no_bounds():
    assert column_stats(pa.array([1, None], pa.int32()), INT, COUNTS) == (None, None, 1)


VALUES: dict[str, tuple[DataType, Any, str]] = {
    "a": (INT, pa.array([3, 1], pa.int32()), "truncate(16)"),
    "b": (ArrayType(INT), pa.array([[1], None]), "truncate(16)"),
    "c": (STRING, pa.array(["x" * 20, None]), "truncate(16)"),
    "d": (INT, pa.array([1, 2], pa.int32()), "none"),
    "e": (INT, pa.array([None, 2], pa.int32()), "counts"),
    "v": (AtomicType("VARIANT"), pa.nulls(2), "truncate(16)"),
}


def collected(names: str) -> tuple[list[DataField], list[ColumnStats]]:
    fields, columns = [], []
    for name in names:
        kind, array, mode = VALUES[name]
        fields.append(DataField(0, name, kind))
        columns.append(ColumnStats(kind, StatsMode.parse(mode)))
        columns[-1].add(array)
    return fields, columns


def test_dense_statistics_name_the_columns_that_have_some():
    stats, columns = encode_value_stats(*collected("abcdev"))
    assert columns == ("a", "c", "e")
    types = (INT, STRING, INT)
    assert decode_row(stats.min_values, types) == (1, "x" * 16, None)
    assert decode_row(stats.max_values, types) == (3, "x" * 15 + "y", None)
    assert stats.null_counts == (0, 1, 1)


def test_dense_statistics_of_all_columns_name_none():
    stats, columns = encode_value_stats(*collected("ace"))
    assert columns is None
    assert row_arity(stats.min_values) == 3


def test_dense_statistics_of_no_columns_are_empty():
    stats, columns = encode_value_stats(*collected("bd"))
    assert columns == ()
    assert (stats.min_values, stats.max_values, stats.null_counts) == (EMPTY_ROW, EMPTY_ROW, ())


def test_sparse_statistics_have_a_slot_for_every_column():
    stats, columns = encode_value_stats(*collected("abcdev"), dense=False)
    assert columns is None
    types = (INT, INT, STRING, INT, INT, INT)
    assert decode_row(stats.min_values, types) == (1, None, "x" * 16, None, None, None)
    assert decode_row(stats.max_values, types) == (3, None, "x" * 15 + "y", None, None, None)
    assert stats.null_counts == (0, None, 1, None, 1, None)


def test_key_statistics_have_a_slot_for_every_key_column():
    fields = [DataField(0, "k", STRING), DataField(1, "b", BYTES)]
    columns = [ColumnStats(f.type, KEY_STATS_MODE) for f in fields]
    columns[0].add(pa.array(["é" * 129]))
    columns[1].add(pa.array([b"x"]))
    stats = encode_key_stats(fields, columns)
    assert decode_row(stats.min_values, (STRING, BYTES)) == ("é" * 128, None)
    assert decode_row(stats.max_values, (STRING, BYTES)) == ("é" * 127 + "ê", None)
    assert stats.null_counts == (0, 0)


def test_key_statistics_of_append_tables_are_empty():
    stats = encode_key_stats([], [])
    assert (stats.min_values, stats.max_values, stats.null_counts) == (EMPTY_ROW, EMPTY_ROW, ())


def test_key_statistics_need_one_for_each_column():
    with pytest.raises(InvalidInputError, match="1 key columns with 0 statistics"):
        encode_key_stats([DataField(0, "k", STRING)], [])


def test_column_modes_take_the_nearest_setting():
    fields = [DataField(i, name, INT) for i, name in enumerate("kabcd")]
    settings = {"table_mode": "full", "column_modes": {"b": "counts"}}
    assert column_modes(fields, **settings) == (FULL, FULL, COUNTS, FULL, FULL)
    assert column_modes(fields, **settings, key=("k",))[0] == KEY_STATS_MODE
    # key columns do not use up the first n, columns with a mode of their own do
    modes = column_modes(fields, **settings, keep_first_n=2, key=("k",))
    assert modes == (KEY_STATS_MODE, FULL, COUNTS, NONE, NONE)
    assert column_modes(fields, **settings, keep_first_n=0)[2] == COUNTS
