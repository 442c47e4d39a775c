"""Curves pass through every place once, from neighbour to neighbour."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tablestore.kernels.curves import HILBERT_WIDTH, hilbert_index, interleave


def bits(image):
    return "".join(f"{byte:08b}" for byte in image)


@given(
    st.integers(1, 5).flatmap(
        lambda rows: st.lists(
            st.integers(1, 4).flatmap(
                lambda width: st.lists(
                    st.binary(min_size=width, max_size=width), min_size=rows, max_size=rows
                )
            ),
            min_size=1,
            max_size=11,
        )
    )
)
def test_bits_are_taken_in_turn(columns):
    arrays = [np.array([list(image) for image in column], dtype=np.uint8) for column in columns]
    got = interleave(arrays)
    for row, images in enumerate(zip(*columns, strict=True)):
        texts = [bits(image) for image in images]
        want = "".join(t[n] for n in range(max(map(len, texts))) for t in texts if n < len(t))
        assert bits(got[row]) == want


def places(side, axes):
    grid = np.meshgrid(*[np.arange(side)] * axes, indexing="ij")
    points = np.stack([axis.ravel() for axis in grid], axis=1)
    return points, hilbert_index([np.ascontiguousarray(points[:, n]) for n in range(axes)])


def test_the_hilbert_curve_visits_neighbours_one_after_the_other():
    for side, axes in ((16, 2), (8, 3), (4, 4)):
        points, images = places(side, axes)
        order = np.lexsort(images.T[::-1])
        steps = np.abs(np.diff(points[order], axis=0)).sum(axis=1)
        assert (steps == 1).all()


def test_an_index_has_java_s_width_until_it_needs_more():
    one = np.array([1], dtype=np.int64)
    assert hilbert_index([one] * 2).shape == (1, HILBERT_WIDTH)
    assert hilbert_index([one] * 8).shape == (1, HILBERT_WIDTH)
    assert hilbert_index([one] * 10).shape == (1, 79)


def test_the_sign_of_a_coordinate_does_not_count():
    low = np.array([5, 7], dtype=np.int64)
    high = low | np.int64(-(1 << 63))
    assert (hilbert_index([low, low]) == hilbert_index([high, high])).all()
