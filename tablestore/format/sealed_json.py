"""JSON objects that carry a checksum of themselves: what tablestore adds to a table.

::

    {"body": {…}, "crc32": "89abcdef", "version": 1}

The checksum is that of the body in its canonical form: keys sorted, no blanks, ASCII. A snapshot
has no checksum of its own, and a flipped bit in a stored position would lose or repeat rows.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.json_object import parse_object, take

VERSION: Final = 1


def seal(body: dict[str, Any]) -> str:
    """The text of an object with its checksum."""
    return _canonical({"version": VERSION, "crc32": _checksum(body), "body": body})


def read_sealed(data: bytes, what: str, name: str | None, *, bytes_max: int) -> dict[str, Any]:
    """The object that the bytes hold.

    Args:
        data: what ``seal`` gave, as ASCII.
        what: the kind of object, for error messages.
        name: its name, for error messages.
        bytes_max: refuse to parse more.

    Raises:
        CorruptDataError: they are damaged.
        UnsupportedFormatError: a newer version wrote them.
    """
    if len(data) > bytes_max:
        raise CorruptDataError(
            what, name=name, expected=f"at most {bytes_max} bytes", found=len(data)
        )
    document = parse_object(data, what, name)
    version = take(document, "version", int, what, name, needed=True)
    if version > VERSION:
        raise UnsupportedFormatError(
            f"{what} {name or ''} has version {version}; this version reads {VERSION}"
        )
    body: dict[str, Any] = take(document, "body", dict, what, name, needed=True)
    said = take(document, "crc32", str, what, name, needed=True)
    try:
        found = _checksum(body)
    except (ValueError, RecursionError) as error:  # NaN, or deeper than can be written
        raise CorruptDataError(
            what, name=name, expected="JSON", found=type(error).__name__
        ) from None
    if version != VERSION or document or said != found:
        raise CorruptDataError(
            what, name=name, expected=f"checksum {said[:16]} of version {VERSION}", found=found
        )
    return body


def _checksum(body: dict[str, Any]) -> str:
    return f"{zlib.crc32(_canonical(body).encode()):08x}"


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
