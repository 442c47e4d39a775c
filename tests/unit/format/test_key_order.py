"""The order of decoded keys."""

from __future__ import annotations

import math
import random

from tablestore.format.binary_row import Timestamp
from tablestore.format.key_order import key_order


def test_keys_sort_as_java_sorts_them():
    values = [None, -math.inf, -1.0, -0.0, 0.0, 1.0, math.inf, math.nan]
    shuffled = [*values]
    random.Random(1).shuffle(shuffled)
    ordered = sorted(shuffled, key=lambda value: key_order([value]))
    assert [str(value) for value in ordered] == [str(value) for value in values]
    assert key_order(["é"]) > key_order(["z"])


def test_the_first_column_that_differs_decides():
    keys = [(None, 9), (Timestamp(5, 0), 1), (Timestamp(5, 1), 0), (Timestamp(6, 0), None)]
    keys.reverse()
    assert sorted(keys, key=key_order)[::-1] == keys
