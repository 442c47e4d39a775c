"""Small JSON files: an object with keys of known types, as bytes and back.

Knows: how damage in such a file is named. Does not know: what any key means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from tablestore.errors import CorruptDataError

_WORDS: Final[dict[type, str]] = {
    int: "an integer",
    str: "a string",
    dict: "an object",
    list: "an array",
    float: "a number",
}


def parse_object(data: bytes, what: str, name: str | None) -> dict[str, Any]:
    """The object that the bytes hold.

    Raises:
        CorruptDataError: they are no JSON object.
    """
    try:
        document = json.loads(data.decode())
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError and JSONDecodeError too
        position = getattr(error, "pos", getattr(error, "start", None))
        raise CorruptDataError(
            what, name=name, offset=position, expected="JSON", found=type(error).__name__
        ) from None
    if not isinstance(document, dict):
        raise CorruptDataError(
            what, name=name, expected="a JSON object", found=type(document).__name__
        )
    return document


def check_spelling(
    unknown: Iterable[str], absent: Iterable[str], what: str, name: str | None
) -> None:
    """Refuse keys that are one bit away from a key that is absent: these files have no checksum.

    Args:
        unknown: keys of the file that mean nothing.
        absent: keys that the file does not have.
        what: the kind of file, for error messages.
        name: its name, for error messages.

    Raises:
        CorruptDataError: one of them is another key with a flipped bit.
    """
    missing = [key.encode() for key in absent]
    for key in unknown:
        found = key.encode(errors="surrogatepass")
        for right in missing:
            if len(found) == len(right) and _distance(found, right) == 1:
                raise CorruptDataError(
                    what, name=name, expected=f"key {right.decode()!r}", found=repr(key)
                )


def _distance(left: bytes, right: bytes) -> int:
    """Bits in which texts of one length differ."""
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).bit_count()


def render_object(document: dict[str, Any]) -> bytes:
    """The bytes of an object as Java writes them."""
    return json.dumps(document, indent=2, ensure_ascii=False, separators=(",", " : ")).encode()


def take(
    document: dict[str, Any], key: str, kind: type, what: str, name: str | None, *, needed: bool
) -> Any:  # noqa: ANN401
    """Removes a key and gives its value; None where it is absent or null.

    Raises:
        CorruptDataError: its value has another type, or it is needed and absent.
    """
    value = document.pop(key, None)
    if value is None:
        if needed:
            raise CorruptDataError(what, name=name, expected=f"key {key!r}", found="none")
        return None
    good = type(value) is kind or (kind is float and type(value) is int)
    if not good:
        raise CorruptDataError(
            what, name=name, expected=f"{_WORDS[kind]} for {key!r}", found=repr(value)[:80]
        )
    return value
