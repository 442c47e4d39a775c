"""Versions of a key become one value a column."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError
from tablestore.merge.aggregation import Aggregation
from tablestore.merge.aggregators.registry import aggregator
from tablestore.merge.groups import Groups, gathered
from tablestore.options.aggregation import ColumnAggregation
from tablestore.types.parse import parse_type

INSERT, BEFORE, AFTER, DELETE = range(4)


def merge(sizes, kinds, values, kind, function, *, remove_on_delete=False, **options):
    """(value, kind) of each key."""
    starts = np.zeros(sum(sizes), dtype=np.bool_)
    starts[np.cumsum([0, *sizes[:-1]])] = True
    groups = Groups(np.arange(sum(sizes)), starts, np.array(kinds, dtype=np.int8))
    settings = ColumnAggregation("v", function, **options)
    engine = Aggregation({"v": aggregator(parse_type(kind), settings)}, remove_on_delete)
    table = {"v": values}
    merged = engine.merge(groups, table.__getitem__, ["v"])
    source = merged.columns.get("v", merged.rows)
    return list(
        zip(gathered(table.__getitem__, "v", source).to_pylist(), merged.kind.tolist(), strict=True)
    )


@pytest.mark.parametrize(
    ("function", "kinds", "values", "result"),
    [
        ("sum", [BEFORE, AFTER], [5, 7], 2),
        ("sum", [INSERT, INSERT, DELETE], [5, None, 2], 3),
        ("last_non_null_value", [INSERT, INSERT, DELETE], [1, None, None], 1),
        ("last_non_null_value", [INSERT, DELETE], [1, 1], None),
        ("last_value", [INSERT, DELETE], [1, 1], None),
        ("last_value", [INSERT, INSERT], [1, None], None),
        ("first_value", [INSERT, INSERT], [None, 1], None),
        ("first_non_null_value", [INSERT, INSERT, INSERT], [None, 1, 2], 1),
        ("first_not_null_value", [INSERT, INSERT, INSERT], [None, 1, 2], 1),
        ("max", [INSERT] * 4, [None, 1, 9, 2], 9),
        ("min", [INSERT] * 4, [None, 5, -9, 2], -9),
        ("product", [INSERT, INSERT, DELETE], [3, 4, -5], -2),
    ],
)
def test_worked_groups(function, kinds, values, result):
    column = pa.array(values, pa.int32())
    assert merge([len(kinds)], kinds, column, "INT", function) == [(result, INSERT)]


def test_a_single_record_stays_as_it_is_a_retract_too():
    column = pa.array([5, 1, 2, 7], pa.int64())
    kinds = [DELETE, INSERT, INSERT, AFTER]
    merged = merge([1, 2, 1], kinds, column, "BIGINT", "sum")
    assert merged == [(5, DELETE), (3, INSERT), (7, AFTER)]


def test_a_delete_removes_the_record_and_later_adds_go_on_from_its_values():
    column = pa.array([10, 4, 1, 8, 2], pa.int64())
    kinds = [INSERT, DELETE, INSERT, INSERT, DELETE]
    assert merge([3, 2], kinds, column, "BIGINT", "sum", remove_on_delete=True) == [
        (5, INSERT),
        (2, DELETE),
    ]


@pytest.mark.parametrize("function", ["max", "min", "first_value", "first_non_null_value"])
def test_a_retract_is_refused_by_name_and_the_way_out_is_told(function):
    column = pa.array([1, 1], pa.int32())
    with pytest.raises(InvalidInputError, match=r"'v'.*fields\.v\.ignore-retract"):
        merge([2], [INSERT, DELETE], column, "INT", function)
    assert merge([2], [INSERT, DELETE], column, "INT", function, ignore_retract=True) == [
        (1, INSERT)
    ]


@pytest.mark.parametrize(
    ("kind", "most"),
    [("TINYINT", 127), ("SMALLINT", 32767), ("INT", 2**31 - 1), ("BIGINT", 2**63 - 1)],
)
def test_an_integer_sum_passes_no_bound(kind, most):
    from tablestore.types.arrow import to_arrow

    arrow = to_arrow(parse_type(kind))
    fits = pa.array([most, -most, most, -most - 1], arrow)
    assert merge([2, 2], [INSERT] * 4, fits, kind, "sum") == [(0, INSERT), (-1, INSERT)]
    for values, kinds in [
        ([most, 1], [INSERT, INSERT]),
        ([-most - 1, 1], [INSERT, DELETE]),
        ([-most - 1, 0], [DELETE, INSERT]),
        ([most, 1, -1], [INSERT, INSERT, INSERT]),
    ]:
        with pytest.raises(InvalidInputError, match=r"'v': sum: .* out of the range"):
            merge([len(values)], kinds, pa.array(values, arrow), kind, "sum")


def test_a_long_decimal_sum_that_is_too_large_is_null_and_starts_again():
    from decimal import Decimal

    kind = pa.decimal128(20, 2)
    most = Decimal("999999999999999999.99")
    column = pa.array([most, Decimal("0.01"), Decimal("3.00"), most, Decimal("-0.01")], kind)
    assert merge([3, 2], [INSERT] * 5, column, "DECIMAL(20, 2)", "sum") == [
        (Decimal("3.00"), INSERT),
        (Decimal("999999999999999999.98"), INSERT),
    ]


def test_floats_are_added_one_after_the_other_in_their_own_precision():
    rng = np.random.default_rng(3)
    for dtype, kind in ((np.float32, "FLOAT"), (np.float64, "DOUBLE")):
        values = rng.normal(size=500).astype(dtype)
        held = values[0]
        for value in values[1:]:
            held = held + value
        assert merge([500], [INSERT] * 500, pa.array(values), kind, "sum") == [
            (float(held), INSERT)
        ]


@pytest.mark.parametrize(
    ("kind", "function", "said"),
    [
        ("STRING", "sum", "'v'.*sum needs a number column, found STRING"),
        ("INT", "bool_and", "needs a BOOLEAN column"),
        ("ARRAY<INT>", "max", "have an order"),
        ("INT", "summ", "no aggregate function 'summ'.*'sum'"),
    ],
)
def test_a_function_says_which_types_it_takes(kind, function, said):
    with pytest.raises(InvalidInputError, match=said):
        aggregator(parse_type(kind), ColumnAggregation("v", function))
