"""The blocks of an Avro file as a stream; see ``format/avro.py`` for the layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError
from tablestore.format.avro import MAGIC
from tablestore.format.avro_codec import decompressor
from tablestore.format.avro_seal import check_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

MAX_BLOCK_BYTES: Final = 256 << 20
"""Bytes of a block after decompression; writers close blocks at about 64 KB."""

_BUFFER: Final = 1 << 20
_MAX_HEADER_KEYS: Final = 1_024
_SYNC_BYTES: Final = 16


class AvroBlocks:
    """The record count and the compressed bytes of each block, in order.

    Args:
        source: a pyarrow file, read from its beginning.

    Raises:
        CorruptDataError: with the offset of the finding.
        UnsupportedFormatError: the codec is not read.
    """

    def __init__(self, source: pa.NativeFile) -> None:
        self._size = source.size()
        source.seek(0)
        self._source = source
        self._buffer = b""
        self._from = 0  # the first byte of the buffer that was not taken
        self._at = 0
        self._start = 0
        magic = self._take(min(len(MAGIC), self._size))
        if magic != MAGIC:
            raise _broken(0, f"an Avro file beginning with {MAGIC!r}", repr(magic))
        header = self._header()
        check_header(header)
        if "avro.schema" not in header:
            raise _broken(self._at, "key 'avro.schema' in the header", "none")
        self.schema = header["avro.schema"]
        self.codec = header.get("avro.codec", b"null")
        self._decompress = decompressor(self.codec)
        self._sync = self._take(_SYNC_BYTES)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        while self._at < self._size:
            start = self._at
            count = self._long()
            packed = self._bytes()
            marker = self._take(_SYNC_BYTES)
            if marker != self._sync:
                raise _broken(start, f"sync marker {self._sync.hex()}", marker.hex())
            if count < 0:
                raise _broken(start, "a number of records", count)
            self._start = start
            yield count, packed

    def decompress(self, packed: bytes, limit: int) -> bytes:
        """The records of the last block, at most so many bytes."""
        return self._decompress(packed, limit, self._start)

    def _header(self) -> dict[str, bytes]:
        header: dict[str, bytes] = {}
        while True:
            at = self._at
            count = self._long()
            if count == 0:
                return header
            if count < 0:  # the count is followed by the size in bytes
                count = -count
                self._long()
            if len(header) + count > _MAX_HEADER_KEYS:
                raise _broken(at, f"at most {_MAX_HEADER_KEYS} keys in the header", count)
            for _ in range(count):
                key = self._bytes()
                header[key.decode("utf-8", "replace")] = self._bytes()

    def _bytes(self) -> bytes:
        at = self._at
        length = self._long()
        if length < 0:
            raise _broken(at, "a length", length)
        return self._take(length)

    def _long(self) -> int:
        start = self._at
        value = shift = 0
        while True:
            byte = self._take(1)[0]
            value |= (byte & 127) << shift
            if byte < 128:
                break
            shift += 7
            if shift > 63:
                raise _broken(start, "an integer of at most 10 bytes", "a longer one")
        return (value >> 1) ^ -(value & 1)

    def _take(self, length: int) -> bytes:
        if length > self._size - self._at:
            raise _broken(self._at, f"{length} bytes", f"{self._size - self._at}")
        if length > len(self._buffer) - self._from:
            rest = self._buffer[self._from :]
            self._buffer = rest + self._source.read(max(length - len(rest), _BUFFER))
            self._from = 0
        data = self._buffer[self._from : self._from + length]
        if len(data) != length:
            raise _broken(self._at, f"{length} bytes", f"{len(data)}")
        self._from += length
        self._at += length
        return data


def _broken(offset: int, expected: object, found: object) -> CorruptDataError:
    return CorruptDataError("Avro file", offset=offset, expected=expected, found=found)
