"""Hash codes of elements as Java's objects have them.

Source: ``hashCode`` of ``Integer`` and its like, ``BinaryString``, ``Decimal``, ``Timestamp``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.kernels.java_hash import buckets, long_hashes, text_hashes
from tablestore.merge.aggregators.values import decimal_words

if TYPE_CHECKING:
    from numpy.typing import NDArray


def element_hashes(array: pa.Array) -> NDArray[np.int32] | None:
    """``hashCode`` of each element, 0 of null; None for types that Java does not put in tables."""
    kind = array.type
    for is_kind, hashes in _HASHES:
        if is_kind(kind):
            found = hashes(array)
            if array.null_count:
                found = np.where(array.is_null().to_numpy(zero_copy_only=False), np.int32(0), found)
            return found
    return None


def in_table_order(numbers: Sequence[int], hashes: NDArray[np.int32], size: int) -> list[int]:
    """Elements as a hash table of some size gives them."""
    places = np.asarray(numbers, dtype=np.int64)
    bucket = buckets(hashes[places], np.full(len(places), size, dtype=np.int64))
    order: list[int] = places[np.argsort(bucket, kind="stable")].tolist()
    return order


def _booleans(array: pa.Array) -> NDArray[np.int32]:
    values = array.fill_null(False).to_numpy(zero_copy_only=False)
    found: NDArray[np.int32] = np.where(values, np.int32(1231), np.int32(1237))
    return found


def _integers(array: pa.Array) -> NDArray[np.int32]:
    plain = array if pa.types.is_integer(array.type) else array.view(pa.int32())
    values: NDArray[np.int32] = plain.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int32)
    return values


def _longs(array: pa.Array) -> NDArray[np.int32]:
    return long_hashes(array.fill_null(0).to_numpy(zero_copy_only=False))


def _floats(array: pa.Array) -> NDArray[np.int32]:
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    if values.dtype == np.float32:
        bits: NDArray[np.int32] = values.view(np.int32)
        return bits
    return long_hashes(values.view(np.int64))


def _texts(array: pa.Array) -> NDArray[np.int32]:
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)[array.offset :][: len(array) + 1]
    data = array.buffers()[2]
    raw = np.frombuffer(data, dtype=np.uint8) if data else np.zeros(0, dtype=np.uint8)
    return text_hashes(raw, offsets.astype(np.int64))


def _timestamps(array: pa.Array) -> NDArray[np.int32]:
    values = array.view(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    per_milli = {"ms": 1, "us": 1_000, "ns": 1_000_000}[array.type.unit]
    millis = values // per_milli
    nanos = (values - millis * per_milli) * (1_000_000 // per_milli)
    low, high = millis.astype(np.int32), (millis >> 32).astype(np.int32)
    found: NDArray[np.int32] = ((low ^ high).astype(np.int64) * 31 + nanos).astype(np.int32)
    return found


def _decimals(array: pa.Array) -> NDArray[np.int32]:
    low, _ = decimal_words(array)
    values = low.view(np.int64)
    size = np.abs(values)
    upper, lower = size >> 32, size & 0xFFFFFFFF
    half = (upper * 31 + lower).astype(np.int32)
    signed = np.where(values < 0, -half, half).astype(np.int64)
    found: NDArray[np.int32] = (signed * 31 + array.type.scale).astype(np.int32)
    return found


def _is_short_decimal(kind: pa.DataType) -> bool:
    return bool(pa.types.is_decimal(kind)) and kind.precision <= 18


def _is_int(kind: pa.DataType) -> bool:
    return kind.id in {
        pa.int8().id, pa.int16().id, pa.int32().id, pa.date32().id, pa.time32("ms").id,
    }  # fmt: skip


_HASHES: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], NDArray[np.int32]]]] = (
    (pa.types.is_boolean, _booleans),
    (_is_int, _integers),
    (pa.types.is_int64, _longs),
    (pa.types.is_floating, _floats),
    (pa.types.is_string, _texts),
    (pa.types.is_timestamp, _timestamps),
    (_is_short_decimal, _decimals),
)
