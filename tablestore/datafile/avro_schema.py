"""The Avro schema of data files: Paimon's for writing, any writer's for reading.

::

    INT, SMALLINT, TINYINT     int               DATE, TIME     int: date, time-millis
    TIMESTAMP p<=3, p<=6       long: timestamp-millis, timestamp-micros
    TIMESTAMP_LTZ              long: local-timestamp-…  (swapped against Avro's own meaning)
    DECIMAL                    bytes: decimal    CHAR, VARCHAR  string
    MAP with text keys         map               other MAPs     array of record{key, value}: map
    MULTISET                   as a MAP to ["null", int]

A nullable value is the union ``["null", X]``. Records are called after the way to them:
``record_<column>_<member>``; values of maps add ``_value``, elements add nothing.

Source: ``org.apache.paimon.format.avro.AvroSchemaConverter``.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.types.model import (
    ArrayType,
    AtomicType,
    DataType,
    MapType,
    MultisetType,
    RowType,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tablestore.types.model import DataField

Json = Any  # a part of a schema

NAMESPACE: Final = "org.apache.paimon.avro.generated"
MAX_DEPTH: Final = 32

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT: Final = frozenset({"CHAR", "VARCHAR"})
_PLAIN: Final = {
    "BOOLEAN": "boolean",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INT": "int",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "CHAR": "string",
    "VARCHAR": "string",
    "BINARY": "bytes",
    "VARBINARY": "bytes",
    "DATE": {"type": "int", "logicalType": "date"},
    "TIME": {"type": "int", "logicalType": "time-millis"},
}
_STAMPS: Final = {"TIMESTAMP": "timestamp", "TIMESTAMP_LTZ": "local-timestamp"}
_ARROW: Final = {
    "boolean": pa.bool_(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "bytes": pa.binary(),
}
_UNITS: Final = {"millis": "ms", "micros": "us", "nanos": "ns"}


def is_text_map(data_type: DataType) -> bool:
    """Whether a MAP or MULTISET is an Avro map: its keys are texts."""
    if isinstance(data_type, MapType):
        key = data_type.key
    elif isinstance(data_type, MultisetType):
        key = data_type.element
    else:
        return False
    return isinstance(key, AtomicType) and key.name in _TEXT


# -- writing ------------------------------------------------------------------------------


def paimon_schema(fields: Sequence[DataField]) -> Json:
    """The schema that Java writes for these columns.

    Raises:
        InvalidInputError: names the column that Avro cannot hold.
    """
    names: set[str] = {"record"}
    columns = [_column(field, "record", names) for field in fields]
    return {"type": "record", "name": "record", "namespace": NAMESPACE, "fields": columns}


def _column(field: DataField, parent: str, names: set[str]) -> Json:
    if not _NAME.fullmatch(field.name):
        raise InvalidInputError(
            f"column {field.name!r} cannot be stored in Avro, whose names are letters, digits and "
            "underscores; use Parquet or ORC",
            column=field.name,
        )
    try:
        column = {"name": field.name, "type": _type(field.type, f"{parent}_{field.name}", names)}
    except InvalidInputError as error:
        if "column" in error.detail:
            raise
        raise InvalidInputError(f"column {field.name!r}: {error}", column=field.name) from None
    if field.type.nullable:
        column["default"] = None
    return column


def _type(data_type: DataType, name: str, names: set[str]) -> Json:
    written = _not_null(data_type, name, names)
    return ["null", written] if data_type.nullable else written


def _not_null(data_type: DataType, name: str, names: set[str]) -> Json:
    match data_type:
        case AtomicType():
            return _atomic(data_type)
        case RowType(fields=fields):
            _take(name, names)
            members = [_column(member, name, names) for member in fields]
            return {"type": "record", "name": name, "fields": members}
        case ArrayType(element=element):
            return {"type": "array", "items": _type(element, name, names)}
        case MapType(key=key, value=value):
            return _map(data_type, key, value, name, names)
        case MultisetType(element=element):
            return _map(data_type, element, AtomicType("INT"), name, names)
    raise InvalidInputError(f"values of {data_type} cannot be stored in Avro")


def _map(data_type: DataType, key: DataType, value: DataType, name: str, names: set[str]) -> Json:
    if is_text_map(data_type):
        return {"type": "map", "values": _type(value, f"{name}_value", names)}
    _take(name, names)
    members = [
        {"name": "key", "type": _type(key, f"{name}_key", names)},
        {"name": "value", "type": _type(value, f"{name}_value", names)},
    ]
    for member, kind in zip(members, (key, value), strict=True):
        if kind.nullable:
            member["default"] = None
    pair = {"type": "record", "name": name, "fields": members}
    return {"type": "array", "items": pair, "logicalType": "map"}


def _take(name: str, names: set[str]) -> None:
    if name in names:
        raise InvalidInputError(
            f"two nested types would both be called {name!r} in Avro; rename a member"
        )
    names.add(name)


def _atomic(data_type: AtomicType) -> Json:
    if data_type.name == "DECIMAL":
        return {
            "type": "bytes",
            "logicalType": "decimal",
            "precision": data_type.precision,
            "scale": data_type.scale,
        }
    precision = data_type.precision or 0
    if data_type.name in _STAMPS and precision <= 6:
        unit = "millis" if precision <= 3 else "micros"
        return {"type": "long", "logicalType": f"{_STAMPS[data_type.name]}-{unit}"}
    if data_type.name in _PLAIN and not (data_type.name == "TIME" and precision > 3):
        return _PLAIN[data_type.name]
    raise InvalidInputError(f"values of {data_type} cannot be stored in Avro; use Parquet or ORC")


# -- reading ------------------------------------------------------------------------------


class RawSchema:
    """A writer's schema without logical types, and the Arrow types of the values it gives.

    Every value takes at least one byte, so that counts can be checked against bytes.

    Args:
        text: JSON of the schema; a record, or a union of null and a record.

    Raises:
        CorruptDataError: it is no schema of a data file.
    """

    def __init__(self, text: bytes | str) -> None:
        self.nested = False
        self._named: dict[str, Json] = {}
        self._count = 0
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors are ValueErrors
            raise _bad("JSON", type(error).__name__) from None
        self.avro, arrow = self._visit(parsed, 0)
        if not pa.types.is_struct(arrow):
            raise _bad("a record", str(arrow))
        self.types: dict[str, pa.DataType] = {member.name: member.type for member in arrow}

    def _visit(self, schema: Json, depth: int) -> tuple[Json, pa.DataType]:
        if depth > MAX_DEPTH:
            raise _bad(f"types nested at most {MAX_DEPTH} deep", "deeper ones")
        if isinstance(schema, list):
            return self._union(schema, depth)
        kind = schema.get("type") if isinstance(schema, dict) else schema
        if isinstance(kind, (list, dict)):
            return self._visit(kind, depth + 1)
        if isinstance(schema, str) and schema in self._named:
            return self._visit(self._named[schema], depth + 1)
        if isinstance(kind, str) and kind in _ARROW:
            return kind, _stamp_type(schema) or _ARROW[kind]
        if not isinstance(schema, dict):  # "array", "map" or "record" without what is in it
            raise _bad("a type of Paimon's data files", repr(schema)[:80])
        if kind == "record":
            return self._record(schema, depth)
        if kind == "array":
            self.nested = True
            items, arrow = self._visit(schema.get("items"), depth + 1)
            return {"type": "array", "items": items}, pa.list_(arrow)
        if kind == "map":
            self.nested = True
            values, arrow = self._visit(schema.get("values"), depth + 1)
            return {"type": "map", "values": values}, pa.map_(pa.string(), arrow)
        raise _bad("a type of Paimon's data files", repr(schema)[:80])

    def _union(self, branches: list[Json], depth: int) -> tuple[Json, pa.DataType]:
        others = [branch for branch in branches if branch != "null"]
        if len(others) != 1 or len(branches) > 2:
            raise _bad("a union of null and one type", repr(branches)[:80])
        other, arrow = self._visit(others[0], depth + 1)
        return ["null" if branch == "null" else other for branch in branches], arrow

    def _record(self, schema: dict[str, Json], depth: int) -> tuple[Json, pa.DataType]:
        fields = schema.get("fields")
        if not isinstance(fields, list) or not fields:
            raise _bad("a record with fields", repr(fields)[:80])
        members: list[Json] = []
        types = []
        for field in fields:
            name = field.get("name") if isinstance(field, dict) else None
            if not isinstance(name, str) or any(name == member["name"] for member in members):
                raise _bad("fields with names that differ", repr(name)[:80])
            avro, arrow = self._visit(field.get("type"), depth + 1)
            members.append({"name": name, "type": avro})
            types.append(pa.field(name, arrow))
        self._define(schema)
        self._count += 1
        return {"type": "record", "name": f"r{self._count}", "fields": members}, pa.struct(types)

    def _define(self, schema: dict[str, Json]) -> None:
        name, namespace = schema.get("name"), schema.get("namespace")
        if isinstance(name, str):
            self._named[name] = self._named[f"{namespace or NAMESPACE}.{name}"] = schema


def raw_names(schema: RawSchema, wanted: Iterable[str]) -> list[str]:
    """Those of the wanted columns that a file has."""
    return [name for name in wanted if name in schema.types]


def _stamp_type(schema: Json) -> pa.DataType | None:
    """The Arrow type of a long that counts a unit since 1970; of others nothing."""
    if not isinstance(schema, dict) or schema.get("type") != "long":
        return None
    _, found, unit = str(schema.get("logicalType")).rpartition("timestamp-")
    return pa.timestamp(_UNITS[unit]) if found and unit in _UNITS else None


def _bad(expected: object, found: object) -> CorruptDataError:
    return CorruptDataError("schema of an Avro file", expected=expected, found=found)
