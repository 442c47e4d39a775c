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

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.merge.rules import MergeRules
    from tablestore.runs.older import OlderVersions
    from tablestore.types.model import DataField

ReadFile = Callable[["DataFileMeta", tuple["DataField", ...], int], Iterator[pa.RecordBatch]]
"""From a file, the columns wanted of it and the rows of a batch to its rows in key order."""

_BATCH_ROWS_MIN: Final = 1_024
_DECODED_PER_STORED: Final = 6
"""Bytes in memory for a byte of Parquet, on the safe side."""
_BATCHES_SHARE: Final = 0.4
"""The rest is for pages being decoded, one of each column and run, and for the window."""


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
        self, section: Sequence[Sequence[DataFileMeta]], read: ReadFile
    ) -> Iterator[pa.RecordBatch]:
        """The merged rows.

        Args:
            section: the runs, each files in key order.
            read: opens a file.
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
        shape = replace(shape, window_rows=min(WINDOW_ROWS, rows * max(len(runs) // 4, 1)))
        join = None if self.older is None else partial(self.older.join, fields=fields)
        sources = [_run(run, read, fields, rows) for run in runs]
        yield from merge_runs(sources, shape, self.rules, join, self.crew)


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
    files = [meta for run in runs for meta in run]
    stored = sum(meta.file_size for meta in files) / max(sum(m.row_count for m in files), 1)
    row_bytes = max(stored * _DECODED_PER_STORED, 1)
    fitting = int(memory * _BATCHES_SHARE / (row_bytes * 2 * len(runs)))
    return min(max(fitting, _BATCH_ROWS_MIN), BATCH_ROWS)


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
