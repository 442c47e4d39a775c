"""Which columns a data file holds, with which names, types and field ids.

A file of a primary-key table starts with ``_KEY_<column>`` copies, ``_SEQUENCE_NUMBER`` and
``_VALUE_KIND``; a file of an append table holds the table's columns only.

Source: ``org.apache.paimon.table.SpecialFields``, ``format.parquet.ParquetSchemaConverter``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

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

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEY_PREFIX: Final = "_KEY_"
SEQUENCE_NUMBER: Final = "_SEQUENCE_NUMBER"
VALUE_KIND: Final = "_VALUE_KIND"

# On disk, permanent: ids of the system columns (see SpecialFields).
KEY_FIELD_ID_START: Final = 1_073_741_823
SEQUENCE_NUMBER_ID: Final = 2_147_483_646
VALUE_KIND_ID: Final = 2_147_483_645
_NESTED_ID_BASE: Final = 536_870_911

SEQUENCE_FIELD: Final = DataField(
    SEQUENCE_NUMBER_ID, SEQUENCE_NUMBER, AtomicType("BIGINT", nullable=False)
)
KIND_FIELD: Final = DataField(VALUE_KIND_ID, VALUE_KIND, AtomicType("TINYINT", nullable=False))


def key_field(field: DataField) -> DataField:
    """The ``_KEY_`` copy of a primary-key column."""
    return DataField(KEY_FIELD_ID_START + field.id, KEY_PREFIX + field.name, field.type)


def key_value_fields(
    fields: Sequence[DataField], key: Iterable[str], *, thin: bool = False
) -> tuple[DataField, ...]:
    """All columns of a primary-key table's file, in file order.

    Args:
        fields: the table's columns.
        key: names of the trimmed primary key, in its order.
        thin: leave out the ``_KEY_`` copies (``data-file.thin-mode``).
    """
    by_name = {field.name: field for field in fields}
    keys = () if thin else tuple(key_field(by_name[name]) for name in key)
    return (*keys, SEQUENCE_FIELD, KIND_FIELD, *fields)


PARQUET_ID: Final = b"PARQUET:field_id"
ORC_ID: Final = b"paimon.id"


def file_schema(fields: Iterable[DataField], id_key: bytes = PARQUET_ID) -> pa.Schema:
    """The Arrow schema to write, with the ids of all fields that have one.

    Args:
        fields: columns of the file.
        id_key: the key in the metadata of a field under which the format looks for its id.
    """
    return pa.schema([_with_id(field, id_key) for field in fields])


def _with_id(field: DataField, id_key: bytes) -> pa.Field:
    nested = _nested(field.type, field.id, 0, id_key)
    metadata = {id_key: str(field.id).encode()}
    return pa.field(field.name, nested, nullable=field.type.nullable, metadata=metadata)


def _nested(data_type: DataType, field_id: int, depth: int, id_key: bytes) -> pa.DataType:
    """The Arrow type with ids on elements, keys, values and members.

    ``depth`` grows with directly nested arrays and maps under one field and restarts in a ROW.
    """
    if isinstance(data_type, RowType):
        return pa.struct([_with_id(member, id_key) for member in data_type.fields])
    below = depth + 1
    up = {id_key: str(_NESTED_ID_BASE + 1024 * field_id + below).encode()}
    down = {id_key: str(_NESTED_ID_BASE - 1024 * field_id - below).encode()}
    if isinstance(data_type, ArrayType):
        element = data_type.element
        child = _nested(element, field_id, below, id_key)
        return pa.list_(pa.field("element", child, nullable=element.nullable, metadata=up))
    if isinstance(data_type, (MapType, MultisetType)):
        if isinstance(data_type, MapType):
            key, value = data_type.key, data_type.value
        else:
            key, value = data_type.element, AtomicType("INT", nullable=False)
        return pa.map_(
            pa.field("key", _nested(key, field_id, below, id_key), nullable=False, metadata=down),
            pa.field(
                "value",
                _nested(value, field_id, below, id_key),
                nullable=value.nullable,
                metadata=up,
            ),
        )
    return to_arrow(data_type)
