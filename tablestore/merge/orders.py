"""Rows in the order of uint64 lanes, which sort lexicographically, first lane first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from tablestore.kernels.ascending import sorted_runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Lane = NDArray[np.uint64]

_RUN_ROWS: Final = 16
"""Rows of an ascending run, on average, from which on runs are merged and not partitioned."""


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
    words = pack(lanes)
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


def sorted_groups(
    keys: Sequence[Lane], rest: Sequence[Lane] = ()
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Row numbers that sort the rows by key, and True where a key begins.

    Args:
        keys: equal where rows are of one group.
        rest: order the rows of a group; equal ones keep their order.
    """
    keys = pack(keys)
    more = pack(rest) if rest else [np.zeros(len(keys[0]), dtype=np.uint64)]
    if len(keys) == len(more) == 1:
        bits = _bits(more[0])
        if _bits(keys[0]) + bits + len(keys[0]).bit_length() <= 64:
            word = (keys[0] << np.uint64(bits)) | more[0] if bits else keys[0]
            found = _numbered(word)
            return _unnumbered(found), _changes(found >> np.uint64(bits + len(word).bit_length()))
    order = stable_order([*keys, *more])
    return order, group_starts(keys, order)


def _order(word: Lane) -> NDArray[np.intp]:
    if _bits(word) + len(word).bit_length() <= 64:
        return _unnumbered(_numbered(word))
    return np.argsort(word, kind="stable")


def _numbered(word: Lane) -> Lane:
    """The numbers in order, each with its row number in the low bits, which makes them distinct.

    Sorting such numbers moves through memory in order, where sorting row numbers jumps.
    """
    found = word << np.uint64(len(word).bit_length())
    found |= np.arange(len(word), dtype=np.uint64)
    descents = int(np.count_nonzero(word[1:] < word[:-1]))
    if descents * _RUN_ROWS > len(word):
        found.sort()
    elif descents:
        found = sorted_runs(found, descents + 1)
    return found


def _unnumbered(numbered: Lane) -> NDArray[np.intp]:
    """The row numbers."""
    low = np.uint64((1 << len(numbered).bit_length()) - 1)
    rows: NDArray[np.intp] = (numbered & low).view(np.intp)
    return rows


def _bits(word: Lane) -> int:
    return int(word.max()).bit_length() if len(word) else 0


def _changes(ordered: Lane) -> NDArray[np.bool_]:
    starts = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=starts[1:])
    return starts


def group_starts(lanes: Sequence[Lane], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """True where a sorted row has another key than the row before it."""
    starts = np.ones(len(order), dtype=np.bool_)
    if len(order) > 1:
        starts[1:] = False
        for lane in lanes:
            ordered = lane[order]
            starts[1:] |= ordered[1:] != ordered[:-1]
    return starts


def ranks(lanes: Sequence[Lane]) -> Lane:
    """One number for each entry of several lanes, in the same order."""
    words = pack(lanes)
    if len(words) == 1:
        return words[0]
    order = stable_order(words)
    found = np.empty(len(order), dtype=np.uint64)
    found[order] = np.cumsum(group_starts(words, order)).astype(np.uint64)
    return found
