from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from tablestore.predicate.bind import bind
from tablestore.predicate.coerce import to_predicate
from tablestore.predicate.nodes import col
from tablestore.predicate.parse import parse_where
from tablestore.predicate.prune import ColumnRange, equality_values, may_match

NAN = float("nan")
SCHEMA = pa.schema(
    {
        "a": pa.int64(),
        "b": pa.int32(),
        "s": pa.string(),
        "x": pa.float64(),
        "m": pa.decimal128(5, 2),
        "d": pa.date32(),
        "t": pa.timestamp("us"),
        "o": pa.bool_(),
        "r": pa.binary(),
    }
)


def may(where, row_count=10, **ranges):
    return may_match(bind(to_predicate(where), SCHEMA), ranges, row_count)


FIVE_TO_NINE = ColumnRange(5, 9, 0)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("a = 4", False),
        ("a = 5", True),
        ("a = 9", True),
        ("a = 10", False),
        ("a != 7", True),
        ("a < 5", False),
        ("a <= 5", True),
        ("a > 9", False),
        ("a >= 9", True),
        ("a > 8.5", True),
        ("a > 9.5", False),
        ("a in (1, 2, 10)", False),
        ("a in (1, 7)", True),
        ("a not in (5, 9)", True),
        ("a between 1 and 4", False),
        ("a is null", False),
        ("a is not null", True),
        ("not (a >= 5)", False),
        ("not (a > 5)", True),
        ("a = 4 or a = 6", True),
        ("a = 4 or a = 10", False),
        ("a > 5 and a < 5", False),
        ("a = null", False),
        ("not a = null", False),
        ("a not in (4, null)", False),
        ("false", False),
        ("not true", False),
        ("null", False),
        ("a = b", True),
        ("a < 4 or b = 1", True),
        ("a < 4 and b = 1", False),
    ],
)
def test_a_known_range_decides(where, expected):
    assert may(where, a=FIVE_TO_NINE) is expected


def test_one_value_only_decides_the_negations_too():
    one = ColumnRange(5, 5, 0)
    assert not may("a != 5", a=one)
    assert not may("a not in (5, 6)", a=one)
    assert not may("not a = 5", a=one)
    assert may("a != 5", a=ColumnRange(5, None, 0))


@pytest.mark.parametrize(
    "where", ["a = 5", "a < 5", "a in (1)", "not a = 5", "s like 'x%'", "a is null"]
)
def test_nothing_known_excludes_nothing(where):
    assert may(where)
    assert may(where, a=ColumnRange(), s=ColumnRange())
    assert may_match(bind(parse_where(where), SCHEMA), {}, None)


def test_a_column_of_nulls_only_matches_nothing_but_is_null():
    nulls = ColumnRange(None, None, 10)
    for where in ("a = 5", "not a = 5", "a < 1e30", "a in (1)", "a is not null"):
        assert not may(where, a=nulls), where
    assert may("a is null", a=nulls)
    assert not may("s like '%'", s=nulls)
    # Without the number of rows, ten nulls may be some of many rows; bounds contradict ten of ten.
    assert may("a = 5", None, a=nulls)
    assert may("a = 5", a=ColumnRange(1, 9, 10))


def test_a_file_without_rows_matches_nothing():
    assert not may("true", 0)
    assert not may_match(None, {}, 0)
    assert may_match(None, {}, 1)


def test_nan_left_out_of_a_range_is_still_greater_than_all():
    usual = ColumnRange(1.0, 2.0, 0)
    assert may("x > 5", x=usual)
    assert may("x >= 5", x=usual)
    assert may("x = 'NaN'", x=usual)
    assert not may("x < 1", x=usual)
    assert not may("x = 0.5", x=usual)
    assert may("x != 1.5", x=ColumnRange(1.5, 1.5, 0))
    without = ColumnRange(1.0, 2.0, 0, has_nan=False)
    assert not may("x > 5", x=without)
    assert not may("x = 'NaN'", x=without)


def test_nan_as_a_bound_is_not_believed():
    both = ColumnRange(NAN, NAN, 0)  # ORC, when the first value is NaN
    for where in ("x = 1", "x < 1", "x > 1", "x != 'NaN'", "x in (1, 2)"):
        assert may(where, x=both), where
    assert may("x > 5", x=ColumnRange(1.0, NAN, 0, has_nan=False))


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (-0.0, -0.0), (0.0, -0.0)])
def test_zeros_in_bounds_are_one_number(low, high):
    known = ColumnRange(low, high, 0, has_nan=False)
    for where in ("x = 0.0", "x >= 0", "x <= 0", col("x") == -0.0, col("x").isin([-0.0])):
        assert may(where, x=known), where
    assert not may("x < 0", x=known)
    assert not may("x != 0", x=known)


def test_cut_text_bounds_are_bounds():
    known = ColumnRange("abc", "abe", 0)  # for values from 'abc...' up to 'abdzzz'
    assert may("s = 'abdz'", s=known)
    assert may("s like 'abd%'", s=known)
    assert may("s like 'ab%'", s=known)
    assert may("s like 'abcxyz%'", s=known)
    assert may("s like '%x'", s=known)
    assert not may("s like 'abb%'", s=known)
    assert not may("s like 'abf%'", s=known)
    assert not may("s like 'b_'", s=known)
    assert not may("s like 'abf'", s=known)
    assert may("s not like 'abb%'", s=known)
    assert not may("s = '\U0001f600'", s=ColumnRange("a", "\uffff", 0))


def test_every_other_type_prunes_in_its_own_representation():
    assert not may("m > 2.5", m=ColumnRange(Decimal("1.00"), Decimal("2.50"), 0))
    assert not may("d < '1970-01-02'", d=ColumnRange(1, 5, 0))
    assert may("d < '1970-01-02'", d=ColumnRange(0, 5, 0))
    assert not may("t >= '1970-01-01 00:00:01'", t=ColumnRange(0, 999_999_999, 0))
    assert not may("o", o=ColumnRange(False, False, 0))
    assert may("not o", o=ColumnRange(False, True, 0))
    assert not may("r = x'80'", r=ColumnRange(b"\x00", b"\x7f\xff", 0))


def test_a_range_of_another_kind_of_value_says_nothing():
    assert may("a = 5", a=ColumnRange("x", "y", 0))
    assert may("s = 'a'", s=ColumnRange(b"x", b"y", 0))


def test_an_unbound_predicate_is_never_pruned_on():
    assert may_match(parse_where("x > 5"), {"x": ColumnRange(1.0, 2.0, 0)}, 10)


def values(where, *columns):
    return equality_values(bind(to_predicate(where), SCHEMA), columns)


def test_equality_values_are_the_products_in_the_order_asked_for():
    assert values("a = 1 and s in ('x', 'y') and b > 3", "s", "a") == [("x", 1), ("y", 1)]
    assert values("a = 1 or a = 2 or a in (2, 3)", "a") == [(1,), (2,), (3,)]
    assert values("a in (1, null)", "a") == [(1,)]
    assert values("a in (1, 2) and a in (2, 3)", "a") == [(2,)]
    assert values("d = '1970-01-02' and t = '1970-01-02'", "d", "t") == [(1, 86_400_000_000_000)]
    assert values("m = 1", "m") == [(Decimal("1.00"),)]


@pytest.mark.parametrize(
    "where",
    [
        "a = 1",
        "a = 1 and b > 2",
        "a = 1 or b = 2",
        "not a = 1",
        "a = 1 or a > 5",
        "a = b and a = 1",
        "(a = 1 and b = 2) or (a = 3 and b = 4)",
    ],
)
def test_equality_values_are_none_without_a_limit_on_each_column(where):
    assert values(where, "a", "b") is None


def test_equality_values_are_none_beyond_a_thousand_tuples():
    thousand = col("a").isin(range(1000))
    assert len(values(thousand & (col("b") == 1), "a", "b")) == 1000
    assert values(thousand & col("b").isin([1, 2]), "a", "b") is None


@pytest.mark.parametrize(
    "where", ["a = 1 and a = 2", "b = 1e30 and a = 1", "a = null", "a = 1 and false", "a = 1.5"]
)
def test_equality_values_are_empty_where_nothing_is_selected(where):
    assert values(where, "a") == []


def test_equality_values_name_both_zeros_and_no_nan():
    assert [str(row[0]) for row in values("x = 0 or x = 1", "x")] == ["1.0", "0.0", "-0.0"]
    assert values(col("x") == NAN, "x") is None
    assert equality_values(None, ["a"]) is None
    assert equality_values(parse_where("a = 1"), ["a"]) is None
