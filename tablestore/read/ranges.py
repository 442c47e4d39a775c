"""What the statistics in a manifest say of a file's columns, in terms of the table's columns.

Statistics are never trusted beyond what every writer gets right: BINARY bounds of older Java are
ordered wrongly, and a column whose type changed since the file was written has no range here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from tablestore.format.binary_row import Timestamp, field_decoder
from tablestore.format.manifest import DataFileMeta, SimpleStats
from tablestore.format.schema import TableSchema
from tablestore.predicate.literal import Value
from tablestore.predicate.prune import ColumnRange
from tablestore.types.model import AtomicType, DataField, DataType

_INTEGERS = ("TINYINT", "SMALLINT", "INT", "BIGINT")  # by width
_CONTROL = re.compile("[\x00-\x1f]")
_NO_BOUNDS = frozenset({"BINARY", "VARBINARY"})


class StatsRanges:
    """Ranges from statistics records that have a slot for each of some columns.

    Args:
        names: of the columns with a slot, in order.
        types: their types.
        wanted: names of the columns to give; all by default.
    """

    def __init__(
        self,
        names: Sequence[str],
        types: Sequence[DataType],
        wanted: Collection[str] | None = None,
    ) -> None:
        self._columns = [
            (index, name, data_type)
            for index, (name, data_type) in enumerate(zip(names, types, strict=True))
            if wanted is None or name in wanted
        ]
        self._decode = field_decoder(types, [index for index, _, _ in self._columns])

    def __call__(self, stats: SimpleStats) -> dict[str, ColumnRange]:
        """The ranges of one record.

        Raises:
            CorruptDataError: the record does not have these columns.
        """
        lows = self._decode(stats.min_values)
        highs = self._decode(stats.max_values)
        nulls = stats.null_counts or ()
        found = {}
        for (index, name, data_type), low, high in zip(self._columns, lows, highs, strict=True):
            count = nulls[index] if index < len(nulls) else None
            first, last = bound(low, data_type), bound(high, data_type)
            if first is None or last is None:
                first = last = None
            elif isinstance(data_type, AtomicType) and data_type.name == "CHAR":
                first = _unpadded(str(first))
            found[name] = ColumnRange(first, last, count)
        return found


def stats_ranges(
    stats: SimpleStats, names: Sequence[str], types: Sequence[DataType]
) -> dict[str, ColumnRange]:
    """Ranges from one statistics record with a slot for each name."""
    return StatsRanges(names, types)(stats)


class ValueRanges:
    """Ranges of columns by the value statistics of files; what is unknown is left out.

    Args:
        schema_of: the schema of an id.
        fields: the table's columns asked for.
    """

    def __init__(
        self, schema_of: Callable[[int], TableSchema], fields: Sequence[DataField]
    ) -> None:
        self._schema_of = schema_of
        self._fields = fields
        self._known: dict[object, _FileRanges] = {}

    def __call__(self, meta: DataFileMeta) -> dict[str, ColumnRange]:
        """The ranges of one file."""
        kind = (meta.schema_id, meta.value_stats_cols, meta.write_cols)
        found = self._known.get(kind)
        if found is None:
            found = _FileRanges.of(meta, self._schema_of(meta.schema_id), self._fields)
            self._known[kind] = found
        return found.ranges(meta)


def value_ranges(
    meta: DataFileMeta, file_schema: TableSchema, fields: Sequence[DataField]
) -> dict[str, ColumnRange]:
    """Ranges of columns by the value statistics of a file; what is unknown is left out.

    Args:
        meta: the file.
        file_schema: the schema it was written with.
        fields: the table's columns asked for.
    """
    return _FileRanges.of(meta, file_schema, fields).ranges(meta)


@dataclass(frozen=True)
class _FileRanges:
    """How files of one schema with statistics of the same columns tell ranges.

    Attributes:
        stats: the ranges by the names in the file; None where none are known.
        renamed: name in the file and in the table of the columns that have a range.
        absent: columns of the table that the files do not have.
    """

    stats: StatsRanges | None
    renamed: tuple[tuple[str, str], ...]
    absent: tuple[str, ...]

    @classmethod
    def of(
        cls, meta: DataFileMeta, file_schema: TableSchema, fields: Sequence[DataField]
    ) -> _FileRanges:
        names = meta.value_stats_cols
        if names is None:
            names = meta.write_cols or file_schema.field_names
        by_id = {field.id: field for field in file_schema.fields}
        absent = tuple(field.name for field in fields if field.id not in by_id)
        pairs = [(by_id[field.id], field) for field in fields if field.id in by_id]
        renamed = tuple(
            (old.name, new.name)
            for old, new in pairs
            if old.name in names and comparable(old.type, new.type)
        )
        if not renamed or not set(file_schema.field_names).issuperset(names):
            return cls(None, (), absent)
        types = [file_schema.field(name).type for name in names]
        return cls(StatsRanges(tuple(names), types, {old for old, _ in renamed}), renamed, absent)

    def ranges(self, meta: DataFileMeta) -> dict[str, ColumnRange]:
        found = {name: ColumnRange(None, None, meta.row_count) for name in self.absent}
        if self.stats is not None:
            ranges = self.stats(meta.value_stats)
            found |= {new: ranges[old] for old, new in self.renamed}
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
