"""Write rows of one bucket into data files of a target size, with their statistics."""

from __future__ import annotations

import contextlib
import posixpath
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.datafile.dictionaries import joined
from tablestore.datafile.formats import FileSettings, open_writer
from tablestore.datafile.layout import (
    SEQUENCE_NUMBER,
    VALUE_KIND,
    file_schema,
    key_value_fields,
)
from tablestore.datafile.parquet_writer import ROW_GROUP_ROWS, nan_columns
from tablestore.errors import StorageUnavailableError
from tablestore.format.binary_row import encode_row
from tablestore.format.file_index import encode_sealed
from tablestore.format.manifest import DataFileMeta
from tablestore.format.stats import (
    KEY_STATS_MODE,
    ColumnStats,
    StatsMode,
    column_modes,
    encode_key_stats,
    encode_value_stats,
)
from tablestore.format.values import arrow_to_values
from tablestore.runs.crew import ALONE, Crew, Step, finish_first
from tablestore.runs.file_index import INDEX_SUFFIX, FileIndexes, FileIndexPlan

if TYPE_CHECKING:
    from tablestore.format.schema import TableSchema
    from tablestore.options.table import TableOptions
    from tablestore.store.base import Store, WriteStream
    from tablestore.types.model import DataField

FILE_SOURCE_APPEND = 0
FILE_SOURCE_COMPACT = 1
_GROUP_ROWS_MIN: Final = ROW_GROUP_ROWS * 3 // 4
_GROUP_ROWS_MAX: Final = ROW_GROUP_ROWS * 3 // 2
"""Rows of what is a row group by itself, where windows of a merge come in."""
GROUP_BYTES: Final = 16 << 20
"""Bytes of a row group of such windows: few fit into memory beside what is merged."""
EMPTY_ROW = encode_row((), ())


@dataclass(frozen=True)
class FileShape:
    """What all files of a table written at one level have in common.

    Attributes:
        fields: the table's columns.
        physical: columns of the file, in its order.
        key: names of the trimmed primary key; empty for append tables.
        schema_id: id of the schema that the rows have.
        level: LSM level of the files.
        file_format: parquet, orc or avro, also the extension of the files' names.
        compression: a ``file.compression`` value.
        zstd_level: zstd's level.
        target_size: bytes at which a file is full.
        target_rows: rows at which a file is full, or None.
        modes: statistics mode of each column.
        file_source: what wrote the files: rows that arrived, or a compaction.
        dense: leave columns without statistics out (``metadata.stats-dense-store``).
        indexes: the indexes that each file gets, or None.
    """

    fields: tuple[DataField, ...]
    physical: tuple[DataField, ...]
    key: tuple[str, ...]
    schema_id: int
    level: int
    file_format: str
    compression: str
    zstd_level: int
    target_size: int
    target_rows: int | None
    modes: tuple[StatsMode, ...]
    dense: bool
    schema: pa.Schema = field(repr=False)
    file_source: int = FILE_SOURCE_APPEND
    indexes: FileIndexPlan | None = None

    @classmethod
    def of(cls, schema: TableSchema, options: TableOptions, *, level: int = 0) -> FileShape:
        """The shape of new files of a table."""
        key = schema.trimmed_primary_key
        physical = (
            key_value_fields(schema.fields, key, thin=options.thin_mode)
            if schema.primary_keys
            else schema.fields
        )
        return cls(
            fields=schema.fields,
            physical=physical,
            key=key if schema.primary_keys else (),
            schema_id=schema.id,
            level=level,
            file_format=options.format(level),
            compression=options.compression(level),
            zstd_level=options.zstd_level,
            target_size=options.target_file_size,
            target_rows=options.target_file_row_num,
            modes=column_modes(
                schema.fields,
                table_mode=options.level_stats_mode(level),
                column_modes=options.column_stats_modes,
                keep_first_n=options.stats_keep_first_n,
                key=key if schema.primary_keys and options.thin_mode else (),
            ),
            dense=options.stats_dense_store,
            schema=file_schema(physical),
            indexes=FileIndexPlan.of(schema.fields, options.raw),
        )

    def key_fields(self) -> list[DataField]:
        """The columns of the trimmed primary key, in its order."""
        by_name = {item.name: item for item in self.fields}
        return [by_name[name] for name in self.key]


class _OpenFile:
    """One file being written: its stream, writer and what its entry will say."""

    def __init__(
        self,
        shape: FileShape,
        name: str,
        stream: WriteStream,
        first: pa.RecordBatch,
        nans: set[str],
    ) -> None:
        self.name = name
        self.rows = 0
        self.nans = nans
        self._shape = shape
        self._stream = stream
        self._deletes = 0
        self._sequences: tuple[int, int] | None = None
        self._first = self._last = first.slice(0, 1)
        self.index_name: str | None = None
        self._indexes = None if shape.indexes is None else FileIndexes(shape.indexes)
        self._writer = open_writer(
            shape.file_format,
            stream,
            FileSettings(shape.physical, shape.compression, shape.zstd_level),
            sample=first,
            nan_columns=nans,
        )
        self._key_stats = [ColumnStats(item.type, KEY_STATS_MODE) for item in shape.key_fields()]
        self._value_stats = [
            ColumnStats(item.type, mode)
            for item, mode in zip(shape.fields, shape.modes, strict=True)
        ]

    @property
    def size(self) -> int:
        return self._stream.tell()

    @property
    def is_full(self) -> bool:
        target_rows = self._shape.target_rows
        full_rows = target_rows is not None and self.rows >= target_rows
        return full_rows or self.size >= self._shape.target_size

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write(batch)
        self._note(batch)

    def encode(self, batch: pa.RecordBatch) -> Callable[[], None]:
        """The work of any thread; gives what appends the rows."""
        return self._writer.encode(batch)

    def append(self, batch: pa.RecordBatch, encoded: Callable[[], None]) -> None:
        encoded()
        self._note(batch)

    def _note(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self._last = batch.slice(batch.num_rows - 1, 1)
        for stats, name in zip(self._key_stats, self._shape.key, strict=True):
            stats.add(batch.column(batch.schema.get_field_index(name)))
        for stats, item in zip(self._value_stats, self._shape.fields, strict=True):
            stats.add(batch.column(batch.schema.get_field_index(item.name)))
        if self._indexes is not None:
            self._indexes.add(batch)
        if self._shape.key:
            self._count(batch)

    def _count(self, batch: pa.RecordBatch) -> None:
        bounds = pc.min_max(batch.column(batch.schema.get_field_index(SEQUENCE_NUMBER))).as_py()
        low, high = self._sequences or (bounds["min"], bounds["max"])
        self._sequences = (min(low, bounds["min"]), max(high, bounds["max"]))
        kinds = batch.column(batch.schema.get_field_index(VALUE_KIND))
        self._deletes += pc.sum(pc.bit_wise_and(kinds, pa.scalar(1, pa.int8()))).as_py() or 0

    def finish(self, first_sequence: int, put_beside: Callable[[str, bytes], None]) -> DataFileMeta:
        embedded = self._finish_indexes(put_beside)
        self._writer.close()
        size = self._stream.tell()
        self._stream.close()
        low, high = self._sequences or (first_sequence, first_sequence + self.rows - 1)
        value_stats, columns = encode_value_stats(
            self._shape.fields, self._value_stats, dense=self._shape.dense
        )
        return DataFileMeta(
            file_name=self.name,
            file_size=size,
            row_count=self.rows,
            min_key=self._key(self._first),
            max_key=self._key(self._last),
            key_stats=encode_key_stats(self._shape.key_fields(), self._key_stats),
            value_stats=value_stats,
            min_sequence_number=low,
            max_sequence_number=high,
            schema_id=self._shape.schema_id,
            level=self._shape.level,
            creation_time_ms=_local_millis(),
            delete_row_count=self._deletes,
            file_source=self._shape.file_source,
            value_stats_cols=columns,
            extra_files=() if self.index_name is None else (self.index_name,),
            embedded_index=embedded,
        )

    def _finish_indexes(self, put_beside: Callable[[str, bytes], None]) -> bytes | None:
        """The indexes for the entry; those too large for it go beside the file."""
        if self._indexes is None:
            return None
        container = self._indexes.finish()
        if self._indexes.is_embedded(container):
            return container
        self.index_name = self.name + INDEX_SUFFIX
        put_beside(self.index_name, encode_sealed(container))
        return None

    def _key(self, row: pa.RecordBatch) -> bytes:
        names = self._shape.key
        if not names:
            return EMPTY_ROW
        values = [
            arrow_to_values(row.column(row.schema.get_field_index(name)))[0] for name in names
        ]
        return encode_row(values, [item.type for item in self._shape.key_fields()])

    def abort(self) -> None:
        self._stream.abort()


@dataclass(frozen=True)
class _Begun:
    """A row group that is being encoded for the open file."""

    group: pa.RecordBatch
    step: Step[Callable[[], None]]


class RollingWriter:
    """Appends batches to data files and starts a new file where one is full.

    A file also ends where a column that had no NaN so far gets one: its row-group statistics, which
    other engines filter by, would lose these rows.

    Args:
        store: where the table is.
        folder: key of the bucket's folder.
        shape: what the files have in common.
        next_name: gives the name of the next file.
        first_sequence: number of the first row in append tables.
        windows: batches are the windows of a merge, about as large as row groups: each becomes
            one, which spares a copy.
        crew: encodes row groups, several at a time; what the files hold does not depend on it.
        group_bytes: bytes at which windows are a row group, however few rows they have.
    """

    def __init__(
        self,
        store: Store,
        folder: str,
        shape: FileShape,
        next_name: Callable[[], str],
        *,
        first_sequence: int = 0,
        windows: bool = False,
        crew: Crew = ALONE,
        group_bytes: int = GROUP_BYTES,
    ) -> None:
        self._windows = windows
        self._group_bytes = group_bytes
        self._crew = crew
        self._begun: deque[_Begun] = deque()
        self._store = store
        self._folder = folder
        self._shape = shape
        self._next_name = next_name
        self._sequence = first_sequence
        self._open: _OpenFile | None = None
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._done: list[DataFileMeta] = []

    @property
    def pending_bytes(self) -> int:
        """Bytes that wait for a row group to fill."""
        return sum(batch.nbytes for batch in self._pending)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows with the file's physical columns, in the file's row order."""
        if batch.num_rows == 0:
            return
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        if not self._windows:
            if self._pending_rows >= ROW_GROUP_ROWS:
                self.flush(keep_rest=True)
        elif self._pending_rows >= _GROUP_ROWS_MIN or self.pending_bytes >= self._group_bytes:
            self.flush(keep_rest=self._pending_rows > _GROUP_ROWS_MAX)

    def flush(self, *, keep_rest: bool = False) -> None:
        """Write what waits as row groups; a last, smaller group may be kept waiting."""
        if not self._pending:
            return
        rows = self._pending[0] if len(self._pending) == 1 else _joined(self._pending)
        self._pending, self._pending_rows = [], 0
        if self._windows and rows.num_rows <= _GROUP_ROWS_MAX:
            self._write_group(rows)
            return
        for start in range(0, rows.num_rows, ROW_GROUP_ROWS):
            group = rows.slice(start, ROW_GROUP_ROWS)
            if keep_rest and group.num_rows < ROW_GROUP_ROWS:
                self._pending, self._pending_rows = [group], group.num_rows
            else:
                self._write_group(group)

    def _write_group(self, group: pa.RecordBatch) -> None:
        nans = nan_columns(group)
        if self._open is not None and not nans <= self._open.nans:
            self._finish_file()
        if self._open is None:
            self._open = self._new_file(group, nans)
        if self._crew.alone:
            self._open.write(group)
            if self._open.is_full:
                self._finish_file()
            return
        self._begun.append(_Begun(group, self._crew.begin(partial(self._open.encode, group))))
        if len(self._begun) > self._crew.threads:
            self._append_first()

    def _new_file(self, group: pa.RecordBatch, nans: set[str]) -> _OpenFile:
        name = self._next_name()
        stream = self._store.open_write(posixpath.join(self._folder, name))
        try:
            return _OpenFile(self._shape, name, stream, group, nans)
        except BaseException:
            stream.abort()
            raise

    def _append_first(self) -> None:
        assert self._open is not None
        finish_first([begun.step for begun in self._begun])
        first = self._begun.popleft()
        self._open.append(first.group, first.step.result())
        if self._open.is_full:
            self._close_file()
            # the next file chooses its encodings by its own first rows: begin once more
            for begun in self._taken_back():
                self._write_group(begun.group)

    def _taken_back(self) -> list[_Begun]:
        """The row groups that wait to be appended; nobody works on them any more."""
        waiting = list(self._begun)
        self._begun.clear()
        for begun in waiting:
            begun.step.leave()
        return waiting

    def _finish_file(self) -> None:
        while self._begun:
            self._append_first()
        self._close_file()

    def _close_file(self) -> None:
        if self._open is not None:
            meta = self._open.finish(self._sequence, self._put)
            self._sequence += meta.row_count
            self._done.append(meta)
            self._open = None

    def _put(self, name: str, data: bytes) -> None:
        self._store.put(posixpath.join(self._folder, name), data)

    def finish(self) -> list[DataFileMeta]:
        """Write what is left and give the entries of all files, in row order."""
        self.flush()
        self._finish_file()
        return self._done

    def abort(self) -> None:
        """Remove everything that was written, as far as the storage lets it."""
        self._taken_back()
        names = [name for meta in self._done for name in (meta.file_name, *meta.extra_files)]
        if self._open is not None:
            self._open.abort()
            names += [] if self._open.index_name is None else [self._open.index_name]
            self._open = None
        for name in names:
            # what made the write fail may keep it from being undone; orphans harm nobody
            with contextlib.suppress(StorageUnavailableError):
                self._store.delete(posixpath.join(self._folder, name))
        self._done = []
        self._pending = []


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """The rows of all batches; a column is a dictionary where it is one in all of them."""
    columns = zip(*(batch.columns for batch in batches), strict=True)
    return pa.RecordBatch.from_arrays(list(map(joined, columns)), names=batches[0].schema.names)


def _local_millis() -> int:
    """The local wall clock as if it were UTC: what Paimon records as a file's creation time."""
    now = time.time()
    offset = time.localtime(now).tm_gmtoff or 0
    return int((now + offset) * 1000)
