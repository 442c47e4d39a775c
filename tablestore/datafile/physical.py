"""Arrays as a file holds them, as the Arrow types of their data types.

Every format stores some types in another way (integers for timestamps, 12 bytes of INT96, decimals
as bytes, maps as lists of records); nesting is followed by name for members and by place for
elements, keys and values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import UnsupportedFormatError
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

INT96_BYTES: Final = 12

_JULIAN_EPOCH_DAY: Final = 2_440_588
_SECONDS_PER_DAY: Final = 86_400
_NANOS_PER_SECOND: Final = 1_000_000_000
_UNITS_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": _NANOS_PER_SECOND}
_INT96: Final = np.dtype([("nanos", "<i8"), ("day", "<i4")])
_INTEGER_LIMIT: Final = 1 << 63
_DECIMAL_BYTES: Final = 16
_NESTINGS: Final = (pa.types.is_struct, pa.types.is_map, pa.types.is_list)


class TimestampRangeError(ValueError):
    """A timestamp of the file does not fit the Arrow type of its column."""


def out_of_range(file: str, columns: Sequence[str], error: object) -> UnsupportedFormatError:
    """The error of a column whose timestamps cannot be given to a reader.

    Args:
        file: name of the file.
        columns: names of the columns, as far as they are known.
        error: says what can be read.
    """
    names = ", ".join(map(repr, columns)) or "unknown"
    return UnsupportedFormatError(
        f"data file {file}: column {names} holds a timestamp that cannot be read: only {error}, "
        "can be; leave the column out",
        feature="timestamps outside of 1677 to 2262",
    )


def as_logical(array: pa.Array, data_type: DataType, target: pa.DataType) -> pa.Array:
    """An array of a file as ``target``, the Arrow type of ``data_type``.

    Raises:
        TimestampRangeError: a timestamp does not fit.
        ValueError: decimals of another scale.
    """
    if array.type == target:
        return array
    if isinstance(data_type, AtomicType) and pa.types.is_timestamp(target):
        return _timestamps(array, target)
    if pa.types.is_nested(target):
        return _nested(array, data_type, target)
    if pa.types.is_time(target) and pa.types.is_time64(array.type):
        return array.cast(target, safe=False)
    if pa.types.is_decimal(target) and pa.types.is_binary(array.type):
        return _decimals(array, target)
    decimals = pa.types.is_decimal(target) and pa.types.is_decimal(array.type)
    if decimals and array.type.scale != target.scale:  # a file has the scale of its schema
        raise ValueError(f"{array.type} where {data_type.sql()} is expected")
    return array.cast(target)


def rows_without_columns(count: int) -> pa.RecordBatch:
    """A batch of ``count`` rows without columns."""
    return pa.RecordBatch.from_struct_array(pa.nulls(count, pa.struct([])))


def null_rows(count: int, schema: pa.Schema) -> pa.RecordBatch:
    """A batch of ``count`` rows of nulls."""
    if not len(schema):
        return rows_without_columns(count)
    return pa.RecordBatch.from_arrays(
        [pa.nulls(count, field.type) for field in schema], schema=schema
    )


def _timestamps(array: pa.Array, target: pa.TimestampType) -> pa.Array:
    """Timestamps of any unit, INT96, and plain integers in the unit of the precision.

    Raises:
        ArrowTypeError: the file has something else.
        TimestampRangeError: one does not fit.
    """
    if pa.types.is_fixed_size_binary(array.type) and array.type.byte_width == INT96_BYTES:
        return _int96(array, target)
    if pa.types.is_integer(array.type):
        # without annotation: millis up to p=3, micros up to p=6, millis above (as Java reads)
        unit = "us" if target.unit == "us" else "ms"
        array = array.cast(pa.int64()).view(pa.timestamp(unit, tz=target.tz))
    if not pa.types.is_timestamp(array.type):
        raise pa.ArrowTypeError(f"{array.type} where {target} is expected")
    if array.type.tz != target.tz:
        array = array.view(pa.int64()).view(pa.timestamp(array.type.unit, tz=target.tz))
    if array.type == target:
        return array
    if _UNITS_PER_SECOND[array.type.unit] < _UNITS_PER_SECOND[target.unit]:
        try:
            return array.cast(target)
        except pa.ArrowInvalid:
            raise TimestampRangeError(timestamp_limits(target)) from None
    return _floored(array, target)


def _floored(array: pa.Array, target: pa.TimestampType) -> pa.Array:
    """Coarser timestamps, cut towards the past."""
    step = _UNITS_PER_SECOND[array.type.unit] // _UNITS_PER_SECOND[target.unit]
    values = array.view(pa.int64()).fill_null(0).to_numpy()
    return _from_integers(np.floor_divide(values, step), array, target)


def _int96(array: pa.FixedSizeBinaryArray, target: pa.TimestampType) -> pa.Array:
    """INT96 is the nanoseconds of a Julian day; Java's are negative before 1970.

    Raises:
        TimestampRangeError: one does not fit.
    """
    raw = np.frombuffer(array.buffers()[1], dtype=_INT96)[array.offset :][: len(array)]
    valid = _valid(array)
    day = raw["day"].astype(np.int64) - _JULIAN_EPOCH_DAY
    carry, nanos = np.divmod(raw["nanos"], _NANOS_PER_SECOND)
    seconds = day * _SECONDS_PER_DAY + carry
    units = _UNITS_PER_SECOND[target.unit]
    rest = nanos // (_NANOS_PER_SECOND // units)
    low, low_rest = divmod(-_INTEGER_LIMIT, units)
    high, high_rest = divmod(_INTEGER_LIMIT - 1, units)
    outside = (seconds < low) | ((seconds == low) & (rest < low_rest))
    outside |= (seconds > high) | ((seconds == high) & (rest > high_rest))
    if np.any(outside & valid):
        raise TimestampRangeError(timestamp_limits(target))
    return _from_integers(seconds * units + rest, array, target)


def _from_integers(
    values: NDArray[np.int64], array: pa.Array, target: pa.TimestampType
) -> pa.Array:
    mask = ~_valid(array) if array.null_count else None
    return pa.array(values, pa.int64(), mask=mask).view(target)


def _valid(array: pa.Array) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def timestamp_limits(target: pa.TimestampType) -> str:
    """The timestamps that an Arrow type holds, in words."""
    if target.unit == "ns":
        return "timestamps between 1677-09-21 and 2262-04-11, which 64 bits of nanoseconds hold"
    return f"timestamps that fit 64 bits of {target.unit}"


def _decimals(array: pa.BinaryArray, target: pa.Decimal128Type) -> pa.Array:
    """Big-endian two's complement numbers of up to 16 bytes; below a null parent there are none.

    A number of more digits than the type's is null, as Java has it.

    Raises:
        ValueError: a number is longer.
    """
    longest = pc.max(pc.binary_length(array)).as_py()
    if longest is None:
        return pa.nulls(len(array), target)
    if longest > _DECIMAL_BYTES:
        raise ValueError(f"a decimal of {longest} bytes")
    bound = 10**target.precision
    numbers = [
        None if item is None else int.from_bytes(item, "big", signed=True)
        for item in array.to_pylist()
    ]
    known = np.array([item is not None and -bound < item < bound for item in numbers], np.bool_)
    zero = b"\0" * _DECIMAL_BYTES
    parts = [
        (item or 0).to_bytes(_DECIMAL_BYTES, "little", signed=True) if valid else zero
        for item, valid in zip(numbers, known.tolist(), strict=True)
    ]
    validity = None if known.all() else pa.array(known).buffers()[1]
    return pa.Array.from_buffers(target, len(array), [validity, pa.py_buffer(b"".join(parts))])


def _nested(array: pa.Array, data_type: DataType, target: pa.DataType) -> pa.Array:
    """Nested values with the members' names and types of the target; members match by name.

    Raises:
        ArrowTypeError: the file has another kind of nesting.
    """
    if not any(is_kind(target) and is_kind(array.type) for is_kind in _NESTINGS):
        lists = pa.types.is_map(target) and pa.types.is_list(array.type)
        if not (lists and pa.types.is_struct(array.type.value_type)):
            raise pa.ArrowTypeError(f"{array.type} where {data_type.sql()} is expected")
    mask = array.is_null() if array.null_count else None
    children = data_type.children
    if pa.types.is_struct(target):
        members = []
        for child, field in zip(children, target, strict=True):
            index = array.type.get_field_index(field.name)
            if index < 0:
                members.append(pa.nulls(len(array), field.type))
            else:
                members.append(as_logical(array.field(index), child, field.type))
        return pa.StructArray.from_arrays(members, fields=list(target), mask=mask)
    if array.offset:
        array = pa.concat_arrays([array, array.slice(0, 0)])
    if pa.types.is_map(target):
        # MULTISET has one child (the element); its count is the map's value
        key_type = children[0]
        value_type = children[1] if len(children) > 1 else AtomicType("INT", nullable=False)
        keys, items = _entries(array)
        return pa.MapArray.from_arrays(
            array.offsets,
            as_logical(keys, key_type, target.key_type),
            as_logical(items, value_type, target.item_type),
            type=target,
            mask=mask,
        )
    if pa.types.is_list(target):
        values = as_logical(array.values, children[0], target.value_type)
        return pa.ListArray.from_arrays(array.offsets, values, type=target, mask=mask)
    return array.cast(target)


def _entries(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Keys and values of a map, or of a list of pairs."""
    if pa.types.is_map(array.type):
        return array.keys, array.items
    return array.values.field(0), array.values.field(1)
