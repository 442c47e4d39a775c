"""What a row of a change stream does.

Source: ``org.apache.paimon.types.RowKind``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from tablestore.errors import InvalidInputError

SHORT_STRINGS: Final = ("+I", "-U", "+U", "-D")


class RowKind(IntEnum):
    """The numbers are on disk (the ``_VALUE_KIND`` column) and never change."""

    INSERT = 0
    UPDATE_BEFORE = 1
    UPDATE_AFTER = 2
    DELETE = 3

    @classmethod
    def parse(cls, text: str) -> RowKind:
        """The row kind of a short string.

        Raises:
            InvalidInputError: the text is none of the four.
        """
        if text not in SHORT_STRINGS:
            raise InvalidInputError(
                f"{text!r} is not a row kind: expected one of {', '.join(SHORT_STRINGS)}"
            )
        return cls(SHORT_STRINGS.index(text))
