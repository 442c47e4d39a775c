"""The shapes of records kept in Avro files, and their Avro schema text.

A shape says which fields a record has on disk and how they become a Python object; the reader and
the writer are both built from it.

Spec: records are named ``record``, nested ones ``<parent>_<field>``; a value that may be missing
is the union ``["null", X]`` with default ``null``, in this order, because Java demands it.

Source: ``org.apache.paimon.format.avro.AvroSchemaConverter``.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMESPACE: Final = "org.apache.paimon.avro.generated"
_TOP_NAME: Final = "record"


@dataclass(frozen=True)
class Primitive:
    """``int``, ``long``, ``bytes`` or ``string``, perhaps with a logical type."""

    name: str
    logical: str | None = None


@dataclass(frozen=True)
class Nullable:
    """The union of null and one other shape."""

    of: Shape


@dataclass(frozen=True)
class ArrayOf:
    """A list; read as a tuple."""

    items: Shape


@dataclass(frozen=True, eq=False)  # by identity, as what is made from a shape is cached
class RecordOf:
    """A record.

    Attributes:
        fields: names and shapes in written order.
        build: makes the object from the values, given in the order of ``fields``.
        parts: takes the object apart again, in the same order.
    """

    fields: tuple[tuple[str, Shape], ...]
    build: Callable[..., Any]
    parts: Callable[[Any], Sequence[Any]]


Json = Any  # a part of the schema text
Shape = Primitive | Nullable | ArrayOf | RecordOf

INT: Final = Primitive("int")
LONG: Final = Primitive("long")
BYTES: Final = Primitive("bytes")
STRING: Final = Primitive("string")
TIMESTAMP_MILLIS: Final = Primitive("long", "timestamp-millis")


@functools.lru_cache(maxsize=64)
def schema_text(record: RecordOf) -> str:
    """The Avro schema of the shape as Java writes it."""
    return json.dumps(_schema(record, _TOP_NAME, top=True), separators=(",", ":"))


def _schema(shape: Shape, name: str, *, top: bool = False) -> Json:
    match shape:
        case Primitive(plain, None):
            return plain
        case Primitive(plain, logical):
            return {"type": plain, "logicalType": logical}
        case Nullable(of):
            return ["null", _schema(of, name)]
        case ArrayOf(items):
            return {"type": "array", "items": _schema(items, name)}
    head = {"type": "record", "name": name}
    if top:
        head["namespace"] = NAMESPACE
    return {**head, "fields": [_field(key, of, name) for key, of in shape.fields]}


def _field(key: str, shape: Shape, parent: str) -> dict[str, Any]:
    field = {"name": key, "type": _schema(shape, f"{parent}_{key}")}
    if isinstance(shape, Nullable):
        field["default"] = None
    return field
