"""Rewrite sections of a bucket into new files of a level.

Source: ``org.apache.paimon.mergetree.compact.MergeTreeCompactRewriter``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.compact.output import output_shape, passed_on, write_files
from tablestore.datafile.layout import KIND_FIELD, SEQUENCE_FIELD
from tablestore.datafile.protocol import BATCH_ROWS
from tablestore.runs.data_file import FileRequest, read_data_file
from tablestore.runs.section import SectionRead

if TYPE_CHECKING:
    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta
    from tablestore.lsm.sections import Section
    from tablestore.merge.rules import MergeRules
    from tablestore.runs.older import OlderVersions
    from tablestore.types.model import DataField

_DELETE_BIT: Final = pa.scalar(1, pa.int8())


def rewrite(
    context: CompactContext,
    place: tuple[bytes, int],
    sections: Sequence[Section[DataFileMeta]],
    level: int,
    *,
    drop_deletes: bool,
    older: OlderVersions | None = None,
) -> list[DataFileMeta]:
    """Merge sections and write the outcome as files of a level.

    Args:
        context: the table.
        place: partition and bucket.
        sections: in key order.
        level: of the new files.
        drop_deletes: nothing older than these files is left, so retracts may go.
        older: what is done with versions in the levels above; None leaves them alone.

    Returns:
        The entries of the new files, in key order; none where no row is left.

    Raises:
        Stopped: as asked; nothing is left behind.
    """
    shape = output_shape(context, level)
    dictionaries = passed_on(context, shape) if older is None else frozenset[str]()
    rows = merged_rows(
        context, place, sections, dictionaries, drop_deletes=drop_deletes, older=older
    )
    return write_files(context, place, shape, rows, windows=True)


def merged_rows(
    context: CompactContext,
    place: tuple[bytes, int],
    sections: Sequence[Section[DataFileMeta]],
    dictionaries: frozenset[str],
    *,
    drop_deletes: bool,
    older: OlderVersions | None = None,
) -> Iterator[pa.RecordBatch]:
    """All columns, the sequence number and the row kind of the sections' merged rows.

    Args:
        context: the table.
        place: partition and bucket.
        sections: in key order.
        dictionaries: columns that may come as dictionaries.
        drop_deletes: retracts may go.
        older: what is done with versions in the levels above.
    """
    names = tuple(context.schema.field_names)
    for section in sections:
        if len(section) == 1 and not _is_looked_up(section[0], older):
            for meta in section[0]:
                yield from _single(context, place, meta, dictionaries, drop_deletes=drop_deletes)
            continue
        wanted = SectionRead(
            names=names,
            key=context.key,
            field=context.schema.field,
            rules=_rules(context),
            keep_deletes=not drop_deletes,
            system=True,
            memory=context.memory,
            older=older,
            crew=context.crew,
        )

        def read(
            meta: DataFileMeta, fields: tuple[DataField, ...], rows: int
        ) -> Iterator[pa.RecordBatch]:
            for batch in _live_rows(context, place, meta, fields, rows, dictionaries):
                context.go_on()  # a file that is put aside is read to its end at once
                yield batch

        def held(meta: DataFileMeta, fields: tuple[DataField, ...]) -> int:
            return file_request(context, place, meta, fields).held_bytes()

        yield from wanted.merged(section, read, held)


def _is_looked_up(run: Sequence[DataFileMeta], older: OlderVersions | None) -> bool:
    """Whether rows without another version in what is compacted are merged all the same."""
    if older is None:
        return False
    return older.use == "row" or any(meta.level == 0 for meta in run)


def mark_older(
    context: CompactContext, place: tuple[bytes, int], meta: DataFileMeta, older: OlderVersions
) -> None:
    """Have the older versions of a file's keys marked, where the file itself stays.

    Raises:
        Stopped: as asked.
    """
    fields = tuple(context.schema.field(name) for name in context.key)
    for batch in file_rows(context, place, meta, fields, BATCH_ROWS):
        context.go_on()
        if batch.num_rows:
            older.seek(batch.columns)


def _rules(context: CompactContext) -> MergeRules:
    assert context.rules is not None, "sections of several runs are in primary-key tables only"
    return context.rules


def _single(
    context: CompactContext,
    place: tuple[bytes, int],
    meta: DataFileMeta,
    dictionaries: frozenset[str],
    *,
    drop_deletes: bool,
) -> Iterator[pa.RecordBatch]:
    """A file whose keys have no other version in what is compacted."""
    fields = (*context.schema.fields, SEQUENCE_FIELD, KIND_FIELD)
    for batch in _live_rows(context, place, meta, fields, BATCH_ROWS, dictionaries):
        if drop_deletes and meta.delete_row_count != 0:
            kinds = batch.column(batch.num_columns - 1)
            yield batch.filter(pc.equal(pc.bit_wise_and(kinds, _DELETE_BIT), 0))
        else:
            yield batch


def _live_rows(
    context: CompactContext,
    place: tuple[bytes, int],
    meta: DataFileMeta,
    fields: tuple[DataField, ...],
    rows: int,
    dictionaries: frozenset[str] = frozenset(),
) -> Iterator[pa.RecordBatch]:
    """All columns of a file, without the rows that have expired."""
    batches = file_rows(context, place, meta, fields, rows, dictionaries)
    return batches if context.expire is None else context.expire.left(batches)


def file_rows(
    context: CompactContext,
    place: tuple[bytes, int],
    meta: DataFileMeta,
    fields: tuple[DataField, ...],
    rows: int,
    dictionaries: frozenset[str] = frozenset(),
) -> Iterator[pa.RecordBatch]:
    """Columns of a file, without the rows that a deletion vector takes out."""
    request = file_request(context, place, meta, fields)
    yield from read_data_file(replace(request, dictionaries=dictionaries), None, rows)


def file_request(
    context: CompactContext,
    place: tuple[bytes, int],
    meta: DataFileMeta,
    fields: tuple[DataField, ...],
) -> FileRequest:
    """How columns of a file are read."""
    return FileRequest(
        store=context.state.store,
        key=context.folders.file(*place, meta, context.state.store),
        meta=meta,
        schema=context.file_schema(meta.schema_id),
        keyed=bool(context.key),
        fields=fields,
        deleted=context.deletions.of(*place, meta),
    )
