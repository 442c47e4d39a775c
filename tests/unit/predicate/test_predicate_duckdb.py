"""The filter text means what SQL means by it: duckdb answers the same."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tablestore.predicate.evaluate import mask
from tablestore.predicate.parse import parse_where

duckdb = pytest.importorskip("duckdb")
pytestmark = pytest.mark.slow

NAN = float("nan")
COLUMNS = {
    "i": (pa.int8(), [-128, -1, 0, 1, 5, 127]),
    "n": (pa.int64(), [-(2**63), -1, 0, 1, 5, 2**53 + 1]),
    "m": (
        pa.decimal128(6, 2),
        [Decimal("-1.50"), Decimal("0.00"), Decimal("5.00"), Decimal("9999.99")],
    ),
    "x": (pa.float64(), [-1.5, -0.0, 0.0, 0.25, 5.0, float("inf"), NAN]),
    "y": (pa.float32(), [-1.5, -0.0, 0.0, 0.25, 5.0, float("-inf"), NAN]),
    "s": (pa.string(), ["", "a", "ab", "b", "it's", "é", "😀", "a\nb"]),
    "b": (pa.bool_(), [True, False]),
    "d": (pa.date32(), [dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2026, 11, 1)]),
    "t": (pa.timestamp("us"), [dt.datetime(1970, 1, 1), dt.datetime(2026, 11, 1, 12, 30, 0, 5)]),
}
NUMBERS = [
    "0",
    "1",
    "-1",
    "5",
    "127",
    "-128",
    "1000",
    "1.5",
    "-1.50",
    "0.25",
    "2.5e-1",
    "1e2",
    "-0.0",
    "9007199254740993",
]
CONSTANTS = {
    **{name: [*NUMBERS, "null"] for name in "inmxy"},
    "s": ["''", "'a'", "'ab'", "'it''s'", "'é'", "'z'", "null"],
    "b": ["true", "false", "null"],
    "d": [
        "date '1970-01-01'",
        "'2026-11-01'",
        "date '1900-01-01'",
        "timestamp '1970-01-01 12:00:00'",
    ],
    "t": ["timestamp '1970-01-01 00:00:00'", "'2026-11-01 12:30:00.000005'", "date '2026-11-01'"],
}
PATTERNS = ["", "%", "a%", "%b", "_", "a_b", "%a%", "_%_", "it''s", "é", "A%"]
OPS = ["=", "==", "!=", "<>", "<", "<=", ">", ">="]
ALIKE = ["in", "im", "nm", "ix", "ny", "mx", "xy", "yx", "ss", "bb", "dt", "td", "dd", "ii"]


def checks_of(name):
    value = st.sampled_from(CONSTANTS[name])
    op = st.sampled_from(OPS)
    return st.one_of(
        st.builds(lambda o, v: f"{name} {o} {v}", op, value),
        st.builds(lambda o, v: f"{v} {o} {name}", op, value),
        st.builds(
            lambda n, v: f"{name} {n}in ({', '.join(v)})",
            st.sampled_from(["", "not "]),
            st.lists(value, min_size=1, max_size=3),
        ),
        st.builds(
            lambda n, a, b: f"{name} {n}between {a} and {b}",
            st.sampled_from(["", "NOT "]),
            value,
            value,
        ),
        st.sampled_from([f"{name} is null", f"{name} IS NOT NULL"]),
    )


leaves = st.one_of(
    st.sampled_from(list(COLUMNS)).flatmap(checks_of),
    st.builds(
        lambda n, p: f"s {n}like '{p}'", st.sampled_from(["", "not "]), st.sampled_from(PATTERNS)
    ),
    st.builds(
        lambda o, pair: f"{pair[0]} {o} {pair[1]}", st.sampled_from(OPS), st.sampled_from(ALIKE)
    ),
    st.sampled_from(["b", "not b", "true", "false", "1 = 1", "2 < 1"]),
)
texts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda t: f"not ({t})"),
        inner.map(lambda t: f"({t})"),
        st.tuples(inner, st.sampled_from(["and", "OR", "or", "And"]), inner).map(" ".join),
    ),
    max_leaves=6,
)
tables = st.lists(
    st.fixed_dictionaries(
        {n: st.one_of(st.none(), st.sampled_from(v)) for n, (_, v) in COLUMNS.items()}
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="module")
def connection():
    with duckdb.connect() as opened:
        opened.execute("set threads = 1")
        yield opened


@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(tables, texts)
def test_a_filter_text_selects_the_rows_that_duckdb_selects(connection, rows, text):
    arrays = {
        name: pa.array([row[name] for row in rows], kind) for name, (kind, _) in COLUMNS.items()
    }
    table = pa.table(arrays)
    connection.register("rows", table)
    expected = connection.execute(f"select coalesce({text}, false) from rows").fetchall()
    assert mask(parse_where(text), table).to_pylist() == [bool(row[0]) for row in expected], text


@pytest.mark.parametrize("pattern", ["a\\%", "\\_%", "a\\\\b", "%\\%%", "\\%\\_"])
def test_escapes_in_patterns_mean_what_duckdb_means_when_asked(connection, pattern):
    table = pa.table({"s": ["a%", "ab", "_", "_x", "a\\b", "%", "%_", "x%y", None]})
    connection.register("rows", table)
    text = f"s like '{pattern}' escape '\\'"
    expected = connection.execute(f"select coalesce({text}, false) from rows").fetchall()
    assert mask(parse_where(text), table).to_pylist() == [row[0] for row in expected]
    assert mask(parse_where(f"s like '{pattern}'"), table) == mask(parse_where(text), table)
