"""What every reader and writer of data files does, whatever the format.

A file is a row of groups, each read as a whole or left out: row groups in Parquet, stripes in ORC;
an Avro file is one group.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import pyarrow as pa

    from tablestore.predicate.prune import ColumnRange
    from tablestore.types.model import DataField

BATCH_ROWS: Final = 65_536
"""Rows decoded at once; larger groups of other writers are given in pieces of this size."""


class DataFileReader(Protocol):
    """One open data file."""

    @property
    def row_count(self) -> int | None:
        """Physical rows of the file; None where only reading all of it can tell."""
        ...

    @property
    def row_groups(self) -> int:
        """Number of groups."""
        ...

    @property
    def has_ranges(self) -> bool:
        """Whether ``ranges`` and ``group_rows`` know anything."""
        ...

    @property
    def column_names(self) -> Collection[str]:
        """Top-level columns of the file."""
        ...

    def group_rows(self, group: int) -> int:
        """Rows of one group, where ``has_ranges``."""
        ...

    def ranges(self, group: int, fields: Sequence[DataField]) -> dict[str, ColumnRange]:
        """What statistics of a group say of top-level columns; unknown ones are left out."""
        ...

    def batches(
        self,
        fields: Sequence[DataField],
        row_groups: Sequence[int] | None = None,
        batch_rows: int = BATCH_ROWS,
        dictionaries: Collection[str] = (),
    ) -> Iterator[pa.RecordBatch]:
        """The named columns in row order, in the Arrow types of their data types.

        Args:
            fields: columns under the file's names; one that the file lacks is null.
            row_groups: which groups to read, ascending; all when None.
            batch_rows: rows of a batch at most.
            dictionaries: text columns that may be given as dictionaries instead.
        """
        ...

    def held_bytes(self, fields: Sequence[DataField]) -> int:
        """About how many bytes stay in memory between two small batches of these columns."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class DataFileWriter(Protocol):
    """One data file being written; its stream is closed by its owner.

    A file is made with ``write`` alone or with ``encode`` alone; it is the same.
    """

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows with the file's columns, as one group where the format has groups."""
        ...

    def encode(self, batch: pa.RecordBatch) -> Callable[[], None]:
        """Do what any thread can do of ``write`` before it is the rows' turn; gives the rest."""
        ...

    def close(self) -> None:
        """Write what ends the file."""
        ...
