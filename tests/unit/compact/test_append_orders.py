"""Rows are put in the order of their columns, or of their image on a curve."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tablestore.compact.curve import SortOrder, compare_images, coordinate, z_image

TEXT = st.one_of(
    st.none(), st.text("ab\0é", max_size=12), st.sampled_from(["aaaaaaaab", "aaaaaaaa"])
)
ROWS = st.lists(st.tuples(st.one_of(st.none(), st.integers(-2, 2)), TEXT, TEXT), max_size=40)


def batch(rows):
    types = (pa.int64(), pa.string(), pa.binary())
    columns = [[row[n] for row in rows] for n in range(3)]
    columns[2] = [None if text is None else text.encode() for text in columns[2]]
    arrays = [pa.array(c, t) for c, t in zip(columns, types, strict=True)]
    return pa.record_batch(arrays, names=["a", "s", "b"])


def key(row, names):
    """Null first; text by its bytes."""
    values = [row["asb".index(name)] for name in names]
    plain = [v.encode() if isinstance(v, str) else v for v in values]
    return [(v is not None, v if v is not None else 0) for v in plain]


@given(ROWS, st.permutations(["a", "s", "b"]))
def test_rows_are_sorted_by_several_columns_as_python_sorts_them(rows, names):
    found = SortOrder("order", tuple(names)).sorted(batch(rows))
    assert found.tolist() == sorted(range(len(rows)), key=lambda n: key(rows[n], names))


@given(ROWS, st.permutations(["a", "s", "b"]), st.sampled_from(["order", "zorder", "hilbert"]))
def test_images_never_sort_against_the_order(rows, names, strategy):
    order = SortOrder(strategy, tuple(names))
    data = batch(rows)
    images = compare_images(order.images(data))[order.sorted(data)]
    assert (images[:-1] <= images[1:]).all()


@given(st.lists(st.binary(min_size=5, max_size=5), min_size=1, max_size=20))
def test_images_compare_like_their_bytes(texts):
    images = np.array([list(text) for text in texts], dtype=np.uint8)
    order = np.argsort(compare_images(images), kind="stable")
    assert [texts[n] for n in order] == sorted(texts)


def hexes(array, width=8):
    return [bytes(image).hex() for image in z_image(array, width)]


def test_null_is_lowest_in_a_z_order_and_highest_on_a_hilbert_curve():
    kinds = [pa.int32(), pa.float64(), pa.string(), pa.bool_(), pa.decimal128(9, 2), pa.date32()]
    for kind in kinds:
        array = pa.array([None], kind)
        assert hexes(array) == ["0" * 16]
        assert coordinate(array).tolist() == [(1 << 63) - 1]


@pytest.mark.parametrize(
    ("array", "images"),
    [
        (
            pa.array([-1, 0, 1], pa.int8()),
            ["7f" + "f" * 14, "80" + "0" * 14, "80" + "0" * 13 + "1"],
        ),
        (pa.array([False, True]), ["0" * 16, "81" + "0" * 14]),
        (pa.array(["ab", "abcdefghij"]), ["6162" + "0" * 12, "6162636465666768"]),
        (pa.array([b"\xff"]), ["ff" + "0" * 14]),
        # the bytes of the number without its scale, as few as tell its sign
        (
            pa.array([Decimal("-1.28"), Decimal("1.28"), Decimal("0")], pa.decimal128(9, 2)),
            ["80" + "0" * 14, "0080" + "0" * 12, "0" * 16],
        ),
        (pa.array([1_500, -1], pa.timestamp("us")), ["8" + "0" * 14 + "1", "7" + "f" * 15]),
    ],
)
def test_values_are_bytes_in_a_z_order(array, images):
    assert hexes(array) == images


@pytest.mark.parametrize(
    ("array", "numbers"),
    [
        (pa.array([-1, 5], pa.int8()), [255, 5]),
        (pa.array([-1, 5], pa.int16()), [-1, 5]),
        (pa.array([True, False]), [(1 << 63) - 1, 0]),
        (pa.array(["", "a", "abcdefghij"]), [0, 0x61, 0x6162636465666768]),
        (pa.array([Decimal("-1.99"), Decimal("7.5")], pa.decimal128(30, 5)), [-1, 7]),
        (pa.array([1.0]), [0x3FF0000000000000]),
        (pa.array([1_999_999], pa.timestamp("ns")), [1]),
    ],
)
def test_values_are_places_on_an_axis_of_a_hilbert_curve(array, numbers):
    assert coordinate(array).tolist() == numbers


def test_slices_are_read_from_where_they_begin():
    whole = batch([(n, f"t{n}", f"b{n}") for n in range(10)])
    part = whole.slice(3, 4)
    for strategy in ("order", "zorder", "hilbert"):
        order = SortOrder(strategy, ("a", "s", "b"))
        assert (order.images(whole)[3:7] == order.images(part)).all()
