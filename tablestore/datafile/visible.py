"""Nested arrays without the nulls that hide below other nulls.

A null ROW has no members, yet Arrow stores a null for each of them; its Parquet writer takes these
for violations of a member's NOT NULL.
"""

from __future__ import annotations

import pyarrow as pa


def has_required_member(arrow_type: pa.DataType) -> bool:
    """Whether a value below this nested type is declared NOT NULL."""
    if not pa.types.is_nested(arrow_type):
        return False
    fields = [arrow_type.field(index) for index in range(arrow_type.num_fields)]
    return any(not field.nullable or has_required_member(field.type) for field in fields)


def without_hidden_nulls(array: pa.Array) -> pa.Array:
    """An equal array whose NOT NULL members hold arbitrary values below a null parent."""
    kind = array.type
    if not has_required_member(kind):
        return array
    mask = array.is_null() if array.null_count else None
    if pa.types.is_struct(kind):
        fields = list(kind)
        members = [_member(array.field(index), field) for index, field in enumerate(fields)]
        return pa.StructArray.from_arrays(members, fields=fields, mask=mask)
    if array.offset:  # from_arrays with a mask refuses sliced offsets
        array = pa.concat_arrays([array, array.slice(0, 0)])
    if pa.types.is_map(kind):
        return pa.MapArray.from_arrays(
            array.offsets,
            _member(array.keys, kind.key_field),
            _member(array.items, kind.item_field),
            type=kind,
            mask=mask,
        )
    values = _member(array.values, kind.value_field)
    return pa.ListArray.from_arrays(array.offsets, values, type=kind, mask=mask)


def _member(array: pa.Array, field: pa.Field) -> pa.Array:
    array = without_hidden_nulls(array)
    if field.nullable or not array.null_count:
        return array
    buffers = array.buffers()
    if not pa.types.is_nested(array.type):
        return pa.Array.from_buffers(
            array.type, len(array), [None, *buffers[1:]], null_count=0, offset=array.offset
        )
    if pa.types.is_struct(array.type):
        members = [array.field(index) for index in range(array.type.num_fields)]
        return pa.StructArray.from_arrays(members, fields=list(array.type))
    if pa.types.is_map(array.type):
        return pa.MapArray.from_arrays(array.offsets, array.keys, array.items, type=array.type)
    return pa.ListArray.from_arrays(array.offsets, array.values, type=array.type)
