from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError
from tablestore.types.model import BYTES, STRING, ArrayType, AtomicType, MultisetType
from tablestore.types.parse import parse_field, parse_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("STRING", STRING),
        ("bytes not null", BYTES.with_nullable(False)),
        ("VARCHAR(2147483647)", STRING),
        ("numeric(12,3)", AtomicType("DECIMAL", precision=12, scale=3)),
        ("DEC", AtomicType("DECIMAL", precision=10, scale=0)),
        ("DECIMAL(5)", AtomicType("DECIMAL", precision=5, scale=0)),
        ("INTEGER NULL", AtomicType("INT")),
        ("double precision", AtomicType("DOUBLE")),
        ("CHAR", AtomicType("CHAR", length=1)),
        ("VARBINARY", AtomicType("VARBINARY", length=1)),
        ("TIME", AtomicType("TIME", precision=0)),
        ("TIME(3) WITHOUT TIME ZONE", AtomicType("TIME", precision=3)),
        ("TIMESTAMP", AtomicType("TIMESTAMP", precision=6)),
        ("TIMESTAMP(9) WITHOUT TIME ZONE", AtomicType("TIMESTAMP", precision=9)),
        ("TIMESTAMP WITH LOCAL TIME ZONE", AtomicType("TIMESTAMP_LTZ", precision=6)),
        ("timestamp_ltz(3)", AtomicType("TIMESTAMP_LTZ", precision=3)),
        ("INT ARRAY NOT NULL", ArrayType(AtomicType("INT"), nullable=False)),
        (
            "INT NOT NULL ARRAY MULTISET",
            MultisetType(ArrayType(AtomicType("INT", nullable=False))),
        ),
        ("GEOMETRY(OGC:CRS84)", AtomicType("GEOMETRY", crs="OGC:CRS84")),
        (
            "GEOGRAPHY(OGC:CRS84, spherical)",
            AtomicType("GEOGRAPHY", crs="OGC:CRS84", algorithm="spherical"),
        ),
    ],
)
def test_every_spelling_that_java_reads_is_read(text: str, expected: object) -> None:
    assert parse_type(text) == expected


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("decimal(10,2) not null", "DECIMAL(10, 2) NOT NULL"),
        ("array<int>", "ARRAY<INT>"),
        ("map<string,bigint>", "MAP<STRING, BIGINT>"),
        ("row<a int, b string>", "ROW<a INT, b STRING>"),
        ("row(`a b` int 'why')", "ROW<`a b` INT COMMENT 'why'>"),
        ("timestamp_ltz(3)", "TIMESTAMP(3) WITH LOCAL TIME ZONE"),
        ("multiset<varchar(3) not null>", "MULTISET<VARCHAR(3) NOT NULL>"),
        ("vector<float, 3>", "VECTOR<FLOAT, 3>"),
    ],
)
def test_sql_text_is_canonical(text: str, sql: str) -> None:
    assert parse_type(text).sql() == sql


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("INTT", "did you mean 'INT'?"),
        ("", "found the end"),
        ("INT NOT", "expected 'NULL'"),
        ("INT 5", "expected the end at position 4, found '5'"),
        ("CHAR(0)", "CHAR length must be 1 to 2147483647, found 0"),
        ("DECIMAL(39)", "DECIMAL precision must be 1 to 38, found 39"),
        ("DECIMAL(5, 6)", "DECIMAL scale must be 0 to 5, found 6"),
        ("TIMESTAMP(10)", "TIMESTAMP precision must be 0 to 9, found 10"),
        ("VARCHAR(99999999999999)", "expected a number"),
        ("ARRAY<INT", "expected '>'"),
        ("ROW<a>", "expected a type name"),
        ("TIMESTAMP WITH TIME ZONE", "expected 'LOCAL'"),
        ("ARRAY<" * 100 + "INT" + ">" * 100, "64 deep"),
        ("INT" + " ARRAY" * 100, "64 deep"),
        ("GEOMETRY(", "expected ')'"),
    ],
)
def test_a_bad_type_is_refused_with_its_position(text: str, part: str) -> None:
    with pytest.raises(InvalidInputError, match="position") as caught:
        parse_type(text)
    assert part in str(caught.value)


def test_a_column_text_carries_default_and_comment() -> None:
    field = parse_field("n", "BIGINT NOT NULL DEFAULT '0' COMMENT 'it''s a count'")
    assert (field.type, field.default) == (AtomicType("BIGINT", nullable=False), "0")
    assert field.description == "it's a count"


def test_a_parameter_that_a_type_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="INT takes no length"):
        AtomicType("INT", length=3)
