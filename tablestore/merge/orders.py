"""Rows in the order of uint64 lanes, which sort lexicographically, first lane first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lane = NDArray[np.uint64]


def pack(lanes: Sequence[Lane]) -> list[Lane]:
    """The same order in as few lanes as the values' ranges allow (often one)."""
    packed: list[Lane] = []
    free = 0
    for lane in lanes:
        if len(lane) == 0:
            return [lane]
        low = lane.min()
        bits = int(lane.max() - low).bit_length()
        if bits == 0:
            continue
        if packed and bits <= free:
            packed[-1] <<= np.uint64(bits)  # an array of this call, made below
            packed[-1] |= lane - low
            free -= bits
        else:
            packed.append(lane - low)
            free = 64 - bits
    return packed or [np.zeros(len(lanes[0]), dtype=np.uint64)]


def stable_order(lanes: Sequence[Lane]) -> NDArray[np.intp]:
    """Row numbers that sort the rows; equal rows keep their order."""
    words = lanes if len(lanes) == 1 else pack(lanes)
    order = _order(words[0])
    if len(words) == 1 or len(order) < 2:
        return order
    # sorted runs behind one another are merged faster by their first word alone than by
    # ``lexsort``, and few rows are equal in it
    first = words[0][order]
    again = np.flatnonzero(first[1:] == first[:-1]) + 1
    if not len(again):
        return order
    tied = np.zeros(len(order), dtype=np.bool_)
    tied[again] = True
    starts = ~tied
    tied[again - 1] = True
    rows = order[tied]
    group = np.cumsum(starts[tied]).astype(np.uint64)
    rest = pack([group, *(word[rows] for word in words[1:])])
    order[tied] = rows[_order(rest[0]) if len(rest) == 1 else np.lexsort(rest[::-1])]
    return order


def _order(word: Lane) -> NDArray[np.intp]:
    if bool(np.all(word[1:] >= word[:-1])):  # input in key order is common, and costs nothing
        return np.arange(len(word))
    return np.argsort(word, kind="stable")


def group_starts(lanes: Sequence[Lane], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """True where a sorted row has another key than the row before it."""
    starts = np.ones(len(order), dtype=np.bool_)
    if len(order) > 1:
        starts[1:] = False
        for lane in lanes:
            ordered = lane[order]
            starts[1:] |= ordered[1:] != ordered[:-1]
    return starts
