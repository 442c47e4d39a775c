"""A checksum of the Parquet footer, in the footer.

Parquet has checksums for pages only: a flipped bit in the footer may rename a column, change the
scale of a decimal, or narrow the bounds by which rows are left out. So the footers that are written
here hold the CRC-32 of themselves as a key of the metadata, which every other reader ignores::

    tablestore.footer.crc32    8 hex digits   CRC-32 of the Thrift bytes, with 24 times "0" here
                               16 hex digits  bytes of the whole file

A footer without the key is of another writer and is taken as it is. So is one with the size of
another file: some libraries copy the metadata of what they read into what they write.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Final

from tablestore.datafile.holding_sink import HoldingSink
from tablestore.datafile.parquet_footer import MAGIC
from tablestore.errors import CorruptDataError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_KEY: Final = "tablestore.footer.crc32"
_UNSET: Final = "0" * 24
# the key, and behind it the next field with 24 bytes; no Thrift is parsed, so that damage
# elsewhere cannot hide it
_SEAL: Final = re.compile(re.escape(_KEY.encode()) + rb"\x18\x18([0-9a-f]{24})")
_TRAILER: Final = 8  # length and magic


class SealedSink(HoldingSink):
    """A file object that passes everything on but the end of a Parquet file, which it seals."""

    def finish(self, writer: pq.ParquetWriter) -> None:
        """Close the writer and write its footer with the checksum."""
        mark(writer)
        end = self._end_of(writer)
        self._sink.write(_sealed(end, self.tell()))

    def finish_with(self, footer: bytes) -> None:
        """Write a footer, of writers that were marked, with the checksum."""
        end = footer + len(footer).to_bytes(4, "little") + MAGIC
        self._sink.write(_sealed(end, self.tell() + len(end)))


def mark(writer: pq.ParquetWriter) -> None:
    """Have a writer leave space for the checksum in its footer."""
    writer.add_key_value_metadata({_KEY: _UNSET})


def _sealed(end: bytes, size: int) -> bytes:
    """The end of a file of a size, with the checksum in its footer."""
    start = len(end) - _TRAILER - int.from_bytes(end[-_TRAILER:-4], "little")
    footer = end[start:-_TRAILER]
    at = [found.start(1) for found in _SEAL.finditer(footer)][-1]
    seal = _seal(footer, at, size)
    return b"".join((end[:start], footer[:at], seal, footer[at + len(seal) :], end[-_TRAILER:]))


def _seal(footer: bytes, at: int, size: int) -> bytes:
    unset = footer[:at] + _UNSET.encode() + footer[at + len(_UNSET) :]
    return b"%08x%016x" % (zlib.crc32(unset), size)


def check_footer(footer: bytes, size: int) -> None:
    """Compare the checksum of a footer, where it has one.

    Args:
        footer: the Thrift bytes.
        size: bytes of the file.

    Raises:
        CorruptDataError: it is another one.
    """
    for found in _SEAL.finditer(footer):
        told, right = found[1], _seal(footer, found.start(1), size)
        if told[8:] == right[8:] and told != right:
            raise CorruptDataError(
                "Parquet footer",
                offset=size - _TRAILER - len(footer),
                expected=f"checksum {told[:8].decode()}",
                found=right[:8].decode(),
            )
