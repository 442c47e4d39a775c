"""Decoded keys as Python values that compare like Paimon's keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tablestore.format.binary_row import Timestamp


def key_order(values: Sequence[Any]) -> tuple[Any, ...]:
    """A decoded key as something that sorts as Java sorts it.

    Nulls come first; -0.0 stands before 0.0, and NaN last.
    """
    return tuple(_value_order(value) for value in values)


def _value_order(value: object) -> object:
    if value is None:
        return (0, 0)
    if isinstance(value, float):
        if value != value:
            return (2, 0.0, 0)
        return (1, value, 0 if str(value).startswith("-") else 1)
    if isinstance(value, Timestamp):
        return (1, value.millis, value.nanos_of_milli)
    return (1, value)
