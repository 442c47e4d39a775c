"""Key columns as unsigned integer lanes: the only owner of the order of keys.

A lane is a uint64 array that sorts like its column does in Paimon: numbers by value, FLOAT and
DOUBLE as Java compares them (-0.0 before 0.0, NaN last), text and bytes as unsigned bytes, false
before true. Several lanes together sort lexicographically, first lane first.

Shapes: every lane has one entry a row.
Source: ``org.apache.paimon.codegen`` (generated record comparators).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from tablestore.merge.text_lanes import text_lanes

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGN: Final = np.uint64(1 << 63)


def key_lanes(columns: Sequence[pa.Array]) -> list[NDArray[np.uint64]]:
    """Lanes of key columns without nulls, most significant first.

    Those of text and bytes are comparable only within one call.
    """
    lanes: list[NDArray[np.uint64]] = []
    for column in columns:
        lanes += _lanes(column)
    return lanes


def nullable_lanes(column: pa.Array, *, descending: bool = False) -> list[NDArray[np.uint64]]:
    """Lanes of a column that may hold nulls: null before every value, in both directions.

    Args:
        column: any type that can be a key.
        descending: the largest value first.
    """
    valid = None if not column.null_count else column.is_valid().to_numpy(zero_copy_only=False)
    if valid is not None and not valid.any():
        return [np.zeros(len(column), dtype=np.uint64)]
    plain = column if valid is None else column.fill_null(column.drop_null()[0])
    lanes = [~lane if descending else lane for lane in _lanes(plain)]
    if valid is None:
        return lanes
    # nulls are equal behind the first lane: all have the value that filled them
    return [valid.astype(np.uint64), *lanes]


def is_ranked(arrow_type: pa.DataType) -> bool:
    """Whether lanes of this type are comparable only within one call of ``key_lanes``."""
    return bool(pa.types.is_string(arrow_type) or pa.types.is_binary(arrow_type))


def _lanes(column: pa.Array) -> list[NDArray[np.uint64]]:
    kind = column.type
    if is_ranked(kind):
        return text_lanes(column)
    if pa.types.is_decimal(kind):
        return _decimal(column)
    if pa.types.is_boolean(kind):
        return [column.cast(pa.uint8()).to_numpy(zero_copy_only=False).astype(np.uint64)]
    if pa.types.is_floating(kind):
        return [_floating(column.to_numpy(zero_copy_only=False))]
    return [signed_lane(_as_int64(column))]


def _as_int64(column: pa.Array) -> NDArray[np.int64]:
    """The integers behind a fixed-width column (dates, times and timestamps included)."""
    width = column.type.bit_width
    plain = column if pa.types.is_integer(column.type) else column.view(_INTEGERS[width])
    values: NDArray[np.int64] = plain.to_numpy(zero_copy_only=False).astype(np.int64)
    return values


_INTEGERS: Final = {8: pa.int8(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}


def signed_lane(values: NDArray[np.int64]) -> NDArray[np.uint64]:
    """int64 values as a lane of the same order."""
    return values.view(np.uint64) ^ _SIGN


def _floating(values: NDArray[Any]) -> NDArray[np.uint64]:
    wide = values.astype(np.float64)
    wide = np.where(np.isnan(wide), np.nan, wide)  # one NaN, with the sign bit clear
    bits = wide.view(np.uint64)
    lane: NDArray[np.uint64] = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return lane


def _decimal(column: pa.Array) -> list[NDArray[np.uint64]]:
    if column.type.precision <= 18:
        return [signed_lane(np.ascontiguousarray(_decimal_words(column)[:, 0]).view(np.int64))]
    words = _decimal_words(column)
    return [
        signed_lane(np.ascontiguousarray(words[:, 1]).view(np.int64)),
        np.ascontiguousarray(words[:, 0]),
    ]


def _decimal_words(column: pa.Array) -> NDArray[np.uint64]:
    """The two little-endian 64-bit words of each decimal128, low word first."""
    buffer = column.buffers()[1]
    words = np.frombuffer(buffer, dtype=np.uint64).reshape(-1, 2)
    return words[column.offset : column.offset + len(column)]


KeyTuple = tuple[Any, ...]
"""One key as plain values that compare like the key: integers for lanes, bytes for text."""
