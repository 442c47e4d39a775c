"""The same values under another Arrow type of the same shape, at any depth."""

from __future__ import annotations

import pyarrow as pa


def recast(array: pa.Array, arrow_type: pa.DataType) -> pa.Array:
    """An array under another type of the same nesting; timestamps and int64 have one layout."""
    if array.type == arrow_type:
        return array
    if not pa.types.is_nested(arrow_type):
        if pa.types.is_timestamp(array.type) and pa.types.is_int64(arrow_type):
            return array.view(pa.int64())
        return array.cast(arrow_type)
    if pa.types.is_struct(arrow_type):
        fields = [arrow_type.field(index) for index in range(arrow_type.num_fields)]
        children = [recast(array.field(index), field.type) for index, field in enumerate(fields)]
        return pa.StructArray.from_arrays(children, fields=fields, mask=_null_mask(array))
    array = _compact(array)
    if pa.types.is_map(arrow_type):
        return pa.MapArray.from_arrays(
            array.offsets,
            recast(array.keys, arrow_type.key_type),
            recast(array.items, arrow_type.item_type),
            type=arrow_type,
            mask=_null_mask(array),
        )
    return pa.ListArray.from_arrays(
        array.offsets,
        recast(array.values, arrow_type.value_type),
        type=arrow_type,
        mask=_null_mask(array),
    )


def _null_mask(array: pa.Array) -> pa.Array | None:
    return array.is_null() if array.null_count else None


def _compact(array: pa.Array) -> pa.Array:
    """An equal array with offset 0 (from_arrays with a mask refuses sliced offsets)."""
    return pa.concat_arrays([array, array.slice(0, 0)]) if array.offset else array
