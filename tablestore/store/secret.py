"""A text that is used and never shown.

The storage's answers, the client libraries' messages and the user's own logs go through many
hands; a value of this type prints as ``***`` in all of them.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable

HIDDEN: Final = "***"
# A shorter text may stand in a message by chance; hiding it would only garble the message.
_SHORTEST_HIDDEN: Final = 4


class Secret:
    """A secret text; ``str``, ``repr`` and ``format`` give ``***``.

    It has no value in JSON and cannot be pickled: a process that needs it is given it anew.

    Args:
        value: the text, or another secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | Secret) -> None:
        self._value: str = value._value if isinstance(value, Secret) else value

    def reveal(self) -> str:
        """The text itself, for the call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str, /) -> str:
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(("secret", self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


def without(text: str, secrets: Iterable[Secret]) -> str:
    """A text with every occurrence of the secrets hidden."""
    for secret in sorted(secrets, key=lambda found: -len(found.reveal())):
        value = secret.reveal()
        if len(value) >= _SHORTEST_HIDDEN:
            text = text.replace(value, HIDDEN)
    return text
