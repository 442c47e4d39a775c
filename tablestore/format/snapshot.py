"""The snapshot file: one committed state of the table, as JSON.

::

    {
      "version" : 3,                        3 in every release since 0.4
      "uuid" : "5b51c13d-…",                identity of this file, since 2.0
      "id" : 1,                             equals the suffix of the file name
      "schemaId" : 0,                       latest schema when the commit was made
      "baseManifestList" : "manifest-list-…-0",
      "baseManifestListSize" : 1006,        exact bytes; a value too small hides rows from Java
      …                                     keys in the order of ``_KEYS``
    }

Absent and ``null`` mean the same on read; values that are ``None`` are not written.

Source: ``org.apache.paimon.Snapshot``.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.json_object import check_spelling

if TYPE_CHECKING:
    from collections.abc import Mapping

SNAPSHOT_VERSION: Final = 3
MAX_BYTES: Final = 16 << 20
BATCH_COMMIT_IDENTIFIER: Final = 2**63 - 1
COMMIT_KINDS: Final = frozenset({"APPEND", "COMPACT", "OVERWRITE", "ANALYZE"})
OPERATIONS: Final = frozenset(
    {
        "WRITE",
        "OVERWRITE",
        "DELETE",
        "TRUNCATE",
        "UPDATE",
        "MERGE",
        "CREATE_TABLE_AS_SELECT",
        "REPLACE_TABLE_AS_SELECT",
        "CREATE_OR_REPLACE_TABLE_AS_SELECT",
    }
)

_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """One committed state of a table.

    Units:
        ``time_millis`` and ``watermark`` are milliseconds since 1970-01-01 UTC; sizes are bytes;
        record counts are physical rows, delete rows included.

    Attributes:
        delta_record_count: rows of added files minus rows of removed files in the delta list.
        index_manifest: the complete list of live index files, not a change.
        extra: keys that this version does not know; they survive a round trip.
    """

    id: int
    schema_id: int
    base_manifest_list: str
    delta_manifest_list: str
    commit_user: str
    commit_identifier: int
    commit_kind: str
    time_millis: int
    total_record_count: int
    delta_record_count: int
    base_manifest_list_size: int | None = None
    delta_manifest_list_size: int | None = None
    changelog_manifest_list: str | None = None
    changelog_manifest_list_size: int | None = None
    index_manifest: str | None = None
    changelog_record_count: int | None = None
    watermark: int | None = None
    statistics: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    next_row_id: int | None = None
    uuid: str | None = None
    writer_version: str | None = None
    operation: str | None = None
    version: int = SNAPSHOT_VERSION
    extra: Mapping[str, Any] = field(default_factory=dict)


# JSON key -> (attribute, type of the value), in the order Java writes them
_KEYS: Final[dict[str, tuple[str, type]]] = {
    "version": ("version", int),
    "uuid": ("uuid", str),
    "id": ("id", int),
    "schemaId": ("schema_id", int),
    "baseManifestList": ("base_manifest_list", str),
    "baseManifestListSize": ("base_manifest_list_size", int),
    "deltaManifestList": ("delta_manifest_list", str),
    "deltaManifestListSize": ("delta_manifest_list_size", int),
    "changelogManifestList": ("changelog_manifest_list", str),
    "changelogManifestListSize": ("changelog_manifest_list_size", int),
    "indexManifest": ("index_manifest", str),
    "commitUser": ("commit_user", str),
    "writerVersion": ("writer_version", str),
    "commitIdentifier": ("commit_identifier", int),
    "commitKind": ("commit_kind", str),
    "timeMillis": ("time_millis", int),
    "totalRecordCount": ("total_record_count", int),
    "deltaRecordCount": ("delta_record_count", int),
    "changelogRecordCount": ("changelog_record_count", int),
    "watermark": ("watermark", int),
    "statistics": ("statistics", str),
    "properties": ("properties", dict),
    "nextRowId": ("next_row_id", int),
    "operation": ("operation", str),
}
_REQUIRED: Final = frozenset(
    f.name for f in fields(Snapshot) if f.default is MISSING and f.default_factory is MISSING
)
_JSON_WORDS: Final[dict[type, str]] = {int: "an integer", str: "a string", dict: "an object"}


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The bytes of the snapshot file."""
    out: dict[str, Any] = {}
    for key, (attribute, _) in _KEYS.items():
        value = getattr(snapshot, attribute)
        if value is None or value == {}:
            continue
        out[key] = dict(value) if key == "properties" else value
    out.update(snapshot.extra)
    return json.dumps(out, indent=2, ensure_ascii=False, separators=(",", " : ")).encode()


def decode_snapshot(data: bytes, *, name: str | None = None) -> Snapshot:
    """The snapshot that the bytes hold.

    Args:
        data: the whole file.
        name: the file's name, for error messages.

    Raises:
        CorruptDataError: the bytes are not a snapshot.
        UnsupportedFormatError: a version or a kind of commit that this library does not know.
    """
    document = _parse_object(data, name)
    _check_version(document, name)
    values: dict[str, Any] = {}
    for key, (attribute, kind) in _KEYS.items():
        value = document.pop(key, None)
        if value is None:
            if attribute in _REQUIRED:
                raise CorruptDataError("snapshot", name=name, expected=f"key {key!r}", found="none")
            continue
        values[attribute] = _checked(key, value, kind, name)
    if values["commit_kind"] not in COMMIT_KINDS:
        raise UnsupportedFormatError(
            f"snapshot {name or values['id']} has commitKind {values['commit_kind'][:80]!r}; "
            f"this version knows {', '.join(sorted(COMMIT_KINDS))}"
        )
    if document:
        absent = (key for key, (attribute, _) in _KEYS.items() if attribute not in values)
        check_spelling(document, absent, "snapshot", name)
    return Snapshot(**values, extra=document)


def _parse_object(data: bytes, name: str | None) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise CorruptDataError(
            "snapshot", name=name, expected=f"at most {MAX_BYTES} bytes", found=len(data)
        )
    try:
        document = json.loads(data.decode())
    except UnicodeDecodeError as e:
        raise CorruptDataError(
            "snapshot", name=name, offset=e.start, expected="UTF-8", found=hex(data[e.start])
        ) from None
    except json.JSONDecodeError as e:
        raise CorruptDataError(
            "snapshot", name=name, offset=e.pos, expected="JSON", found=_excerpt(data, e.pos)
        ) from None
    except (ValueError, RecursionError) as e:
        raise CorruptDataError(
            "snapshot", name=name, expected="JSON", found=type(e).__name__
        ) from None
    if not isinstance(document, dict):
        raise CorruptDataError(
            "snapshot", name=name, expected="a JSON object", found=type(document).__name__
        )
    return document


def _excerpt(data: bytes, position: int) -> str:
    return repr(data[position : position + 20]) if position < len(data) else "the end of the file"


def _check_version(document: dict[str, Any], name: str | None) -> None:
    version = document.get("version", 1)
    if version == SNAPSHOT_VERSION and type(version) is int:
        return
    if type(version) is not int:
        raise CorruptDataError(
            "snapshot", name=name, expected="an integer for 'version'", found=repr(version)[:80]
        )
    era = "a newer release" if version > SNAPSHOT_VERSION else "a release before 0.4"
    raise UnsupportedFormatError(
        f"snapshot {name or document.get('id')} has version {version}, written by {era}; "
        f"this version reads {SNAPSHOT_VERSION}"
    )


def _checked(key: str, value: object, kind: type, name: str | None) -> object:
    good = type(value) is kind
    if good and kind is int:
        good = _LONG_MIN <= value <= _LONG_MAX  # type: ignore[operator]
    if good and isinstance(value, dict):
        good = all(type(v) is str for v in value.values())
    if not good:
        raise CorruptDataError(
            "snapshot",
            name=name,
            expected=f"{_JSON_WORDS[kind]} for {key!r}",
            found=repr(value)[:80],
        )
    return value
