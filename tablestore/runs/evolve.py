"""Read a file of an older schema as the current one, by field id.

A column that the file lacks is null (a default applies on write only); a renamed one is read under
the file's name; one of another type is cast. Members of ROW types follow the same rule at any
depth, inside of ARRAY, MAP and MULTISET too.

Source: ``org.apache.paimon.schema.SchemaEvolutionUtil``, ``utils.FormatReaderMapping``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from tablestore.runs.casts import cast
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
    if type(old) is not type(new) or isinstance(old, AtomicType):
        return cast(array, old, new, name)
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
    return cast(array, old, new, name)
