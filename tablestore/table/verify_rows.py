"""What the rows of a data file must be by its manifest entry, looked at batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.datafile.layout import KEY_PREFIX, KIND_FIELD, SEQUENCE_FIELD
from tablestore.format.binary_row import decode_row
from tablestore.format.values import arrow_scalar_value, arrow_to_values
from tablestore.merge.keys import key_lanes
from tablestore.read.ranges import bound

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta
    from tablestore.predicate.prune import ColumnRange
    from tablestore.types.model import DataField, DataType

_REAL: Final = frozenset({"FLOAT", "DOUBLE"})

Say = Callable[[str], None]
"""Takes a sentence about the file."""


class RowCheck(Protocol):
    """One thing that the rows of a file must have."""

    def add(self, batch: pa.RecordBatch) -> None:
        """Look at the next rows."""
        ...

    def finish(self) -> None:
        """Say what only all rows together show."""
        ...


class SystemColumns:
    """Keys, sequence numbers and row kinds of primary-key tables.

    Args:
        say: takes what is wrong.
        meta: the file's entry.
        names: the key columns when the file was written.
    """

    def __init__(self, say: Say, meta: DataFileMeta, names: Sequence[str]) -> None:
        self._say, self._meta, self._names = say, meta, names
        self._low: int | None = None
        self._high: int | None = None
        self._deletes = 0
        self._differ: dict[str, None] = {}
        self.whole = True

    def add(self, batch: pa.RecordBatch) -> None:
        if not self.whole or not batch.num_rows:
            return
        for name in (*self._names, SEQUENCE_FIELD.name, KIND_FIELD.name):
            if batch.column(name).null_count:
                self._say(f"column {name}: expected no nulls")
                self.whole = False
                return
        found = pc.min_max(batch.column(SEQUENCE_FIELD.name)).as_py()
        self._low = found["min"] if self._low is None else min(self._low, found["min"])
        self._high = found["max"] if self._high is None else max(self._high, found["max"])
        kinds = batch.column(KIND_FIELD.name).to_numpy()
        self._deletes += int(np.count_nonzero(kinds & 1))
        if kinds.min() < 0 or kinds.max() > 3:
            self._say(f"row kinds: expected 0 to 3, found {kinds.min()} to {kinds.max()}")
        for name in self._names:
            self._compare_copy(name, batch)

    def _compare_copy(self, name: str, batch: pa.RecordBatch) -> None:
        copy, column = batch.column(KEY_PREFIX + name), batch.column(name)
        if copy.null_count == len(copy) or pa.types.is_floating(column.type):
            return  # a file without copies; NaN is not equal to itself
        if not copy.equals(column):
            self._differ[name] = None

    def finish(self) -> None:
        for name in self._differ:
            self._say(f"columns {name} and {KEY_PREFIX}{name} differ")
        if not self.whole or self._low is None:
            return
        meta = self._meta
        known = (meta.min_sequence_number, meta.max_sequence_number)
        if known != (self._low, self._high):
            self._say(
                f"sequence numbers: expected {known[0]} to {known[1]}, "
                f"found {self._low} to {self._high}"
            )
        if meta.delete_row_count not in (None, self._deletes):
            self._say(f"delete rows: expected {meta.delete_row_count}, found {self._deletes}")


class KeyOrder:
    """Each key above the one before it, from the lowest to the highest of the entry.

    Args:
        say: takes what is wrong.
        meta: the file's entry.
        names: the key columns when the file was written.
        types: their types.
        system: says whether there are keys at all.
    """

    def __init__(
        self,
        say: Say,
        meta: DataFileMeta,
        names: Sequence[str],
        types: Sequence[DataType],
        system: SystemColumns,
    ) -> None:
        self._say, self._meta, self._names, self._types = say, meta, names, types
        self._system = system
        self._first: tuple[Any, ...] | None = None
        self._last: list[pa.Array] = []
        self._sorted = True
        self._odd = False

    def add(self, batch: pa.RecordBatch) -> None:
        if not self._system.whole or not batch.num_rows:
            return
        columns = [batch.column(name) for name in self._names]
        # releases of Java differ in where zeros and NaN go
        self._odd = self._odd or any(map(_has_odd_reals, columns))
        if self._first is None:
            self._first = _values(columns, 0)
        else:  # lanes of text compare within one call only
            columns = [pa.concat_arrays(pair) for pair in zip(self._last, columns, strict=True)]
        if not self._odd:
            self._sorted = self._sorted and _ascending(key_lanes(columns))
        self._last = [column.slice(len(column) - 1) for column in columns]

    def finish(self) -> None:
        if not self._system.whole or self._first is None or self._odd:
            return
        if not self._sorted:
            self._say("keys: expected each to be above the one before it")
        low = decode_row(self._meta.min_key, self._types)
        high = decode_row(self._meta.max_key, self._types)
        last = _values(self._last, 0)
        if self._first != low:
            self._say(f"lowest key: expected {low}, found {self._first}")
        # 0.9 compacts to files whose highest key is above that of their last row
        if last > high:
            self._say(f"highest key: expected {high}, found {last}")


class Bounds:
    """The values of a column lie within the statistics of the entry.

    Args:
        say: takes what is wrong.
        name: the column.
        kind: its type.
        known: what the statistics say.
        label: what to call it.
    """

    def __init__(
        self, say: Say, name: str, kind: DataType, known: ColumnRange, label: str = ""
    ) -> None:
        self._say, self._name, self._kind, self._known = say, name, kind, known
        self._label = label or name
        self._real = getattr(kind, "name", "") in _REAL
        self._nulls = 0
        self._low: Any = None
        self._high: Any = None

    def add(self, batch: pa.RecordBatch) -> None:
        column = batch.column(self._name)
        self._nulls += column.null_count
        if self._known.min is None or self._known.max is None:
            return
        if self._real:
            column = column.filter(pc.invert(pc.is_nan(column)))
        if column.null_count == len(column):
            return
        found = pc.min_max(column)
        low, high = self._bound(found["min"]), self._bound(found["max"])
        if low is not None and (self._low is None or low < self._low):
            self._low = low
        if high is not None and (self._high is None or high > self._high):
            self._high = high

    def _bound(self, scalar: pa.Scalar) -> Any:  # noqa: ANN401
        return bound(arrow_scalar_value(scalar), self._kind)

    def finish(self) -> None:
        known = self._known
        if known.null_count not in (None, self._nulls):
            self._say(f"nulls in {self._label}: expected {known.null_count}, found {self._nulls}")
        low: Any = known.min
        high: Any = known.max
        if self._low is not None and self._low < low:
            self._say(f"smallest {self._label}: expected {low!r}, found {self._low!r}")
        if self._high is not None and self._high > high:
            self._say(f"largest {self._label}: expected {high!r}, found {self._high!r}")


class Partition:
    """All rows have the values of the partition that the entry names.

    Args:
        say: takes what is wrong.
        fields: the partition columns that the file holds.
        values: of the entry's partition, for these columns.
    """

    def __init__(self, say: Say, fields: Sequence[DataField], values: Sequence[Any]) -> None:
        self._say, self._fields, self._values = say, fields, values
        self._found: set[str] = set()

    def add(self, batch: pa.RecordBatch) -> None:
        for field, expected in zip(self._fields, self._values, strict=True):
            if field.name in self._found:
                continue
            for value in arrow_to_values(pc.unique(batch.column(field.name))):
                if value != expected and not (value != value and expected != expected):
                    self._found.add(field.name)
                    self._say(f"partition {field.name}: expected {expected!r}, found {value!r}")
                    break

    def finish(self) -> None:
        """All is said."""


def _values(columns: Sequence[pa.Array], row: int) -> tuple[Any, ...]:
    return tuple(arrow_to_values(column.slice(row, 1))[0] for column in columns)


def _has_odd_reals(column: pa.Array) -> bool:
    if not pa.types.is_floating(column.type):
        return False
    values = column.to_numpy(zero_copy_only=False)
    return bool((np.isnan(values) | (values == 0)).any())


def _ascending(lanes: Sequence[Any]) -> bool:
    """Whether each row is above the one before it, the first lane counting most."""
    above = np.zeros(len(lanes[0]) - 1, dtype=bool)
    equal = np.ones(len(lanes[0]) - 1, dtype=bool)
    for lane in lanes:
        above |= equal & (lane[1:] > lane[:-1])
        equal &= lane[1:] == lane[:-1]
    return bool(above.all())
