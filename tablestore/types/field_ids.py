"""Field ids as Java allocates them: column first, then what is inside it.

Source: ``org.apache.paimon.types.ReassignFieldId``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import count

from tablestore.types.model import (
    ArrayType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
    VectorType,
)


def assign_ids(fields: Iterable[DataField], highest: int = -1) -> tuple[tuple[DataField, ...], int]:
    """Columns with fresh ids after ``highest``, and the highest id given out.

    A column takes its id before its type is numbered; a field inside a ROW takes its id after.
    """
    ids = count(highest + 1)
    numbered = []
    for field in fields:
        field_id = next(ids)
        numbered.append(replace(field, id=field_id, type=_renumber(field.type, ids)))
    return tuple(numbered), next(ids) - 1


def _renumber(data_type: DataType, ids: Iterator[int]) -> DataType:
    if isinstance(data_type, RowType):
        return replace(data_type, fields=tuple(_nested(field, ids) for field in data_type.fields))
    if isinstance(data_type, MapType):
        key = _renumber(data_type.key, ids)
        return replace(data_type, key=key, value=_renumber(data_type.value, ids))
    if isinstance(data_type, (ArrayType, MultisetType, VectorType)):
        return replace(data_type, element=_renumber(data_type.element, ids))
    return data_type


def _nested(field: DataField, ids: Iterator[int]) -> DataField:
    data_type = _renumber(field.type, ids)
    return replace(field, id=next(ids), type=data_type)
