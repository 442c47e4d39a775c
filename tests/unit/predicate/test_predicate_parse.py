from __future__ import annotations

from decimal import Decimal

import pytest

from tablestore.errors import InvalidInputError
from tablestore.predicate.literal import Literal
from tablestore.predicate.nodes import (
    And,
    Column,
    Compare,
    Constant,
    In,
    IsNull,
    Like,
    Not,
    Or,
    col,
)
from tablestore.predicate.parse import parse_where
from tablestore.predicate.text import to_text

A, B, C = Column("a"), Column("b"), Column("c")


def integer(value):
    return Literal(value, "int")


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("=", "="),
        ("==", "="),
        ("!=", "!="),
        ("<>", "!="),
        ("<", "<"),
        ("<=", "<="),
        (">", ">"),
        (">=", ">="),
    ],
)
def test_every_comparison_is_read_with_and_without_blanks(text, op):
    assert parse_where(f"a {text} 1") == Compare(op, A, integer(1))
    assert parse_where(f"a{text}1") == Compare(op, A, integer(1))


@pytest.mark.parametrize(
    ("text", "op"), [("=", "="), ("!=", "!="), ("<", ">"), ("<=", ">="), (">", "<"), (">=", "<=")]
)
def test_a_constant_on_the_left_turns_the_comparison_round(text, op):
    assert parse_where(f"1 {text} a") == Compare(op, A, integer(1))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", Literal(7, "int")),
        ("-7", Literal(-7, "int")),
        ("- 7", Literal(-7, "int")),
        ("+7", Literal(7, "int")),
        ("1.50", Literal(Decimal("1.50"), "decimal")),
        ("-.5", Literal(Decimal("-0.5"), "decimal")),
        ("1.", Literal(Decimal(1), "decimal")),
        ("1e3", Literal(1000.0, "float")),
        ("-1.5E-3", Literal(-0.0015, "float")),
        ("1e999", Literal(float("inf"), "float")),
        ("'it''s'", Literal("it's", "str")),
        ("''", Literal("", "str")),
        ("'a\nb%\\'", Literal("a\nb%\\", "str")),
        ("x'00fF'", Literal(b"\x00\xff", "bytes")),
        ("X''", Literal(b"", "bytes")),
        ("true", Literal(value=True, kind="bool")),
        ("FALSE", Literal(value=False, kind="bool")),
        ("null", Literal(None, "null")),
        ("date '1970-01-02'", Literal(1, "date")),
        ("Date '1969-12-31'", Literal(-1, "date")),
        ("time '00:00:01.5'", Literal(1_500_000_000, "time")),
        ("time '23:59'", Literal(86_340_000_000_000, "time")),
        ("timestamp '1970-01-01 00:00:00.000000001'", Literal(1, "timestamp")),
        ("timestamp '1970-01-01T00:00:01Z'", Literal(1_000_000_000, "timestamptz")),
        ("timestamp '1970-01-01 01:00:00+01:00'", Literal(0, "timestamptz")),
        ("timestamp '1970-01-01 00:00:00 -0130'", Literal(5_400_000_000_000, "timestamptz")),
        ("timestamp '1970-01-02'", Literal(86_400_000_000_000, "timestamp")),
    ],
)
def test_every_constant_is_read(text, expected):
    found = parse_where(f"a = {text}")
    assert found == Compare("=", A, expected)
    assert type(found.value.value) is type(expected.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"a b"', "a b"),
        ("`a b`", "a b"),
        ('"a""b"', 'a"b'),
        ("`a``b`", "a`b"),
        ('"select"', "select"),
        ('"not"', "not"),
        ("date", "date"),
        ("timestamp", "timestamp"),
        ("_x9", "_x9"),
        ("größe", "größe"),
        ("价格", "价格"),
        ("x", "x"),
    ],
)
def test_column_names_plain_and_quoted(text, name):
    assert parse_where(f"{text} = 1") == Compare("=", Column(name), integer(1))
    assert parse_where(f"1 < {text}") == Compare(">", Column(name), integer(1))


def test_and_binds_tighter_than_or_and_not_tighter_than_both():
    assert parse_where("a=1 or not b=2 and c=3") == Or(
        (
            Compare("=", A, integer(1)),
            And((Not(Compare("=", B, integer(2))), Compare("=", C, integer(3)))),
        )
    )
    assert parse_where("(a=1 or b=2) AND c=3") == And(
        (
            Or((Compare("=", A, integer(1)), Compare("=", B, integer(2)))),
            Compare("=", C, integer(3)),
        )
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a in (1, null,1)", In(A, (integer(1), Literal(None, "null")))),
        ("a NOT IN (1)", Not(In(A, (integer(1),)))),
        ("a between 1 and 2", And((Compare(">=", A, integer(1)), Compare("<=", A, integer(2))))),
        (
            "a not between b and 2 and c",
            And(
                (
                    Not(And((Compare(">=", A, B), Compare("<=", A, integer(2))))),
                    Compare("=", C, Literal(value=True, kind="bool")),
                )
            ),
        ),
        ("5 between a and b", And((Compare("<=", A, integer(5)), Compare(">=", B, integer(5))))),
        ("a like 'x%'", Like(A, "x%")),
        ("a like 'x%' escape '\\'", Like(A, "x%")),
        ("a not like 'x%'", Not(Like(A, "x%"))),
        ("a is null", IsNull(A)),
        ("a IS NOT NULL", Not(IsNull(A))),
        ("not not a = 1", Compare("=", A, integer(1))),
        ("not a", Not(Compare("=", A, Literal(value=True, kind="bool")))),
        ("a < b", Compare("<", A, B)),
        ("true", Constant(truth=True)),
        ("1 = 1.0", Constant(truth=True)),
        ("2 < 1", Constant(truth=False)),
        ("null = 1", Constant(None)),
        ("'a' >= 'b'", Constant(truth=False)),
    ],
)
def test_every_other_test_is_read(text, expected):
    assert parse_where(text) == expected


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("", 1, "expected a condition such as amount > 10, found the end of the text"),
        ("  ", 3, "expected a condition"),
        ("a >", 4, "expected a value or a column after '>', found the end of the text"),
        ("a > and b", 5, "found 'and'"),
        ("a = 1 b = 2", 7, "expected and, or, or the end, found 'b'"),
        ("a = 'x", 5, "the text that begins here never ends"),
        ('"a = 1', 1, "the column name that begins here never ends"),
        ('"" = 1', 1, "expected a column name between the quotes"),
        ("a ; 1", 3, "unexpected character ';'"),
        ("a.b = 1", 2, "unexpected character '.'"),
        ("a in ()", 7, "expected a value, found ')'"),
        ("a in (1 2)", 9, "expected ',' or ')'"),
        ("a in 1", 6, "expected '(' after in"),
        ("a in (b)", 7, "expected a value, found 'b'"),
        ("1 in (1)", 1, "expected a column here, found '1'"),
        ("a between 1", 12, "expected and between the two bounds"),
        ("a like b", 8, "expected a text pattern after like"),
        ("a like 'b' escape '!'", 22, "the only escape character"),
        ("a is 1", 6, "expected null or not null"),
        ("a is not 1", 10, "expected null, found"),
        ("a not 1", 7, "expected in, between or like after not"),
        ("(a = 1", 7, "expected ')'"),
        ("a = 1)", 6, "expected and, or, or the end"),
        ("a 5", 3, "expected a comparison after column 'a', found '5'"),
        ("5", 2, "expected a comparison after '5'"),
        ("a = date '2026-13-01'", 10, "'2026-13-01' is not a date in ISO form"),
        ("a = timestamp 'noon'", 15, "is not a timestamp in ISO form"),
        ("a = time '24:00'", 10, "is not a time in ISO form"),
        ("a = x'abc'", 5, "not an even number of hex digits"),
        ("a = x'zz'", 5, "not an even number of hex digits"),
        ("a = -b", 6, "expected a number after '-'"),
        ("a = 1x", 5, "badly written: '1x'"),
        ("a = 1.2.3", 5, "badly written"),
        ("a = 'x' = 'y'", 9, "expected and, or, or the end"),
        ("1 < 'a'", 3, "cannot compare int with str"),
        ("a = '\ud800'", 5, "lone surrogate"),
        ("a = " + "9" * 1001, 5, "more than 1000 digits"),
        ("(" * 200 + "a = 1" + ")" * 200, 102, "more than 100 nested parentheses"),
    ],
)
def test_bad_text_names_the_position_and_what_was_expected(text, position, problem):
    with pytest.raises(InvalidInputError) as caught:
        parse_where(text)
    assert f"at position {position}:" in str(caught.value)
    assert problem in str(caught.value)
    assert caught.value.detail["position"] == position


def test_long_chains_are_no_deep_recursion():
    parsed = parse_where(" or ".join(["a = 1"] * 20_000))
    assert len(parsed.parts) == 20_000
    assert parse_where("not " * 20_001 + "a = 1") == Not(Compare("=", A, integer(1)))


@pytest.mark.parametrize(
    "text",
    [
        "a = 1 or not b = 2 and c = 3",
        "not (a = 1 or b is null) and (a is not null or c in (1, 2.5, 'it''s', null))",
        "a >= date '2026-11-01' and b < timestamp '2026-11-01 12:00:00.000000001'",
        "a = timestamp '2026-11-01 12:00:00Z' or a = time '01:02:03.5'",
        "a like '50\\%%' and not b like '_' and \"a b\" = x'00ff'",
        '"select ""x""" = 1 and "null" = 2.0 and a != -1.5e-07 and a > b',
        "true and not false or null",
        "not (a = 1 and b = 2)",
    ],
)
def test_printed_text_reads_back_as_the_same_predicate(text):
    parsed = parse_where(text)
    assert parse_where(to_text(parsed)) == parsed
    assert repr(parsed) == to_text(parsed)


def test_nested_groups_keep_their_parentheses_when_printed():
    nested = Or(
        (
            Or((col("a") == 1, col("b") == 2)),
            And((col("a") == 1, And((col("b") == 2, col("c") == 3)))),
        )
    )
    assert parse_where(to_text(nested)) == nested
