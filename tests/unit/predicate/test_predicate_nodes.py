from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.predicate.from_python import literal
from tablestore.predicate.literal import Literal
from tablestore.predicate.nodes import And, Column, Compare, Constant, In, Like, Not, Or, col
from tablestore.predicate.parse import parse_where
from tablestore.predicate.traverse import columns, rename, split


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (col("a") > 3, "a > 3"),
        (col("a") >= 3, "a >= 3"),
        (col("a") < 3, "a < 3"),
        (3 <= col("a"), "a >= 3"),  # noqa: SIM300
        (col("a") == "x", "a = 'x'"),
        (col("a") != Decimal("1.5"), "a != 1.5"),
        (col("a") < col("b"), "a < b"),
        (col("a").isin([1, None, 1]), "a in (1, null)"),
        (col("a").is_null(), "a is null"),
        (col("a").is_not_null(), "a is not null"),
        (col("a").like("x%"), "a like 'x%'"),
        (col("a").startswith("50%_\\"), "a like '50\\%\\_\\\\%'"),
        (col("a").between(1, 2), "a between 1 and 2"),
        ((col("a") > 1) & (col("b") > 2) & (col("c") > 3), "a > 1 and b > 2 and c > 3"),
        ((col("a") > 1) | (col("b") > 2) | (col("c") > 3), "a > 1 or b > 2 or c > 3"),
        (~(col("a") > 1), "not a > 1"),
        (col("a") & ~col("b") | col("c"), "a and not b or c"),
    ],
)
def test_building_and_parsing_give_the_same_predicate(built, text):
    assert built == parse_where(text)
    assert hash(built) == hash(parse_where(text))


def test_python_words_are_refused_with_the_operators_to_use():
    a, b = col("a"), col("a") > 1
    for wrong in (
        lambda: a and b,
        lambda: b or a,
        lambda: not b,
        lambda: 1 < a < 5,
        lambda: bool(a),
    ):
        with pytest.raises(InvalidInputError, match=r"combine filters with & \| ~"):
            wrong()


def test_wrong_building_is_refused_with_what_to_write():
    with pytest.raises(InvalidInputError, match=r"is_null\(\)"):
        assert col("a") == None  # noqa: E711
    with pytest.raises(InvalidInputError, match=r"isin\(\['abc'\]\)"):
        col("a").isin("abc")
    with pytest.raises(InvalidInputError, match="only with another filter, found 3"):
        (col("a") > 1) & 3
    with pytest.raises(InvalidInputError, match="cannot compare with a list"):
        assert col("a") > [1]
    with pytest.raises(InvalidInputError, match="must be text"):
        col(3)
    with pytest.raises(InvalidInputError, match="text pattern"):
        col("a").like(3)
    with pytest.raises(InvalidInputError, match="lone surrogate"):
        assert col("a") == "\udfff"
    with pytest.raises(TypeError):
        hash(col("a"))


def test_isin_of_nothing_is_false_and_not_unknown():
    assert col("a").isin([]) == Constant(truth=False)


def test_literals_keep_bool_apart_from_int():
    assert literal(1) != literal(True)
    assert col("a").isin([1, True]) == In(Column("a"), (Literal(1, "int"), Literal(True, "bool")))


UTC = dt.UTC
PLUS2 = dt.timezone(dt.timedelta(hours=2))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Literal(None, "null")),
        (np.int8(5), Literal(5, "int")),
        (np.uint64(2**63), Literal(2**63, "int")),
        (np.float32(0.5), Literal(0.5, "float")),
        (np.bool_(True), Literal(True, "bool")),
        (np.str_("x"), Literal("x", "str")),
        (np.bytes_(b"x"), Literal(b"x", "bytes")),
        (np.datetime64("1970-01-02"), Literal(86_400_000_000_000, "timestamp")),
        (np.datetime64(3, "ns"), Literal(3, "timestamp")),
        (np.datetime64("NaT"), Literal(None, "null")),
        (bytearray(b"x"), Literal(b"x", "bytes")),
        (dt.date(1970, 1, 3), Literal(2, "date")),
        (dt.time(0, 0, 1, 5), Literal(1_000_005_000, "time")),
        (dt.datetime(1969, 12, 31, 23, 59, 59, 999_999), Literal(-1000, "timestamp")),
        (dt.datetime(1970, 1, 1, 2, tzinfo=PLUS2), Literal(0, "timestamptz")),
        (pa.scalar(7, pa.int8()), Literal(7, "int")),
        (pa.scalar(None, pa.string()), Literal(None, "null")),
        (pa.scalar("x", pa.large_string()), Literal("x", "str")),
        (pa.scalar(5, pa.timestamp("ns")), Literal(5, "timestamp")),
        (pa.scalar(5, pa.timestamp("ms", "UTC")), Literal(5_000_000, "timestamptz")),
        (pa.scalar(5, pa.int32()).cast(pa.date32()), Literal(5, "date")),
        (pa.scalar(5, pa.int32()).cast(pa.time32("ms")), Literal(5_000_000, "time")),
        (pa.scalar(5, pa.int64()).cast(pa.time64("ns")), Literal(5, "time")),
        (Decimal("NaN"), Literal),
        (Decimal("-Infinity"), Literal(float("-inf"), "float")),
        (Decimal("1E+999999999"), Literal(float("inf"), "float")),
        (Decimal("-1E-999999999"), Literal(Decimal("-1E-400"), "decimal")),
    ],
)
def test_every_python_value_becomes_a_normal_literal(value, expected):
    found = literal(value)
    if expected is Literal:
        assert found.is_nan
    else:
        assert found == expected
        assert type(found.value) is type(expected.value)


@pytest.mark.parametrize(
    "value",
    [object(), [1], {"a": 1}, dt.timedelta(1), 1j, pa.scalar([1]), pa.scalar(dt.timedelta(1))],
)
def test_values_that_no_column_compares_with_are_refused(value):
    with pytest.raises(InvalidInputError, match="a filter cannot compare with"):
        literal(value)


def test_pandas_timestamps_keep_their_nanoseconds():
    pd = pytest.importorskip("pandas")
    assert literal(pd.Timestamp("1970-01-01 00:00:00.000000007")) == Literal(7, "timestamp")
    assert literal(pd.Timestamp(0, tz="Europe/Berlin")) == Literal(0, "timestamptz")
    assert literal(pd.NaT) == Literal(None, "null")


WIDE = parse_where("a = 1 and (b > c or not d in (1)) and e is null and f like 'x' and true")


def test_columns_names_every_column_on_both_sides():
    assert columns(WIDE) == set("abcdef")
    assert columns(None) == set()


def test_rename_changes_every_place_and_leaves_other_names():
    renamed = rename(WIDE, {"a": "b", "b": "a", "c": "x", "d": "y", "e": "z"})
    assert renamed == parse_where(
        "b = 1 and (a > x or not y in (1)) and z is null and f like 'x' and true"
    )


def test_split_takes_the_parts_that_read_only_the_names():
    inside, outside = split(
        parse_where("a = 1 and (a = 2 or b = 3) and not (a = 4 or b = 5)"), ["a"]
    )
    assert inside == And((parse_where("a = 1"), Not(parse_where("a = 4"))))
    assert outside == And((parse_where("a = 2 or b = 3"), Not(parse_where("b = 5"))))


def test_split_of_nothing_and_of_one_side():
    only = parse_where("a = 1 or a = 2")
    assert split(None, ["a"]) == (None, None)
    assert split(only, {"a", "b"}) == (only, None)
    assert split(only, {"b"}) == (None, only)


def test_nodes_repr_is_filter_text():
    assert repr(Or((col("a") > 1, Like(Column("b"), "x'%")))) == "a > 1 or b like 'x''%'"
    assert repr(Compare("=", Column("a"), Literal(float("nan"), "float"))) == "a = 'NaN'"
    assert repr(col("a")) == "col('a')"


def test_building_a_filter_imports_no_pyarrow():
    code = (
        "import sys; from tablestore.predicate.nodes import col; repr(col('a') > 1);"
        "sys.exit(any(m.split('.')[0] in ('pyarrow', 'numpy', 'pandas') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
