from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError
from tablestore.options.units import (
    format_duration_ms,
    parse_bool,
    parse_bytes,
    parse_duration_ms,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("7", 7),
        ("7 b", 7),
        ("500 bytes", 500),
        ("64kb", 65536),
        ("128 MB", 128 << 20),
        ("1 k", 1024),
        (" 2  gb ", 2 << 30),
        ("1tb", 1 << 40),
        ("3 kibibytes", 3072),
    ],
)
def test_sizes_are_read_as_java_reads_them(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("250", 250),
        ("10 ms", 10),
        ("1 h", 3_600_000),
        ("2 d", 172_800_000),
        ("30min", 1_800_000),
        ("10 s", 10_000),
        ("5 m", 300_000),
        ("1500 us", 1),
        ("2000 \u00b5s", 2),
        ("3 seconds", 3000),
    ],
)
def test_durations_are_read_as_java_reads_them(text: str, ms: int) -> None:
    assert parse_duration_ms(text) == ms


@pytest.mark.parametrize("text", ["", "mb", "-1 mb", "1.5 mb", "1 xb", "1 m b"])
def test_a_bad_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"is not a size: write e\.g\. '128 mb'"):
        parse_bytes(text)


@pytest.mark.parametrize("text", ["", "h", "-1 s", "1 fortnight", "P1D"])
def test_a_bad_duration_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a duration"):
        parse_duration_ms(text)


def test_booleans_are_true_and_false_in_any_case() -> None:
    assert parse_bool("TRUE") is True
    assert parse_bool(" false ") is False
    with pytest.raises(InvalidInputError, match="neither 'true' nor 'false'"):
        parse_bool("yes")


def test_durations_are_shown_with_a_fitting_unit() -> None:
    assert [format_duration_ms(n) for n in (5, 1500, 90_000, 5_400_000, 172_800_000)] == [
        "5 ms",
        "1.5 s",
        "1.5 min",
        "1.5 h",
        "2 d",
    ]
