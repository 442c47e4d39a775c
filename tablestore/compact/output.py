"""The new files of a compaction: how they are written, and the increment that they make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tablestore.commit.message import CompactIncrement
from tablestore.compact.vectors import IndexRewrite
from tablestore.datafile.buffers import give_back
from tablestore.datafile.dictionaries import text_columns
from tablestore.runs.bucket_files import file_names
from tablestore.runs.physical_rows import physical_rows
from tablestore.runs.rolling import FILE_SOURCE_COMPACT, GROUP_BYTES, FileShape, RollingWriter

if TYPE_CHECKING:
    import pyarrow as pa

    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta

_PENDING_MAX: Final = 64 << 20
"""Bytes that may wait for a row group to fill, where no memory is given."""
_GROUPS: Final = 48
"""Row groups that memory must have room for: some wait, and each thread has some at hand."""


def output_shape(context: CompactContext, level: int = 0) -> FileShape:
    """What the new files have in common."""
    shape = FileShape.of(context.schema, context.options, level=level)
    # the row limit holds for what arrives, not for what compaction writes
    return replace(shape, target_rows=None, file_source=FILE_SOURCE_COMPACT)


def passed_on(context: CompactContext, shape: FileShape) -> frozenset[str]:
    """Columns whose dictionaries go from the old files to the new ones: text, keys excepted."""
    if shape.file_format != "parquet":
        return frozenset()
    return text_columns(context.schema.fields) - set(context.key)


def _group_bytes(context: CompactContext) -> int:
    """Bytes of a row group of merged rows, of which several are on their way at a time."""
    if context.memory is None:
        return GROUP_BYTES
    return min(GROUP_BYTES, max(context.memory // _GROUPS, 1))


def write_files(
    context: CompactContext,
    place: tuple[bytes, int],
    shape: FileShape,
    rows: Iterable[pa.RecordBatch],
    *,
    first_sequence: int = 0,
    windows: bool = False,
) -> list[DataFileMeta]:
    """Write rows into new files of a bucket, in the order they come.

    Args:
        context: the table.
        place: partition and bucket.
        shape: of the files.
        rows: with the table's columns; in primary-key tables with the system columns, too.
        first_sequence: number of the first row in append tables.
        windows: the batches are windows of a merge, each about a row group.

    Returns:
        The entries of the files, in row order; none where there is no row.

    Raises:
        Stopped: as asked; nothing is left behind.
    """
    writer = RollingWriter(
        context.state.store,
        context.folders.folder(*place),
        shape,
        file_names(context.options.data_file_prefix, shape.file_format),
        first_sequence=first_sequence,
        windows=windows,
        crew=context.crew,
        group_bytes=_group_bytes(context),
    )
    pending_max = _PENDING_MAX if context.memory is None else context.memory // 8
    try:
        for batch in rows:
            context.go_on()
            writer.write(physical_rows(batch, shape.schema))
            if writer.pending_bytes > pending_max:
                writer.flush()
            if context.memory is not None:
                give_back()
        return writer.finish()
    except BaseException:
        writer.abort()
        raise


def replaced_files(
    context: CompactContext,
    place: tuple[bytes, int],
    before: tuple[DataFileMeta, ...],
    after: list[DataFileMeta],
) -> CompactIncrement:
    """New files in place of others whose deleted rows are gone, and so are their vectors.

    Args:
        context: the table.
        place: partition and bucket.
        before: the files that go.
        after: the files that were written; removed where the vectors cannot be.
    """
    try:
        indexes = IndexRewrite.of(context, place, before)
    except BaseException:
        context.discard(*place, after)
        raise
    return CompactIncrement(before, tuple(after), (), indexes.new, indexes.deleted)
