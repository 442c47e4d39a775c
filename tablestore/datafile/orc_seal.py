"""Checksums of an ORC file, where no ORC reader looks.

ORC has no checksums at all. The files that are written here hold the CRC-32 of each 64 KiB of the
stripes, in the gap before the metadata section, which nothing addresses: stripes are found by their
offsets, the sections of the tail by their lengths, from the end. A field of the postscript, which
other readers pass over as unknown, holds the CRC-32 of these checksums and all that follows::

    stripes | uint32 CRC-32 of each 65536 bytes of them | metadata | footer | postscript | length

    field 15000 of the postscript, right before the last one:
    16 bytes "tablestore.crc32" | uint64 bytes of the file
        | uint32 bytes from the checksums to the end | uint32 their CRC-32, with 0 here

Numbers are big-endian. A file without the field is of another writer and is taken as it is.
"""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, BinaryIO, Final

from tablestore.datafile.holding_sink import HoldingSink
from tablestore.datafile.orc_tail import TRAILING, PostScript
from tablestore.errors import CorruptDataError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.orc as orc

BLOCK: Final = 64 << 10
"""Bytes under one checksum."""

_TEXT: Final = b"tablestore.crc32"
_FIELD: Final = b"\xc2\xa9\x07"  # the key of field 15000, which has a length
_LENGTH: Final = len(_TEXT) + 16
_CRC: Final = 4


class SealedOrcSink(HoldingSink):
    """A file object that passes everything on but the end of an ORC file, which it seals.

    Args:
        sink: the file to write; closed by its owner.
    """

    def __init__(self, sink: BinaryIO) -> None:
        super().__init__(sink)
        self._crcs = bytearray()
        self._crc = 0

    def finish(self, writer: orc.ORCWriter) -> None:
        """Close the writer and write the end of the file with the checksums."""
        end = self._end_of(writer)
        tail = len(end) - PostScript.of(end, len(end)).tail_bytes
        self._pass_on(end[:tail])
        if self._passed % BLOCK:
            self._crcs += self._crc.to_bytes(_CRC, "big")
        self._sink.write(_sealed(bytes(self._crcs), end[tail:], self._passed))

    def _pass_on(self, data: bytes | memoryview) -> None:
        start = self._passed
        super()._pass_on(data)
        view = memoryview(data)
        while len(view):
            part = view[: BLOCK - start % BLOCK]
            self._crc = zlib.crc32(part, self._crc)
            start += len(part)
            if start % BLOCK == 0:
                self._crcs += self._crc.to_bytes(_CRC, "big")
                self._crc = 0
            view = view[len(part) :]


def _sealed(crcs: bytes, tail: bytes, body: int) -> bytes:
    """Checksums and tail, behind so many bytes of stripes."""
    length = len(crcs) + len(tail) + len(_FIELD) + 1 + _LENGTH
    field = _FIELD + bytes([_LENGTH]) + _TEXT + (body + length).to_bytes(8, "big")
    field += length.to_bytes(4, "big") + bytes(_CRC)
    script = tail[-1] + len(field)
    front, last = crcs + tail[: -1 - len(TRAILING)], TRAILING + bytes([script])
    unset = front + field + last
    crc = zlib.crc32(unset).to_bytes(_CRC, "big")
    return front + field[:-_CRC] + crc + last


def checked_source(source: pa.NativeFile, last: bytes, size: int) -> CheckedOrc | None:
    """The file, looked at by its checksums; None where it has none.

    Args:
        source: the file.
        last: its last bytes.
        size: its bytes.

    Raises:
        CorruptDataError: its end is damaged.
    """
    at = len(last) - 1 - len(TRAILING) - _LENGTH
    if at < 0 or last[at : at + len(_TEXT)] != _TEXT:
        return None
    told = int.from_bytes(last[at + 16 : at + 24], "big")
    length = int.from_bytes(last[at + 24 : at + 28], "big")
    blocks = -(-(size - length) // BLOCK)
    if told != size or not _CRC * blocks + _LENGTH < length <= size:
        raise CorruptDataError(
            "ORC file",
            offset=size - len(last) + at,
            expected=f"a file of {told} bytes, of which the last {length} have a checksum",
            found=f"{size} bytes",
        )
    end = last[-length:]
    if length > len(last):
        source.seek(size - length)
        end = source.read(length)
    at = len(end) - 1 - len(TRAILING) - _CRC
    crc = zlib.crc32(end[:at] + bytes(_CRC) + end[at + _CRC :]).to_bytes(_CRC, "big")
    if crc != end[at : at + _CRC]:
        found = _other(size - length, end[at : at + _CRC], crc)
        raise found
    return CheckedOrc(source, size, end)


def _other(offset: int, told: bytes, found: bytes) -> CorruptDataError:
    return CorruptDataError(
        "ORC file", offset=offset, expected=f"checksum {told.hex()}", found=found.hex()
    )


class CheckedOrc:
    """A readable file of which nothing is given before its checksum is right.

    Args:
        source: the file.
        size: its bytes.
        end: checksums and tail, whose own checksum is right.

    Attributes:
        finding: the first damage; libraries between may lose the error.
    """

    def __init__(self, source: pa.NativeFile, size: int, end: bytes) -> None:
        self._source = source
        self._size = size
        self._end = end
        self._body = size - len(end)
        self._held = (0, b"")  # where some checked bytes begin
        self._at = 0
        self.finding: CorruptDataError | None = None
        self.closed = False

    def hold(self, start: int, end: int) -> None:
        """Read a part of the stripes at once, to be asked for in pieces.

        Raises:
            CorruptDataError: it is damaged.
        """
        first = start - start % BLOCK
        self._held = (first, self._checked(first, end))

    def release(self) -> None:
        """Forget what is held."""
        self._held = (0, b"")

    def read(self, length: int = -1, /) -> bytes:
        """The next bytes."""
        stop = self._size if length < 0 else min(self._size, self._at + length)
        data = self._part(self._at, stop)
        self._at += len(data)
        return data

    def _part(self, start: int, stop: int) -> bytes:
        at, held = self._held
        if at <= start and stop <= at + len(held):
            return held[start - at : stop - at]
        found = b""
        if start < self._body:
            first = start - start % BLOCK
            found = self._checked(first, min(stop, self._body))[start - first : stop - first]
        return found + self._end[max(0, start - self._body) : max(0, stop - self._body)]

    def _checked(self, first: int, stop: int) -> bytes:
        """All blocks from one's beginning on that have a byte before the stop."""
        stop = min(self._body, -(-stop // BLOCK) * BLOCK)
        self._source.seek(first)
        data: bytes = self._source.read(max(0, stop - first))
        view = memoryview(data)
        for start in range(first, stop, BLOCK):
            place = start // BLOCK * _CRC
            told = self._end[place : place + _CRC]
            crc = zlib.crc32(view[start - first : start - first + BLOCK]).to_bytes(_CRC, "big")
            if crc != told:
                self.finding = _other(start, told, crc)
                raise self.finding
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Where to read next."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, begin + offset)
        return self._at

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def size(self) -> int:
        """Bytes of the file."""
        return self._size

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """The owner of the file closes it."""
        self.closed = True
