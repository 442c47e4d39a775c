"""The level-0 files that a writer has flushed for one commit, kept few.

Every flush adds a sorted run to its buckets. A writer that may not put rows aside in local files
flushes often, and a bucket must not get more runs than ``num-sorted-run.stop-trigger`` allows. Java
waits for a compaction then; here the writer merges runs of its own, which nobody reads before the
commit, so that no other commit can stand against it.

Source: ``org.apache.paimon.mergetree.MergeTreeWriter`` (flushWriteBuffer).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from tablestore.options.compaction import TreeOptions
from tablestore.runs.data_file import FileRequest, read_data_file
from tablestore.runs.physical_rows import physical_rows
from tablestore.runs.section import SectionRead

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.merge.rules import MergeRules
    from tablestore.types.model import DataField
    from tablestore.write.context import WriteContext
    from tablestore.write.router import GroupKey

_OWN_RUNS_MIN: Final = 2
"""A bucket that is full before the writer begins still gets these: one would cost a merge of all
that was written with every flush."""

Run = list["DataFileMeta"]
"""Files of one flush, in key order."""


class FlushedRuns:
    """The files of all buckets.

    Args:
        context: the table.
        rules: merge the versions of a key.
        memory: bytes that decoded rows may take at a time.
    """

    def __init__(self, context: WriteContext, rules: MergeRules, memory: int) -> None:
        self._context = context
        self._rules = replace(rules, lookup=False)  # nothing here lies above level 0
        self._memory = memory
        self._runs_max: int | None = None  # with write-only compaction is another job's affair
        if not context.options.write_only:
            self._runs_max = TreeOptions.of(context.options).stop_trigger
        self._runs: dict[GroupKey, list[Run]] = {}

    def add(self, place: GroupKey, files: Run) -> None:
        """The files of a flush of one bucket."""
        if files:
            self._runs.setdefault(place, []).append(files)

    def items(self) -> Iterator[tuple[GroupKey, list[DataFileMeta]]]:
        """All files of each bucket, oldest first."""
        for place, runs in self._runs.items():
            yield place, [meta for run in runs for meta in run]

    def clear(self) -> None:
        """Forget all files."""
        self._runs = {}

    def relieve(self) -> None:
        """Merge runs in the buckets that have too many."""
        if self._runs_max is None:
            return
        for place, runs in self._runs.items():
            most = max(self._runs_max - self._committed(place), _OWN_RUNS_MIN)
            if len(runs) > most:
                # half of them: what is merged now need not be merged again soon
                count = max(len(runs) - most + 1, len(runs) // 2, 2)
                which = _smallest(runs, count)
                old = [meta for run in runs[which] for meta in run]
                runs[which] = [self._merged(place, runs[which])]
                self._context.discard(*place, old)

    def _committed(self, place: GroupKey) -> int:
        """Sorted runs that the bucket had when the writer began."""
        live = self._context.live
        if live is None:
            return 0
        levels = [entry.file.level for entry in live.files(*place)]
        return levels.count(0) + len(set(levels) - {0})

    def _merged(self, place: GroupKey, runs: Sequence[Run]) -> Run:
        """One run in the place of several; where it fails, nothing is left of it."""
        context = self._context
        wanted = SectionRead(
            names=tuple(context.schema.field_names),
            key=context.schema.trimmed_primary_key,
            field=context.schema.field,
            rules=self._rules,
            keep_deletes=True,
            system=True,
            memory=self._memory,
        )

        def read(
            meta: DataFileMeta, fields: tuple[DataField, ...], rows: int
        ) -> Iterator[pa.RecordBatch]:
            key = context.folders.file(*place, meta, context.store)
            request = FileRequest(
                store=context.store,
                key=key,
                meta=meta,
                schema=context.schema,
                keyed=True,
                fields=fields,
            )
            yield from read_data_file(request, None, rows)

        writer = context.open_bucket(*place)
        try:
            for batch in wanted.merged(runs, read):
                writer.write(physical_rows(batch, context.shape.schema))
            return writer.finish()
        except BaseException:
            writer.abort()
            raise


def _smallest(runs: Sequence[Run], count: int) -> slice:
    """That many neighbours with the fewest bytes; only neighbours keep the order of age."""
    sizes = [sum(meta.file_size for meta in run) for run in runs]
    starts = range(len(sizes) - count + 1)
    first = min(starts, key=lambda start: sum(sizes[start : start + count]))
    return slice(first, first + count)
