"""Small Arrow arrays as the Python values that BinaryRows hold, and back.

For partition tuples, bounds and keys of files; never for the rows of a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tablestore.errors import UnsupportedFormatError
from tablestore.format.binary_slots import TIMESTAMP_TYPES, Timestamp, Value
from tablestore.types.arrow import to_arrow
from tablestore.types.model import ArrayType, AtomicType, MapType, MultisetType, RowType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.types.model import DataType

_NANOS_PER_UNIT: Final = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_NANOS_PER_MILLI: Final = 10**6


def arrow_to_values(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of an array as ``encode_row`` takes them.

    DATE and TIME become numbers of days and milliseconds, timestamps ``Timestamp``, structs
    tuples, maps dictionaries.
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return arrow_to_values(array.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        unit = _NANOS_PER_UNIT[kind.unit]
        return [_timestamp(value, unit) for value in array.cast(pa.int64()).to_pylist()]
    if pa.types.is_date32(kind):
        return _list_of(array.cast(pa.int32()))
    if pa.types.is_time32(kind):
        return _list_of(array.cast(pa.time32("ms")).cast(pa.int32()))
    if pa.types.is_map(kind) or pa.types.is_struct(kind) or _is_list(kind):
        return [_nested(scalar) for scalar in array]
    return _list_of(array)


def values_to_arrow(values: Sequence[Any], kind: DataType) -> pa.Array:
    """The values as an array of the Arrow type of ``kind``.

    Raises:
        UnsupportedFormatError: a type without values here.
    """
    return pa.array([_plain(value, kind) for value in values], to_arrow(kind))


def arrow_scalar_value(scalar: pa.Scalar) -> Value:
    """The value of one scalar, as ``arrow_to_values`` gives it."""
    if not scalar.is_valid:
        return None
    kind = scalar.type
    if pa.types.is_timestamp(kind):
        return _timestamp(scalar.value, _NANOS_PER_UNIT[kind.unit])
    if pa.types.is_date32(kind):
        return scalar.value
    if pa.types.is_time32(kind):
        return scalar.value * (1 if kind.unit == "ms" else 1000)
    if pa.types.is_map(kind) or pa.types.is_struct(kind) or _is_list(kind):
        return _nested(scalar)
    return scalar.as_py()


def _list_of(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    values: list[Any] = array.to_pylist()
    return values


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _timestamp(value: int | None, unit: int) -> Timestamp | None:
    return None if value is None else Timestamp(*divmod_nanos(value * unit))


def divmod_nanos(nanos: int) -> tuple[int, int]:
    """Milliseconds and the nanoseconds that are left, 0 to 999,999."""
    return divmod(nanos, _NANOS_PER_MILLI)


def _nested(scalar: pa.Scalar) -> Value:
    if not scalar.is_valid:
        return None
    if pa.types.is_struct(scalar.type):
        return tuple(arrow_scalar_value(scalar[i]) for i in range(scalar.type.num_fields))
    items = scalar.values
    if pa.types.is_map(scalar.type):
        keys = arrow_to_values(items.field(0))
        return dict(zip(keys, arrow_to_values(items.field(1)), strict=True))
    return arrow_to_values(items)


# the value in the form that pa.array takes for the Arrow type of its kind
def _plain(value: Value, kind: DataType) -> Value:
    if value is None:
        return None
    match kind:
        case AtomicType(name=name, precision=precision):
            if name in TIMESTAMP_TYPES:
                return _units(value, precision or 0)
            return value
        case ArrayType(element=element):
            return [_plain(item, element) for item in value]
        case MapType(key=key, value=of):
            return [(_plain(k, key), _plain(v, of)) for k, v in value.items()]
        case MultisetType(element=element):
            return [(_plain(k, element), count) for k, count in value.items()]
        case RowType(fields=fields):
            return {f.name: _plain(v, f.type) for f, v in zip(fields, value, strict=True)}
    raise UnsupportedFormatError(f"values of {kind.sql()} are not supported")


def _units(value: Timestamp, precision: int) -> int:
    if precision <= 3:
        return value[0]
    if precision <= 6:
        return value[0] * 1000 + value[1] // 1000
    return value[0] * _NANOS_PER_MILLI + value[1]
