"""How the memory of a writer is divided between the rows that wait and the work on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS

if TYPE_CHECKING:
    from tablestore.options.write_buffer import BufferOptions

_WORK_BYTES_MAX: Final = 48 << 20
"""What sorting a piece, merging a window and encoding a row group of usual rows take."""
_PIECE_ROWS: Final = 131_072
"""Rows that are sorted together as they arrive; about a megabyte a column."""
_PIECES: Final = 8
"""Pieces that a full buffer has at least."""
FILES_MAX: Final = 64
"""Local files that are merged at a time; more would make their batches small."""
_ROWS_MIN: Final = 1_024
"""Rows of a window, or of a batch of a local file, however large they are."""


@dataclass(frozen=True)
class Budget:
    """Bytes for each use.

    Attributes:
        rows: rows of all buckets that wait for a flush.
        piece: rows that are sorted together.
        window: rows that are merged together.
        group: rows that wait for a row group to fill.
        batch: rows of a batch of a local file.
    """

    rows: int
    piece: int
    window: int
    group: int
    batch: int

    @classmethod
    def of(cls, options: BufferOptions) -> Budget:
        """The division of ``write-buffer-size``."""
        return cls.sharing(max(options.size - min(options.size // 2, _WORK_BYTES_MAX), 1))

    @classmethod
    def sharing(cls, rows: int) -> Budget:
        """What goes with that many bytes of rows."""
        part = max(rows // _PIECES, 1)
        # a merge holds about two batches of each file
        return cls(rows=rows, piece=part, window=part, group=part, batch=rows // (2 * FILES_MAX))

    def piece_rows(self, row_bytes: float) -> int:
        """Rows of a piece."""
        return min(max(int(self.piece / row_bytes), 1), _PIECE_ROWS)

    def window_rows(self, row_bytes: float) -> int:
        """Rows of a window."""
        return min(max(int(self.window / row_bytes), _ROWS_MIN), ROW_GROUP_ROWS)

    def batch_rows(self, row_bytes: float) -> int:
        """Rows of a batch of a local file."""
        return min(max(int(self.batch / row_bytes), _ROWS_MIN), ROW_GROUP_ROWS)
