"""Verify one data file: its size, its rows, its order and what its entry says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.datafile.layout import KEY_PREFIX, KIND_FIELD, SEQUENCE_FIELD, key_value_fields
from tablestore.errors import TablestoreError
from tablestore.format.binary_row import decode_row
from tablestore.format.paths import POSTPONE_BUCKET, file_format
from tablestore.format.values import arrow_to_values
from tablestore.merge.keys import key_lanes
from tablestore.read.ranges import bound, value_ranges
from tablestore.runs.bucket_files import types_of
from tablestore.runs.data_file import FileRequest
from tablestore.table.second_decoder import SecondDecoder
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta, ManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.predicate.prune import ColumnRange
    from tablestore.read.view import TableView
    from tablestore.store.base import Store
    from tablestore.table.report import Notes
    from tablestore.types.model import DataField

_REAL = frozenset({"FLOAT", "DOUBLE"})


class FileCheck:
    """Looks at data files, each once.

    Args:
        store: where the table is.
        notes: takes what is wrong.
        schema_of: a schema by id.
        deep: compare with the second decoder.

    Raises:
        InvalidInputError: ``deep`` and the second decoder is not installed.
    """

    def __init__(
        self,
        store: Store,
        notes: Notes,
        schema_of: Callable[[int], TableSchema | None],
        *,
        deep: bool,
    ) -> None:
        self._store = store
        self._notes = notes
        self._schema_of = schema_of
        self._second = SecondDecoder(notes) if deep else None
        self._seen: set[str] = set()
        self.count = self.rows = self.bytes = 0

    @property
    def compared(self) -> int:
        """Columns that both decoders gave."""
        return 0 if self._second is None else self._second.compared

    def check_object(self, key: str, size: int) -> bool:
        """Whether an object exists and has its size."""
        if key in self._seen:
            return False
        self._seen.add(key)
        info = self._store.head(key)
        if info is None:
            self._notes.wrong(key, "it does not exist, though a manifest refers to it")
            return False
        self._notes.expect(key, "size", size, info.size)
        return info.size == size

    def check_size(self, view: TableView, entry: ManifestEntry) -> bool:
        """Whether a file and its extra files are there; False for one seen before, too."""
        try:
            key = view.folders.file(entry.partition, entry.bucket, entry.file, self._store)
        except TablestoreError as error:
            self._notes.skip(entry.file.file_name, str(error))
            return False
        folder = key.rpartition("/")[0]
        for extra in entry.file.extra_files:
            if self._store.head(f"{folder}/{extra}") is None:
                self._notes.wrong(f"{folder}/{extra}", f"it does not exist; {key} needs it")
        return self.check_object(key, entry.file.file_size)

    def check(self, view: TableView, entry: ManifestEntry) -> None:
        """Read a file and compare it with its entry.

        Raises:
            TablestoreError: the storage does not answer.
        """
        schema = self._schema_of(entry.file.schema_id)
        if not self.check_size(view, entry) or schema is None:
            return
        meta = entry.file
        key = view.folders.file(entry.partition, entry.bucket, meta, self._store)
        columns = _written(schema, meta)
        fields = key_value_fields(columns, _then(schema, view)) if view.key else columns
        try:
            with FileRequest(self._store, key, meta, schema, bool(view.key), ()).open() as reader:
                batches = list(reader.batches(fields))
            table = pa.Table.from_batches(batches) if batches else None
            self._compare(view, entry, schema, key, table)
            if self._second is not None and table is not None:
                self._second.compare(self._store, key, columns, table, file_format(meta.file_name))
        except TablestoreError as error:
            if error.retryable:
                raise
            note = self._notes.skip if error.kind == "unsupported_format" else self._notes.wrong
            note(key, str(error))
            return
        self.count += 1
        self.rows += meta.row_count
        self.bytes += meta.file_size

    def _compare(
        self,
        view: TableView,
        entry: ManifestEntry,
        schema: TableSchema,
        key: str,
        table: pa.Table | None,
    ) -> None:
        meta = entry.file
        self._notes.expect(key, "rows", meta.row_count, 0 if table is None else table.num_rows)
        if table is None or not table.num_rows:
            return
        if view.key and self._check_system(key, meta, table, _then(schema, view)):
            self._check_keys(key, entry, table, schema, _then(schema, view))
        columns = _written(schema, meta)
        ranges = value_ranges(meta, schema, columns)
        for field in columns:
            if field.name in ranges:
                self._check_range(key, field, ranges[field.name], table.column(field.name))

    def _check_system(
        self, key: str, meta: DataFileMeta, table: pa.Table, names: tuple[str, ...]
    ) -> bool:
        """Sequence numbers and row kinds; False where keys or these are null."""
        for name in (*names, SEQUENCE_FIELD.name, KIND_FIELD.name):
            if table.column(name).null_count:
                self._notes.wrong(key, f"column {name}: expected no nulls")
                return False
        sequences = pc.min_max(table.column(SEQUENCE_FIELD.name)).as_py()
        low, high = sequences["min"], sequences["max"]
        if low < meta.min_sequence_number or high > meta.max_sequence_number:
            self._notes.wrong(
                key,
                f"sequence numbers: expected {meta.min_sequence_number} to "
                f"{meta.max_sequence_number}, found {low} to {high}",
            )
        kinds = table.column(KIND_FIELD.name).to_numpy()
        deletes = int(np.count_nonzero(kinds & 1))
        self._notes.expect(key, "delete rows", meta.delete_row_count, deletes)
        for name in names:
            copy, column = table.column(KEY_PREFIX + name), table.column(name)
            if copy.null_count == len(copy) or pa.types.is_floating(column.type):
                continue  # a file without copies; NaN is not equal to itself
            if not copy.equals(column):
                self._notes.wrong(key, f"columns {name} and {KEY_PREFIX}{name} differ")
        return True

    def _check_keys(
        self,
        key: str,
        entry: ManifestEntry,
        table: pa.Table,
        schema: TableSchema,
        names: tuple[str, ...],
    ) -> None:
        if entry.bucket == POSTPONE_BUCKET:
            return  # as they came
        meta = entry.file
        columns = [table.column(name).combine_chunks() for name in names]
        if any(map(_has_odd_reals, columns)):
            return  # releases of Java differ in where zeros and NaN go
        if not _ascending(key_lanes(columns)):
            self._notes.wrong(key, "keys: expected each to be above the one before it")
        kinds = types_of(schema, names)
        first = tuple(arrow_to_values(column.slice(0, 1))[0] for column in columns)
        last = tuple(arrow_to_values(column.slice(len(column) - 1))[0] for column in columns)
        low, high = decode_row(meta.min_key, kinds), decode_row(meta.max_key, kinds)
        if first < low:
            self._notes.wrong(key, f"lowest key: expected {low}, found {first}")
        if last > high:
            self._notes.wrong(key, f"highest key: expected {high}, found {last}")

    def _check_range(
        self, key: str, field: DataField, known: ColumnRange, column: pa.ChunkedArray
    ) -> None:
        name = field.name
        self._notes.expect(key, f"nulls in {name}", known.null_count, column.null_count)
        if known.min is None or known.max is None or column.null_count == len(column):
            return
        if isinstance(field.type, AtomicType) and field.type.name in _REAL:
            column = column.filter(pc.is_finite(column.fill_null(float("nan"))))
            if not len(column):
                return
        found = pc.min_max(column)
        low = _bound(found["min"], field.type)
        high = _bound(found["max"], field.type)
        if low is not None and low < known.min:
            self._notes.wrong(key, f"smallest {name}: expected {known.min!r}, found {low!r}")
        if high is not None and high > known.max:
            self._notes.wrong(key, f"largest {name}: expected {known.max!r}, found {high!r}")


def _bound(scalar: pa.Scalar, kind: DataType) -> Any:  # noqa: ANN401
    return bound(arrow_to_values(pa.array([scalar.as_py()], scalar.type))[0], kind)


def _written(schema: TableSchema, meta: DataFileMeta) -> tuple[DataField, ...]:
    """The table's columns that the file holds."""
    names = None if meta.write_cols is None else set(meta.write_cols)
    return tuple(item for item in schema.fields if names is None or item.name in names)


def _then(schema: TableSchema, view: TableView) -> tuple[str, ...]:
    """Names of the key columns when the file was written."""
    ids = [view.schema.field(name).id for name in view.key]
    then = {field.id: field.name for field in schema.fields}
    return tuple(then[number] for number in ids)


def _has_odd_reals(column: pa.Array) -> bool:
    if not pa.types.is_floating(column.type):
        return False
    values = column.to_numpy(zero_copy_only=False)
    return bool((np.isnan(values) | (values == 0)).any())


def _ascending(lanes: Sequence[Any]) -> bool:
    """Whether each row is above the one before it, the first lane counting most."""
    above = np.zeros(len(lanes[0]) - 1, dtype=bool)
    equal = np.ones(len(lanes[0]) - 1, dtype=bool)
    for lane in lanes:
        above |= equal & (lane[1:] > lane[:-1])
        equal &= lane[1:] == lane[:-1]
    return bool(above.all())
