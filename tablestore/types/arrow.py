"""Data types to and from Arrow.

Invariant: ``to_arrow`` is the one Arrow type of a data type everywhere in tablestore;
``from_arrow`` accepts every Arrow type that has a data type for its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import pyarrow as pa

from tablestore.errors import InvalidInputError
from tablestore.types.model import (
    BYTES,
    MAX_LENGTH,
    STRING,
    UNASSIGNED_ID,
    ArrayType,
    AtomicType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
    VectorType,
)

COMMENT_KEY: Final = b"comment"

_PLAIN: Final[Mapping[str, pa.DataType]] = {
    "CHAR": pa.string(),
    "VARCHAR": pa.string(),
    "BOOLEAN": pa.bool_(),
    "BINARY": pa.binary(),
    "VARBINARY": pa.binary(),
    "BLOB": pa.binary(),
    "GEOMETRY": pa.binary(),
    "GEOGRAPHY": pa.binary(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIME": pa.time32("ms"),
    "VARIANT": pa.struct(
        [
            pa.field("value", pa.binary(), nullable=False),
            pa.field("metadata", pa.binary(), nullable=False),
        ]
    ),
}

_FROM_PLAIN: Final[Mapping[pa.DataType, AtomicType]] = {
    pa.bool_(): AtomicType("BOOLEAN"),
    pa.int8(): AtomicType("TINYINT"),
    pa.int16(): AtomicType("SMALLINT"),
    pa.int32(): AtomicType("INT"),
    pa.int64(): AtomicType("BIGINT"),
    # an unsigned integer takes the next wider signed type, so that no value is refused later
    pa.uint8(): AtomicType("SMALLINT"),
    pa.uint16(): AtomicType("INT"),
    pa.uint32(): AtomicType("BIGINT"),
    pa.uint64(): AtomicType("DECIMAL", precision=20, scale=0),
    pa.float16(): AtomicType("FLOAT"),
    pa.float32(): AtomicType("FLOAT"),
    pa.float64(): AtomicType("DOUBLE"),
    pa.date32(): AtomicType("DATE"),
    pa.date64(): AtomicType("DATE"),
    pa.time32("s"): AtomicType("TIME", precision=0),
    # Paimon keeps milliseconds of a day; finer values are refused when they are written
    pa.time32("ms"): AtomicType("TIME", precision=3),
    pa.time64("us"): AtomicType("TIME", precision=3),
    pa.time64("ns"): AtomicType("TIME", precision=3),
    pa.string(): STRING,
    pa.large_string(): STRING,
    pa.string_view(): STRING,
    pa.binary(): BYTES,
    pa.large_binary(): BYTES,
    pa.binary_view(): BYTES,
}

_UNIT_PRECISION: Final = {"s": 0, "ms": 3, "us": 6, "ns": 9}


def to_arrow(data_type: DataType) -> pa.DataType:
    """The Arrow type that holds the values of a data type."""
    if isinstance(data_type, AtomicType):
        return _atomic_to_arrow(data_type)
    return _composite_to_arrow(data_type)


def _composite_to_arrow(data_type: DataType) -> pa.DataType:
    if isinstance(data_type, RowType):
        return pa.struct([to_arrow_field(field) for field in data_type.fields])
    if isinstance(data_type, MapType):
        return pa.map_(
            pa.field("key", to_arrow(data_type.key), nullable=False),
            _child("value", data_type.value),
        )
    if isinstance(data_type, MultisetType):
        return pa.map_(
            pa.field("key", to_arrow(data_type.element), nullable=False),
            pa.field("value", pa.int32(), nullable=False),
        )
    if isinstance(data_type, VectorType):
        return pa.list_(_child("element", data_type.element), data_type.length)
    if isinstance(data_type, ArrayType):
        return pa.list_(_child("element", data_type.element))
    raise TypeError(type(data_type).__name__)  # a class that model.py does not have


def to_arrow_field(field: DataField) -> pa.Field:
    """The Arrow field of a column; its comment, if any, is the only metadata."""
    metadata = None if field.description is None else {COMMENT_KEY: field.description.encode()}
    return pa.field(
        field.name, to_arrow(field.type), nullable=field.type.nullable, metadata=metadata
    )


def to_arrow_schema(fields: Iterable[DataField]) -> pa.Schema:
    """The Arrow schema of columns, in their order."""
    return pa.schema([to_arrow_field(field) for field in fields])


def from_arrow(arrow_type: pa.DataType, nullable: bool = True) -> DataType:  # noqa: FBT001
    """The narrowest data type that holds every value of an Arrow type.

    Fields of a ROW get no ids (``UNASSIGNED_ID``).

    Raises:
        InvalidInputError: the Arrow type has no counterpart (null, duration, union, …).
    """
    plain = _FROM_PLAIN.get(arrow_type)
    if plain is not None:
        return plain.with_nullable(nullable)
    for matches, convert in _FROM_FAMILY:
        if matches(arrow_type):
            return convert(arrow_type).with_nullable(nullable)
    raise InvalidInputError(f"the Arrow type {arrow_type} has no counterpart in a table")


def fields_from_arrow(schema: pa.Schema) -> tuple[DataField, ...]:
    """Columns without ids from an Arrow schema; comments come from the fields' metadata.

    Raises:
        InvalidInputError: names the column whose Arrow type has no counterpart.
    """
    fields = []
    for field in schema:
        try:
            fields.append(_field_from_arrow(field))
        except InvalidInputError as error:
            raise InvalidInputError(f"column {field.name!r}: {error}", column=field.name) from None
    return tuple(fields)


def _child(name: str, data_type: DataType) -> pa.Field:
    return pa.field(name, to_arrow(data_type), nullable=data_type.nullable)


def _atomic_to_arrow(data_type: AtomicType) -> pa.DataType:
    if data_type.name == "DECIMAL":
        return pa.decimal128(data_type.precision, data_type.scale)
    if data_type.name in {"TIMESTAMP", "TIMESTAMP_LTZ"}:
        precision = data_type.precision or 0
        unit = "ms" if precision <= 3 else "us" if precision <= 6 else "ns"
        return pa.timestamp(unit, tz="UTC" if data_type.name == "TIMESTAMP_LTZ" else None)
    return _PLAIN[data_type.name]


def _field_from_arrow(field: pa.Field) -> DataField:
    comment = (field.metadata or {}).get(COMMENT_KEY)
    description = None if comment is None else comment.decode()
    data_type = from_arrow(field.type, nullable=field.nullable)
    return DataField(UNASSIGNED_ID, field.name, data_type, description)


def _from_timestamp(arrow_type: pa.TimestampType) -> DataType:
    name = "TIMESTAMP" if arrow_type.tz is None else "TIMESTAMP_LTZ"
    return AtomicType(name, precision=_UNIT_PRECISION[arrow_type.unit])


def _from_decimal(arrow_type: pa.Decimal128Type) -> DataType:
    return AtomicType("DECIMAL", precision=arrow_type.precision, scale=arrow_type.scale)


def _from_fixed_binary(arrow_type: pa.FixedSizeBinaryType) -> DataType:
    return AtomicType("BINARY", length=min(max(arrow_type.byte_width, 1), MAX_LENGTH))


def _from_list(arrow_type: pa.ListType) -> DataType:
    return ArrayType(from_arrow(arrow_type.value_type, nullable=arrow_type.value_field.nullable))


def _from_map(arrow_type: pa.MapType) -> DataType:
    return MapType(
        from_arrow(arrow_type.key_type, nullable=False),
        from_arrow(arrow_type.item_type, nullable=arrow_type.item_field.nullable),
    )


def _from_struct(arrow_type: pa.StructType) -> DataType:
    fields = (arrow_type.field(index) for index in range(arrow_type.num_fields))
    return RowType(tuple(_field_from_arrow(field) for field in fields))


def _from_values(arrow_type: pa.DictionaryType) -> DataType:
    return from_arrow(arrow_type.value_type)


def _from_storage(arrow_type: pa.BaseExtensionType) -> DataType:
    return from_arrow(arrow_type.storage_type)


def _is_list(arrow_type: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(arrow_type)
        or pa.types.is_large_list(arrow_type)
        or pa.types.is_fixed_size_list(arrow_type)
        or pa.types.is_list_view(arrow_type)
        or pa.types.is_large_list_view(arrow_type)
    )


def _is_encoded(arrow_type: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(arrow_type) or pa.types.is_run_end_encoded(arrow_type))


def _is_extension(arrow_type: pa.DataType) -> bool:
    return isinstance(arrow_type, pa.BaseExtensionType)


_FROM_FAMILY: Final[
    tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType], DataType]], ...]
] = (
    (pa.types.is_timestamp, _from_timestamp),
    (pa.types.is_decimal, _from_decimal),
    (pa.types.is_fixed_size_binary, _from_fixed_binary),
    (_is_list, _from_list),
    (pa.types.is_map, _from_map),
    (pa.types.is_struct, _from_struct),
    (_is_encoded, _from_values),
    (_is_extension, _from_storage),
)
