"""A key that is one particular tuple: work on it is done once a filter, not once a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tablestore.predicate.literal import Literal


class ById:
    """The constants of an IN as a cache key: hashing a hundred thousand of them costs too much."""

    __slots__ = ("values",)

    def __init__(self, values: tuple[Literal, ...]) -> None:
        self.values = values

    def __hash__(self) -> int:
        return id(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ById) and other.values is self.values
