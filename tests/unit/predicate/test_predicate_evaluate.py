from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.predicate.arrow_scalar import array_of, constant
from tablestore.predicate.bind import bind
from tablestore.predicate.coerce import to_predicate
from tablestore.predicate.evaluate import mask
from tablestore.predicate.nodes import col
from tablestore.predicate.parse import parse_where

NAN = float("nan")


def chosen(where, **columns):
    """The row numbers that a filter selects."""
    batch = pa.record_batch(columns)
    found = mask(to_predicate(where), batch)
    assert isinstance(found, pa.BooleanArray)
    assert (len(found), found.null_count) == (batch.num_rows, 0)
    return [index for index, value in enumerate(found.to_pylist()) if value]


def test_null_is_not_selected_by_a_test_nor_by_its_negation():
    a = pa.array([1, None, 3])
    assert chosen("a > 1", a=a) == [2]
    assert chosen("not a > 1", a=a) == [0]
    assert chosen("a = null or a != null", a=a) == []
    assert chosen("a is null", a=a) == [1]
    assert chosen("a > 1 or true", a=a) == [0, 1, 2]


def test_not_in_with_a_null_in_the_list_selects_nothing():
    a = pa.array([1, None, 3])
    assert chosen("a in (1, null)", a=a) == [0]
    assert chosen("a not in (1, null)", a=a) == []
    assert chosen("a not in (1)", a=a) == [2]
    assert chosen(~col("a").isin([]), a=a) == [0, 1, 2]


def test_nan_equals_itself_and_is_greater_than_everything():
    a = pa.array([1.0, NAN, float("inf"), None])
    assert chosen("a = 'NaN'", a=a) == [1]
    assert chosen("a > 1e999", a=a) == [1]
    assert chosen("a > 5", a=a) == [1, 2]
    assert chosen("a <= 5", a=a) == [0]
    assert chosen("a < 'NaN'", a=a) == [0, 2]
    assert chosen("a <= 'NaN'", a=a) == [0, 1, 2]
    assert chosen("a != 'NaN'", a=a) == [0, 2]
    assert chosen(col("a").isin([NAN, 1]), a=a) == [0, 1]
    assert chosen("a = b", a=a, b=pa.array([NAN, NAN, 1.0, NAN])) == [1]
    assert chosen("a < b", a=a, b=pa.array([NAN, NAN, 1.0, NAN])) == [0]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_zeros_are_equal_whatever_their_sign(kind):
    a = pa.array([0.0, -0.0, 1.0], kind)
    assert chosen("a = 0", a=a) == [0, 1]
    assert chosen("a >= 0.0", a=a) == [0, 1, 2]
    assert chosen("a < 0.0", a=a) == []
    assert chosen(col("a") == -0.0, a=a) == [0, 1]
    assert chosen(col("a").isin([-0.0]), a=a) == [0, 1]
    assert chosen(~col("a").isin([0.0]), a=a) == [2]
    assert chosen("a = b", a=a, b=pa.array([-0.0, 0.0, 0.0], kind)) == [0, 1]


def test_float_columns_compare_as_doubles_with_what_they_cannot_hold():
    a = pa.array([0.1, 0.5, 16777216.0], pa.float32())
    assert chosen("a = 0.1", a=a) == []
    assert chosen("a > 0.1", a=a) == [0, 1, 2]  # 0.1 as FLOAT is 0.100000001
    assert chosen("a <= 0.1", a=a) == []
    assert chosen("a < 16777217", a=a) == [0, 1, 2]
    assert chosen("a in (0.1, 0.5)", a=a) == [1]
    assert chosen("a < 1e300", a=a) == [0, 1, 2]


def test_text_compares_by_code_points_and_like_takes_one_code_point_an_underscore():
    a = pa.array(["\uffff", "😀", "é", "z", "a\nb", None])
    assert chosen("a > '\uffff'", a=a) == [1]
    assert chosen("a like '_'", a=a) == [0, 1, 2, 3]
    assert chosen("a like 'a_b'", a=a) == [4]
    assert chosen("a not like '%'", a=a) == []


def test_like_takes_the_signs_of_regular_expressions_literally():
    signs = list("\\.+*?()|[]{}^$/#-&~ \t\n'\"\x00")
    for sign in signs:
        pattern = "%" + (sign if sign != "\\" else "\\\\") + "_"
        predicate = col("a").like(pattern)
        assert chosen(predicate, a=pa.array([sign + "x", "xx", "y" + sign + "z"])) == [0, 2], sign


@pytest.mark.parametrize(
    "make",
    [
        lambda a: a.dictionary_encode(),
        lambda a: a.cast(pa.large_string()),
        lambda a: a.cast(pa.string_view()),
        lambda a: pa.DictionaryArray.from_arrays(
            pa.array([2, 1, 0, 3], pa.int8()), pa.array(["ba", None, "ab", "b"])
        ),
    ],
    ids=["dictionary", "large", "view", "null in the dictionary"],
)
def test_text_in_every_form_gives_the_same_answers(make):
    a = make(pa.array(["ab", None, "ba", "b"]))
    assert chosen("a = 'ab'", a=a) == [0]
    assert chosen("a >= 'b'", a=a) == [2, 3]
    assert chosen("a in ('ab', 'b')", a=a) == [0, 3]
    assert chosen("a like '%b%'", a=a) == [0, 2, 3]
    assert chosen("a like 'b_'", a=a) == [2]
    assert chosen("a is null", a=a) == [1]
    assert chosen("a is not null", a=a) == [0, 2, 3]
    assert chosen("a = b", a=a, b=pa.array(["ab", None, "x", "b"])) == [0, 3]


def test_columns_of_different_types_compare_by_value():
    assert chosen("a < b", a=pa.array([127, 1], pa.int8()), b=pa.array([2**40, 0])) == [0]
    m = pa.array([Decimal("1.50"), Decimal("2.00")], pa.decimal128(38, 2))
    assert chosen("m = n", m=m, n=pa.array([1, 2])) == [1]
    assert chosen("m = x", m=m, x=pa.array([1.5, 2.5])) == [0]
    late, early = dt.datetime(9999, 12, 31), dt.datetime(1, 1, 1)
    t = pa.array([late, early], pa.timestamp("ms"))
    assert chosen("t > n", t=t, n=pa.array([0, 0], pa.timestamp("ns"))) == [0]
    assert chosen("t > z", t=t, z=pa.array([0, 0], pa.timestamp("us", "UTC"))) == [0]
    assert chosen("t = d", t=t, d=pa.array([late.date(), early.date()])) == [0, 1]


def test_a_table_of_many_chunks_a_slice_and_no_rows():
    table = pa.table({"a": pa.chunked_array([[1, 2], [], [3, None]])})
    predicate = bind(parse_where("a >= 2 or a is null"), table.schema)
    assert mask(predicate, table).to_pylist() == [False, True, True, True]
    assert mask(predicate, table.slice(1, 2)).to_pylist() == [True, True]
    assert mask(predicate, table.to_batches()[0].slice(1)).to_pylist() == [True]
    assert mask(predicate, table.schema.empty_table()).to_pylist() == []
    assert mask(None, table).to_pylist() == [True] * 4
    assert mask(parse_where("true"), table).to_pylist() == [True] * 4


def test_a_column_that_the_batch_lacks_is_named():
    bound = bind(parse_where("a > 1"), {"a": pa.int64()})
    with pytest.raises(InvalidInputError, match="reads column 'a', which is not here"):
        mask(bound, pa.table({"b": [1]}))


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        (pa.int8(), [-128, 127, None], [-128, 127, None]),
        (pa.uint64(), [2**64 - 1], [2**64 - 1]),
        (pa.bool_(), [True, None, False] * 5, [True, None, False] * 5),
        (pa.float32(), [0.5, None], [0.5, None]),
        (pa.string(), ["", None, "é😀"], ["", None, "é😀"]),
        (pa.large_string(), ["x", None], ["x", None]),
        (pa.binary(), [b"", None, b"\x00\xff"], [b"", None, b"\x00\xff"]),
        (
            pa.decimal128(38, 37),
            [Decimal("-1." + "9" * 37), None],
            [Decimal("-1." + "9" * 37), None],
        ),
        (pa.decimal256(76, 0), [Decimal("9" * 76)], [Decimal("9" * 76)]),
        (pa.date32(), [-1, None], [dt.date(1969, 12, 31), None]),
        (pa.date64(), [1], [dt.date(1970, 1, 2)]),
        (pa.time32("ms"), [1500, None], [dt.time(0, 0, 1, 500_000), None]),
        (pa.time32("s"), [2000], [dt.time(0, 0, 2)]),
        (
            pa.timestamp("ms"),
            [-1_000_000, None],
            [dt.datetime(1969, 12, 31, 23, 59, 59, 999_000), None],
        ),
        (pa.timestamp("us"), [1000], [dt.datetime(1970, 1, 1, 0, 0, 0, 1)]),
        (pa.int32(), [], []),
    ],
)
def test_array_of_bound_values_is_the_array_that_pyarrow_makes(kind, values, expected):
    found = array_of(values, kind)
    found.validate(full=True)
    assert found.equals(pa.array(expected, kind))


def test_array_of_keeps_the_sign_of_zero_and_nan():
    assert [str(value) for value in array_of([-0.0, 0.0, NAN], pa.float64()).to_pylist()] == [
        "-0.0",
        "0.0",
        "nan",
    ]
    for truth in (True, False, None):
        assert constant(truth, 11).to_pylist() == [truth] * 11


def test_filtering_imports_neither_pandas_nor_dataset():
    code = (
        "import sys, pyarrow as pa\n"
        "from tablestore.predicate.coerce import to_predicate\n"
        "from tablestore.predicate.bind import bind\n"
        "from tablestore.predicate.evaluate import mask\n"
        "kinds = {'i': pa.int8(), 's': pa.string(), 'd': pa.date32(), 'x': pa.float32(),\n"
        "         'm': pa.decimal128(5, 2), 't': pa.timestamp('ns', 'UTC')}\n"
        "nulls = [pa.nulls(9, kind) for kind in kinds.values()]\n"
        "batch = pa.RecordBatch.from_arrays(nulls, names=list(kinds))\n"
        "where = \"not (i in (1, null) or s like 'a%b' or d > '2026-11-01' or x < 1.5 or true\"\n"
        "where += \" or m = 1.5 and t < date '2026-11-01' and x in (0, 1) and t > d and m < i)\"\n"
        "assert mask(bind(to_predicate(where), batch.schema), batch).true_count == 0\n"
        "bad = [m for m in sys.modules if m.split('.')[0] == 'pandas' or m == 'pyarrow.dataset']\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
