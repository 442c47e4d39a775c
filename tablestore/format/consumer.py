"""The consumer file: how far a named reader of the stream has come.

::

    { "nextSnapshot" : 3 }

Snapshots from that one on are not expired.

Source: ``org.apache.paimon.consumer.Consumer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tablestore.errors import CorruptDataError
from tablestore.format.json_object import parse_object, render_object, take

_WHAT: Final = "consumer"
_KEY: Final = "nextSnapshot"


@dataclass(frozen=True)
class Consumer:
    """The progress of one reader.

    Attributes:
        next_snapshot: the first snapshot that it has not read.
    """

    next_snapshot: int


def decode_consumer(data: bytes, *, name: str | None = None) -> Consumer:
    """The consumer that the bytes hold.

    Raises:
        CorruptDataError: the bytes are not a consumer.
    """
    document = parse_object(data, _WHAT, name)
    number = take(document, _KEY, int, _WHAT, name, needed=True)
    if not 0 <= number < 2**63:
        raise CorruptDataError(_WHAT, name=name, expected=f"a long for {_KEY!r}", found=number)
    return Consumer(number)


def encode_consumer(consumer: Consumer) -> bytes:
    """The bytes of the consumer file."""
    return render_object({_KEY: consumer.next_snapshot})
