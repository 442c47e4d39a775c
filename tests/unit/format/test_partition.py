from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tablestore.errors import UnsupportedFormatError
from tablestore.format.binary_row import Timestamp
from tablestore.format.partition import is_java_whitespace, java_float, partition_path
from tablestore.types.model import BYTES, STRING, ArrayType, AtomicType

INT, DATE, DOUBLE = AtomicType("INT"), AtomicType("DATE"), AtomicType("DOUBLE")


def time(precision: int) -> AtomicType:
    return AtomicType("TIME", precision=precision)


def ts(precision: int, name: str = "TIMESTAMP") -> AtomicType:
    return AtomicType(name, precision=precision)


def folder(value: Any, kind: AtomicType, *, legacy: bool = True) -> str:
    path = partition_path((value,), ("k",), (kind,), legacy=legacy)
    assert path.startswith("k=")
    assert path.endswith("/")
    return path[2:-1]


MORNING = 1_704_164_645_000  # 2024-01-02 03:04:05 UTC
MIDNIGHT = 1_704_153_600_000


@pytest.mark.parametrize(
    ("value", "kind", "legacy", "modern"),
    [
        (True, AtomicType("BOOLEAN"), "true", "true"),
        (-5, INT, "-5", "-5"),
        (Decimal("12.30"), AtomicType("DECIMAL", precision=10, scale=2), "12.30", "12.30"),
        (Decimal("1E-10"), AtomicType("DECIMAL", precision=20, scale=10), *["0.0000000001"] * 2),
        (19000, DATE, "19000", "2022-01-08"),
        (-1, DATE, "-1", "1969-12-31"),
        (-719_162, DATE, "-719162", "0001-01-01"),
        (11016, DATE, "11016", "2000-02-29"),
        (45_296_789, time(3), "45296789", "12%3A34%3A56.789"),
        (45_296_789, time(0), "45296789", "12%3A34%3A56"),
        (45_296_789, time(1), "45296789", "12%3A34%3A56.7"),
        (45_296_000, time(3), "45296000", "12%3A34%3A56.0"),
        (45_296_120, time(3), "45296120", "12%3A34%3A56.12"),
        (45_296_005, time(9), "45296005", "12%3A34%3A56.005"),
        (Timestamp(MORNING), ts(0), "2024-01-02T03%3A04%3A05", "2024-01-02 03%3A04%3A05"),
        (Timestamp(MORNING), ts(3), "2024-01-02T03%3A04%3A05", "2024-01-02 03%3A04%3A05.000"),
        (Timestamp(MIDNIGHT), ts(0), "2024-01-02T00%3A00", "2024-01-02 00%3A00%3A00"),
        (
            Timestamp(MIDNIGHT + 7),
            ts(3),
            "2024-01-02T00%3A00%3A00.007",
            "2024-01-02 00%3A00%3A00.007",
        ),
        (
            Timestamp(MORNING + 120, 456_000),
            ts(6),
            "2024-01-02T03%3A04%3A05.120456",
            "2024-01-02 03%3A04%3A05.120456",
        ),
        (
            Timestamp(MORNING, 1),
            ts(6),
            "2024-01-02T03%3A04%3A05.000000001",
            "2024-01-02 03%3A04%3A05.000000001",
        ),
        (
            Timestamp(-1, 999_999),
            ts(9, "TIMESTAMP_LTZ"),
            "1969-12-31T23%3A59%3A59.999999999",
            "1969-12-31 23%3A59%3A59.999999999",
        ),
        (Timestamp(MIDNIGHT + 60_000), ts(0), "2024-01-02T00%3A01", "2024-01-02 00%3A01%3A00"),
        ("a b", STRING, "a b", "a b"),
        ("x", AtomicType("CHAR", 5), "x", "x"),
        (1.5, DOUBLE, "1.5", "1.5"),
    ],
)
def test_values_are_spelled_as_by_java(value: Any, kind: AtomicType, legacy: str, modern: str):
    assert folder(value, kind, legacy=True) == legacy
    assert folder(value, kind, legacy=False) == modern


def test_columns_follow_each_other_in_key_order():
    assert partition_path((1, "x"), ("a", "b"), (INT, STRING)) == "a=1/b=x/"
    assert partition_path((), (), ()) == ""


def test_special_characters_are_escaped_in_names_and_values():
    special = "".join(map(chr, range(1, 0x20))) + "\"#%'*/:=?\\\x7f{}[]^"
    wanted = "".join(f"%{ord(c):02X}" for c in special)
    assert folder(special, STRING) == wanted
    assert partition_path(("1",), ("a/b",), (STRING,)) == "a%2Fb=1/"
    plain = "é中 <>|&+,;~!@$()`.."
    assert folder(plain, STRING) == plain


@pytest.mark.parametrize("value", [None, "", " ", "\t\n", "\u3000", "\x1c\x1f", "\u2028"])
def test_null_and_blank_values_share_the_default_name(value: str | None):
    assert folder(value, STRING) == "__DEFAULT_PARTITION__"
    assert partition_path((value,), ("k",), (STRING,), "none/at all") == "k=none%2Fat all/"


@pytest.mark.parametrize("value", ["\u00a0", "\u2007", "\u202f", "\u0085", "\u200b"])
def test_spaces_that_java_does_not_know_are_values(value: str):
    assert value.isspace() or value == "\u200b"
    assert not is_java_whitespace(value)
    assert folder(value, STRING) == value


def test_binary_is_text_unless_legacy():
    assert folder("é".encode(), BYTES, legacy=False) == "é"
    with pytest.raises(UnsupportedFormatError, match=r"type BYTES .*legacy-name=true"):
        folder(b"x", BYTES)


def test_nested_types_have_no_folder():
    with pytest.raises(UnsupportedFormatError, match="ARRAY<INT>"):
        partition_path(([1],), ("k",), (ArrayType(INT),))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1.0, "1.0"),
        (-1.5, "-1.5"),
        (100.0, "100.0"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (1e10, "1.0E10"),
        (1.25e-3, "0.00125"),
        (0.001, "0.001"),
        (9.99e-4, "9.99E-4"),
        (5e-324, "4.9E-324"),
        (1.7976931348623157e308, "1.7976931348623157E308"),
        (2e23, "2.0E23"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
        (123456.789, "123456.789"),
    ],
)
def test_doubles_are_spelled_as_by_java(value: float, text: str):
    assert java_float(value, single=False) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1, "0.1"),
        (1e10, "1.0E10"),
        (1.401298464324817e-45, "1.4E-45"),
        (16777216.0, "1.6777216E7"),
    ],
)
def test_floats_are_spelled_as_by_java(value: float, text: str):
    assert java_float(value, single=True) == text
