"""Schema files (``schema/schema-<id>``): JSON objects.

Keys in written order: version, id, fields, highestFieldId, partitionKeys, primaryKeys, options,
comment (left out when absent), timeMillis. Versions 1 (no version key) to 3 are read, 3 is written.

Source: ``org.apache.paimon.schema.TableSchema``, ``SchemaSerializer``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.json_object import check_spelling
from tablestore.types.json import field_from_json, field_to_json
from tablestore.types.model import DataField

CURRENT_VERSION: Final = 3
MAX_BYTES: Final = 16 << 20

_WHAT: Final = "schema"
_KEYS: Final = frozenset(
    {"version", "id", "fields", "highestFieldId", "partitionKeys", "primaryKeys"}
    | {"options", "comment", "timeMillis"}
)


@dataclass(frozen=True)
class TableSchema:
    """One version of a table's columns, keys and options.

    Attributes:
        highest_field_id: the largest id ever given out, nested fields included.
        extra: keys of the JSON object that tablestore does not know, kept as they are.
    """

    id: int
    fields: tuple[DataField, ...]
    highest_field_id: int
    partition_keys: tuple[str, ...] = ()
    primary_keys: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    comment: str | None = None
    time_millis: int = 0
    version: int = CURRENT_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trimmed_primary_key(self) -> tuple[str, ...]:
        """The primary key without the partition columns, in the order of the primary key."""
        return tuple(name for name in self.primary_keys if name not in self.partition_keys)

    @property
    def bucket_keys(self) -> tuple[str, ...]:
        """The columns that are hashed to choose a bucket; the trimmed primary key by default."""
        text = self.options.get("bucket-key", "")
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        return names or self.trimmed_primary_key

    @property
    def field_names(self) -> tuple[str, ...]:
        """The names of all columns, in order."""
        return tuple(column.name for column in self.fields)

    def field(self, name: str) -> DataField:
        """The column of a name.

        Raises:
            KeyError: there is none.
        """
        for column in self.fields:
            if column.name == name:
                return column
        raise KeyError(name)


def encode_schema(schema: TableSchema) -> bytes:
    """The bytes of a schema file, laid out as Java lays them out."""
    found: dict[str, Any] = {
        "version": schema.version,
        "id": schema.id,
        "fields": [field_to_json(column) for column in schema.fields],
        "highestFieldId": schema.highest_field_id,
        "partitionKeys": list(schema.partition_keys),
        "primaryKeys": list(schema.primary_keys),
        "options": dict(schema.options),
    }
    # Java reads a JSON null as the text "null", so an absent comment must stay absent.
    if schema.comment is not None:
        found["comment"] = schema.comment
    found["timeMillis"] = schema.time_millis
    found.update(schema.extra)
    # a lone surrogate, which UTF-8 does not have, becomes the JSON escape that it came from
    return _pretty(found, "").encode(errors="backslashreplace")


def decode_schema(data: bytes, name: str | None = None) -> TableSchema:
    """The schema in the bytes of a schema file; older versions get the defaults of their time.

    Args:
        data: the whole file.
        name: the object's name, for errors.

    Raises:
        CorruptDataError: the bytes are not a schema file.
        UnsupportedFormatError: a newer version of Paimon wrote it.
    """
    try:
        return _decode(_parse(data), name)
    except CorruptDataError as error:
        raise (error.named(name) if name else error) from None


def _parse(data: bytes) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise CorruptDataError(_WHAT, expected=f"at most {MAX_BYTES} bytes", found=len(data))
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        offset = getattr(error, "pos", getattr(error, "start", None))
        raise CorruptDataError(_WHAT, offset=offset, expected="JSON", found=str(error)) from None
    if not isinstance(found, dict):
        raise CorruptDataError(_WHAT, expected="a JSON object", found=type(found).__name__)
    return found


def _decode(found: Mapping[str, Any], name: str | None = None) -> TableSchema:
    version = _integer(found, "version", 1)
    if version > CURRENT_VERSION:
        raise UnsupportedFormatError(
            f"schema {name or found.get('id')} has version {version}, written by a newer release; "
            f"this version reads up to {CURRENT_VERSION}"
        )
    fields = found.get("fields")
    if not isinstance(fields, list):
        raise _bad("fields", "a list", fields)
    schema = TableSchema(
        version=version,
        id=_integer(found, "id"),
        fields=tuple(field_from_json(column) for column in fields),
        highest_field_id=_integer(found, "highestFieldId"),
        partition_keys=_names(found, "partitionKeys"),
        primary_keys=_names(found, "primaryKeys"),
        options=_options(found, version),
        comment=_comment(found),
        time_millis=_integer(found, "timeMillis", 0),
        extra={key: value for key, value in found.items() if key not in _KEYS},
    )
    _check_names(schema)
    check_spelling(schema.extra, _KEYS - found.keys(), _WHAT, name)
    return schema


def _check_names(schema: TableSchema) -> None:
    names = set(schema.field_names)
    if len(names) != len(schema.fields):
        raise CorruptDataError(_WHAT, expected="different column names", found=schema.field_names)
    for key in (*schema.partition_keys, *schema.primary_keys):
        if key not in names:
            raise CorruptDataError(_WHAT, expected="keys that are columns", found=key)


def _options(found: Mapping[str, Any], version: int) -> dict[str, str]:
    options = found.get("options")
    if not isinstance(options, dict) or not all(isinstance(v, str) for v in options.values()):
        raise _bad("options", "an object of texts", options)
    # the defaults of the releases that wrote versions 1 and 2
    if version == 1:
        options = {"bucket": "1", **options}
    if version <= 2:
        options = {"file.format": "orc", **options}
    return dict(options)


def _comment(found: Mapping[str, Any]) -> str | None:
    comment = found.get("comment")
    if comment is not None and not isinstance(comment, str):
        raise _bad("comment", "a text", comment)
    return comment


def _names(found: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = found.get(key)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _bad(key, "a list of column names", names)
    return tuple(names)


def _integer(found: Mapping[str, Any], key: str, default: int | None = None) -> int:
    number = found.get(key, default)
    if isinstance(number, bool) or not isinstance(number, int):
        raise _bad(key, "a whole number", number)
    return number


def _bad(key: str, expected: str, found: object) -> CorruptDataError:
    text = repr(found)
    return CorruptDataError(
        _WHAT,
        expected=f"{expected} at {key!r}",
        found=text if len(text) <= 80 else text[:77] + "...",
    )


def _pretty(value: object, indent: str) -> str:
    """JSON as Jackson's default pretty printer writes it: ``"k" : v``, lists on one level."""
    if isinstance(value, dict):
        inner = indent + "  "
        lines = [f"{_text(str(k))} : {_pretty(v, inner)}" for k, v in value.items()]
        separator = ",\n" + inner
        return f"{{\n{inner}{separator.join(lines)}\n{indent}}}" if lines else "{ }"
    if isinstance(value, list):
        return f"[ {', '.join(_pretty(item, indent) for item in value)} ]" if value else "[ ]"
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
