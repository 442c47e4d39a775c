"""The statistics file: what ANALYZE found out about a snapshot.

::

    { "snapshotId" : 1, "schemaId" : 0, "mergedRecordCount" : 3, "mergedRecordSize" : 99,
      "colStats" : { "a" : { "colId" : 0, "distinctCount" : 3, "min" : "1", "max" : "9",
                             "nullCount" : 0, "avgLen" : 4, "maxLen" : 4 } } }

Bounds are texts: the value cast to STRING.

Source: ``org.apache.paimon.stats.Statistics``, ``ColStats``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tablestore.errors import CorruptDataError
from tablestore.format.json_object import parse_object, render_object, take

_WHAT: Final = "statistics"


@dataclass(frozen=True, kw_only=True)
class ColumnStatistics:
    """What is known of one column; None is unknown.

    Attributes:
        column_id: field id.
        distinct_count: different values.
        minimum: the smallest value as text.
        maximum: the largest value as text.
        null_count: nulls.
        average_length: bytes.
        maximum_length: bytes.
    """

    column_id: int
    distinct_count: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    null_count: int | None = None
    average_length: int | None = None
    maximum_length: int | None = None


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What is known of one snapshot; None is unknown.

    Attributes:
        snapshot_id: the snapshot that was looked at.
        schema_id: its schema.
        merged_record_count: logical rows.
        merged_record_size: their bytes.
        columns: by name.
        extra: keys that this version does not know; they survive a round trip.
    """

    snapshot_id: int
    schema_id: int
    merged_record_count: int | None = None
    merged_record_size: int | None = None
    columns: Mapping[str, ColumnStatistics] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


_COLUMN_KEYS: Final[dict[str, tuple[str, type]]] = {
    "colId": ("column_id", int),
    "distinctCount": ("distinct_count", int),
    "min": ("minimum", str),
    "max": ("maximum", str),
    "nullCount": ("null_count", int),
    "avgLen": ("average_length", int),
    "maxLen": ("maximum_length", int),
}
_KEYS: Final[dict[str, str]] = {
    "snapshotId": "snapshot_id",
    "schemaId": "schema_id",
    "mergedRecordCount": "merged_record_count",
    "mergedRecordSize": "merged_record_size",
}
_COLUMNS: Final = "colStats"


def decode_statistics(data: bytes, *, name: str | None = None) -> Statistics:
    """The statistics that the bytes hold.

    Raises:
        CorruptDataError: the bytes are not a statistics file.
    """
    document = parse_object(data, _WHAT, name)
    values = {
        attribute: take(document, key, int, _WHAT, name, needed=key in {"snapshotId", "schemaId"})
        for key, attribute in _KEYS.items()
    }
    columns = take(document, _COLUMNS, dict, _WHAT, name, needed=False) or {}
    found = {column: _column(item, column, name) for column, item in columns.items()}
    return Statistics(**values, columns=found, extra=document)


def _column(item: object, column: str, name: str | None) -> ColumnStatistics:
    if not isinstance(item, dict):
        raise CorruptDataError(
            _WHAT, name=name, expected=f"an object for column {column!r}", found=repr(item)[:80]
        )
    rest = dict(item)
    return ColumnStatistics(
        **{
            attribute: take(rest, key, kind, _WHAT, name, needed=key == "colId")
            for key, (attribute, kind) in _COLUMN_KEYS.items()
        }
    )


def encode_statistics(statistics: Statistics) -> bytes:
    """The bytes of the statistics file."""
    document = {
        key: value
        for key, attribute in _KEYS.items()
        if (value := getattr(statistics, attribute)) is not None
    }
    document[_COLUMNS] = {
        column: {
            key: value
            for key, (attribute, _) in _COLUMN_KEYS.items()
            if (value := getattr(item, attribute)) is not None
        }
        for column, item in statistics.columns.items()
    }
    document.update(statistics.extra)
    return render_object(document)
