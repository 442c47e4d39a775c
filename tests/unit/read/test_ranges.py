from __future__ import annotations

import pytest

from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import SimpleStats
from tablestore.read.ranges import stats_ranges
from tablestore.types.parse import parse_type


def ranges_of(kind, low, high):
    types = [parse_type(kind)]
    stats = SimpleStats(encode_row((low,), types), encode_row((high,), types), (0,))
    return stats_ranges(stats, ["c"], types)["c"]


@pytest.mark.parametrize("values", [["c1"], ["", "z"], ["a\tb", "a"], ["a", "a\t"], ["a b", "a"]])
def test_bounds_of_padded_char_hold_for_values_without_the_padding(values):
    """Java's ORC files pad CHAR and have the bounds of the padded values (`types_orc`)."""
    padded = sorted(value.ljust(5) for value in values)
    known = ranges_of("CHAR(5)", padded[0], padded[-1])
    assert known.min <= min(values)
    assert known.max >= max(values)


def test_bounds_of_other_text_are_kept():
    assert ranges_of("VARCHAR(5)", "a ", "b ")[:2] == ("a ", "b ")
