"""pyarrow expressions: applied as pyarrow does, pruned on for what is understood of them."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import acero

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.predicate.bind import bind
from tablestore.predicate.coerce import to_predicate
from tablestore.predicate.evaluate import columns, mask
from tablestore.predicate.flatbuffer import schema_metadata
from tablestore.predicate.nodes import And, Anything, Opaque, col
from tablestore.predicate.parse import parse_where
from tablestore.predicate.prune import ColumnRange, equality_values, may_match, split
from tablestore.predicate.text import to_text
from tablestore.predicate.traverse import rename

NAN = float("nan")
F = pc.field
CALM = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
SCHEMA = pa.schema(
    {
        "i": pa.int8(),
        "n": pa.int64(),
        "x": pa.float64(),
        "y": pa.float32(),
        "s": pa.string(),
        "b": pa.bool_(),
        "m": pa.decimal128(6, 2),
        "t": pa.timestamp("us"),
        "z": pa.timestamp("ms", "UTC"),
        "d": pa.date32(),
    }
)
VALUES = {
    "i": [None, -128, 0, 5, 127],
    "n": [None, -(2**63), 0, 5, 2**53, 2**53 + 1],
    "x": [None, NAN, -0.0, 0.0, 1.5, float("inf")],
    "y": [None, NAN, -0.0, 0.0, 1.5, 2.0**24],
    "s": [None, "", "a", "ab", "b%"],
    "b": [None, True, False],
    "m": [None, Decimal("1.50"), Decimal("-9999.99")],
    "t": [None, dt.datetime(1970, 1, 1), dt.datetime(2026, 11, 1, 1, 2, 3, 4)],
    "z": [None, dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 11, 1, tzinfo=dt.UTC)],
    "d": [None, dt.date(1970, 1, 1), dt.date(2026, 11, 1)],
}
CONSTANTS = {
    **VALUES,
    "i": [-1000, 0, 5, 1.5, 5.0, 300, NAN],
    "n": [0, 5, 2**53 + 1, 0.0, float(2**53)],
    "x": [0, 5, 2**53, 0.0, -0.0, 1.5, NAN],
    "y": [0, 5, 2**24, 2**24 + 1, 0.0, 1.5, 0.1, NAN],
    "m": [Decimal("1.5"), Decimal("1.505"), 1, 1.5],
}


def own(expression, table):
    """What pyarrow itself answers."""
    plan = acero.Declaration.from_sequence(
        [
            acero.Declaration("table_source", acero.TableSourceNodeOptions(table)),
            acero.Declaration("project", acero.ProjectNodeOptions([expression], ["m"])),
        ]
    )
    return [value is True for value in plan.to_table(use_threads=False)["m"].to_pylist()]


def compare(name, value, op):
    left = F(name)
    right = pc.scalar(value)
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": right < left,
        ">=": right <= left,
    }[op]


def isin(name, values, nulls):
    kind = SCHEMA.field(name).type
    return pc.is_in(
        F(name),
        pa.array([v for v in values if v is None or v in VALUES[name]], kind),
        skip_nulls=nulls,
    )


names = st.sampled_from(list(VALUES))
leaves = st.one_of(
    names.flatmap(
        lambda n: st.builds(
            compare,
            st.just(n),
            st.sampled_from([v for v in CONSTANTS[n] if v is not None]),
            st.sampled_from(["=", "!=", "<", "<=", ">", ">="] if n != "b" else ["=", "!="]),
        )
    ),
    names.flatmap(
        lambda n: st.builds(
            isin, st.just(n), st.lists(st.sampled_from(VALUES[n]), max_size=3), st.booleans()
        )
    ),
    names.map(lambda n: F(n).is_null()),
    names.map(lambda n: F(n).is_valid()),
    st.sampled_from(
        [
            F("b"),
            F("x").is_null(nan_is_null=True),
            F("x").is_nan(),
            pc.starts_with(F("s"), "a"),
            pc.starts_with(F("s"), "A", ignore_case=True),
            pc.match_like(F("s"), "a_"),
            pc.match_like(F("s"), "b\\%"),
            F("i") + F("n") > 3,
            F("i").cast("int32") > 3,
            F("x") > F("y"),
            pc.if_else(F("b"), F("b"), F("i") > 0),
        ]
    ),
)
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda e: ~e),
        st.tuples(inner, inner).map(lambda p: p[0] & p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] | p[1]),
    ),
    max_leaves=5,
)
tables = st.lists(
    st.fixed_dictionaries({n: st.sampled_from(v) for n, v in VALUES.items()}), max_size=5
)


def table_of(rows):
    arrays = [
        pa.array([row[name] for row in rows], kind)
        for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)
    ]
    return pa.table(arrays, schema=SCHEMA)


def ranges_of(table, leave_nan_out):
    """Ranges as a file has them; NaN is the maximum or is left out."""
    found = {}
    for name in table.column_names:
        column = table[name]
        if column.type in (pa.timestamp("us"), pa.timestamp("ms", "UTC")):
            scale = 1000 if column.type.unit == "us" else 10**6
            values = [v * scale for v in column.cast(pa.int64()).to_pylist() if v is not None]
        elif column.type == pa.date32():
            values = [v for v in column.cast(pa.int32()).to_pylist() if v is not None]
        else:
            values = [v for v in column.to_pylist() if v is not None]
        usual = sorted(v for v in values if v == v)
        high = usual[-1] if usual else None
        if len(usual) < len(values) and not leave_nan_out:
            high = NAN
        found[name] = ColumnRange(usual[0] if usual else high, high, column.null_count)
    return found


# Overflow in an addition is an error of the data, pyarrow's and ours alike; not the claim here.
def answers(expression, table):
    try:
        return own(expression, table)
    except pa.ArrowInvalid:
        return None


@CALM
@given(tables, expressions)
def test_a_pyarrow_expression_selects_what_pyarrow_selects(rows, expression):
    table = table_of(rows)
    expected = answers(expression, table)
    if expected is not None:
        predicate = to_predicate(expression)
        assert mask(predicate, table).to_pylist() == expected
        assert mask(bind(predicate, SCHEMA), table).to_pylist() == expected


@CALM
@given(tables, expressions, st.booleans())
def test_pruning_never_excludes_what_pyarrow_selects(rows, expression, leave_nan_out):
    table = table_of(rows)
    expected = answers(expression, table)
    if expected is not None and any(expected):
        predicate = bind(to_predicate(expression), SCHEMA)
        assert may_match(predicate, ranges_of(table, leave_nan_out), len(rows))


@pytest.mark.parametrize(
    ("expression", "column", "known"),
    [
        (~(F("x") > 1.5), pa.array([5.0, NAN]), ColumnRange(5.0, 5.0, 0)),
        (~(F("x") <= 1.5), pa.array([1.0, NAN]), ColumnRange(1.0, 1.0, 0)),
        (F("x") != 1.5, pa.array([1.5, NAN]), ColumnRange(1.5, 1.5, 0)),
        (~F("x").isin([0.0]), pa.array([-0.0]), ColumnRange(0.0, 0.0, 0)),
    ],
)
def test_pruning_allows_for_how_pyarrow_takes_nan_and_zeros(expression, column, known):
    table = pa.table({"x": column})
    predicate = bind(to_predicate(expression), table.schema)
    selected = own(expression, table)
    assert mask(predicate, table).to_pylist() == selected
    assert any(selected)
    assert may_match(predicate, {"x": known}, len(column))


@CALM
@given(tables, expressions, st.sets(names))
def test_both_sides_of_a_split_select_what_the_whole_selects(rows, expression, known):
    table = table_of(rows)
    expected = answers(expression, table)
    if expected is not None:
        inside, outside = split(to_predicate(expression), known)
        assert inside is None or columns(inside) <= known
        found = [
            a and b
            for a, b in zip(
                mask(inside, table).to_pylist(), mask(outside, table).to_pylist(), strict=True
            )
        ]
        assert found == expected


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (F("n") > 3, "n > 3"),
        (pc.scalar(3) > F("n"), "n < 3"),
        (F("s") == "x", "s = 'x'"),
        (F("t") >= dt.datetime(1970, 1, 1), "t >= timestamp '1970-01-01 00:00:00'"),
        (F("z") >= dt.datetime(1970, 1, 1, tzinfo=dt.UTC), "z >= timestamp '1970-01-01 00:00:00Z'"),
        (F("d") == dt.date(2026, 11, 1), "d = date '2026-11-01'"),
        (F("m") < Decimal("1.5"), "m < 1.5"),
        (F("n").isin([1, 2]), "n in (1, 2) and n is not null"),
        (F("n").isin([1, None]), "n in (1) or n is null"),
        (F("n").is_null(), "n is null"),
        (F("n").is_valid(), "n is not null"),
        (pc.starts_with(F("s"), "a%"), "s like 'a\\%%'"),
        (pc.match_like(F("s"), "a%"), "s like 'a%'"),
        (~F("b"), "not b"),
        ((F("n") > 3) | (F("n") < 1), "n > 3 or n < 1"),
    ],
)
def test_the_shape_of_an_expression_is_understood(expression, text):
    assert to_predicate(expression).shape == parse_where(text)


@pytest.mark.parametrize(
    "expression",
    [
        F("n") + 1 > 3,
        F("n") > F("x"),
        F(("q", "x")) > 3,
        F("x").is_nan(),
        F("x").is_null(nan_is_null=True),
        pc.starts_with(F("s"), "a", ignore_case=True),
        F("n").cast("int8") > 3,
    ],
)
def test_what_is_not_understood_is_never_pruned_on(expression):
    predicate = to_predicate(expression)
    assert predicate.shape == Anything()
    known = dict.fromkeys(columns(predicate), ColumnRange(0, 0, 0))
    assert may_match(predicate, known, 1)


def test_sides_of_an_and_become_parts_that_split_apart():
    predicate = to_predicate((F("n") > 3) & (F("s") == "x") & ((F("i") == 1) | (F("s") == "y")))
    assert isinstance(predicate, And)
    assert [columns(part) for part in predicate.parts] == [{"n"}, {"s"}, {"i", "s"}]
    assert all(isinstance(part, Opaque) for part in predicate.parts)
    inside, outside = split(predicate, {"s"})
    assert to_text(inside) == 'pyarrow[(s == "x")]'
    assert columns(outside) == {"n", "i", "s"}


def test_files_and_buckets_are_pruned_by_an_expression():
    schema = pa.schema({"n": pa.int64(), "s": pa.string()})
    predicate = bind(to_predicate((F("n") == 3) & F("s").isin(["a", "b"])), schema)
    assert not may_match(predicate, {"n": ColumnRange(4, 9, 0)}, 5)
    assert not may_match(predicate, {"s": ColumnRange("c", "d", 0)}, 5)
    assert may_match(predicate, {"n": ColumnRange(1, 9, 0), "s": ColumnRange("a", "d", 0)}, 5)
    assert equality_values(predicate, ["s", "n"]) == [("a", 3), ("b", 3)]


def test_a_renamed_expression_reads_the_renamed_columns():
    predicate = rename(to_predicate((F("n") > 3) & (F("i") < 9)), {"n": "old_n", "i": "n"})
    table = pa.table({"old_n": [1, 5, 7], "n": pa.array([0, 9, 3], pa.int8())})
    assert columns(predicate) == {"old_n", "n"}
    assert mask(predicate, table).to_pylist() == [False, False, True]
    bound = bind(predicate, table.schema)
    assert not may_match(bound, {"old_n": ColumnRange(0, 3, 0)}, 5)


def test_bad_expressions_are_refused_when_bound():
    schema = pa.schema({"amount": pa.int64(), "s": pa.string()})
    with pytest.raises(
        InvalidInputError, match=r"unknown column 'amonut' \(did you mean 'amount'\?\)"
    ):
        bind(to_predicate(F("amonut") > 3), schema)
    with pytest.raises(InvalidInputError, match=r"pyarrow cannot apply the filter \(s > 3\)"):
        bind(to_predicate(F("s") > 3), schema)
    with pytest.raises(
        InvalidInputError, match=r"true or false for each row, found .* of type int64"
    ):
        bind(to_predicate(F("amount") + 1), schema)


def test_constants_and_dictionaries_work_as_expressions():
    table = pa.table({"s": pa.array(["a", None, "b"]).dictionary_encode()})
    assert mask(to_predicate(pc.scalar(True)), table).to_pylist() == [True, True, True]
    assert mask(to_predicate(F("s") == "a"), table).to_pylist() == [True, False, False]
    assert mask(to_predicate(F("s").isin(["b", None])), table).to_pylist() == [False, True, True]


def test_everything_else_a_user_may_pass():
    assert to_predicate(None) is None
    assert to_predicate("a > 3") == to_predicate(col("a") > 3) == parse_where("a > 3")
    assert to_predicate(col("a")) == parse_where("a")
    assert to_predicate(True) == parse_where("true")
    for wrong in (3, ["a > 3"], lambda row: row):
        with pytest.raises(InvalidInputError, match="a filter is text such as"):
            to_predicate(wrong)


@pytest.mark.parametrize(
    "data", [b"", b"ARROW1", b"\xff" * 20 + b"ARROW1", b"\x00" * 8 + b"ARROW1"]
)
def test_bytes_that_are_no_arrow_file_are_refused(data):
    with pytest.raises(CorruptDataError):
        schema_metadata(data)


def test_applying_an_expression_imports_neither_pandas_nor_dataset():
    code = (
        "import sys, pyarrow as pa, pyarrow.compute as pc\n"
        "from tablestore.predicate.coerce import to_predicate\n"
        "from tablestore.predicate.evaluate import mask\n"
        "t = pa.Table.from_arrays([pa.nulls(3, pa.int8())], names=['a'])\n"
        "where = (pc.field('a') == pc.field('a')) | pc.field('a').is_null()\n"
        "assert mask(to_predicate(where), t).true_count == 3\n"
        'text = "a in (1, 2) and a > 3 or a between 1 and 2 or a is null"\n'
        "assert mask(to_predicate(text), t).true_count == 3\n"
        "bad = [m for m in sys.modules if m.split('.')[0] == 'pandas' or m == 'pyarrow.dataset']\n"
        "assert not bad, bad\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
