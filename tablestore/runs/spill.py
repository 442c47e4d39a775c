"""Sorted rows in a local file, until they are merged.

The files have no name where the system allows it (an unlinked file's room is free as soon as it is
closed), so that nothing is left behind however the process ends, ``kill -9`` included. They are in
Python's temporary folder, which the environment variable TMPDIR chooses.

Source: ``org.apache.paimon.sort.BinaryExternalSortBuffer``, and ``MergeSorter`` of
``org.apache.paimon.mergetree``, which puts readers aside where there are many
(``sort-spill-threshold``).
"""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Final

import pyarrow as pa

from tablestore.datafile.dictionaries import plain
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


def put_aside(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, from a local file: their source is read to its end first, and closed.

    Dictionaries become values.

    Raises:
        StorageUnavailableError: the file cannot be written, or not be read back.
    """
    run = SpilledRun(pa.Codec("lz4"))
    try:
        try:
            for batch in batches:
                run.write(_plain(batch))
            run.flush()
        except OSError as error:
            raise StorageUnavailableError(
                f"rows cannot be put aside in {tempfile.gettempdir()}: {error}; make room there, "
                "choose another folder by TMPDIR, or allow more memory"
            ) from error
        yield from run.batches()
    finally:
        run.close()


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch without dictionaries, which would be written apart from it."""
    return pa.RecordBatch.from_arrays(list(map(plain, batch.columns)), names=batch.schema.names)


def _lost(reason: str) -> StorageUnavailableError:
    return StorageUnavailableError(
        f"rows that were put aside in {tempfile.gettempdir()} cannot be read back: {reason}"
    )
