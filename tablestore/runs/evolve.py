"""Read a file of an older schema as the current one, by field id.

A column that the file lacks is null (a default applies on write only); a renamed one is read under
the file's name; a widened one is cast. Members of ROW types follow the same rule at any depth.

Source: ``org.apache.paimon.schema.SchemaEvolutionUtil``, ``utils.FormatReaderMapping``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.types.arrow import to_arrow
from tablestore.types.model import (
    ArrayType,
    AtomicType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
)

_INTEGERS: Final = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_TEXT: Final = frozenset({"CHAR", "VARCHAR"})
_BYTES: Final = frozenset({"BINARY", "VARBINARY"})
_STAMPS: Final = frozenset({"TIMESTAMP", "TIMESTAMP_LTZ"})


@dataclass(frozen=True)
class Projection:
    """How the columns asked for come from the columns of one file.

    Attributes:
        file_fields: what to read, under the file's names and types.
        sources: for each column asked for, its position in ``file_fields``; None reads null.
        fields: the columns asked for.
    """

    file_fields: tuple[DataField, ...]
    sources: tuple[int | None, ...]
    fields: tuple[DataField, ...]

    @property
    def is_identity(self) -> bool:
        """Whether batches of ``file_fields`` already are what is asked for."""
        return self.file_fields == self.fields

    def apply(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """A batch of ``file_fields`` as the columns asked for.

        Args:
            batch: columns of ``file_fields``.
            schema: Arrow schema of ``fields``.
        """
        columns = []
        for source, field, target in zip(self.sources, self.fields, schema, strict=True):
            if source is None:
                columns.append(pa.nulls(batch.num_rows, target.type))
                continue
            column, old = batch.column(source), self.file_fields[source]
            columns.append(_evolve(column, old.type, field.type, field.name))
        if not columns:
            return batch.select([])
        return pa.RecordBatch.from_arrays(columns, schema=schema)


def project(file_fields: Sequence[DataField], fields: Sequence[DataField]) -> Projection:
    """Match the columns asked for with a file's columns by field id."""
    by_id = {field.id: field for field in file_fields}
    read: list[DataField] = []
    sources: list[int | None] = []
    for field in fields:
        old = by_id.get(field.id)
        if old is None:
            sources.append(None)
        else:
            sources.append(len(read))
            read.append(old)
    return Projection(tuple(read), tuple(sources), tuple(fields))


def _evolve(array: pa.Array, old: DataType, new: DataType, name: str) -> pa.Array:
    target = to_arrow(new)
    if old.with_nullable(True) == new.with_nullable(True):
        return array if array.type == target else array.cast(target)
    if isinstance(old, AtomicType) and isinstance(new, AtomicType):
        return _cast(array, old, new, target, name)
    return _evolve_nested(array, old, new, name)


def _evolve_nested(array: pa.Array, old: DataType, new: DataType, name: str) -> pa.Array:
    target = to_arrow(new)
    mask = array.is_null() if array.null_count else None
    if isinstance(old, RowType) and isinstance(new, RowType):
        positions = {field.id: index for index, field in enumerate(old.fields)}
        members = []
        for field, member in zip(new.fields, target, strict=True):
            at = positions.get(field.id)
            if at is None:
                members.append(pa.nulls(len(array), member.type))
            else:
                old_member = old.fields[at]
                members.append(
                    _evolve(array.field(at), old_member.type, field.type, f"{name}.{field.name}")
                )
        return pa.StructArray.from_arrays(members, fields=list(target), mask=mask)
    if array.offset:
        array = pa.concat_arrays([array, array.slice(0, 0)])
    if isinstance(old, MapType) and isinstance(new, MapType):
        keys = _evolve(array.keys, old.key, new.key, f"{name}.key")
        items = _evolve(array.items, old.value, new.value, f"{name}.value")
        return pa.MapArray.from_arrays(array.offsets, keys, items, type=target, mask=mask)
    if isinstance(old, MultisetType) and isinstance(new, MultisetType):
        keys = _evolve(array.keys, old.element, new.element, f"{name}.element")
        return pa.MapArray.from_arrays(array.offsets, keys, array.items, type=target, mask=mask)
    if isinstance(old, ArrayType) and isinstance(new, ArrayType):
        values = _evolve(array.values, old.element, new.element, f"{name}.element")
        return pa.ListArray.from_arrays(array.offsets, values, type=target, mask=mask)
    raise _no_cast(old, new, name)


def _cast(
    array: pa.Array, old: AtomicType, new: AtomicType, target: pa.DataType, name: str
) -> pa.Array:
    if not _widens(old, new):
        raise _no_cast(old, new, name)
    if array.type == target:
        return array
    try:
        if new.name == "DECIMAL" and old.name in _INTEGERS:
            array = array.cast(pa.decimal128(19, 0))
        elif new.name in {"FLOAT", "DOUBLE"} and old.name == "DECIMAL":
            return pc.cast(array.cast(pa.float64()), target, safe=False)
        return pc.cast(array, target, safe=new.name not in {"FLOAT", "DOUBLE"})
    except pa.ArrowInvalid as error:
        raise CorruptDataError(
            "column", name=name, expected=f"values of {new}", found=str(error)[:200]
        ) from error


def _widens(old: AtomicType, new: AtomicType) -> bool:
    """Whether every value of ``old`` has one obvious value of ``new``."""
    if old.name in _INTEGERS and new.name in _INTEGERS:
        return _INTEGERS.index(old.name) <= _INTEGERS.index(new.name)
    if old.name in _INTEGERS:
        return new.name in {"FLOAT", "DOUBLE", "DECIMAL"}
    if old.name == "FLOAT":
        return new.name in {"FLOAT", "DOUBLE"}
    if old.name == "DECIMAL":
        return new.name in {"FLOAT", "DOUBLE"} or (
            new.name == "DECIMAL"
            and (new.scale or 0) >= (old.scale or 0)
            and (new.precision or 0) - (new.scale or 0) >= (old.precision or 0) - (old.scale or 0)
        )
    if old.name in _TEXT and new.name in _TEXT:
        return (new.length or 0) >= (old.length or 0) and new.name == "VARCHAR"
    if old.name in _BYTES and new.name == "VARBINARY":
        return (new.length or 0) >= (old.length or 0)
    if old.name == new.name and old.name in _STAMPS:
        return (new.precision or 0) >= (old.precision or 0)
    return old.name == new.name and old.name not in _STAMPS | _TEXT | _BYTES


def _no_cast(old: DataType, new: DataType, name: str) -> UnsupportedFormatError:
    return UnsupportedFormatError(
        f"column {name!r} was changed from {old} to {new}; reading files from before that change "
        "is not supported yet",
        feature="type change",
    )
