"""Decompression of Avro blocks, never into more memory than allowed.

Snappy blocks end with the CRC-32 of the records, big-endian.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

import zstandard

from tablestore.errors import CorruptDataError, UnsupportedFormatError

_SNAPPY_GROWTH: Final = 32  # three bytes make 64 at most

Decompress = Callable[[bytes, int, int], bytes]

_SLICE: Final = 1024  # compressed bytes at a time: a bomb shows before it has grown


def decompressor(codec: bytes) -> Decompress:
    """The function ``(block, most bytes allowed, offset in the file) -> records`` of a codec.

    Raises:
        UnsupportedFormatError: the codec is not read.
    """
    try:
        return _CODECS[codec]
    except KeyError:
        known = ", ".join(sorted(c.decode() for c in _CODECS))
        found = codec[:40].decode("utf-8", "replace")
        raise UnsupportedFormatError(
            f"Avro codec {found!r} is not supported; this version reads {known}"
        ) from None


def _too_long(offset: int, limit: int) -> CorruptDataError:
    return CorruptDataError(
        "Avro file", offset=offset, expected=f"at most {limit} more bytes of records", found="more"
    )


def _bad_block(codec: str, offset: int, found: object) -> CorruptDataError:
    return CorruptDataError(
        "Avro file", offset=offset, expected=f"a {codec} block", found=str(found)[:120]
    )


def _plain(block: bytes, limit: int, offset: int) -> bytes:
    if len(block) > limit:
        raise _too_long(offset, limit)
    return block


def _deflate(block: bytes, limit: int, offset: int) -> bytes:
    stream = zlib.decompressobj(-15)
    try:
        out = stream.decompress(block, limit + 1)
    except zlib.error as e:
        raise _bad_block("deflate", offset, e) from None
    if len(out) > limit:
        raise _too_long(offset, limit)
    # fastavro leaves the first 3 bytes of zlib's checksum behind the data
    checksum = zlib.adler32(out).to_bytes(4, "big")
    if not stream.eof or not checksum.startswith(stream.unused_data):
        raise _bad_block("deflate", offset, "a block that does not end with its data")
    return out


def _zstandard(block: bytes, limit: int, offset: int) -> bytes:
    stream = zstandard.ZstdDecompressor().decompressobj()
    parts: list[bytes] = []
    left = limit
    try:
        for start in range(0, len(block), _SLICE):
            if stream.eof:
                raise _bad_block("zstandard", offset, "bytes behind the end of the data")
            part = stream.decompress(block[start : start + _SLICE])
            left -= len(part)
            if left < 0:
                raise _too_long(offset, limit)
            parts.append(part)
    except zstandard.ZstdError as e:
        raise _bad_block("zstandard", offset, e) from None
    if not stream.eof or stream.unused_data:
        raise _bad_block("zstandard", offset, "a block that does not end with its data")
    return b"".join(parts)


def _snappy(block: bytes, limit: int, offset: int) -> bytes:
    import pyarrow as pa  # only old releases wrote snappy

    packed, crc = block[:-4], block[-4:]
    length = _snappy_length(packed, offset)
    if length > limit:
        raise _too_long(offset, limit)
    if length > _SNAPPY_GROWTH * len(packed):
        raise _bad_block("snappy", offset, f"{len(packed)} bytes that claim to be {length}")
    try:
        out: bytes = pa.Codec("snappy").decompress(packed, length, asbytes=True)
    except (pa.ArrowException, OSError, ValueError) as e:
        raise _bad_block("snappy", offset, e) from None
    if zlib.crc32(out) != int.from_bytes(crc, "big"):
        raise _bad_block("snappy", offset, "a wrong checksum")
    return out


def _snappy_length(packed: bytes, offset: int) -> int:
    length = 0
    for place, byte in enumerate(packed[:5]):
        length |= (byte & 127) << (7 * place)
        if byte < 128:
            return length
    raise _bad_block("snappy", offset, "no length")


_CODECS: Final[dict[bytes, Decompress]] = {
    b"null": _plain,
    b"deflate": _deflate,
    b"snappy": _snappy,
    b"zstandard": _zstandard,
}
