"""Build the indexes of a data file from the batches that are written to it.

Source: ``org.apache.paimon.io.DataFileIndexWriter``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError, UnsupportedFormatError, nearest
from tablestore.format.file_index import encode_file_index
from tablestore.format.file_index_columns import check_indexable, column_index
from tablestore.format.hash_map import computed_order, put_order, text_hash
from tablestore.options.file_index import FileIndexOptions, IndexOption, check_new_key
from tablestore.types.model import AtomicType, DataType, MapType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tablestore.types.model import DataField

INDEX_SUFFIX: Final = ".index"

_TRUE_HASH, _FALSE_HASH, _MASK = 1231, 1237, 0xFFFFFFFF
_TEXT: Final = frozenset({"CHAR", "VARCHAR"})

Source = tuple[str, str | None]
"""A column, and the key of the map that it is."""


@dataclass(frozen=True)
class FileIndexPlan:
    """The indexes that every new file of a table gets.

    Attributes:
        indexes: in the order in which Java makes them.
        types: of the values of each source.
        in_manifest: bytes up to which a file's indexes are kept in its manifest entry.
    """

    indexes: tuple[IndexOption, ...]
    types: Mapping[Source, DataType]
    in_manifest: int

    @classmethod
    def of(cls, fields: Sequence[DataField], options: Mapping[str, str]) -> FileIndexPlan | None:
        """The plan of a table's options, or None where they name no column.

        Raises:
            InvalidInputError: an option is wrong, or about a column that the table does not have.
            UnsupportedFormatError: a column's type cannot have the index.
        """
        parsed = FileIndexOptions.parse(options)
        if not parsed.indexes:
            return None
        types = {(i.column, i.map_key): _value_type(i, fields) for i in parsed.indexes}
        for index in parsed.indexes:
            data_type = types[index.column, index.map_key]
            try:
                check_indexable(index.kind, data_type, index.settings)
            except UnsupportedFormatError as error:
                raise UnsupportedFormatError(
                    f"'file-index.{index.kind}.columns' names {index.name!r}: {error}",
                    column=index.column,
                ) from None
        return cls(_in_java_order(parsed.indexes), types, parsed.in_manifest)


def check_file_indexes(fields: Sequence[DataField], options: Mapping[str, str]) -> None:
    """Refuse a new table whose files could not get the indexes that its options name.

    Raises:
        InvalidInputError: says which option and why.
    """
    try:
        FileIndexPlan.of(fields, options)
        for key in options:
            check_new_key(key)
    except UnsupportedFormatError as error:
        raise InvalidInputError(f"option {error}", **error.detail) from None


def _value_type(index: IndexOption, fields: Sequence[DataField]) -> DataType:
    option = f"option 'file-index.{index.kind}.columns'"
    types = {field.name: field.type for field in fields}
    found = types.get(index.column)
    if found is None:
        hint = nearest(index.column, types)
        raise InvalidInputError(
            f"{option} names column {index.column!r}, which the table does not have{hint}",
            column=index.column,
        )
    if index.map_key is None:
        return found
    key = found.key if isinstance(found, MapType) else None
    if not isinstance(found, MapType) or not isinstance(key, AtomicType) or key.name not in _TEXT:
        raise InvalidInputError(
            f"{option} names {index.name!r}, but column {index.column!r} is {found.sql()}, not a "
            "map with text as keys",
            column=index.column,
        )
    return found.value


def _in_java_order(indexes: Sequence[IndexOption]) -> tuple[IndexOption, ...]:
    """The indexes as Java's nested hash maps give them to the container."""
    columns = computed_order([(i.column, i.map_key) for i in indexes], _source_hash)
    known = {(i.kind, i.column, i.map_key): i for i in indexes}
    by_column = [i for c in columns for i in indexes if (i.column, i.map_key) == c]
    ordered: list[IndexOption] = []
    for kind in computed_order([i.kind for i in by_column], text_hash):
        some = [i for i in by_column if i.kind == kind]
        for column in put_order([i.column for i in some], text_hash):
            keys = [i.map_key for i in some if i.column == column]
            plain = [key for key in keys if key is None]
            texts = put_order([key for key in keys if key is not None], text_hash)
            found = [known[kind, column, key] for key in (*plain, *texts)]
            names = put_order([i.name for i in found], text_hash)
            ordered += sorted(found, key=lambda index: names.index(index.name))
    names = computed_order([i.name for i in ordered], text_hash)
    return tuple(
        index
        for name in names
        for kind in put_order([i.kind for i in ordered if i.name == name], text_hash)
        for index in ordered
        if (index.name, index.kind) == (name, kind)
    )


def _source_hash(source: Source) -> int:
    """``hashCode`` of Java's ``FileIndexOptions.Column``."""
    column, key = source
    parts = (
        text_hash(column),
        0 if key is None else text_hash(key),
        _FALSE_HASH if key is None else _TRUE_HASH,
    )
    found = 1
    for part in parts:
        found = (31 * found + part) & _MASK
    return found


class FileIndexes:
    """The indexes of one file while it is written.

    Args:
        plan: which ones.
    """

    def __init__(self, plan: FileIndexPlan) -> None:
        self._plan = plan
        self._building = [
            (
                index,
                column_index(index.kind, plan.types[index.column, index.map_key], index.settings),
            )
            for index in plan.indexes
        ]

    def add(self, batch: pa.RecordBatch) -> None:
        """Takes the next rows of the file."""
        values: dict[Source, pa.Array] = {}
        for index, building in self._building:
            source = (index.column, index.map_key)
            if source not in values:
                column = batch.column(batch.schema.get_field_index(index.column))
                if pa.types.is_dictionary(column.type):  # some batches of a file may be, some not
                    column = column.dictionary_decode()
                values[source] = (
                    column if index.map_key is None else map_values(column, index.map_key)
                )
            building.add(values[source])

    def finish(self) -> bytes:
        """The container of them all.

        Raises:
            InvalidInputError: a value cannot be in an index; names column and index.
        """
        found: dict[str, dict[str, bytes | None]] = {}
        for index, building in self._building:
            try:
                found.setdefault(index.name, {})[index.kind] = building.finish()
            except UnsupportedFormatError as error:
                raise InvalidInputError(
                    f"'file-index.{index.kind}.columns' names {index.name!r}: {error}",
                    column=index.column,
                ) from error
        return encode_file_index(found)

    def is_embedded(self, container: bytes) -> bool:
        """Whether a container is kept in the manifest entry."""
        return len(container) <= self._plan.in_manifest


def map_values(column: pa.Array, key: str) -> pa.Array:
    """The value of a key in the map of each row; null where the map, or the key in it, is none."""
    return pc.map_lookup(column, pa.scalar(key, column.type.key_type), "last")
