"""Run a read plan: open files, merge, filter, project, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.datafile.dictionaries import dictionary_type, fitted, text_columns
from tablestore.datafile.layout import KIND_FIELD
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.errors import InvalidInputError
from tablestore.predicate.evaluate import columns as predicate_columns
from tablestore.predicate.evaluate import mask
from tablestore.predicate.prune import may_match
from tablestore.read.plan import file_index_test
from tablestore.runs.crew import ALONE, Crew
from tablestore.runs.data_file import FileRequest, read_data_file
from tablestore.runs.section import SectionRead
from tablestore.types.arrow import to_arrow_schema

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta, ManifestEntry
    from tablestore.lsm.sections import Section, SortedRun
    from tablestore.merge.rules import MergeRules
    from tablestore.predicate.nodes import Predicate
    from tablestore.predicate.prune import ColumnRange
    from tablestore.read.plan import BucketPlan, ReadPlan
    from tablestore.read.view import TableView
    from tablestore.types.model import DataField

_ORDERED_ROWS_MAX: Final = 262_144
"""Sections up to this size come in key order; larger ones spare the gather that sorting costs."""


@dataclass(frozen=True)
class Scan:
    """A read ready to run.

    Attributes:
        view: the table at a snapshot.
        plan: what to read.
        columns: names of the columns to give, in order.
        rules: merge versions of a key.
        limit: rows to give at most, or None.
        memory: bytes that decoded batches may take at a time, or None for the default batch size.
        dictionaries: names of text columns to give as dictionaries.
        threads: how many load and merge a large section at a time, the caller's among them.
    """

    view: TableView
    plan: ReadPlan
    columns: tuple[str, ...]
    rules: MergeRules
    limit: int | None = None
    memory: int | None = None
    dictionaries: frozenset[str] = frozenset()
    threads: int = 1

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the batches."""
        schema = to_arrow_schema(self.view.fields(self.columns))
        for index, item in enumerate(schema):
            if item.name in self.dictionaries:
                schema = schema.set(index, item.with_type(dictionary_type(item.type)))
        return schema

    def with_dictionaries(self, names: Iterable[str]) -> Scan:
        """The scan with some text columns as dictionaries.

        Raises:
            InvalidInputError: a name is not of a selected text column.
        """
        texts = text_columns(self.view.fields(self.columns))
        wanted = tuple(names)
        for name in wanted:
            if name not in texts:
                raise InvalidInputError(
                    f"dictionaries are of selected text columns ({', '.join(sorted(texts))}), "
                    f"found {name!r}"
                )
        return replace(self, dictionaries=frozenset(wanted))

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The selected rows; the order of rows is not defined."""
        schema = self.schema
        left = self.limit
        for batch in self._filtered():
            rows = batch.select(list(self.columns))
            if left is not None:
                rows = rows.slice(0, left)
                left -= rows.num_rows
            if rows.num_rows:
                yield _with_schema(rows, schema)
            if left == 0:
                return

    def _filtered(self) -> Iterator[pa.RecordBatch]:
        if self.limit == 0:
            return
        with Crew(self.threads) as crew:
            for bucket in self.plan.buckets:
                for section in bucket.sections:
                    for batch in self._section(bucket, section, crew):
                        kept = _select(batch, self.plan.predicate)
                        if kept.num_rows:
                            yield kept

    def _section(
        self, bucket: BucketPlan, section: Section[ManifestEntry], crew: Crew
    ) -> Iterator[pa.RecordBatch]:
        wanted = self._wanted()
        if not self.view.key:
            yield from self._run(bucket, section[0], wanted, self.plan.predicate, BATCH_ROWS)
        elif len(section) == 1:
            yield from self._single_run(bucket, section[0], wanted)
        else:
            yield from self._merged(bucket, section, wanted, crew)

    @cached_property
    def _passed_on(self) -> frozenset[str]:
        """Columns that come as dictionaries: keys and filters look into theirs."""
        looked_into = (
            predicate_columns(self.plan.predicate) if self.plan.predicate is not None else ()
        )
        return self.dictionaries - {*self.view.key, *looked_into}

    def _wanted(self) -> tuple[str, ...]:
        """Columns to give and columns to filter by."""
        more = predicate_columns(self.plan.predicate) if self.plan.predicate is not None else ()
        return tuple(dict.fromkeys((*self.columns, *sorted(more))))

    def _single_run(
        self, bucket: BucketPlan, run: SortedRun[ManifestEntry], wanted: tuple[str, ...]
    ) -> Iterator[pa.RecordBatch]:
        """Files without other versions of their keys: read raw, retracts left out."""
        for entry in run:
            fields = self.view.fields(wanted)
            if entry.file.delete_row_count == 0:
                yield from self._file(bucket, entry, fields, self.plan.predicate, BATCH_ROWS)
                continue
            for batch in self._file(
                bucket, entry, (*fields, KIND_FIELD), self.plan.predicate, BATCH_ROWS
            ):
                kind = batch.column(len(fields))
                kept = pc.equal(pc.bit_wise_and(kind, pa.scalar(1, pa.int8())), 0)
                yield batch.select(list(range(len(fields)))).filter(kept)

    def _merged(
        self,
        bucket: BucketPlan,
        section: Section[ManifestEntry],
        wanted: tuple[str, ...],
        crew: Crew,
    ) -> Iterator[pa.RecordBatch]:
        entries = {id(entry.file): entry for run in section for entry in run}
        metas = [[entry.file for entry in run] for run in section]
        ordered = sum(meta.row_count for run in metas for meta in run) <= _ORDERED_ROWS_MAX
        section_read = SectionRead(
            names=wanted,
            key=self.view.key,
            field=self.view.schema.field,
            rules=self.rules,
            ordered=ordered,
            memory=self.memory,
            crew=ALONE if ordered else crew,  # what is small is done before a thread has begun
        )

        # a filter on values may see the newest version only; on keys it selects all versions alike
        def read(
            meta: DataFileMeta, fields: tuple[DataField, ...], rows: int
        ) -> Iterator[pa.RecordBatch]:
            return self._file(bucket, entries[id(meta)], fields, self.plan.key_part, rows)

        def held(meta: DataFileMeta, fields: tuple[DataField, ...]) -> int:
            return self._request(bucket, entries[id(meta)], fields).held_bytes()

        yield from section_read.merged(metas, read, held)

    def _run(
        self,
        bucket: BucketPlan,
        run: Iterable[ManifestEntry],
        names: tuple[str, ...],
        prune: Predicate | None,
        batch_rows: int,
    ) -> Iterator[pa.RecordBatch]:
        fields = self.view.fields(names)
        for entry in run:
            yield from self._file(bucket, entry, fields, prune, batch_rows)

    def _file(
        self,
        bucket: BucketPlan,
        entry: ManifestEntry,
        fields: tuple[DataField, ...],
        prune: Predicate | None,
        batch_rows: int,
    ) -> Iterator[pa.RecordBatch]:
        request = self._request(bucket, entry, fields)
        if self._excluded(request, prune):
            return
        deleted = self.view.deletions.of(bucket.partition, bucket.bucket, entry.file)
        request = replace(request, deleted=deleted)
        yield from read_data_file(request, prune_by(prune), batch_rows)

    def _excluded(self, request: FileRequest, prune: Predicate | None) -> bool:
        """Whether the index file beside a data file says that no row of it is selected."""
        indexes = file_index_test(self.view, prune) if request.meta.extra_files else None
        return indexes is not None and not indexes.beside(
            request.meta, request.schema, request.store, request.key
        )

    def _request(
        self, bucket: BucketPlan, entry: ManifestEntry, fields: tuple[DataField, ...]
    ) -> FileRequest:
        view = self.view
        return FileRequest(
            store=view.state.store,
            key=view.folders.file(bucket.partition, bucket.bucket, entry.file, view.state.store),
            meta=entry.file,
            schema=view.file_schema(entry.file.schema_id),
            keyed=bool(view.key),
            fields=fields,
            dictionaries=self._passed_on,
        )

    def rows_of(self, bucket: BucketPlan, entry: ManifestEntry) -> Iterator[pa.RecordBatch]:
        """All rows of one planned file, with the columns of the scan; nothing is filtered."""
        fields = self.view.fields(self.columns)
        return self._file(bucket, entry, fields, None, BATCH_ROWS)

    def opened(self) -> Opened:
        """What a run would open; reads the index files and the footers of the planned files."""
        found = Opened()
        names = tuple(sorted(predicate_columns(self.plan.predicate)))
        for bucket in self.plan.buckets:
            for section in bucket.sections:
                merged = len(section) > 1
                part = self.plan.key_part if merged else self.plan.predicate
                for entry in (entry for run in section for entry in run):
                    request = self._request(bucket, entry, self.view.fields(names))
                    if self._excluded(request, part):
                        continue
                    groups, left = request.row_groups(prune_by(part))
                    found.add(entry.file, groups, left, merged=merged)
        return found


@dataclass
class Opened:
    """Files that a read opens, in numbers."""

    files: int = 0
    merged: int = 0
    rows: int = 0
    bytes: int = 0
    row_groups: int = 0
    row_groups_read: int = 0

    def add(self, meta: DataFileMeta, groups: int, groups_read: int, *, merged: bool) -> None:
        """Count one more file."""
        self.files += 1
        self.merged += merged
        self.rows += meta.row_count
        self.bytes += meta.file_size
        self.row_groups += groups
        self.row_groups_read += groups_read


class RowGroupTest:
    """Whether a row group may hold a row that a predicate selects."""

    def __init__(self, predicate: Predicate) -> None:
        self._predicate = predicate

    def __call__(self, ranges: dict[str, ColumnRange], rows: int) -> bool:
        """False where the ranges exclude every row."""
        return may_match(self._predicate, ranges, rows)


def prune_by(predicate: Predicate | None) -> RowGroupTest | None:
    """A test of row groups, or None where there is nothing to test."""
    return None if predicate is None else RowGroupTest(predicate)


def _select(batch: pa.RecordBatch, predicate: Predicate | None) -> pa.RecordBatch:
    if predicate is None:
        return batch
    chosen = mask(predicate, batch)
    return batch if pc.all(chosen).as_py() else batch.filter(chosen)


def _with_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if not schema.names:
        return batch
    columns = map(fitted, batch.columns, schema.types)
    return pa.RecordBatch.from_arrays(list(columns), schema=schema)
