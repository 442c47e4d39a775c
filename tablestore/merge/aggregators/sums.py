"""``sum`` and ``product``, with the overflow rules of Java's types.

Nearly all groups are far from their type's bounds and are reduced together. Those that might pass
them, and divisions, go step by step through ``steps``.

Source: ``FieldSumAgg``, ``FieldProductAgg``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.kernels.folds import EMPTY, UNSURE, float_folds, float_sums, integer_sums
from tablestore.merge.aggregators.fold import exact_fold
from tablestore.merge.aggregators.protocol import Versions
from tablestore.merge.aggregators.steps import Steps, product_steps, sum_steps
from tablestore.merge.aggregators.values import (
    COMPACT_DIGITS,
    decimal_array,
    decimal_words,
    numbers,
    valid_mask,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOW: Final = np.int64(0xFFFFFFFF)
_SURE: Final = 1 - 1e-6
"""The share of a bound that an estimate in float64 may reach before exact steps are taken."""


@dataclass(frozen=True)
class Arithmetic:
    """``sum`` and ``product``: null where there was nothing to add or multiply.

    Attributes:
        product: multiply and divide instead of adding and taking away.
    """

    product: bool = False
    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The sums or products.

        Raises:
            InvalidInputError: an integer passes its type's range, a division by zero, or one of
                decimals whose quotient has no end.
        """
        valid = valid_mask(column)
        kind = column.type
        if not self.product and not _is_wide(kind):
            return _sums(column, versions, valid)
        some = versions if valid is None else versions.only(valid[versions.order])
        full = some.counts > 0
        starts = some.offsets[:-1][full]
        groups = Versions(some.order, np.append(starts, len(some.order)), some.retract)
        if not len(groups):
            return pa.nulls(len(versions), kind)
        result = self._reduced(column, groups)
        if len(groups) == len(versions):
            return result
        return result.take(pa.array(np.cumsum(full) - 1, mask=~full))

    def _reduced(self, column: pa.Array, groups: Versions) -> pa.Array:
        """One result a group; nothing is null or empty."""
        kind = column.type
        if pa.types.is_decimal(kind):
            return self._decimals(column, groups)
        values = numbers(column)[groups.order]
        if pa.types.is_floating(kind):
            held = float_folds(values, groups.offsets, np.multiply)
            unsure = _retracting(groups)
        else:
            held, unsure = _products(values.astype(np.int64), groups, kind.bit_width)
        exact = _stepped(unsure, groups, product_steps(kind), lambda span: values[span].tolist())
        held = held.astype(values.dtype)
        valid = np.ones(len(groups), dtype=np.bool_)
        for group, value in exact.items():
            valid[group] = value is not None
            held[group] = 0 if value is None else value
        return pa.array(held, kind, mask=~valid)

    def _decimals(self, column: pa.Array, groups: Versions) -> pa.Array:
        low, high = decimal_words(column)
        low, high = low[groups.order], high[groups.order]

        def exact_values(span: slice) -> list[int]:
            pairs = zip(low[span].tolist(), high[span].tolist(), strict=True)
            return [(upper << 64) + lower for lower, upper in pairs]

        kind = column.type
        if self.product:
            held = low[: len(groups)], high[: len(groups)]
            unsure, steps = ~_none(groups), product_steps(kind)
        else:
            held, unsure = _wide_sums(low, high, groups, kind.precision)
            steps = sum_steps(kind)
        exact = _stepped(unsure, groups, steps, exact_values)
        new_low, new_high = held[0].copy(), held[1].copy()
        valid = np.ones(len(groups), dtype=np.bool_)
        for group, value in exact.items():
            valid[group] = value is not None
            new_low[group] = (value or 0) & 0xFFFFFFFFFFFFFFFF
            new_high[group] = (value or 0) >> 64
        return decimal_array(new_low, new_high, valid, kind)


def _is_wide(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind)) and kind.precision > COMPACT_DIGITS


def _sums(column: pa.Array, versions: Versions, valid: NDArray[np.bool_] | None) -> pa.Array:
    """Sums of what is one number of 64 bits or less."""
    kind = column.type
    groups = versions.order, versions.offsets, valid, versions.retract
    if pa.types.is_floating(kind):
        sums, state = float_sums(numbers(column), *groups)
        return pa.array(sums, kind, mask=state == EMPTY)
    short = bool(pa.types.is_decimal(kind))
    values = decimal_words(column)[0].view(np.int64) if short else numbers(column)
    bits = 64 if short else kind.bit_width
    limit = float((1 << (bits - 1)) - 1) * _SURE
    held, state = integer_sums(values.astype(np.int64, copy=False), *groups, limit)
    empty = state == EMPTY
    for group, value in _exact_sums(values, versions, valid, state == UNSURE, kind).items():
        empty[group] = value is None
        held[group] = value or 0
    if short:
        return decimal_array(held.view(np.uint64), held >> 63, ~empty, kind)
    return pa.array(held.astype(values.dtype, copy=False), kind, mask=empty)


def _exact_sums(
    values: NDArray[Any],
    versions: Versions,
    valid: NDArray[np.bool_] | None,
    unsure: NDArray[np.bool_],
    kind: pa.DataType,
) -> dict[int, Any]:
    """Sums of some groups, step by step."""
    if not unsure.any():
        return {}
    some = versions if valid is None else versions.only(valid[versions.order])
    ordered = values[some.order]
    return _stepped(unsure, some, sum_steps(kind), lambda span: ordered[span].tolist())


def _products(
    values: NDArray[np.int64], groups: Versions, bits: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Products, and the groups where they may be wrong."""
    limit = float((1 << (bits - 1)) - 1) * _SURE
    size = np.maximum(np.abs(values.astype(np.float64)), 1)
    with np.errstate(all="ignore"):
        reached = np.multiply.reduceat(size, groups.offsets[:-1])
        held = np.multiply.reduceat(values, groups.offsets[:-1])
    return held, (reached > limit) | _retracting(groups)


def _stepped(
    unsure: NDArray[np.bool_], groups: Versions, steps: Steps, values: Callable[[slice], list[Any]]
) -> dict[int, Any]:
    """Results of some groups, step by step."""
    found = {}
    with np.errstate(all="ignore"):
        for group in np.flatnonzero(unsure).tolist():
            span = slice(int(groups.offsets[group]), int(groups.offsets[group + 1]))
            back = None if groups.retract is None else groups.retract[span].tolist()
            found[group] = exact_fold(values(span), back, steps)
    return found


def _wide_sums(
    low: NDArray[np.uint64], high: NDArray[np.int64], groups: Versions, precision: int
) -> tuple[tuple[NDArray[np.uint64], NDArray[np.int64]], NDArray[np.bool_]]:
    """Sums of 128-bit integers by parts of 32 and 64 bits, and the groups that may be too large."""
    starts = groups.offsets[:-1]
    size = np.abs(high.astype(np.float64) * 2.0**64 + low.astype(np.float64))
    unsure = np.add.reduceat(size, starts) > float(10**precision) * _SURE
    parts = (low & np.uint64(_LOW)).view(np.int64), (low >> np.uint64(32)).view(np.int64), high
    first, second, third = (np.add.reduceat(_signed(part, groups), starts) for part in parts)
    second = second + (first >> 32)
    third = third + (second >> 32)
    return (((first & _LOW) | (second << 32)).view(np.uint64), third), unsure


def _signed(values: NDArray[Any], groups: Versions) -> NDArray[Any]:
    """The values, retracted ones negative."""
    return values if groups.retract is None else np.where(groups.retract, -values, values)


def _none(groups: Versions) -> NDArray[np.bool_]:
    return np.zeros(len(groups), dtype=np.bool_)


def _retracting(groups: Versions) -> NDArray[np.bool_]:
    if groups.retract is None:
        return _none(groups)
    found: NDArray[np.bool_] = np.logical_or.reduceat(groups.retract, groups.offsets[:-1])
    return found
