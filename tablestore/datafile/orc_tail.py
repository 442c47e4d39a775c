"""The end of an ORC file: postscript and footer, looked at before pyarrow reads them.

A damaged footer may end the whole process inside of the ORC library, which does not doubt the
precision of a decimal, the numbers of children or the rows of a stripe. So they are checked here::

    stripes | metadata | footer | postscript | uint8 length of the postscript

Postscript and footer are Protobuf messages; the footer lies in compressed chunks, each behind three
bytes: little-endian, twice its length, plus one where it is not compressed.

Source: ``orc_proto.proto`` of Apache ORC.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

import zstandard

from tablestore.errors import CorruptDataError, UnsupportedFormatError

if TYPE_CHECKING:
    import pyarrow as pa

TRAILING: Final = b"\x82\xf4\x03\x03ORC"
"""The last field of a postscript."""

TAIL_GUESS: Final = 16 << 10
"""Bytes that mostly hold the whole tail."""

_WHAT: Final = "ORC file"
_CODECS: Final = ("none", "zlib", "snappy", "lzo", "lz4", "zstd", "brotli")
_MAX_BLOCK: Final = 1 << 23
_MAX_FOOTER: Final = 1 << 20
_MAX_GROWTH: Final = 200
_MAX_DEPTH: Final = 100
_MAX_ROWS: Final = (1 << 31) - 1
_MAX_PRECISION: Final = 38
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LIST, _MAP, _STRUCT, _UNION, _DECIMAL, _LAST_KIND = 10, 11, 12, 13, 14, 18
_PRESENT: Final = 0
_CHILDREN: Final = {_LIST: 1, _MAP: 2}

Field = tuple[int, int | bytes]
"""Number and value of a field of a message."""


@dataclass(frozen=True)
class PostScript:
    """Where the sections of the tail are.

    Attributes:
        length: bytes of the postscript, its length byte included.
        footer: bytes of the footer.
        metadata: bytes of the metadata section, with statistics of stripes.
        codec: how footer and metadata are compressed.
        block: bytes of a chunk, before compression.
    """

    length: int
    footer: int
    metadata: int
    codec: str
    block: int

    @property
    def tail_bytes(self) -> int:
        """Bytes behind the stripes."""
        return self.length + self.footer + self.metadata

    @classmethod
    def of(cls, end: bytes, size: int) -> PostScript:
        """The postscript of a file.

        Args:
            end: its last bytes, at least 256 where it has so many.
            size: bytes of the file.

        Raises:
            CorruptDataError: it is damaged.
        """
        length = end[-1] if end else 0
        if not len(TRAILING) <= length < len(end) or end[-4:-1] != TRAILING[-3:]:
            found = end[-4:].hex()
            raise CorruptDataError(_WHAT, offset=size, expected="'ORC' at the end", found=found)
        start = size - length - 1
        fields = dict(_fields(end[-1 - length : -1], start))
        footer, codec, block, metadata = (_number(fields.get(n, 0), start) for n in (1, 2, 3, 5))
        script = cls(length + 1, footer, metadata, _codec(codec, start), block)
        if not footer or script.tail_bytes > size or block > _MAX_BLOCK:
            _bad(
                start,
                f"a tail in {size} bytes, in chunks of at most {_MAX_BLOCK}",
                f"a footer of {footer}, metadata of {metadata} bytes, chunks of {block}",
            )
        return script


@dataclass(frozen=True)
class Stripe:
    """Where a stripe is.

    Attributes:
        start: its first byte.
        end: the byte behind it.
        rows: how many it has.
        footer: bytes of its footer, which lie before its end.
    """

    start: int
    end: int
    rows: int
    footer: int


def read_stripes(source: pa.NativeFile, end: bytes, size: int) -> tuple[Stripe, ...]:
    """The stripes of a file whose footer is one that pyarrow can read.

    Args:
        source: the file.
        end: its last ``TAIL_GUESS`` bytes.
        size: its bytes.

    Raises:
        CorruptDataError: the footer is not like that.
        UnsupportedFormatError: its codec is not read.
    """
    script = PostScript.of(end, size)
    start = size - script.length - script.footer
    if script.footer + script.length > len(end):
        source.seek(start)
        end = source.read(size - start)
    packed = end[len(end) - (size - start) : len(end) - script.length]
    footer = list(_fields(_plain(packed, script, start), start))
    types = [_type(value, start) for number, value in footer if number == 4]
    _check_types(types, start)
    stripes = [_stripe(value, start) for number, value in footer if number == 3]
    at = 0
    for stripe in stripes:
        if not at <= stripe.start <= stripe.end <= size - script.tail_bytes:
            _bad(start, f"stripes in bytes {at} to {size - script.tail_bytes}", stripe)
        at = stripe.end
    rows = next((_number(value, start) for number, value in footer if number == 6), 0)
    if rows != sum(stripe.rows for stripe in stripes):
        _bad(start, f"{rows} rows in all stripes", sum(stripe.rows for stripe in stripes))
    keys = {found.children[0] for found in types if found.kind == _MAP}
    for stripe in stripes if keys else ():
        _check_keys(source, script, stripe, keys)
    return tuple(stripes)


def _check_keys(source: pa.NativeFile, script: PostScript, stripe: Stripe, keys: set[int]) -> None:
    """Keys of maps are never null, and pyarrow ends the process where they are.

    No writer keeps a stream of nulls for a column without any.
    """
    start = stripe.end - stripe.footer
    if stripe.footer > _MAX_FOOTER:
        _bad(start, f"a stripe's footer of at most {_MAX_FOOTER} bytes", stripe.footer)
    source.seek(start)
    footer = _plain(source.read(stripe.footer), script, start)
    for number, value in _fields(footer, start):
        if number != 1:
            continue
        stream = {part: _number(found, start) for part, found in _message(value, start) if part < 3}
        if stream.get(1, _PRESENT) == _PRESENT and stream.get(2, 0) in keys:
            _bad(start, "keys of maps that are not null", f"nulls in column {stream.get(2, 0)}")


def _bad(offset: int, expected: object, found: object) -> NoReturn:
    raise CorruptDataError(_WHAT, offset=offset, expected=expected, found=found)


# ---- messages ------------------------------------------------------------------------------------


def _fields(message: bytes, offset: int) -> Iterator[Field]:
    """Fields of a Protobuf message.

    Args:
        message: its bytes.
        offset: where in the file to report damage.
    """
    at, size = 0, len(message)
    while at < size:
        key, at = _varint(message, at, offset)
        kind, value = key & 7, 0
        if kind == _VARINT:
            value, at = _varint(message, at, offset)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(message, at, offset)
        else:
            length = {_FIXED64: 8, _FIXED32: 4}.get(kind, size + 1)
        if length > size - at or not key >> 3:
            _bad(offset, f"a field in {size - at} bytes", f"field {key >> 3} of kind {kind}")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: bytes, at: int, offset: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + 10]):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value & (1 << 64) - 1, at + place + 1
    _bad(offset, "a number of at most 10 bytes", message[at : at + 10].hex())


def _number(value: int | bytes, offset: int) -> int:
    if isinstance(value, bytes):
        _bad(offset, "a number", f"{len(value)} bytes")
    return value


def _message(value: int | bytes, offset: int) -> Iterator[Field]:
    if isinstance(value, int):
        _bad(offset, "a message", value)
    return _fields(value, offset)


def _stripe(value: int | bytes, offset: int) -> Stripe:
    found = {number: _number(v, offset) for number, v in _message(value, offset) if number < 6}
    start = found.get(1, 0)
    length = sum(found.get(number, 0) for number in (2, 3, 4))
    rows = found.get(5, 0)
    if rows > _MAX_ROWS:
        _bad(offset, f"at most {_MAX_ROWS} rows in a stripe", rows)
    return Stripe(start, start + length, rows, found.get(4, 0))


# ---- types ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Type:
    kind: int
    children: tuple[int, ...]
    names: tuple[bytes, ...]
    precision: int
    scale: int


def _type(value: int | bytes, offset: int) -> _Type:
    children: list[int] = []
    names: list[bytes] = []
    numbers = {1: 0, 5: 0, 6: 0}
    for number, part in _message(value, offset):
        if number == 2 and isinstance(part, bytes):
            at = 0
            while at < len(part):
                child, at = _varint(part, at, offset)
                children.append(child)
        elif number == 2 and isinstance(part, int):
            children.append(part)
        elif number == 3 and isinstance(part, bytes):
            names.append(part)
        elif number in numbers:
            numbers[number] = _number(part, offset)
    kind, precision, scale = numbers.values()
    return _Type(kind, tuple(children), tuple(names), precision, scale)


def _check_types(types: list[_Type], offset: int) -> None:
    """Types are a tree, in the order in which it is walked from its root, a row."""
    if not types or types[0].kind != _STRUCT:
        _bad(offset, "a row as the first type", types[0].kind if types else "no types")
    if len(set(types[0].names)) != len(types[0].names):
        _bad(offset, "columns with names of their own", "a name that is there twice")
    walk = [(0, 0)]
    number = 0
    while walk:
        found, depth = walk.pop()
        if found != number or found >= len(types) or depth > _MAX_DEPTH:
            _bad(offset, f"type {number} of {len(types)}", f"type {found} at depth {depth}")
        _check_type(types[found], offset)
        walk += [(child, depth + 1) for child in reversed(types[found].children)]
        number += 1
    if number != len(types):
        _bad(offset, f"{number} types", len(types))


def _check_type(found: _Type, offset: int) -> None:
    if found.kind > _LAST_KIND or found.kind == _UNION:
        _bad(offset, "a type that tables have", f"kind {found.kind}")
    wanted = len(found.names) if found.kind == _STRUCT else _CHILDREN.get(found.kind, 0)
    if len(found.children) != wanted:
        _bad(offset, f"{wanted} children of kind {found.kind}", len(found.children))
    if found.kind == _DECIMAL and not found.scale <= max(found.precision, 1) <= _MAX_PRECISION:
        _bad(offset, "a decimal of at most 38 digits", (found.precision, found.scale))


# ---- chunks --------------------------------------------------------------------------------------


def _codec(number: int, offset: int) -> str:
    if number >= len(_CODECS):
        _bad(offset, f"a codec from 0 to {len(_CODECS) - 1}", number)
    if _CODECS[number] not in {*_PLAIN, "none"}:
        raise UnsupportedFormatError(f"ORC codec {_CODECS[number]} is not supported")
    return _CODECS[number]


def _plain(packed: bytes, script: PostScript, offset: int) -> bytes:
    """The footer without its compression."""
    if script.codec == "none":
        return packed
    limit = _MAX_FOOTER + _MAX_GROWTH * len(packed)
    parts: list[bytes] = []
    at = 0
    while at < len(packed):
        head = int.from_bytes(packed[at : at + 3], "little")
        chunk = packed[at + 3 : at + 3 + (head >> 1)]
        if len(packed) - at < 3 or len(chunk) != head >> 1:
            _bad(offset + at, f"a chunk of {head >> 1} bytes", len(packed) - at)
        if not head & 1:
            try:
                chunk = _PLAIN[script.codec](chunk, min(limit, script.block))
            except (ValueError, IndexError, zlib.error, zstandard.ZstdError) as error:
                _bad(offset + at, f"a chunk of {script.codec}", str(error)[:120])
        limit -= len(chunk)
        if limit < 0:
            _bad(offset + at, "a footer that fits the memory for one", "a longer one")
        parts.append(chunk)
        at += 3 + (head >> 1)
    return b"".join(parts)


def _zlib(chunk: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj(-15)
    out = stream.decompress(chunk, limit + 1)
    if not stream.eof:
        raise ValueError(f"more than {limit} bytes, or no end")
    return out


def _zstd(chunk: bytes, limit: int) -> bytes:
    return zstandard.ZstdDecompressor().decompress(chunk, max_output_size=limit)


def _snappy(chunk: bytes, limit: int) -> bytes:
    import pyarrow as pa

    length, _ = _varint(chunk, 0, 0)
    if length > limit:
        raise ValueError(f"more than {limit} bytes")
    try:
        out: bytes = pa.Codec("snappy").decompress(chunk, length, asbytes=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error)) from None
    return out


def _lz4(chunk: bytes, limit: int) -> bytes:
    """A block of LZ4, whose length is not told.

    Raises:
        ValueError: it is none, or longer than the limit.
        IndexError: it ends early.
    """
    out = bytearray()
    at = 0
    while True:
        token = chunk[at]
        count, at = _lz4_length(chunk, at + 1, token >> 4)
        if count > min(len(chunk) - at, limit - len(out)):
            raise ValueError(f"{count} bytes that are not there, or more than {limit}")
        out += chunk[at : at + count]
        at += count
        if at == len(chunk):
            return bytes(out)
        back = int.from_bytes(chunk[at : at + 2], "little")
        count, at = _lz4_length(chunk, at + 2, token & 15)
        count += 4
        if not 0 < back <= len(out) or count > limit - len(out):
            raise ValueError(f"{count} bytes from {back} before")
        repeated = bytes(out[len(out) - back :][:count])
        out += (repeated * (count // len(repeated) + 1))[:count]


def _lz4_length(chunk: bytes, at: int, count: int) -> tuple[int, int]:
    if count == 15:
        while chunk[at] == 255:
            count += 255
            at += 1
        count += chunk[at]
        at += 1
    return count, at


_PLAIN: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "zlib": _zlib,
    "snappy": _snappy,
    "lz4": _lz4,
    "zstd": _zstd,
}
