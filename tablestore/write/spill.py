"""The sorted runs that one writer has in local files.

Source: ``org.apache.paimon.sort.BinaryExternalSortBuffer``.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from tablestore.runs.spill import SpilledRun


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
