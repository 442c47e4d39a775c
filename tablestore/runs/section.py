"""Read one section of a bucket: sorted runs whose key ranges overlap, as merged rows.

The one way from files to merged rows: reads and compactions differ in what they ask for only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tablestore.datafile.layout import KIND_FIELD, SEQUENCE_FIELD
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.runs.crew import ALONE, Crew
from tablestore.runs.merged import WINDOW_ROWS, WindowShape, merge_runs
from tablestore.runs.spill import put_aside

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.merge.rules import MergeRules
    from tablestore.runs.older import OlderVersions
    from tablestore.types.model import DataField

ReadFile = Callable[["DataFileMeta", tuple["DataField", ...], int], Iterator[pa.RecordBatch]]
"""From a file, the columns wanted of it and the rows of a batch to its rows in key order."""

HeldBytes = Callable[["DataFileMeta", tuple["DataField", ...]], int]
"""From a file and the columns wanted of it to the bytes that it takes while it is being read."""

_BATCH_ROWS_MIN: Final = 1_024
_DECODED_PER_STORED: Final = 6
"""Bytes in memory for a byte of Parquet, on the safe side."""
_BATCHES_SHARE: Final = 0.16
_READERS_SHARE: Final = 0.12
"""Of pages being decoded, one of each column and run. The rest is for windows and what is made of
them."""
_WINDOWS: Final = 48
"""Windows that memory must have room for: some wait, and each thread has some at hand."""
_UNORDERED_WINDOWS: Final = 8
"""Windows in one where rows stay where they are: no column must fit into a cache."""
_COLUMN_BYTES_MAX: Final = 1_300_000
"""What a column that is being read takes at most in the usual files."""


@dataclass(frozen=True)
class SectionRead:
    """What is wanted of a section.

    Attributes:
        names: columns to give, in order.
        key: names of the trimmed primary key.
        field: the column of a name.
        rules: merge the versions of a key.
        keep_deletes: give keys whose newest row is a retract, too.
        system: give the sequence number and the row kind after the columns.
        ordered: give rows in key order.
        memory: bytes that decoded batches may take at a time, or None for the default batch size.
        older: versions in levels above the section, for compactions by lookup.
        crew: the threads that load and merge.
    """

    names: tuple[str, ...]
    key: tuple[str, ...]
    field: Callable[[str], DataField]
    rules: MergeRules
    keep_deletes: bool = False
    system: bool = False
    ordered: bool = True
    memory: int | None = None
    older: OlderVersions | None = None
    crew: Crew = ALONE

    def merged(
        self,
        section: Sequence[Sequence[DataFileMeta]],
        read: ReadFile,
        held: HeldBytes | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The merged rows.

        Args:
            section: the runs, each files in key order.
            read: opens a file.
            held: tells what a file takes while it is read; without it, no run is put aside.
        """
        with_levels = self.rules.lookup or self.older is not None
        runs, by_age = oldest_first(_one_level_each(section) if with_levels else section)
        if self.older is not None and self.older.use == "row":
            by_age = False  # what joins stands behind all runs
        files = [meta for run in runs for meta in run]
        kinds = self.system or any(meta.delete_row_count != 0 for meta in files)
        names = tuple(dict.fromkeys((*self.rules.needs(self.names), *self.key)))
        system: list[DataField] = [] if by_age and not self.system else [SEQUENCE_FIELD]
        sequence = len(names) if system else None
        system += [KIND_FIELD] if kinds else []
        fields = (*map(self.field, names), *system)
        output = tuple(range(len(self.names)))
        if self.system:
            output += (len(names), len(names) + 1)
        shape = WindowShape(
            key=tuple(names.index(name) for name in self.key),
            sequence=None if by_age else sequence,
            kind=len(fields) - 1 if kinds else None,
            output=output,
            keep_deletes=self.keep_deletes,
            ordered=self.ordered,
            levels=tuple(run[0].level for run in runs) if with_levels else (),
        )
        rows = batch_rows(runs, self.memory)
        # what a window copies must fit beside what is loaded
        shape = replace(shape, window_rows=self._window_rows(runs, rows))
        join = None if self.older is None else partial(self.older.join, fields=fields)
        aside = self._put_aside(runs, held, fields)
        sources = [
            _run(run, _aside(read) if index in aside else read, fields, rows)
            for index, run in enumerate(runs)
        ]
        yield from merge_runs(sources, shape, self.rules, join, self.crew)

    def _window_rows(self, runs: Sequence[Sequence[DataFileMeta]], rows: int) -> int:
        if self.memory is None:
            return WINDOW_ROWS if self.ordered else _UNORDERED_WINDOWS * WINDOW_ROWS
        width = row_bytes([meta for run in runs for meta in run])
        fitting = max(int(self.memory / _WINDOWS / width), 1)
        return min(WINDOW_ROWS, rows * max(len(runs) // 4, 1), fitting)

    def _put_aside(
        self,
        runs: Sequence[Sequence[DataFileMeta]],
        held: HeldBytes | None,
        fields: tuple[DataField, ...],
    ) -> frozenset[int]:
        """Numbers of the runs whose files are read to their ends before they are merged.

        All runs are read at a time, and an open file holds a page of each column: with many runs
        more than the batches. From a local file rows come back without that.
        """
        if self.memory is None or held is None:
            return frozenset()
        most = self.memory * _READERS_SHARE
        largest = [max(run, key=lambda meta: meta.file_size) for run in runs]
        columns = len(fields) * _COLUMN_BYTES_MAX
        if sum(min(meta.file_size * _DECODED_PER_STORED, columns) for meta in largest) <= most:
            return frozenset()
        sizes = [held(meta, fields) for meta in largest]
        aside: list[int] = []
        for index in sorted(range(len(runs)), key=lambda index: -sizes[index]):
            if sum(sizes) <= most:
                break
            sizes[index] = 0
            aside.append(index)
        return frozenset(aside)


def _aside(read: ReadFile) -> ReadFile:
    return lambda meta, fields, rows: put_aside(read(meta, fields, rows))


def _one_level_each(
    section: Sequence[Sequence[DataFileMeta]],
) -> list[Sequence[DataFileMeta]]:
    """The runs of a section, split so that the rows of each have one level.

    The packing into few runs puts files of several levels one behind the other.
    """
    return [
        [meta for meta in run if meta.level == level]
        for run in section
        for level in dict.fromkeys(meta.level for meta in run)
    ]


def _run(
    run: Iterable[DataFileMeta], read: ReadFile, fields: tuple[DataField, ...], rows: int
) -> Iterator[pa.RecordBatch]:
    for meta in run:
        yield from read(meta, fields, rows)


def batch_rows(runs: Sequence[Sequence[DataFileMeta]], memory: int | None) -> int:
    """Rows of a batch, so that two batches of each run fit into their share of the memory."""
    if memory is None:
        return BATCH_ROWS
    width = row_bytes([meta for run in runs for meta in run])
    fitting = int(memory * _BATCHES_SHARE / (width * 2 * len(runs)))
    return min(max(fitting, _BATCH_ROWS_MIN), BATCH_ROWS)


def row_bytes(files: Sequence[DataFileMeta]) -> float:
    """About how many bytes a row of the files takes in memory."""
    stored = sum(meta.file_size for meta in files) / max(sum(m.row_count for m in files), 1)
    return max(stored * _DECODED_PER_STORED, 1)


def oldest_first(
    section: Sequence[Sequence[DataFileMeta]],
) -> tuple[list[Sequence[DataFileMeta]], bool]:
    """The runs by age, and whether every row of a run is newer than all of those before it."""
    spans = sorted(
        (
            min(meta.min_sequence_number for meta in run),
            max(meta.max_sequence_number for meta in run),
            index,
        )
        for index, run in enumerate(section)
    )
    apart = all(before[1] < after[0] for before, after in pairwise(spans))
    return [section[index] for _, _, index in spans], apart
