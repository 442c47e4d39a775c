"""Sorted rows in local files, until they are merged.

The files have no name where the system allows it (an unlinked file's room is free as soon as it is
closed), so that nothing is left behind however the process ends, ``kill -9`` included. They are in
Python's temporary folder, which the environment variable TMPDIR chooses.

Source: ``org.apache.paimon.sort.BinaryExternalSortBuffer``.
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Final

import pyarrow as pa

from tablestore.errors import StorageUnavailableError

_HEADER: Final = struct.Struct("<QQ")
"""Before each batch: bytes in the file, bytes in memory."""


class SpilledRun:
    """One local file with rows in key order: Arrow record batches, each compressed as a whole.

    Arrow would compress each column of each batch by itself, which for the small batches of a merge
    of many runs takes several times as long.

    Attributes:
        size: its bytes.
    """

    def __init__(self, codec: pa.Codec | None) -> None:
        self.size = 0
        self._codec = codec
        self._schema: pa.Schema | None = None
        self._file: IO[bytes] = tempfile.TemporaryFile(  # noqa: SIM115  closed by the owner
            prefix="tablestore-spill-"
        )

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            OSError: there is no room.
        """
        self._schema = batch.schema
        plain = batch.serialize()
        packed = plain if self._codec is None else self._codec.compress(plain)
        self._file.write(_HEADER.pack(packed.size, plain.size))
        self._file.write(packed)
        self.size += _HEADER.size + packed.size

    def flush(self) -> None:
        """Hand everything to the system.

        Raises:
            OSError: there is no room.
        """
        self._file.flush()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order; by one reader at a time.

        Raises:
            StorageUnavailableError: the file cannot be read back.
        """
        self._file.seek(0)
        while header := self._read(_HEADER.size, 0):
            packed, plain = _HEADER.unpack(header)
            data = self._read(packed, packed)
            buffer = pa.py_buffer(data)
            if self._codec is not None:
                buffer = self._codec.decompress(buffer, plain)
            yield pa.ipc.read_record_batch(buffer, self._schema)

    def _read(self, count: int, at_least: int) -> bytes:
        try:
            data = self._file.read(count)
        except OSError as error:
            raise _lost(str(error)) from error
        if len(data) < at_least:
            raise _lost("the file is too short")
        return data

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


class SpillSpace:
    """The local files of one writer.

    Args:
        codec: zstd, lz4 or none.
        zstd_level: zstd's level.
        bytes_max: no new file once they have that many bytes together; None for no limit.
    """

    def __init__(self, codec: str, zstd_level: int, bytes_max: int | None) -> None:
        level = zstd_level if codec == "zstd" else None
        self._codec = None if codec == "none" else pa.Codec(codec, compression_level=level)
        self._bytes_max = bytes_max
        self.runs: list[SpilledRun] = []

    @property
    def has_room(self) -> bool:
        """Whether another file may be made."""
        used = sum(run.size for run in self.runs)
        return self._bytes_max is None or used < self._bytes_max

    def add(self, batches: Iterable[pa.RecordBatch], batch_rows: int) -> None:
        """Write a run that is newer than all before it.

        Args:
            batches: rows in key order.
            batch_rows: rows that are read back at a time.

        Raises:
            OSError: there is no room; nothing is left of the run.
        """
        self.runs.append(self._written(batches, batch_rows))

    def smallest(self, count: int) -> slice:
        """That many neighbours with the fewest bytes; only neighbours keep the order of age."""
        sizes = [run.size for run in self.runs]
        starts = range(len(sizes) - count + 1)
        first = min(starts, key=lambda start: sum(sizes[start : start + count]))
        return slice(first, first + count)

    def replace(self, which: slice, joined: Iterable[pa.RecordBatch], batch_rows: int) -> None:
        """Put one run in the place of several neighbours.

        Args:
            which: the neighbours.
            joined: their rows in key order.
            batch_rows: rows that are read back at a time.

        Raises:
            OSError: there is no room; all runs stay.
        """
        run = self._written(joined, batch_rows)
        for old in self.runs[which]:
            old.close()
        self.runs[which] = [run]

    def _written(self, batches: Iterable[pa.RecordBatch], batch_rows: int) -> SpilledRun:
        run = SpilledRun(self._codec)
        try:
            for batch in batches:
                for start in range(0, batch.num_rows, batch_rows):
                    run.write(batch.slice(start, batch_rows))
            run.flush()
        except BaseException:
            run.close()
            raise
        return run

    def clear(self) -> None:
        """Remove all files."""
        for run in self.runs:
            run.close()
        self.runs = []


def _lost(reason: str) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"rows that were put aside in {tempfile.gettempdir()} cannot be read back: {reason}"
    )
