"""Arrays as another type, without loss, at any depth.

Values are converted only where nothing is lost; text is never parsed into numbers, and members of
a ROW match by name.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import nearest

_INTEGER_DIGITS: Final = 20  # of the largest uint64


def convert(array: pa.Array, target: pa.DataType) -> pa.Array:
    """The array as another type, without loss.

    Raises:
        ValueError: a value would change (``pyarrow.ArrowInvalid`` is one).
    """
    if pa.types.is_dictionary(array.type):
        array = _decoded(array)
    if pa.types.is_run_end_encoded(array.type):
        array = array.cast(array.type.value_type)
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if array.type == target:
        return array
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), target)
    if pa.types.is_nested(target):
        return _nested(array, target)
    if pa.types.is_decimal(target) and pa.types.is_integer(array.type):
        # Arrow asks for room for the type's largest value, whatever the values are
        array = array.cast(pa.decimal128(_INTEGER_DIGITS, 0))
    if pa.types.is_floating(target) and pa.types.is_floating(array.type):
        narrow = array.cast(target, safe=False)
        if target.bit_width < array.type.bit_width:
            _check_same(array, narrow.cast(array.type))
        return narrow
    return array.cast(target)


def _decoded(array: pa.DictionaryArray) -> pa.Array:
    """The values behind a dictionary; polars puts views into its own, which Arrow cannot cast."""
    values = array.dictionary
    if pa.types.is_string_view(values.type):
        values = values.cast(pa.string())
    return values.take(array.indices)


def _check_same(before: pa.Array, after: pa.Array) -> None:
    same = pc.or_(pc.equal(before, after), pc.and_(pc.is_nan(before), pc.is_nan(after)))
    if not pc.all(same).as_py():
        raise pa.ArrowInvalid("float value changes")


def _nested(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_struct(target):
        return _struct(array, target)
    array = _plain_list(array)
    mask = array.is_null() if array.null_count else None
    if not pa.types.is_map(target):
        values = convert(array.values, target.value_type)
        return pa.ListArray.from_arrays(array.offsets, values, type=target, mask=mask)
    if pa.types.is_map(array.type):
        keys, items = array.keys, array.items
    else:  # a list of (key, value) structs, as polars and JSON give maps
        keys, items = array.values.flatten()
    return pa.MapArray.from_arrays(
        array.offsets,
        convert(keys, target.key_type),
        convert(items, target.item_type),
        type=target,
        mask=mask,
    )


def _struct(array: pa.Array, target: pa.DataType) -> pa.Array:
    mask = array.is_null() if array.null_count else None
    members = []
    for field in target:
        index = array.type.get_field_index(field.name)
        if index < 0:
            members.append(pa.nulls(len(array), field.type))
        else:
            members.append(convert(array.field(index), field.type))
    return pa.StructArray.from_arrays(members, fields=list(target), mask=mask)


def _plain_list(array: pa.Array) -> pa.Array:
    """A list or map array of 32-bit offsets that begins with its first value."""
    kind = array.type
    if pa.types.is_map(kind):
        plain = array
    elif not pa.types.is_list(kind):
        plain = array.cast(pa.list_(kind.value_field))
    else:
        plain = array
    # from_arrays with a mask refuses sliced offsets
    return pa.concat_arrays([plain, plain.slice(0, 0)]) if plain.offset else plain


# -- which types may become which -----------------------------------------------------------------


def misfit(source: pa.DataType, target: pa.DataType, *, fill: bool = False) -> str | None:
    """Why no value of one type is a value of another, in words; None where some may be.

    The words are empty where the two types say it all.

    Args:
        source: what there is.
        target: what is wanted.
        fill: members of a ROW that are missing may become null.
    """
    if pa.types.is_dictionary(source) or pa.types.is_run_end_encoded(source):
        return misfit(source.value_type, target, fill=fill)
    if isinstance(source, pa.BaseExtensionType):
        return misfit(source.storage_type, target, fill=fill)
    wanted, found = _family(target), _family(source)
    if {wanted, found} == {"timestamp", "timestamp with time zone"}:
        return "say which time zone the values are in before writing"
    if found == "null":
        return None
    if found != wanted and found not in _ALSO.get(wanted, ()):
        return ""
    return _nested_misfit(source, target, fill=fill)


def _nested_misfit(source: pa.DataType, target: pa.DataType, *, fill: bool) -> str | None:
    if pa.types.is_struct(target):
        return _struct_misfit(source, target, fill=fill)
    if pa.types.is_map(target):
        entry = _entry_types(source)
        if entry is None:
            return ""
        wanted = (target.key_type, target.item_type)
        parts = [misfit(*pair, fill=fill) for pair in zip(entry, wanted, strict=True)]
        return next((part for part in parts if part is not None), None)
    if pa.types.is_list(target):
        return misfit(source.value_type, target.value_type, fill=fill)
    return None


def _entry_types(source: pa.DataType) -> tuple[pa.DataType, pa.DataType] | None:
    if pa.types.is_map(source):
        return source.key_type, source.item_type
    entries = source.value_type
    if pa.types.is_struct(entries) and entries.num_fields == 2:
        return entries.field(0).type, entries.field(1).type
    return None


def _struct_misfit(source: pa.DataType, target: pa.DataType, *, fill: bool) -> str | None:
    names = [field.name for field in target]
    given = [field.name for field in source]
    if len(set(given)) < len(given):
        return "a member is there twice"
    for name in given:
        if name not in names:
            return f"the ROW has no member {name!r}{nearest(name, names)}"
    for field in target:
        if field.name in given:
            found = misfit(source.field(field.name).type, field.type, fill=fill)
            if found is not None:
                return found or f"member {field.name!r} does not fit"
        elif not (fill and field.nullable):
            return f"the member {field.name!r} is missing"
    return None


def _family(arrow_type: pa.DataType) -> str:
    """Types between which values convert without being parsed or reinterpreted."""
    if pa.types.is_integer(arrow_type):
        return "integer"
    for test, name in _FAMILIES:
        if test(arrow_type):
            return name
    if pa.types.is_timestamp(arrow_type):
        return "timestamp" if arrow_type.tz is None else "timestamp with time zone"
    return str(arrow_type)


_FAMILIES: Final = (
    (pa.types.is_floating, "float"),
    (pa.types.is_decimal, "decimal"),
    (pa.types.is_boolean, "boolean"),
    (lambda t: pa.types.is_string(t) or pa.types.is_large_string(t), "text"),
    (pa.types.is_string_view, "text"),
    (lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t), "binary"),
    (lambda t: pa.types.is_fixed_size_binary(t) or pa.types.is_binary_view(t), "binary"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_null, "null"),
    (pa.types.is_map, "map"),
    (lambda t: pa.types.is_list(t) or pa.types.is_large_list(t), "list"),
    (lambda t: pa.types.is_fixed_size_list(t) or pa.types.is_list_view(t), "list"),
    (pa.types.is_large_list_view, "list"),
    (pa.types.is_struct, "struct"),
)
_ALSO: Final = {
    "integer": {"float", "decimal"},  # where the value is whole
    "float": {"integer"},
    "decimal": {"integer"},
    "map": {"list"},
}
