"""A checksum of what the header of an Avro file says, in the header.

The blocks of an Avro file are told apart by sync markers, and zstandard has a checksum; a flipped
bit in the schema can still rename a field, which then is one that the file does not have. So the
headers that are written here have one key more, which every other reader passes over::

    tablestore.header.crc32    8 hex digits: the CRC-32 of the schema and the codec

A header without the key is of another writer and is taken as it is.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

SEAL_KEY: Final = "tablestore.header.crc32"


def header_seal(schema: str | bytes, codec: str | bytes) -> str:
    """The value of the key for a schema and a codec."""
    texts = (text.encode() if isinstance(text, str) else text for text in (schema, codec))
    return f"{zlib.crc32(b' '.join(texts)):08x}"


def check_header(header: Mapping[str, bytes]) -> None:
    """Compare the checksum of a header, where it has one.

    Raises:
        CorruptDataError: it is another one.
    """
    told = header.get(SEAL_KEY)
    if told is None:
        return
    right = header_seal(header.get("avro.schema", b""), header.get("avro.codec", b"null"))
    if told != right.encode():
        found = told[:40].decode("utf-8", "replace")
        raise CorruptDataError(
            "Avro file", offset=0, expected=f"a header with the checksum {found!r}", found=right
        )
