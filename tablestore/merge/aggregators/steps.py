"""One step of ``sum`` and ``product`` as Java takes it, by type.

A step gets the accumulator (None at first) and a value that is not null. Decimals are their
unscaled integers.

Source: ``FieldSumAgg``, ``FieldProductAgg``, ``org.apache.paimon.utils.DecimalUtils``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import gcd
from typing import Any, Final

import pyarrow as pa

from tablestore.errors import InvalidInputError
from tablestore.merge.aggregators.values import COMPACT_DIGITS

_INT64: Final = 1 << 63

Step = Callable[[Any, Any], Any]
Fit = Callable[[int], int | None]


@dataclass(frozen=True)
class Steps:
    """How a value is taken in, and how it is taken back."""

    add: Step
    retract: Step


def sum_steps(kind: pa.DataType) -> Steps:
    """The steps of ``sum`` for a number type other than floats, whose sums have no exact steps."""
    fit: Fit
    if not pa.types.is_decimal(kind):
        fit = partial(_in_range, _bound(kind))
    elif kind.precision <= COMPACT_DIGITS:
        fit = partial(_or_null, _INT64)  # Java does not look at the digits of one int64
    else:
        fit = partial(_or_null, 10**kind.precision)
    return Steps(
        lambda held, value: value if held is None else fit(held + value),
        lambda held, value: fit(-value if held is None else held - value),
    )


def product_steps(kind: pa.DataType) -> Steps:
    """The steps of ``product`` for a number type."""
    fit: Fit
    if pa.types.is_floating(kind):
        number = kind.to_pandas_dtype()
        return Steps(
            lambda held, value: number(value) if held is None else held * number(value),
            lambda held, value: None if held is None else held / number(value),
        )
    if pa.types.is_decimal(kind):
        fit = partial(_or_null, 10**kind.precision)
        unit = 10**kind.scale
        return Steps(
            lambda held, value: value if held is None else fit(_half_up(held * value, unit)),
            lambda held, value: None if held is None else fit(_quotient(held, value, unit)),
        )
    fit = partial(_in_range, _bound(kind))
    return Steps(
        lambda held, value: value if held is None else fit(held * value),
        lambda held, value: None if held is None else fit(_truncated(held, value)),
    )


def _bound(kind: pa.DataType) -> int:
    bound: int = 1 << (kind.bit_width - 1)
    return bound


def _in_range(bound: int, value: int) -> int:
    if not -bound <= value < bound:
        raise InvalidInputError(
            f"the result {value} is out of the range of a {bound.bit_length()}-bit integer"
        )
    return value


def _or_null(bound: int, value: int) -> int | None:
    lowest = -bound if bound == _INT64 else -bound + 1
    return value if lowest <= value < bound else None


def _half_up(value: int, unit: int) -> int:
    """``value / unit``, rounded half away from zero."""
    quotient = (2 * abs(value) + unit) // (2 * unit)
    return -quotient if value < 0 else quotient


def _truncated(value: int, by: int) -> int:
    """``value / by``, rounded towards zero."""
    _check_divisor(by)
    quotient = abs(value) // abs(by)
    return -quotient if (value < 0) != (by < 0) else quotient


def _quotient(value: int, by: int, unit: int) -> int:
    """The quotient of two decimals of one scale in units of it, rounded half away from zero.

    Raises:
        InvalidInputError: the divisor is zero, or the quotient has no end.
    """
    _check_divisor(by)
    rest = abs(by) // gcd(value, by)
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        raise InvalidInputError("a decimal division has a quotient without an end")
    return _half_up(value * unit if by > 0 else -value * unit, abs(by))


def _check_divisor(by: int) -> None:
    if by == 0:
        raise InvalidInputError("a retracted product divides by zero")
