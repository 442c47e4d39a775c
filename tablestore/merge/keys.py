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
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGN: Final = np.uint64(1 << 63)


def key_lanes(columns: Sequence[pa.Array]) -> list[NDArray[np.uint64]]:
    """Lanes of key columns without nulls, most significant first.

    Text and bytes become ranks: these lanes are comparable only within one call.
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
    """Whether lanes of this type are ranks (comparable only within one call of ``key_lanes``)."""
    return bool(pa.types.is_string(arrow_type) or pa.types.is_binary(arrow_type))


def _lanes(column: pa.Array) -> list[NDArray[np.uint64]]:
    kind = column.type
    if is_ranked(kind):
        return [_ranks(column)]
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


def _ranks(column: pa.Array) -> NDArray[np.uint64]:
    encoded = column.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    rank = np.empty(len(order), dtype=np.uint64)
    rank[order] = np.arange(len(order), dtype=np.uint64)
    lane: NDArray[np.uint64] = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    return lane


def pack(lanes: Sequence[NDArray[np.uint64]]) -> list[NDArray[np.uint64]]:
    """The same order in as few lanes as the values' ranges allow (often one)."""
    packed: list[NDArray[np.uint64]] = []
    free = 0
    for lane in lanes:
        if len(lane) == 0:
            return [lane]
        low = lane.min()
        bits = int(lane.max() - low).bit_length()
        if bits == 0:
            continue
        if packed and bits <= free:
            packed[-1] <<= np.uint64(bits)  # an array of this call, made below
            packed[-1] |= lane - low
            free -= bits
        else:
            packed.append(lane - low)
            free = 64 - bits
    return packed or [np.zeros(len(lanes[0]), dtype=np.uint64)]


def stable_order(lanes: Sequence[NDArray[np.uint64]]) -> NDArray[np.intp]:
    """Row numbers that sort the rows; equal rows keep their order."""
    words = lanes if len(lanes) == 1 else pack(lanes)
    if len(words) > 1:
        return np.lexsort(words[::-1])
    word = words[0]
    if bool(np.all(word[1:] >= word[:-1])):  # input in key order is common, and costs nothing
        return np.arange(len(word))
    return np.argsort(word, kind="stable")


def group_starts(lanes: Sequence[NDArray[np.uint64]], order: NDArray[np.intp]) -> NDArray[np.bool_]:
    """True where a sorted row has another key than the row before it."""
    starts = np.ones(len(order), dtype=np.bool_)
    if len(order) > 1:
        starts[1:] = False
        for lane in lanes:
            ordered = lane[order]
            starts[1:] |= ordered[1:] != ordered[:-1]
    return starts


KeyTuple = tuple[Any, ...]
"""One key as plain values that compare like the key: integers for lanes, bytes for text."""


def key_at(columns: Sequence[pa.Array], row: int) -> KeyTuple:
    """The key of one row, comparable with keys of any other batch."""
    values: list[Any] = []
    for column in columns:
        cell = column.slice(row, 1)
        if is_ranked(column.type):
            value = cell[0].as_py()
            values.append(value.encode() if isinstance(value, str) else value)
        else:
            values += [int(lane[0]) for lane in _lanes(cell)]
    return tuple(values)


def rows_below(columns: Sequence[pa.Array], bound: KeyTuple) -> int:
    """How many leading rows of key-sorted columns are smaller than ``bound``."""
    below: Any = None
    tied: Any = None
    rest = list(bound)
    for column in columns:
        for less, equal in _compare(column, rest):
            step = less if tied is None else tied & less
            below = step if below is None else below | step
            tied = equal if tied is None else tied & equal
    return int(np.count_nonzero(below))


def _compare(
    column: pa.Array, rest: list[Any]
) -> list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """(less, equal) masks of each lane of a column against the next values of the bound."""
    if is_ranked(column.type):
        value = rest.pop(0)
        scalar = pa.scalar(value, pa.binary())
        plain = column.cast(pa.binary())
        less = pc.less(plain, scalar).to_numpy(zero_copy_only=False)
        equal = pc.equal(plain, scalar).to_numpy(zero_copy_only=False)
        return [(less, equal)]
    found = []
    for lane in _lanes(column):
        value = np.uint64(rest.pop(0))
        found.append((lane < value, lane == value))
    return found
