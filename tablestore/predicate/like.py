r"""SQL's LIKE: patterns taken apart, and texts matched.

``%`` stands for any text, ``_`` for one character (a code point), ``\`` takes the next character
as it is. A line break is a character like any other.
"""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.predicate.arrow_scalar import scalar_of

_SPECIAL = frozenset("\\.+*?()|[]{}^$")


class Piece(NamedTuple):
    """A run of ordinary text, or one wildcard (``%`` or ``_``)."""

    text: str
    wildcard: bool


def pieces(pattern: str) -> list[Piece]:
    """The pattern as text and wildcards."""
    found: list[Piece] = []
    plain = ""
    escaped = False
    for letter in pattern:
        if escaped or letter not in "\\%_":
            plain += letter
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            found += [Piece(plain, wildcard=False)] if plain else []
            found.append(Piece(letter, wildcard=True))
            plain = ""
    return found + ([Piece(plain, wildcard=False)] if plain else [])


def check_pattern(pattern: str) -> None:
    """Check that a pattern does not end in the middle of an escape.

    Raises:
        InvalidInputError: it does.
    """
    if (len(pattern) - len(pattern.rstrip("\\"))) % 2:
        raise InvalidInputError(
            f"the like pattern {pattern!r} ends with a lone backslash: write two for the character"
        )


def literal_prefix(pattern: str) -> tuple[str, bool]:
    """The text that every match begins with, and whether it is the whole of every match."""
    found = pieces(pattern)
    if not found:
        return "", True
    if found[0].wildcard:
        return "", False
    return found[0].text, len(found) == 1


def matches(array: pa.Array | pa.ChunkedArray, pattern: str) -> pa.Array | pa.ChunkedArray:
    """Whether each text matches; null for null."""
    prefix, whole = literal_prefix(pattern)
    if whole:
        return pc.equal(array, scalar_of(prefix, array.type))
    if pieces(pattern)[1:] == [Piece("%", wildcard=True)] and prefix:
        return pc.starts_with(array, prefix)
    return pc.match_substring_regex(array, _regex(pattern))


def _regex(pattern: str) -> str:
    body = "".join(
        {"%": ".*", "_": "."}[piece.text]
        if piece.wildcard
        else "".join("\\" + letter if letter in _SPECIAL else letter for letter in piece.text)
        for piece in pieces(pattern)
    )
    return f"(?s)\\A{body}\\z"
