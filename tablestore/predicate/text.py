"""A predicate as the text that ``parse_where`` reads, for explain output and messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tablestore.predicate.nodes import Predicate


def to_text(predicate: Predicate | None) -> str:
    """The predicate as filter text; parsing it back gives an equal predicate.

    The exceptions are pyarrow expressions, which print as pyarrow prints them, and what only
    binding makes. None gives an empty text.
    """
    return "" if predicate is None else repr(predicate)
