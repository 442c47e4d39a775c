"""Comparisons with any number, moved onto the values that a column can hold.

A column of integers, decimals, days, milliseconds … holds whole multiples of a unit within a range.
Every comparison with a number between or beyond them says the same as one with a multiple inside
the range, or says the same for every value: ``x > 1.5`` is ``x > 1``, ``x = 1.5`` is never true,
``tiny < 1000`` always. After this step a constant always fits the column, and is compared exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction


def snap(op: str, value: Fraction | int | float, low: int, high: int) -> tuple[str, int] | bool:
    """``x op value`` for whole numbers `x` from `low` to `high`, with a `value` of that range.

    Args:
        op: one of ``= != < <= > >=``.
        value: a number in units of the column; a float only if it is infinite or NaN, and NaN is
            greater than every number.
        low: the least value of the column.
        high: the greatest.

    Returns:
        The operator and value to compare with instead, or the answer for every `x`.
    """
    if isinstance(value, float):
        return beyond(op, below=value == float("-inf"))
    floor = value.numerator // value.denominator
    if value.denominator != 1:
        if op in {"=", "!="}:
            return op == "!="
        op = "<=" if op[0] == "<" else ">"
    if low <= floor <= high:
        return op, floor
    return beyond(op, below=floor < low)


def beyond(op: str, *, below: bool) -> bool:
    """``x op value`` for a value below, or else above, every `x`."""
    return op in ({"!=", ">", ">="} if below else {"!=", "<", "<="})
