"""Typed look-ups in the options of a table.

Whatever reads an option reads it here, so that a bad value names its option in one way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from tablestore.errors import InvalidInputError
from tablestore.options.spec import parse_int, parse_map, raw_value
from tablestore.options.units import parse_bool

_T = TypeVar("_T")


def split_names(text: str) -> tuple[str, ...]:
    """The names of a comma list, without empty ones."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


class OptionValues:
    """The options of a table, with the defaults of those that are not set.

    Each method raises ``InvalidInputError``, which names the option, where its value is bad.
    """

    def __init__(self, options: Mapping[str, str]) -> None:
        self._options = options

    def maybe(self, key: str, parse: Callable[[str], _T]) -> _T | None:
        """The parsed value; None where it is unset or blank.

        Raises:
            InvalidInputError: it is not of its type.
        """
        value = raw_value(self._options, key)
        if value is None or not value.strip():
            return None
        try:
            return parse(value)
        except InvalidInputError as error:
            raise InvalidInputError(f"option {key!r}: {error}", option=key, value=value) from None

    def get(self, key: str, parse: Callable[[str], _T]) -> _T:
        """The parsed value of an option that always has one.

        Raises:
            InvalidInputError: it is blank, or not of its type.
        """
        value = self.maybe(key, parse)
        if value is None:
            raise InvalidInputError(f"option {key!r} must not be empty", option=key)
        return value

    def text(self, key: str) -> str:
        """The text as it stands; empty where it is unset."""
        return raw_value(self._options, key) or ""

    def word(self, key: str) -> str:
        """One word in lower case; empty where it is unset."""
        return self.text(key).strip().lower()

    def flag(self, key: str) -> bool:
        """True or false."""
        return self.get(key, parse_bool)

    def number(self, key: str) -> int:
        """A whole number of 32 bits."""
        return self.get(key, parse_int)

    def names(self, key: str) -> tuple[str, ...]:
        """The names of a comma list."""
        return split_names(self.text(key))

    def levels(self, key: str, parse: Callable[[str], str]) -> dict[int, str]:
        """A value for each level that is named, from ``0:avro,1:parquet``.

        Raises:
            InvalidInputError: a level is not a number, or a value is not of its type.
        """
        entries = self.maybe(key, parse_map) or {}
        try:
            return {parse_int(level): parse(value) for level, value in entries.items()}
        except InvalidInputError as error:
            raise InvalidInputError(f"option {key!r}: {error}", option=key) from None
