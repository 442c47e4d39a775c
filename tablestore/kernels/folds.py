"""Reductions of groups of rows, for any column that is numbers: numpy, or compiled where that pays.

Rows are given by number, group by group, oldest first. Each function says what it leaves to its
caller; none allocates more than its result while it is compiled, and threads may run them at once.

Shapes: ``order`` has one entry a version, ``offsets`` one more than groups. ``valid`` is indexed by
row number and ``retract`` by place in ``order``; both may be None for all and for none.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tablestore.kernels.jit import kernel

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Numbers = NDArray[Any]

EMPTY: Final = np.uint8(0)
SURE: Final = np.uint8(1)
UNSURE: Final = np.uint8(2)

_INTS: Final = "Array(int64, 1, 'C', readonly=True)"
_BOOLS: Final = "Array(bool_, 1, 'C', readonly=True)"
_DEEP: Final = 64
"""Groups of more versions are folded one by one, all others together, version by version."""

# what the compiled forms spare for each version (2 to 8 a group, 100,000 to 1M rows)
INTEGER_SECONDS: Final = 6e-9
FLOAT_SECONDS: Final = 10e-9
NEWEST_SECONDS: Final = 10e-9
EXTREME_SECONDS: Final = 15e-9


@kernel(f"void({_INTS}, {_INTS}, {_INTS}, {_BOOLS}, {_BOOLS}, float64, int64[::1], uint8[::1])")
def add_integers(
    values: Ints,
    order: Ints,
    offsets: Ints,
    valid: Bools,
    retract: Bools,
    limit: float,
    sums: Ints,
    state: NDArray[np.uint8],
) -> None:
    """Fills ``sums`` and ``state``; ``valid`` and ``retract`` may be empty."""
    for group in range(len(sums)):
        total, reached, found = np.int64(0), 0.0, 0
        for place in range(offsets[group], offsets[group + 1]):
            row = order[place]
            if len(valid) and not valid[row]:
                continue
            value = values[row]
            found = 1
            reached += abs(float(value))
            if len(retract) and retract[place]:
                total -= value
            else:
                total += value
        sums[group] = total
        state[group] = 2 if reached > limit else found


@kernel(
    f"void(Array(float64, 1, 'C', readonly=True), {_INTS}, {_INTS}, {_BOOLS}, {_BOOLS}, int64, "
    "float64[::1], uint8[::1])"
)
def add_floats(
    values: NDArray[np.float64],
    order: Ints,
    offsets: Ints,
    valid: Bools,
    retract: Bools,
    bits: int,
    sums: NDArray[np.float64],
    state: NDArray[np.uint8],
) -> None:
    """Fills ``sums``, one addition after the other, each rounded to ``bits``, and ``state``."""
    for group in range(len(sums)):
        total, found = 0.0, 0
        for place in range(offsets[group], offsets[group + 1]):
            row = order[place]
            if len(valid) and not valid[row]:
                continue
            value = values[row]
            if len(retract) and retract[place]:
                value = -value
            total = total + value if found else value
            if bits == 32:
                total = float(np.float32(total))
            found = 1
        sums[group] = total
        state[group] = found


@kernel(f"void({_BOOLS}, {_INTS}, {_INTS}, int64[::1])")
def newest_valid(valid: Bools, order: Ints, offsets: Ints, rows: Ints) -> None:
    """Fills ``rows`` with the last valid row of each group, -1 where none is."""
    for group in range(len(rows)):
        place = offsets[group + 1] - 1
        while place >= offsets[group] and not valid[order[place]]:
            place -= 1
        rows[group] = order[place] if place >= offsets[group] else -1


@kernel(
    f"void(Array(uint64, 1, 'C', readonly=True), {_INTS}, {_INTS}, {_BOOLS}, int64, int64[::1])"
)
def extreme_rows(
    word: NDArray[np.uint64],
    order: Ints,
    offsets: Ints,
    valid: Bools,
    sign: int,
    rows: Ints,
) -> None:
    """Fills ``rows``; the sign is 1 for the largest word of each group and -1 for the smallest."""
    for group in range(len(rows)):
        best, found = np.uint64(0), -1
        for place in range(offsets[group], offsets[group + 1]):
            row = order[place]
            if len(valid) and not valid[row]:
                continue
            value = word[row]
            if found < 0 or (value > best if sign > 0 else value <= best):
                best, found = value, row
        rows[group] = found


def integer_sums(
    values: Ints,
    order: Ints,
    offsets: Ints,
    valid: Bools | None,
    retract: Bools | None,
    limit: float,
) -> tuple[Ints, NDArray[np.uint8]]:
    """Sums of integers, retracted ones taken away.

    Args:
        values: by row number.
        order: rows, group by group.
        offsets: of the groups.
        valid: rows that count.
        retract: versions that are taken away.
        limit: a sum of absolute values above it may have passed a bound on the way.

    Returns:
        the sums, and for each group EMPTY, SURE or UNSURE (the sum may be wrong).
    """
    sums = np.empty(len(offsets) - 1, dtype=np.int64)
    state = np.empty(len(sums), dtype=np.uint8)
    if add_integers.ready(len(order) * INTEGER_SECONDS):
        flags = _given(valid), _given(retract)
        add_integers(values, order, offsets, *flags, limit, sums, state)
        return sums, state
    values, offsets, retract = _gathered(values, order, offsets, valid, retract)
    some = offsets[1:] > offsets[:-1]
    sums[:], state[:] = 0, some
    starts = offsets[:-1][some]
    if not len(starts):
        return sums, state
    signed = values if retract is None else np.where(retract, -values, values)
    sums[some] = np.add.reduceat(signed, starts)
    most = max(abs(int(values.min())), abs(int(values.max())))
    if most * int(np.diff(offsets).max()) > limit:
        size = np.abs(values.astype(np.float64))
        state[some] += np.add.reduceat(size, starts) > limit
    return sums, state


def float_sums(
    values: Numbers,
    order: Ints,
    offsets: Ints,
    valid: Bools | None,
    retract: Bools | None,
) -> tuple[Numbers, NDArray[np.uint8]]:
    """Sums of floats in their own precision, one addition after the other.

    Returns:
        the sums, and for each group EMPTY or SURE.
    """
    state = np.empty(len(offsets) - 1, dtype=np.uint8)
    if add_floats.ready(len(order) * FLOAT_SECONDS):
        sums = np.empty(len(state), dtype=np.float64)
        bits = 8 * values.itemsize
        flags = _given(valid), _given(retract)
        add_floats(values.astype(np.float64), order, offsets, *flags, bits, sums, state)
        return sums.astype(values.dtype), state
    values, offsets, retract = _gathered(values, order, offsets, valid, retract)
    some = offsets[1:] > offsets[:-1]
    found = np.zeros(len(state), dtype=values.dtype)
    signed = values if retract is None else np.where(retract, -values, values)
    found[some] = float_folds(signed, np.append(offsets[:-1][some], len(values)), np.add)
    state[:] = some
    return found, state


def float_folds(values: Numbers, offsets: Ints, ufunc: np.ufunc) -> Numbers:
    """The fold of floats of each group, none of which is empty, in their own precision and order.

    ``reduceat`` adds pairwise, which rounds differently.

    Args:
        values: group by group.
        offsets: of the groups.
        ufunc: ``np.add`` or ``np.multiply``.
    """
    starts, counts = offsets[:-1], np.diff(offsets)
    with np.errstate(all="ignore"):
        held = values[starts]
        for step in range(1, min(int(counts.max(initial=0)), _DEEP)):
            deep = np.flatnonzero(counts > step)
            held[deep] = ufunc(held[deep], values[starts[deep] + step])
        for group in np.flatnonzero(counts > _DEEP).tolist():
            rest = values[starts[group] + _DEEP - 1 : starts[group] + counts[group]].copy()
            rest[0] = held[group]
            held[group] = ufunc.accumulate(rest)[-1]
    return held


def newest(valid: Bools | None, order: Ints, offsets: Ints) -> Ints:
    """The last valid row of each group, -1 where none is."""
    rows = np.full(len(offsets) - 1, -1, dtype=np.int64)
    if valid is not None and newest_valid.ready(len(order) * NEWEST_SECONDS):
        newest_valid(valid, order, offsets, rows)
        return rows
    if valid is not None:
        order, offsets, _ = _gathered(order, np.arange(len(order)), offsets, valid[order], None)
    some = offsets[1:] > offsets[:-1]
    rows[some] = order[offsets[1:][some] - 1]
    return rows


def extremes(
    word: NDArray[np.uint64], order: Ints, offsets: Ints, valid: Bools | None, *, largest: bool
) -> Ints:
    """The valid row with the largest or the smallest word of each group, -1 where none is valid.

    Of equal ones it is the oldest for the largest, and the newest for the smallest.
    """
    rows = np.full(len(offsets) - 1, -1, dtype=np.int64)
    if extreme_rows.ready(len(order) * EXTREME_SECONDS):
        extreme_rows(word, order, offsets, _given(valid), 1 if largest else -1, rows)
        return rows
    if valid is not None:
        order, offsets, _ = _gathered(order, np.arange(len(order)), offsets, valid[order], None)
    counts = np.diff(offsets)
    some = counts > 0
    if not some.any():
        return rows
    words = word[order]
    reduce = np.maximum if largest else np.minimum
    best = np.repeat(reduce.reduceat(words, offsets[:-1][some]), counts[some])
    places = np.flatnonzero(words == best)
    if largest:
        places = places[::-1]  # what is assigned last stays
    rows[np.repeat(np.arange(len(rows)), counts)[places]] = order[places]
    return rows


def _given(flags: Bools | None) -> Bools:
    return np.zeros(0, dtype=np.bool_) if flags is None else flags


def _gathered(
    values: Numbers, order: Ints, offsets: Ints, valid: Bools | None, retract: Bools | None
) -> tuple[Numbers, Ints, Bools | None]:
    """The valid values group by group, the offsets of the groups, and which are retracted."""
    if valid is None:
        return values[order], offsets, retract
    kept = valid[order]
    ends = np.append(0, np.cumsum(kept))[offsets]
    return values[order[kept]], ends, None if retract is None else retract[kept]
