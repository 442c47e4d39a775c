"""Data types and fields to and from the JSON of a schema file.

Source: ``org.apache.paimon.types.DataTypeJsonParser``, ``DataField``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.types.model import (
    ArrayType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
    VectorType,
)
from tablestore.types.parse import MAX_DEPTH, parse_type

_WHAT: Final = "schema"


def type_to_json(data_type: DataType) -> str | dict[str, Any]:
    """Text for an atomic type, an object for a composite one."""
    suffix = "" if data_type.nullable else " NOT NULL"
    if isinstance(data_type, ArrayType):
        return {"type": "ARRAY" + suffix, "element": type_to_json(data_type.element)}
    if isinstance(data_type, MultisetType):
        return {"type": "MULTISET" + suffix, "element": type_to_json(data_type.element)}
    if isinstance(data_type, MapType):
        return {
            "type": "MAP" + suffix,
            "key": type_to_json(data_type.key),
            "value": type_to_json(data_type.value),
        }
    if isinstance(data_type, VectorType):
        element = type_to_json(data_type.element)
        return {"type": "VECTOR" + suffix, "element": element, "length": data_type.length}
    if isinstance(data_type, RowType):
        return {"type": "ROW" + suffix, "fields": [field_to_json(f) for f in data_type.fields]}
    return data_type.sql()


def field_to_json(field: DataField) -> dict[str, Any]:
    """The object of a field; comment and default are left out where there is none."""
    # Java reads a JSON null as the text "null", so absent keys must stay absent.
    found: dict[str, Any] = {
        "id": field.id,
        "name": field.name,
        "type": type_to_json(field.type),
    }
    if field.description is not None:
        found["description"] = field.description
    if field.default is not None:
        found["defaultValue"] = field.default
    return found


def type_from_json(found: object) -> DataType:
    """The data type of a parsed JSON value.

    Raises:
        CorruptDataError: it is not the JSON of a type, or is nested too deep.
    """
    return _type(found, 0)


def field_from_json(found: object) -> DataField:
    """The field of a parsed JSON object; a null comment or default counts as absent.

    Raises:
        CorruptDataError: it is not the JSON of a field.
    """
    return _field(found, 0)


def _type(found: object, depth: int) -> DataType:
    if depth >= MAX_DEPTH:
        raise CorruptDataError(_WHAT, expected=f"types nested {MAX_DEPTH} deep at most")
    if isinstance(found, str):
        return _atomic(found)
    if not isinstance(found, Mapping) or not isinstance(found.get("type"), str):
        raise CorruptDataError(_WHAT, expected="a type", found=_brief(found))
    kind = found["type"].upper()
    nullable = "NOT NULL" not in kind
    result: DataType
    if kind.startswith("ARRAY"):
        result = ArrayType(_type(found.get("element"), depth + 1))
    elif kind.startswith("MULTISET"):
        result = MultisetType(_type(found.get("element"), depth + 1))
    elif kind.startswith("MAP"):
        result = MapType(_type(found.get("key"), depth + 1), _type(found.get("value"), depth + 1))
    elif kind.startswith("VECTOR"):
        result = _vector(found, depth)
    elif kind.startswith("ROW"):
        result = _row(found.get("fields"), depth)
    else:
        raise CorruptDataError(_WHAT, expected="a composite type", found=_brief(found["type"]))
    return result.with_nullable(nullable)


def _atomic(text: str) -> DataType:
    try:
        result = parse_type(text)
    except InvalidInputError as error:
        raise CorruptDataError(_WHAT, expected="a type", found=str(error)) from None
    if any(isinstance(part, RowType) for part in result.walk()):
        raise CorruptDataError(_WHAT, expected="a ROW as an object with field ids", found=text)
    return result


def _vector(found: Mapping[str, object], depth: int) -> DataType:
    element = _type(found.get("element"), depth + 1)
    try:
        return VectorType(element, _integer(found.get("length"), "a vector length"))
    except InvalidInputError as error:
        raise CorruptDataError(_WHAT, expected="a vector", found=str(error)) from None


def _row(found: object, depth: int) -> RowType:
    if not isinstance(found, list):
        raise CorruptDataError(_WHAT, expected="the fields of a ROW", found=_brief(found))
    return RowType(tuple(_field(item, depth + 1) for item in found))


def _field(found: object, depth: int) -> DataField:
    if not isinstance(found, Mapping):
        raise CorruptDataError(_WHAT, expected="a field", found=_brief(found))
    name = found.get("name")
    if not isinstance(name, str):
        raise CorruptDataError(_WHAT, expected="a field name", found=_brief(name))
    return DataField(
        id=_integer(found.get("id"), f"the id of field {name!r}"),
        name=name,
        type=_type(found.get("type"), depth),
        description=_optional_text(found.get("description"), name),
        default=_optional_text(found.get("defaultValue"), name),
    )


def _integer(found: object, expected: str) -> int:
    if isinstance(found, bool) or not isinstance(found, int):
        raise CorruptDataError(_WHAT, expected=expected, found=_brief(found))
    return found


def _optional_text(found: object, name: str) -> str | None:
    if found is not None and not isinstance(found, str):
        raise CorruptDataError(_WHAT, expected=f"a text at field {name!r}", found=_brief(found))
    return found


def _brief(found: object) -> str:
    text = repr(found)
    return text if len(text) <= 80 else text[:77] + "..."
