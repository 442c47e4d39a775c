"""Verify one data file: its size, its rows, its order and what its entry says of them.

The rows go by in batches, each looked at by every check; nothing is kept of them but the last key.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final

from tablestore.datafile.layout import key_value_fields
from tablestore.errors import CorruptDataError, NotFoundError, TablestoreError
from tablestore.format.binary_row import decode_row
from tablestore.format.hash_index import decode_hash_index
from tablestore.format.index_manifest import HASH_INDEX
from tablestore.format.paths import POSTPONE_BUCKET, file_format
from tablestore.read.ranges import stats_ranges, value_ranges
from tablestore.runs.bucket_files import types_of
from tablestore.runs.data_file import FileRequest
from tablestore.table.second_decoder import SecondDecoder
from tablestore.table.verify_index import Bucket, HashIndex, index_checks
from tablestore.table.verify_rows import Bounds, KeyOrder, Partition, RowCheck, SystemColumns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import DataFileMeta, ManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.read.view import TableView
    from tablestore.store.base import Store
    from tablestore.table.report import Notes
    from tablestore.types.model import DataField

_INDEX_SUFFIX: Final = ".index"
_FUNCTION: Final = "bucket-function.type"

HashIndexes = Mapping[tuple[bytes, int], "IndexManifestEntry"]
"""The hash index of each partition and bucket."""


class FileCheck:
    """Looks at data files, each once.

    Args:
        store: where the table is.
        notes: takes what is wrong.
        schema_of: a schema by id.
        second: compares with a second decoder, if wanted.
        seen: keys of the objects that were looked at.
    """

    def __init__(
        self,
        store: Store,
        notes: Notes,
        schema_of: Callable[[int], TableSchema | None],
        second: SecondDecoder | None,
        seen: set[str],
    ) -> None:
        self._store = store
        self._notes = notes
        self._schema_of = schema_of
        self._second = second
        self._seen = seen
        self._hashes: tuple[str, NDArray[np.int32] | None] = ("", None)
        self.count = self.rows = self.bytes = self.indexes = 0

    def check_object(self, key: str, size: int) -> bool:
        """Whether an object exists and has its size; False for one seen before, too."""
        if key in self._seen:
            return False
        self._seen.add(key)
        info = self._store.head(key)
        if info is None:
            self._notes.wrong(key, "it does not exist, though a manifest refers to it")
            return False
        self._notes.expect(key, "size", size, info.size)
        return info.size == size

    def check(
        self,
        view: TableView,
        entry: ManifestEntry,
        hashes: HashIndexes | None = None,
        *,
        changelog: bool = False,
    ) -> None:
        """Read a file and compare it with its entry.

        Args:
            view: the table at a snapshot that refers to the file.
            entry: the file.
            hashes: hash indexes of that snapshot.
            changelog: the file holds changes, several of a key and in any order.

        Raises:
            TablestoreError: the storage does not answer.
        """
        meta = entry.file
        try:
            key = view.folders.file(entry.partition, entry.bucket, meta, self._store)
        except TablestoreError as error:
            self._notes.skip(meta.file_name, str(error))
            return
        schema = self._schema_of(meta.schema_id)
        if not self.check_object(key, meta.file_size) or schema is None:
            return
        self._rows_of(view, entry, schema, key, hashes, changelog=changelog)

    def _rows_of(
        self,
        view: TableView,
        entry: ManifestEntry,
        schema: TableSchema,
        key: str,
        hashes: HashIndexes | None,
        *,
        changelog: bool,
    ) -> None:
        meta = entry.file
        columns = _written(schema, meta)
        keyed = bool(view.key)
        fields = key_value_fields(columns, _then(schema, view)) if keyed else columns
        request = FileRequest(self._store, key, meta, schema, keyed, ())
        say = partial(self._notes.wrong, key)
        try:
            checks = [
                *self._of_entry(view, entry, schema, columns, say, changelog=changelog),
                *self._of_indexes(entry, schema, key),
                *self._of_hashes(view, entry, schema, hashes, say),
            ]
            rows = _look(request, fields, checks)
            self._notes.expect(key, "rows", meta.row_count, rows)
            if self._second is not None:
                self._second.compare(request, columns, file_format(meta.file_name))
        except TablestoreError as error:
            self._note(key, error)
            return
        self.count += 1
        self.rows += meta.row_count
        self.bytes += meta.file_size

    def _note(self, key: str, error: TablestoreError) -> None:
        if error.retryable:
            raise error
        unread = error.kind == "unsupported_format"
        (self._notes.skip if unread else self._notes.wrong)(key, str(error))

    # -- what there is to look at ----------------------------------------------------------------

    def _of_entry(
        self,
        view: TableView,
        entry: ManifestEntry,
        schema: TableSchema,
        columns: tuple[DataField, ...],
        say: Callable[[str], None],
        *,
        changelog: bool,
    ) -> list[RowCheck]:
        meta = entry.file
        checks: list[RowCheck] = []
        if view.key:
            names = _then(schema, view)
            types = types_of(schema, names)
            system = SystemColumns(say, meta, names)
            checks.append(system)
            if not changelog and entry.bucket != POSTPONE_BUCKET:  # there they are as they came
                checks.append(KeyOrder(say, meta, names, types, system))
                known = stats_ranges(meta.key_stats, names, types)
                checks += [
                    Bounds(say, name, kind, known[name], f"{name} by the key statistics")
                    for name, kind in zip(names, types, strict=True)
                ]
        ranges = value_ranges(meta, schema, columns)
        checks += [
            Bounds(say, field.name, field.type, ranges[field.name])
            for field in columns
            if field.name in ranges
        ]
        return checks + _of_place(view, entry, schema, columns, say)

    def _of_indexes(self, entry: ManifestEntry, schema: TableSchema, key: str) -> list[RowCheck]:
        """Checks against the indexes of the file, in its entry and beside it."""
        meta, found = entry.file, []
        say, skip = partial(self._notes.wrong, key), partial(self._notes.skip, key)
        if meta.embedded_index is not None:
            where = "the manifest entry"
            try:
                found += index_checks(meta.embedded_index, where, schema, meta.row_count, say, skip)
            except TablestoreError as error:
                self._note(key, error)
        for extra in meta.extra_files:
            place = posixpath.join(posixpath.dirname(key), posixpath.basename(extra))
            if self._store.head(place) is None:
                self._notes.wrong(place, f"it does not exist; {key} needs it")
            elif extra.endswith(_INDEX_SUFFIX):
                try:
                    data = self._store.get(place)
                    found += index_checks(data, extra, schema, meta.row_count, say, skip)
                except TablestoreError as error:
                    self._note(place, error)
        self.indexes += len(found)
        return found

    def _of_hashes(
        self,
        view: TableView,
        entry: ManifestEntry,
        schema: TableSchema,
        hashes: HashIndexes | None,
        say: Callable[[str], None],
    ) -> list[RowCheck]:
        index = None if hashes is None else hashes.get((entry.partition, entry.bucket))
        if index is None or not view.key:
            return []
        known = self._hashes_of(view.folders.index_file(index, self._store), index)
        if known is None:
            return []
        names = _then(schema, view)
        return [HashIndex(say, names, types_of(schema, names), known, index.file_name)]

    def _hashes_of(self, key: str, entry: IndexManifestEntry) -> NDArray[np.int32] | None:
        """The hashes of an index file; None where there is a note why not."""
        if self._hashes[0] != key:
            try:
                data = self._store.get(key)
                found = decode_hash_index(data, row_count=entry.row_count, name=key)
            except (NotFoundError, CorruptDataError):
                self._hashes = (key, None)  # noted where the index manifest is looked at
            else:
                self._hashes = (key, found)
        return self._hashes[1]


def hash_indexes(entries: Iterable[IndexManifestEntry]) -> HashIndexes:
    """The hash indexes of a snapshot by partition and bucket."""
    return {
        (entry.partition, entry.bucket): entry
        for entry in entries
        if entry.index_type == HASH_INDEX
    }


def _look(request: FileRequest, fields: tuple[DataField, ...], checks: list[RowCheck]) -> int:
    """Show all rows of a file to checks; how many there are."""
    rows = 0
    with request.open() as reader:
        for batch in reader.batches(fields):
            rows += batch.num_rows
            for check in checks:
                check.add(batch)
    for check in checks:
        check.finish()
    return rows


def _of_place(
    view: TableView,
    entry: ManifestEntry,
    schema: TableSchema,
    columns: tuple[DataField, ...],
    say: Callable[[str], None],
) -> list[RowCheck]:
    """Checks of the partition and the bucket of rows."""
    held = {field.name: field for field in columns}
    checks: list[RowCheck] = []
    keys = view.schema.partition_keys
    values = decode_row(entry.partition, types_of(view.schema, keys))
    here = [(held[name], value) for name, value in zip(keys, values, strict=True) if name in held]
    if here:
        checks.append(Partition(say, [field for field, _ in here], [value for _, value in here]))
    names = schema.bucket_keys
    if entry.total_buckets > 0 and names and held.keys() >= set(names):
        function = schema.options.get(_FUNCTION, "default")
        types = types_of(schema, names)
        checks.append(Bucket(say, names, types, function, entry.total_buckets, entry.bucket))
    return checks


def _written(schema: TableSchema, meta: DataFileMeta) -> tuple[DataField, ...]:
    """The table's columns that the file holds."""
    names = None if meta.write_cols is None else set(meta.write_cols)
    return tuple(item for item in schema.fields if names is None or item.name in names)


def _then(schema: TableSchema, view: TableView) -> tuple[str, ...]:
    """Names of the key columns when the file was written."""
    ids = [view.schema.field(name).id for name in view.key]
    then = {field.id: field.name for field in schema.fields}
    return tuple(then[number] for number in ids)
