"""What buckets and indexes promise of the rows of a data file, looked at batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import CorruptDataError, TablestoreError, UnsupportedFormatError
from tablestore.format.bucket import bucket_ids, row_hashes
from tablestore.format.deletion_vector import decode_index_file
from tablestore.format.file_index import (
    BITMAP,
    BLOOM_FILTER,
    BSI,
    RANGE_BITMAP,
    decode_file_index,
)
from tablestore.format.file_index_bitmap import decode_bitmap_index
from tablestore.format.file_index_bloom import BloomFilter, decode_bloom, value_hashes
from tablestore.format.file_index_bsi import decode_bsi
from tablestore.format.file_index_range import decode_range_bitmap
from tablestore.format.hash_index import decode_hash_index
from tablestore.format.index_manifest import DELETION_VECTORS_INDEX, HASH_INDEX
from tablestore.format.index_values import Distinct, values_to_arrow
from tablestore.options.file_index import split_name
from tablestore.runs.file_index import map_values
from tablestore.types.arrow import to_arrow
from tablestore.types.model import DataField, MapType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.store.base import Store
    from tablestore.table.report import Notes
    from tablestore.table.verify_rows import RowCheck, Say
    from tablestore.types.model import DataType


class Bucket:
    """Each row belongs into the bucket of its file.

    Args:
        say: takes what is wrong.
        names: the bucket key when the file was written.
        types: its types.
        function: ``bucket-function.type``.
        buckets: number of buckets when the file was written.
        bucket: the file's.
    """

    def __init__(
        self,
        say: Say,
        names: Sequence[str],
        types: Sequence[DataType],
        function: str,
        buckets: int,
        bucket: int,
    ) -> None:
        self._say, self._names, self._types = say, names, types
        self._function, self._buckets, self._bucket = function, buckets, bucket
        self._rows = self._seen = 0
        self._example = ""

    def add(self, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        columns = [batch.column(name) for name in self._names]
        found = bucket_ids(columns, self._types, self._function, self._buckets)
        wrong = np.flatnonzero(found != self._bucket)
        if len(wrong) and not self._rows:
            row = int(wrong[0])
            self._example = f"row {self._seen + row} belongs into bucket {found[row]}"
        self._rows += len(wrong)
        self._seen += batch.num_rows

    def finish(self) -> None:
        if self._rows:
            self._say(
                f"bucket: expected {self._bucket} of {self._buckets} for every row, found "
                f"{self._rows} rows of others; {self._example}"
            )


class HashIndex:
    """The key of each row is in the hash index of its bucket.

    Args:
        say: takes what is wrong.
        names: the trimmed primary key when the file was written.
        types: its types.
        hashes: of the index file, ascending.
        index: its name.
    """

    def __init__(
        self,
        say: Say,
        names: Sequence[str],
        types: Sequence[DataType],
        hashes: NDArray[np.int32],
        index: str,
    ) -> None:
        self._say, self._names, self._types = say, names, types
        self._hashes, self._index = hashes, index
        self._missing = 0

    def add(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            found = row_hashes([batch.column(name) for name in self._names], self._types)
            self._missing += int(np.count_nonzero(~np.isin(found, self._hashes)))

    def finish(self) -> None:
        if self._missing:
            self._say(f"hash index {self._index}: {self._missing} keys of rows are not in it")


def check_index_file(store: Store, notes: Notes, key: str, entry: IndexManifestEntry) -> None:
    """Decode all of an index file of a snapshot.

    Args:
        store: where the table is.
        notes: takes what is wrong.
        key: of the file.
        entry: what the index manifest says of it.

    Raises:
        TablestoreError: the storage does not answer.
    """
    try:
        data = store.get(key)
        if entry.index_type == HASH_INDEX:
            decode_hash_index(data, row_count=entry.row_count, name=key)
        elif entry.index_type == DELETION_VECTORS_INDEX:
            ranges = entry.dv_ranges or ()
            notes.expect(key, "vectors", entry.row_count, len(ranges))
            decode_index_file(data, ranges, key)
        else:
            notes.skip(key, f"indexes of the type {entry.index_type!r} are not read")
    except TablestoreError as error:
        if error.retryable:
            raise
        unread = error.kind == "unsupported_format"
        (notes.skip if unread else notes.wrong)(key, str(error))


def index_checks(
    data: bytes, where: str, schema: TableSchema, rows: int, say: Say, skip: Say
) -> list[RowCheck]:
    """Checks of rows against the file indexes of their columns; each names its column and kind.

    Args:
        data: the container of indexes.
        where: what to call it.
        schema: the schema that the file was written with.
        rows: of the file.
        say: takes what is wrong.
        skip: takes what cannot be looked at.

    Raises:
        CorruptDataError: an index is damaged.
        UnsupportedFormatError: a newer version of the container.
    """
    fields = {field.name: field for field in schema.fields}
    checks: list[RowCheck] = []
    for column, indexes in decode_file_index(data, where).items():
        field = fields.get(column) or _map_value(fields, column)
        for kind, packed in indexes.items():
            label = f"{kind} index of {column} in {where}"
            if field is None:
                skip(f"{label}: there is no such column")
                continue
            try:
                check = _index_check(kind, packed, field, rows, label, say)
                checks.append(check if column in fields else _OfMapKey(check, column))
            except UnsupportedFormatError as error:
                skip(f"{label}: {error}")
            except CorruptDataError as error:
                say(f"{label}: {error}")
    return checks


def _map_value(fields: Mapping[str, DataField], name: str) -> DataField | None:
    """The values of a key as a column of their own; None where there is no such map."""
    column, key = split_name(name)
    field = fields.get(column)
    if key is None or field is None or not isinstance(field.type, MapType):
        return None
    return DataField(field.id, name, field.type.value)


class _OfMapKey:
    """A check of the values that a map column has for a key.

    Args:
        check: of them as a column.
        name: of that column: ``column[key]``.
    """

    def __init__(self, check: RowCheck, name: str) -> None:
        self._check, self._name = check, name

    def add(self, batch: pa.RecordBatch) -> None:
        column, key = split_name(self._name)
        values = map_values(batch.column(column), key or "")
        self._check.add(pa.RecordBatch.from_arrays([values], names=[self._name]))

    def finish(self) -> None:
        self._check.finish()


def _index_check(
    kind: str, packed: bytes | None, field: DataField, rows: int, label: str, say: Say
) -> RowCheck:
    if packed is None:
        return _ByRow(say, field.name, label, _nothing(rows, field.type))
    if kind == BLOOM_FILTER:
        value_hashes(pa.array([], to_arrow(field.type)), field.type)  # refuses types without a hash
        return _Bloom(say, field, label, decode_bloom(packed))
    decode = _CODES.get(kind)
    if decode is None:
        raise UnsupportedFormatError(f"indexes of the type {kind!r} are not read")
    return _ByRow(say, field.name, label, decode(packed, field.type, rows))


@dataclass(frozen=True)
class _Codes:
    """Which value each row has by an index: its place in ``values``, -1 for null."""

    values: pa.Array
    places: NDArray[np.int64]


def _nothing(rows: int, kind: DataType) -> _Codes:
    """What the empty index says: no row has a value."""
    return _Codes(pa.nulls(1, to_arrow(kind)), np.full(rows, -1, dtype=np.int64))


def _bitmap_codes(data: bytes, kind: DataType, rows: int) -> _Codes:
    index = decode_bitmap_index(data, kind)
    places = _no_codes(index.rows, rows)
    for code in range(len(index.offsets)):
        places[_within(index.rows_of(code), rows)] = code
    places[_within(index.null_rows(), rows)] = -1
    return _Codes(_plain(index.distinct, kind), places)


def _range_codes(data: bytes, kind: DataType, rows: int) -> _Codes:
    index = decode_range_bitmap(data, kind)
    places = _no_codes(index.rows, rows)
    codes = index.codes()
    if len(codes) and codes.max() >= len(index.values):
        raise CorruptDataError("index", expected=f"{len(index.values)} values", found="more")
    places[_within(index.places, rows)] = codes
    return _Codes(_plain(index.distinct, kind), places)


def _bsi_codes(data: bytes, kind: DataType, rows: int) -> _Codes:
    index = decode_bsi(data)
    places = _no_codes(index.rows, rows)
    places[_within(index.places, rows)] = np.unique(index.numbers, return_inverse=True)[1]
    return _Codes(_plain(index.distinct(kind), kind), places)


def _no_codes(said: int, rows: int) -> NDArray[np.int64]:
    if said != rows:
        raise CorruptDataError("index", expected=f"{rows} rows", found=said)
    return np.full(rows, -1, dtype=np.int64)


def _within(found: NDArray[np.uint32], rows: int) -> NDArray[np.uint32]:
    if len(found) and found.max() >= rows:
        raise CorruptDataError("index", expected=f"rows below {rows}", found=int(found.max()))
    return found


def _plain(distinct: Distinct, kind: DataType) -> pa.Array:
    return values_to_arrow(Distinct(distinct.values, has_null=False), kind)


_CODES: Final[Mapping[str, Callable[[bytes, DataType, int], _Codes]]] = {
    BITMAP: _bitmap_codes,
    RANGE_BITMAP: _range_codes,
    BSI: _bsi_codes,
}


class _ByRow:
    """Each row has the value that an index names for it."""

    def __init__(self, say: Say, name: str, label: str, codes: _Codes) -> None:
        self._say, self._name, self._label, self._codes = say, name, label, codes
        self._at = 0
        self._wrong: int | None = None

    def add(self, batch: pa.RecordBatch) -> None:
        column = batch.column(self._name)
        places = self._codes.places[self._at : self._at + len(column)]
        if self._wrong is None and len(places) == len(column):
            self._compare(column, places)
        self._at += len(column)

    def _compare(self, column: pa.Array, places: NDArray[np.int64]) -> None:
        chosen = pa.array(places, mask=places < 0)
        known = self._codes.values.take(chosen)
        same = pc.fill_null(pc.equal(column, known), False)
        same = pc.or_(same, pc.and_(column.is_null(), known.is_null()))
        if pa.types.is_floating(column.type):
            nan = pc.and_(pc.is_nan(column), pc.is_nan(known))
            same = pc.or_(same, pc.fill_null(nan, False))
        wrong = pc.index(same, False).as_py()
        if wrong >= 0:
            self._wrong = self._at + wrong
            found, said = column[wrong].as_py(), known[wrong].as_py()
            self._say(
                f"{self._label}: row {self._wrong} has {found!r:.80}, the index says {said!r:.80}"
            )

    def finish(self) -> None:
        """All is said."""


class _Bloom:
    """Each value is in a bloom filter."""

    def __init__(self, say: Say, field: DataField, label: str, bloom: BloomFilter) -> None:
        self._say, self._field, self._label, self._bloom = say, field, label, bloom
        self._missing = 0

    def add(self, batch: pa.RecordBatch) -> None:
        values = batch.column(self._field.name).drop_null()
        if len(values):
            found = self._bloom.may_contain(value_hashes(values, self._field.type))
            self._missing += int(np.count_nonzero(~found))

    def finish(self) -> None:
        if self._missing:
            self._say(f"{self._label}: {self._missing} values of rows are not in it")
