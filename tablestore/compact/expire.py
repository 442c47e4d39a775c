"""Rows that expire: a compaction leaves them out as it reads its files, before it merges.

Reads show a row until a compaction has met it, and of the versions of a key each expires by itself.
Where keys are looked up in the levels above, an expired version there takes no part either. It is
still marked as deleted (Java leaves it, and may look at the level behind it).

Source: ``org.apache.paimon.io.RecordLevelExpire``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.format.binary_row import Timestamp, field_decoder
from tablestore.options.record_expire import RecordExpireOptions
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.format.manifest import DataFileMeta
    from tablestore.format.schema import TableSchema
    from tablestore.options.table import TableOptions

_MILLISECONDS_FROM: Final = 10**12
"""A BIGINT from here on is milliseconds; a smaller one is seconds."""
_TELL_TIME: Final = frozenset(
    {"TINYINT", "SMALLINT", "INT", "BIGINT", "TIMESTAMP", "TIMESTAMP_LTZ"}
)
Decode = Callable[[bytes], tuple[Any, ...]]


_YEAR_9999_S: Final = 253_370_764_800
_PER_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


def _now_s() -> int:
    return int(time.time())


@dataclass(frozen=True)
class RecordExpire:
    """Which rows of a table have expired.

    Attributes:
        options: of the table.
        field_id: of the time column.
        now_s: gives the seconds since 1970 (UTC).
    """

    options: RecordExpireOptions
    field_id: int
    now_s: Callable[[], int] = _now_s

    @classmethod
    def of(cls, schema: TableSchema, options: TableOptions) -> RecordExpire | None:
        """What the options of a table ask for; None where rows never expire.

        Raises:
            InvalidInputError: the options do not fit the columns.
        """
        if not schema.primary_keys:
            return None
        found = RecordExpireOptions.of(
            options.raw, {field.name: field.type.sql() for field in schema.fields}
        )
        return None if found is None else cls(found, schema.field(found.column).id)

    def left(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The rows that have not expired when their file is opened.

        Args:
            batches: rows of one file, the time column among their columns.
        """
        now_s = self.now_s()
        for batch in batches:
            yield self._left(batch, now_s)

    def left_of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of a batch that have not expired by now."""
        return self._left(batch, self.now_s())

    def _left(self, batch: pa.RecordBatch, now_s: int) -> pa.RecordBatch:
        times = batch.column(batch.schema.get_field_index(self.options.column))
        kept = kept_rows(times, self.options, now_s)
        return batch if bool(kept.all()) else batch.filter(pa.array(kept))

    def has_expired(self, meta: DataFileMeta, schema: TableSchema) -> bool:
        """Whether a file holds an expired row, by its statistics.

        Args:
            meta: the file's entry.
            schema: the file's own.
        """
        low = self._first_second(meta, schema)
        return low is not None and self.now_s() - self.options.seconds > low

    def _first_second(self, meta: DataFileMeta, schema: TableSchema) -> int | None:
        """The earliest time in a file; None where its statistics do not tell."""
        names = meta.value_stats_cols
        names = tuple(meta.write_cols or schema.field_names) if names is None else tuple(names)
        # a table has many files of few shapes
        shape = schema.id, names
        if shape not in self._lows:
            self._lows[shape] = self._low(schema, names)
        decode = self._lows[shape]
        if decode is None:
            return None
        (low,) = decode(meta.value_stats.min_values)
        if isinstance(low, Timestamp):
            return low.millis // 1000 if low.millis >= 0 else -(-low.millis // 1000)
        if low is None:
            return None
        number = int(low)
        return number // 1000 if number >= _MILLISECONDS_FROM else number

    @cached_property
    def _lows(self) -> dict[tuple[int, tuple[str, ...]], Decode | None]:
        """What finds the lowest time in the statistics of files of one shape."""
        return {}

    def _low(self, schema: TableSchema, names: Sequence[str]) -> Decode | None:
        fields = [schema.field(name) for name in names]
        at = next((i for i, field in enumerate(fields) if field.id == self.field_id), None)
        if at is None:
            return None
        kind = fields[at].type
        if not isinstance(kind, AtomicType) or kind.name not in _TELL_TIME:
            return None  # the column had another type, whose numbers are no seconds
        return field_decoder([field.type for field in fields], [at])


def kept_rows(times: pa.Array, options: RecordExpireOptions, now_s: int) -> NDArray[np.bool_]:
    """Which rows have not expired; those without a time never do.

    Args:
        times: the time column.
        options: of the table.
        now_s: seconds since 1970 (UTC).
    """
    null: NDArray[np.bool_] = times.is_null().to_numpy(zero_copy_only=False)
    values: NDArray[np.int64] = (
        pc.fill_null(times.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    )
    if options.kind == "BIGINT":
        seconds = np.where(values >= _MILLISECONDS_FROM, values // 1000, values)
    elif options.kind == "INT":
        seconds = values
    else:
        seconds = _seconds(values, times.type.unit)
    kept: NDArray[np.bool_] = null | (seconds >= now_s - options.seconds)
    return kept


def _seconds(values: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """Whole seconds of points in time: milliseconds to the past, then seconds towards 1970."""
    if unit == "s":
        return values
    millis = values // (_PER_SECOND[unit] // 1000)
    return np.where(millis >= 0, millis // 1000, -(-millis // 1000))


def far_future(kind: pa.DataType) -> int:
    """A time that no row has, as the integer behind a value of a time column."""
    if pa.types.is_integer(kind):
        return _MILLISECONDS_FROM - 1 if kind.bit_width == 64 else (1 << 31) - 1
    return min(_YEAR_9999_S * _PER_SECOND[kind.unit], (1 << 63) - 1)
