"""Dates, times and timestamps from one type to another, with the results of Java in zone UTC.

Source: ``org.apache.paimon.casting.TimestampToTimestampCastRule``, ``TimestampToDateCastRule``,
``org.apache.paimon.utils.DateTimeUtils``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import UnsupportedFormatError
from tablestore.runs.cast_numbers import with_nulls
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    from tablestore.types.model import AtomicType

MILLIS_A_DAY: Final = 86_400_000
_STEPS_A_MILLI: Final = {"ms": 1, "us": 1000, "ns": 1_000_000}


def stamp_to_stamp(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Cut to the new precision: towards the past, below milliseconds towards zero."""
    millis, nanos = split(array)
    precision, before = _precision(new), _precision(old)
    if precision >= before:  # digits beyond the precision, which some files have, stay
        return join(millis, nanos, array, new)
    if precision < 3:
        step = 10 ** (3 - precision)
        millis = np.where(millis < 0, -(-millis // step * step), millis // step * step)
        nanos = np.zeros_like(nanos)
    else:
        step = 10 ** (9 - precision)
        nanos = nanos // step * step
    return join(millis, nanos, array, new)


def _precision(kind: AtomicType) -> int:
    return 6 if kind.precision is None else kind.precision


def stamp_to_seconds(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Seconds since 1970, towards zero; INT keeps the low bits."""
    millis, _ = split(array)
    seconds = np.where(millis < 0, -(-millis // 1000), millis // 1000)
    return pc.cast(with_nulls(seconds, array), to_arrow(new), safe=False)


def stamp_to_date(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """The day that it lies in."""
    days = split(array)[0] // MILLIS_A_DAY
    return with_nulls(days.astype(np.int32), array).view(pa.date32())


def stamp_to_time(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Milliseconds of the day, whatever the precision."""
    millis = split(array)[0] % MILLIS_A_DAY
    return with_nulls(millis.astype(np.int32), array).view(pa.time32("ms"))


def seconds_to_stamp(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Seconds since 1970; milliseconds wrap around as a Java long does."""
    seconds = array.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    with np.errstate(over="ignore"):
        millis = seconds * np.int64(1000)
    return join(millis, np.zeros_like(millis), array, new)


def date_to_stamp(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """Midnight of the day."""
    days = array.view(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return join(days * MILLIS_A_DAY, np.zeros_like(days), array, new)


def time_to_stamp(array: pa.Array, old: AtomicType, new: AtomicType) -> pa.Array:
    """That time of 1970-01-01."""
    millis = array.view(pa.int32()).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return join(millis, np.zeros_like(millis), array, new)


def split(array: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds since 1970 and nanoseconds of the millisecond; 0 where null."""
    steps = _STEPS_A_MILLI[array.type.unit]
    values = array.view(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return values // steps, values % steps * (1_000_000 // steps)


def join(millis: np.ndarray, nanos: np.ndarray, like: pa.Array, new: AtomicType) -> pa.Array:
    """Timestamps of a type, null where ``like`` is.

    Raises:
        UnsupportedFormatError: one lies outside of what Arrow can hold.
    """
    target = to_arrow(new)
    steps = _STEPS_A_MILLI[target.unit]
    limit = (2**63 - 1) // steps - 1
    if steps > 1 and millis.size and (millis.max() > limit or millis.min() < -limit):
        raise UnsupportedFormatError(
            f"a moment lies beyond what Arrow holds as {new} ({target})", feature="timestamp range"
        )
    return with_nulls(millis * steps + nanos // (1_000_000 // steps), like).view(target)
