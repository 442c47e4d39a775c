"""A constant of a predicate: a normalised value and its kind.

===========  ==========================================================================
kind         value
===========  ==========================================================================
null         None
bool         bool
int          int
decimal      Decimal (finite)
float        float
str          str (encodable as UTF-8)
bytes        bytes
date         int, days since 1970-01-01
time         int, nanoseconds since midnight (before binding)
millis       int, milliseconds since midnight (a bound TIME, as Paimon stores it)
timestamp    int, epoch nanoseconds of a wall clock
timestamptz  int, epoch nanoseconds UTC
===========  ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = "bool | int | Decimal | float | str | bytes | None"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; see the module for the kinds."""

    value: Value
    kind: str

    @property
    def is_null(self) -> bool:
        """True for SQL's NULL."""
        return self.kind == "null"

    @property
    def is_nan(self) -> bool:
        """True for a floating-point NaN."""
        return isinstance(self.value, float) and self.value != self.value


NULL = Literal(None, "null")
