"""The container of a data file's indexes: an ``.index`` file, or bytes in the manifest entry.

::

    int64 magic 1493475289347502 | int32 version = 1 | int32 length of the head
    int32 columns, per column: utf name | int32 indexes,
        per index: utf type | int32 start | int32 length
    int32 0                                              room for later versions
    body

Big-endian; ``utf`` is a uint16 length and Java's modified UTF-8. ``start`` counts from the first
byte; -1 means an empty index: no row of the column has a value. A key of a map column has the name
``column[key]``.

A container that is written beside its data file gets a checksum behind its body, where readers look
for nothing: 16 bytes ``tablestore.crc32`` and the CRC-32 of the container. One in a manifest entry
is under the checksums of the manifest.

Source: ``org.apache.paimon.fileindex.FileIndexFormat``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.byte_reader import ByteReader

MAGIC: Final = 1493475289347502
VERSION: Final = 1
BLOOM_FILTER: Final = "bloom-filter"
BITMAP: Final = "bitmap"
BSI: Final = "bsi"
RANGE_BITMAP: Final = "range-bitmap"

_WHAT: Final = "file index"
_EMPTY: Final = -1
_SEAL: Final = b"tablestore.crc32"
_SEALED: Final = len(_SEAL) + 4

Indexes = dict[str, dict[str, bytes | None]]
"""By column and type of index; None is the empty index."""


def decode_file_index(data: bytes, name: str | None = None) -> Indexes:
    """The indexes of a data file, not decoded themselves.

    Args:
        data: the whole container.
        name: the file's name, for messages.

    Raises:
        CorruptDataError: the bytes are no such container, or not those of the checksum.
        UnsupportedFormatError: a newer version.
    """
    try:
        return _decode(data)
    except CorruptDataError as error:
        raise error.named(name) if name else error from None


def encode_sealed(container: bytes) -> bytes:
    """The container with its checksum, to be a file of its own."""
    return container + _SEAL + zlib.crc32(container).to_bytes(4, "big")


def _check_seal(data: bytes) -> None:
    at = len(data) - _SEALED
    if at < 0 or data[at:-4] != _SEAL:
        return
    crc = zlib.crc32(data[:at])
    if crc != int.from_bytes(data[-4:], "big"):
        raise CorruptDataError(
            _WHAT, offset=at, expected=f"checksum {data[-4:].hex()}", found=f"{crc:08x}"
        )


def _decode(data: bytes) -> Indexes:
    _check_seal(data)
    reader = ByteReader(data, _WHAT)
    magic = reader.integer(8)
    if magic != MAGIC:
        reader.bad(f"magic {MAGIC:016x}", f"{magic & (1 << 64) - 1:016x}", 0)
    version = reader.integer()
    if version < 1:
        reader.bad("a version", version, 8)
    if version > VERSION:
        raise UnsupportedFormatError(
            f"file index has version {version}; this version reads {VERSION}"
        )
    head = reader.integer()
    if not 24 <= head <= len(data):
        reader.bad(f"a head of 24 to {len(data)} bytes", head, 12)
    found: Indexes = {}
    for _ in range(reader.count(6)):
        column = _text(reader)
        kinds = found.setdefault(column, {})
        for _ in range(reader.count(10)):
            kind = _text(reader)
            kinds[kind] = _body(reader, head)
    if reader.at > head:
        reader.bad(f"a head of {head} bytes", reader.at, reader.at)
    return found


def _body(reader: ByteReader, head: int) -> bytes | None:
    at = reader.at
    start, length = reader.integer(), reader.integer()
    if start == _EMPTY:
        return None
    if start < head or length < 0 or start + length > len(reader.data):
        reader.bad(f"a place in bytes {head} to {len(reader.data)}", f"{start}+{length}", at)
    return reader.data[start : start + length]


def _text(reader: ByteReader) -> str:
    start = reader.at
    raw = reader.take(int.from_bytes(reader.take(2), "big"))
    try:
        units = raw.replace(b"\xc0\x80", b"\x00").decode("utf-8", "surrogatepass")
        return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeError:
        reader.bad("modified UTF-8", raw[:40].hex(), start)


def encode_file_index(indexes: Mapping[str, Mapping[str, bytes | None]]) -> bytes:
    """The container of some indexes.

    Args:
        indexes: by column and type; None is the empty index.

    Raises:
        UnsupportedFormatError: a name is too long.
    """
    names = [_utf(name) for column, kinds in indexes.items() for name in (column, *kinds)]
    count = sum(len(kinds) for kinds in indexes.values())
    head = 8 + 4 + 4 + 4 + sum(map(len, names)) + 4 * len(indexes) + 8 * count + 4
    parts = [MAGIC.to_bytes(8, "big"), _int(VERSION), _int(head), _int(len(indexes))]
    bodies = []
    at = head
    for column, kinds in indexes.items():
        parts += [_utf(column), _int(len(kinds))]
        for kind, body in kinds.items():
            start, length = (_EMPTY, 0) if body is None else (at, len(body))
            parts += [_utf(kind), _int(start), _int(length)]
            bodies.append(body or b"")
            at += length
    return b"".join([*parts, _int(0), *bodies])


def _int(value: int) -> bytes:
    return value.to_bytes(4, "big", signed=True)


def _utf(text: str) -> bytes:
    units = text.encode("utf-16-be", "surrogatepass")
    codes = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    raw = b"".join(
        b"\xc0\x80" if not code else chr(code).encode("utf-8", "surrogatepass") for code in codes
    )
    if len(raw) >= 1 << 16:
        raise UnsupportedFormatError(f"a file index over a name of {len(raw)} bytes")
    return len(raw).to_bytes(2, "big") + raw
