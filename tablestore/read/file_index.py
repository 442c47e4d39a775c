"""Leave out data files by their own indexes: bloom filter, bitmap, BSI, range-bitmap.

All but the bloom filter name every different value of a column, so a condition on that column alone
is simply asked of these values, whatever its form. What an index cannot answer for certain, the
rows answer: unknown kinds, newer versions, inexact values, columns whose type has changed.

Source: ``org.apache.paimon.io.FileIndexEvaluator``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import CorruptDataError, NotFoundError, UnsupportedFormatError
from tablestore.format.file_index import (
    BITMAP,
    BLOOM_FILTER,
    BSI,
    RANGE_BITMAP,
    decode_file_index,
)
from tablestore.format.file_index_bitmap import decode_bitmap_index
from tablestore.format.file_index_bloom import decode_bloom, value_hashes
from tablestore.format.file_index_bsi import decode_bsi
from tablestore.format.file_index_range import decode_range_bitmap
from tablestore.format.index_values import Distinct, values_to_arrow
from tablestore.predicate import nodes
from tablestore.predicate.arrow_scalar import array_of
from tablestore.predicate.evaluate import columns, mask
from tablestore.predicate.literal import Literal
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.format.schema import TableSchema
    from tablestore.predicate.nodes import Predicate
    from tablestore.store.base import Store
    from tablestore.types.model import DataField, DataType

_SUFFIX: Final = ".index"

_DISTINCT: Final[Mapping[str, Callable[[bytes, DataType], Distinct]]] = {
    BITMAP: lambda data, kind: decode_bitmap_index(data, kind).distinct,
    RANGE_BITMAP: lambda data, kind: decode_range_bitmap(data, kind).distinct,
    BSI: lambda data, kind: decode_bsi(data).distinct(kind),
}


@dataclass(frozen=True)
class FileIndexTest:
    """A predicate, ready to be asked of the indexes of files.

    Attributes:
        predicate: bound to the table's columns.
        fields: the columns that it reads.
    """

    predicate: Predicate
    fields: Sequence[DataField]

    def embedded(self, meta: DataFileMeta, schema: TableSchema) -> bool:
        """Whether a row can be selected, by the index in the file's manifest entry.

        Args:
            meta: the file.
            schema: the schema that it was written with.

        Raises:
            CorruptDataError: the index is damaged.
        """
        if meta.embedded_index is None:
            return True
        return self._may_match(meta.embedded_index, schema, meta.file_name)

    def beside(self, meta: DataFileMeta, schema: TableSchema, store: Store, key: str) -> bool:
        """Whether a row can be selected, by the index file beside the data file.

        Args:
            meta: the file.
            schema: the schema that it was written with.
            store: where the table is.
            key: the data file's key.

        Raises:
            CorruptDataError: the index is damaged or missing.
        """
        for name in meta.extra_files:
            if not name.endswith(_SUFFIX):
                continue
            place = posixpath.join(posixpath.dirname(key), posixpath.basename(name))
            try:
                data = store.get(place)
            except NotFoundError as error:
                raise CorruptDataError(
                    "file index",
                    name=place,
                    expected="the file that the snapshot refers to",
                    found="nothing; it was deleted, or its snapshot expired while it was read",
                ) from error
            if not self._may_match(data, schema, place):
                return False
        return True

    def _may_match(self, data: bytes, schema: TableSchema, name: str) -> bool:
        try:
            indexes = decode_file_index(data, name)
        except UnsupportedFormatError:
            return True
        by_id = {item.id: item for item in schema.fields}
        known = {}
        for item in self.fields:
            old = by_id.get(item.id)
            # the index has the name and the values that the column had
            if old is not None and old.name in indexes and _same_type(old.type, item.type):
                known[item.name] = _Column(item, indexes[old.name])
        try:
            return not known or _can(self.predicate, known)
        except CorruptDataError as error:
            raise error.named(name) from None


def _same_type(old: DataType, new: DataType) -> bool:
    return old.with_nullable(True) == new.with_nullable(True)


@dataclass(frozen=True)
class _Column:
    """The indexes of one column of one file."""

    field: DataField
    indexes: Mapping[str, bytes | None]

    @cached_property
    def values(self) -> pa.RecordBatch | None:
        """Every different value, null among them; None where no index tells.

        Raises:
            CorruptDataError: an index is damaged.
        """
        kind = self.field.type
        if any(data is None for data in self.indexes.values()):
            return self._batch(pa.nulls(1, to_arrow(kind)))
        for name, decode in _DISTINCT.items():
            data = self.indexes.get(name)
            if data is None:
                continue
            try:
                return self._batch(values_to_arrow(decode(data, kind), kind))
            except UnsupportedFormatError:
                continue
            except pa.ArrowInvalid as error:
                raise CorruptDataError(
                    "file index", expected=f"values of {kind.sql()}", found=str(error)[:120]
                ) from error
        return None

    def _batch(self, array: pa.Array) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays([array], names=[self.field.name])

    def may_equal(self, literals: Sequence[Literal]) -> bool:
        """Whether a row can have one of these values, by the bloom filter."""
        data = self.indexes.get(BLOOM_FILTER)
        if data is None:
            return True
        target = to_arrow(self.field.type)
        wanted = [item.value for item in literals if not item.is_null]
        if pa.types.is_floating(target):
            # the filter knows bits: a zero has two spellings, NaN many, and a literal may lie
            # between two values of the column
            return True
        try:
            hashes = value_hashes(array_of(wanted, target), self.field.type)
            return bool(np.any(decode_bloom(data).may_contain(hashes)))
        except UnsupportedFormatError:
            return True


def _can(node: Predicate, known: Mapping[str, _Column]) -> bool:
    """Whether the predicate can be true for a row."""
    names = columns(node)
    column = known.get(next(iter(names))) if len(names) == 1 else None
    if column is not None and column.values is not None and _is_plain(node):
        return bool(pc.any(mask(node, column.values)).as_py())
    match node:
        case nodes.And(parts):
            return all(_can(part, known) for part in parts)
        case nodes.Or(parts):
            return any(_can(part, known) for part in parts)
        case nodes.Compare("=", _, Literal() as value) if column is not None:
            return column.may_equal([value])
        case nodes.In(_, values) if column is not None:
            return column.may_equal(values)
        case _:
            return True


def _is_plain(node: Predicate) -> bool:
    """Whether no pyarrow expression is part of it, which may raise where no row is."""
    match node:
        case nodes.And(parts) | nodes.Or(parts):
            return all(_is_plain(part) for part in parts)
        case nodes.Not(part):
            return _is_plain(part)
        case _:
            return not isinstance(node, nodes.Opaque)
