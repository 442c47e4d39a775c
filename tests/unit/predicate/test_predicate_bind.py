from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.predicate.bind import bind
from tablestore.predicate.coerce import to_predicate
from tablestore.predicate.literal import Literal
from tablestore.predicate.nodes import Compare, Constant, Fixed, In, col
from tablestore.predicate.snap import snap

SCHEMA = pa.schema(
    {
        "tiny": pa.int8(),
        "id": pa.int64(),
        "price": pa.decimal128(5, 2),
        "f": pa.float32(),
        "x": pa.float64(),
        "name": pa.string(),
        "code": pa.dictionary(pa.int32(), pa.string()),
        "raw": pa.binary(),
        "ok": pa.bool_(),
        "day": pa.date32(),
        "at": pa.timestamp("ms"),
        "zoned": pa.timestamp("us", "UTC"),
        "clock": pa.time32("ms"),
        "tags": pa.list_(pa.string()),
    }
)


def bound(where):
    return bind(to_predicate(where), SCHEMA)


def test_unknown_columns_are_refused_with_the_nearest_name():
    with pytest.raises(InvalidInputError, match=r"unknown column 'nmae' \(did you mean 'name'\?\)"):
        bound("nmae = 'x'")
    with pytest.raises(InvalidInputError, match="unknown column 'Name'"):
        bound("id = 1 or not Name is null")


def test_types_may_be_given_by_name_instead_of_a_schema():
    found = bind(col("a") > 3, {"a": pa.int32()})
    assert found.column.type == pa.int32()


@pytest.mark.parametrize(
    ("where", "op", "value", "kind"),
    [
        ("tiny < 5", "<", 5, "int"),
        ("tiny > 1.5", ">", 1, "int"),
        ("tiny >= 1.5", ">", 1, "int"),
        ("tiny < 1.5", "<=", 1, "int"),
        ("tiny <= -1.5", "<=", -2, "int"),
        ("tiny = 5.0", "=", 5, "int"),
        ("tiny = 5e0", "=", 5, "int"),
        ("price = 1", "=", Decimal("1.00"), "decimal"),
        ("price = 1e-1", "=", Decimal("0.10"), "decimal"),
        ("price > 1.005", ">", Decimal("1.00"), "decimal"),
        ("f = 0.5", "=", 0.5, "float"),
        ("f < 0.1", "<", 0.1, "float"),
        ("x = 0.1", "=", 0.1, "float"),
        ("x = 3", "=", 3.0, "float"),
        ("x < 9007199254740993", "<", 9007199254740992.0, "float"),
        ("day = '2026-11-01'", "=", 20758, "date"),
        ("day = 20758", "=", 20758, "date"),
        ("day > timestamp '2026-11-01 12:00:00'", ">", 20758, "date"),
        ("at = '2026-11-01'", "=", 20758 * 86_400_000_000_000, "timestamp"),
        ("at <= '1970-01-01T00:00:00.0019'", "<=", 1_000_000, "timestamp"),
        ("at > date '1970-01-02'", ">", 86_400_000_000_000, "timestamp"),
        ("zoned = '1970-01-01 00:00:01'", "=", 10**9, "timestamptz"),
        ("zoned = '1970-01-01 01:00:01+01:00'", "=", 10**9, "timestamptz"),
        ("zoned = timestamp '1970-01-01 00:00:01'", "=", 10**9, "timestamptz"),
        ("clock >= '00:00:01.5'", ">=", 1500, "millis"),
        ("clock < time '00:00:00.0015'", "<=", 1, "millis"),
        ("name = 'x'", "=", "x", "str"),
        ("code = 'x'", "=", "x", "str"),
        ("raw = x'00'", "=", b"\x00", "bytes"),
        ("ok", "=", True, "bool"),
    ],
)
def test_constants_become_values_that_the_column_can_hold(where, op, value, kind):
    found = bound(where)
    assert isinstance(found, Compare)
    assert (found.op, found.value) == (op, Literal(value, kind))
    assert type(found.value.value) is type(value)


@pytest.mark.parametrize(
    ("where", "truth"),
    [
        ("tiny < 1000", True),
        ("tiny != 1000", True),
        ("tiny > 1000", False),
        ("tiny = 1000", False),
        ("tiny > -1000", True),
        ("tiny <= -129", False),
        ("tiny > -128.5", True),
        ("id = 1.5", False),
        ("id != 1.5", True),
        ("id < 1e999", True),
        ("price < 1000", True),
        ("price = 1.005", False),
        ("f = 0.1", False),
        ("f != 0.1", True),
        ("day < timestamp '9999-12-31 23:59:59'", None),
        ("at = '1970-01-01 00:00:00.0001'", False),
        ("id in (1.5, 1e30)", False),
    ],
)
def test_constants_outside_the_column_leave_a_fixed_answer_for_what_is_not_null(where, truth):
    found = bound(where)
    if truth is None:
        assert isinstance(found, Compare)
    else:
        assert found == Fixed(found.column, truth)


def test_nulls_among_constants_leave_the_unknown():
    assert bound("id = null") == Constant(None)
    assert bound("id in (null)") == Constant(None)
    assert bound("tiny in (1000, null)") == Constant(None)
    assert bound("tiny in (1000, 1, 1.0, null)").values == (
        Literal(1, "int"),
        Literal(None, "null"),
    )
    assert isinstance(bound("tiny in (1)"), In)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("id = 'abc'", "column 'id' is int64: expected a number to compare with, found 'abc'"),
        ("id = true", "column 'id' is int64, which cannot be compared with true"),
        ("name = 5", "column 'name' is string, which cannot be compared with 5"),
        ("name > date '2026-11-01'", "cannot be compared with date '2026-11-01'"),
        ("raw = 'x'", "column 'raw' is binary, which cannot be compared with 'x'"),
        ("ok = 1", "column 'ok' is bool, which cannot be compared with 1"),
        ("name", "column 'name' is string, which cannot be compared with true"),
        ("day = 'soon'", "expected a date such as '2026-11-01' to compare with, found 'soon'"),
        ("day = 1.5", "column 'day' is date32[day], which cannot be compared with 1.5"),
        ("at = 'soon'", "expected a timestamp without an offset such as"),
        ("at = '2026-11-01 00:00:00Z'", "expected a timestamp without an offset such as"),
        ("at = timestamp '2026-11-01 00:00:00Z'", "cannot be compared with timestamp '2026-"),
        ("at > 5", "column 'at' is timestamp[ms], which cannot be compared with 5"),
        ("zoned = 'soon'", "expected a timestamp such as '2026-11-01T12:30:00Z'"),
        ("clock = '25:00'", "expected a time such as"),
        ("clock = 5", "which cannot be compared with 5"),
        ("id in (1, 'x')", "column 'id' is int64"),
        ("id like 'x%'", "column 'id' is int64: like is for text columns"),
        ("name like 'x\\'", "ends with a lone backslash"),
        ("tags = 'x'", "which cannot be compared with 'x'"),
        ("tags = tags", "cannot be compared with column 'tags'"),
        ("id = name", "column 'id' (int64) cannot be compared with column 'name' (string)"),
        ("day > clock", "cannot be compared with column 'clock'"),
    ],
)
def test_comparisons_of_types_that_do_not_compare_are_refused(where, message):
    with pytest.raises(InvalidInputError) as caught:
        bound(where)
    assert message in str(caught.value)


def test_nested_columns_may_be_asked_for_null():
    assert bound("tags is not null").part.column.type == pa.list_(pa.string())


def test_aware_datetimes_are_refused_on_a_column_without_time_zone():
    with pytest.raises(InvalidInputError, match="cannot be compared with timestamp"):
        bound(col("at") > dt.datetime(2026, 11, 1, tzinfo=dt.UTC))
    assert bound(col("zoned") > dt.datetime(2026, 11, 1)).value.kind == "timestamptz"


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("halves", range(-8, 9))
def test_snapped_comparisons_answer_as_the_original_for_every_value(op, halves):
    from fractions import Fraction

    value = Fraction(halves, 2)
    tests = {
        "=": value.__eq__,
        "!=": value.__ne__,
        "<": value.__gt__,
        "<=": value.__ge__,
        ">": value.__lt__,
        ">=": value.__le__,
    }
    answer = snap(op, value, -2, 2)
    for x in range(-2, 3):
        if isinstance(answer, bool):
            assert answer == tests[op](x)
        else:
            assert -2 <= answer[1] <= 2
            after = {
                "=": x == answer[1],
                "!=": x != answer[1],
                "<": x < answer[1],
                "<=": x <= answer[1],
                ">": x > answer[1],
                ">=": x >= answer[1],
            }[answer[0]]
            assert after == tests[op](x)
