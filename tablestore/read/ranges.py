"""What the statistics in a manifest say of a file's columns, in terms of the table's columns.

Statistics are never trusted beyond what every writer gets right: BINARY bounds of older Java are
ordered wrongly, and a column whose type changed since the file was written has no range here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tablestore.format.binary_row import Timestamp, decode_row
from tablestore.format.manifest import DataFileMeta, SimpleStats
from tablestore.format.schema import TableSchema
from tablestore.predicate.literal import Value
from tablestore.predicate.prune import ColumnRange
from tablestore.types.model import AtomicType, DataField, DataType

_INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")  # by width
_CONTROL = re.compile("[\x00-\x1f]")
_NO_BOUNDS = frozenset({"BINARY", "VARBINARY"})


def stats_ranges(
    stats: SimpleStats, names: Sequence[str], types: Sequence[DataType]
) -> dict[str, ColumnRange]:
    """Ranges from one statistics record with a slot for each name."""
    low = decode_row(stats.min_values, types)
    high = decode_row(stats.max_values, types)
    nulls = stats.null_counts or ()
    found = {}
    for index, (name, data_type) in enumerate(zip(names, types, strict=True)):
        count = nulls[index] if index < len(nulls) else None
        first, last = bound(low[index], data_type), bound(high[index], data_type)
        if first is None or last is None:
            first = last = None
        elif isinstance(data_type, AtomicType) and data_type.name == "CHAR":
            first = _unpadded(str(first))
        found[name] = ColumnRange(first, last, count)
    return found


def value_ranges(
    meta: DataFileMeta, file_schema: TableSchema, fields: Sequence[DataField]
) -> dict[str, ColumnRange]:
    """Ranges of columns by the value statistics of a file; what is unknown is left out.

    Args:
        meta: the file.
        file_schema: the schema it was written with.
        fields: the table's columns asked for.
    """
    names = meta.value_stats_cols
    if names is None:
        names = meta.write_cols or file_schema.field_names
    known = set(file_schema.field_names)
    names = tuple(names)
    ranges: Mapping[str, ColumnRange] = {}
    if names and known.issuperset(names):
        ranges = stats_ranges(
            meta.value_stats, names, [file_schema.field(name).type for name in names]
        )
    by_id = {field.id: field for field in file_schema.fields}
    found = {}
    for field in fields:
        old = by_id.get(field.id)
        if old is None:
            found[field.name] = ColumnRange(None, None, meta.row_count)
        elif old.name in ranges and comparable(old.type, field.type):
            found[field.name] = ranges[old.name]
    return found


def comparable(old: DataType, new: DataType) -> bool:
    """Whether bounds of the old type are bounds of the new one."""
    if old.with_nullable(True) == new.with_nullable(True):
        return True
    if not isinstance(old, AtomicType) or not isinstance(new, AtomicType):
        return False
    if old.name in _INTEGERS and new.name in _INTEGERS:  # a narrower one would wrap around
        return _INTEGERS.index(old.name) < _INTEGERS.index(new.name)
    # CHAR would be padded, a shorter VARCHAR cut
    longer = (new.length or 0) >= (old.length or 0)
    return old.name in {"CHAR", "VARCHAR"} and new.name == "VARCHAR" and longer


def _unpadded(low: str) -> str:
    """A lower bound of CHAR values with and without the blanks that ORC pads them with.

    ORC's bounds are those of padded values, and a character below the blank sorts before them.
    """
    return _CONTROL.split(low, maxsplit=1)[0].rstrip(" ")


def bound(value: Any, data_type: DataType) -> Value:  # noqa: ANN401
    """A decoded bound in the representation of ``predicate.prune``; None where it says nothing."""
    if not isinstance(data_type, AtomicType) or data_type.name in _NO_BOUNDS:
        return None
    if isinstance(value, Timestamp):
        return value.millis * 1_000_000 + value.nanos_of_milli
    return value  # type: ignore[no-any-return]
