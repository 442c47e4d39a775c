"""The rows of a column by their value, in the orders in which Java's indexes have them.

Source: ``org.apache.paimon.fileindex.bitmap.BitmapFileIndex``, ``java.util.HashMap``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.format.byte_rows import ByteRows, fixed_rows, joined_rows
from tablestore.format.index_values import stored_numbers, stored_type
from tablestore.kernels.hash import hash_bytes
from tablestore.types.model import DataType

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIGNS: Final = {4: ("<i4", "<f4", 0x7FFFFFFF), 8: ("<i8", "<f8", 0x7FFFFFFFFFFFFFFF)}
_TRUE_HASH, _FALSE_HASH = 1231, 1237
_TABLE_MIN: Final = 16
_TABLE_OF_TREES: Final = 64
_BIN_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Groups:
    """A column's rows by value.

    Attributes:
        values: the different values, ascending: -0.0 below 0.0, NaN above all, text by its bytes.
        stored: each as indexes keep it.
        rows: all rows with a value, those of a value together and ascending.
        edges: the rows of value ``i`` are ``rows[edges[i]:edges[i + 1]]``.
        nulls: the rows with null.
    """

    values: NDArray[Any] | ByteRows
    stored: ByteRows
    rows: NDArray[np.int64]
    edges: NDArray[np.int64]
    nulls: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.edges) - 1

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each value."""
        return np.diff(self.edges)

    def hash_order(self) -> NDArray[np.int64]:
        """The values in the order of a ``java.util.HashMap`` that was asked for each row's."""
        first = self.rows[self.edges[:-1]]
        asked_again = len(first) > 0 and bool(first.max() < self.rows.max())
        arrival = np.argsort(first, kind="stable")
        return hash_map_order(_hashes(self.values), arrival, asked_again=asked_again)


def group(array: pa.Array, data_type: DataType) -> Groups:
    """The rows of a column by value.

    Raises:
        UnsupportedFormatError: values of this type are not in such indexes.
    """
    dtype = stored_type(data_type)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    present, nulls = np.flatnonzero(valid), np.flatnonzero(~valid)
    if len(nulls):
        array = array.drop_null()
    if dtype is None:
        values, keys = _text_codes(array)
        order, edges = _together(keys)
        stored = joined_rows([fixed_rows(values.lengths.astype(">i4")), values])
        return Groups(values, stored, present[order], edges, nulls)
    keys = _sort_keys(stored_numbers(array, data_type))
    order, edges = _together(keys)
    numbers = _from_sort_keys(keys[order[edges[:-1]]], dtype)
    return Groups(numbers, fixed_rows(numbers.astype(dtype)), present[order], edges, nulls)


def _together(keys: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The places of keys in their order, and where in it each different key begins."""
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    begins = np.flatnonzero(np.append([True], ordered[1:] != ordered[:-1])[: len(ordered)])
    return order, np.append(begins, len(ordered))


def _text_codes(array: pa.Array) -> tuple[ByteRows, NDArray[np.int64]]:
    """The different texts, ascending, and the place among them of each value."""
    encoded = array.cast(pa.string()).cast(pa.binary()).dictionary_encode()
    known = encoded.dictionary
    order = pc.sort_indices(known).to_numpy().astype(np.int64)
    rank = np.empty(len(known), dtype=np.int64)
    rank[order] = np.arange(len(known))
    _, offsets, data = known.buffers()
    edges = np.frombuffer(offsets, dtype=np.int32)[known.offset :][: len(known) + 1]
    raw = np.frombuffer(data or b"", dtype=np.uint8)
    found = ByteRows(raw, edges.astype(np.int64)).take(order)
    return found, rank[encoded.indices.to_numpy()]


def _sort_keys(numbers: NDArray[Any]) -> NDArray[Any]:
    if numbers.dtype.kind != "f":
        return numbers
    whole, _, mask = _SIGNS[numbers.dtype.itemsize]
    bits = np.where(np.isnan(numbers), np.nan, numbers).astype(numbers.dtype).view(whole)
    return np.where(bits < 0, bits ^ mask, bits)


def _from_sort_keys(keys: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind != "f":
        return keys
    whole, real, mask = _SIGNS[dtype.itemsize]
    return np.where(keys < 0, keys ^ mask, keys).astype(whole).view(real)


def _hashes(values: NDArray[Any] | ByteRows) -> NDArray[np.int32]:
    """``hashCode`` of the values' Java objects."""
    if isinstance(values, ByteRows):
        return hash_bytes(values.data, values.offsets)
    if values.dtype.kind == "b":
        return np.where(values, _TRUE_HASH, _FALSE_HASH).astype(np.int32)
    bits = values.view(f"i{values.dtype.itemsize}") if values.dtype.kind == "f" else values
    if bits.dtype.itemsize < 8:
        return bits.astype(np.int32)
    whole = bits.astype(np.int64)
    return (whole ^ (whole >> 32)).astype(np.int32)


def hash_map_order(
    hashes: NDArray[np.int32], arrival: NDArray[np.int64], *, asked_again: bool
) -> NDArray[np.int64]:
    """The places of keys in the order in which a ``java.util.HashMap`` gives them.

    The keys came by ``computeIfAbsent``, which puts a new key before the others of its bin and
    doubles the table, where it is three quarters full, when it is asked the next time. A bin of
    eight keys in a large map becomes a tree, whose order is not imitated.

    Args:
        hashes: of the keys.
        arrival: places of the keys in the order of their first insertion.
        asked_again: whether the map was asked for a key after the last insertion.
    """
    spread = (hashes ^ (hashes.view(np.uint32) >> 16).view(np.int32)).view(np.uint32)
    bins = spread & np.uint32(_table_size(spread[arrival], asked_again=asked_again) - 1)
    newest = arrival[::-1]
    return newest[np.argsort(bins[newest], kind="stable")]


def _table_size(spread: NDArray[np.uint32], *, asked_again: bool) -> int:
    full = len(spread) if asked_again else len(spread) - 1
    size = _TABLE_OF_TREES
    if full <= size * 3 // 4:
        size = _small_table_size(spread)
    while full > size * 3 // 4:
        size *= 2
    return size


def _small_table_size(spread: NDArray[np.uint32]) -> int:
    """The size that overflowing bins give to a small table."""
    size = _TABLE_MIN
    for index, value in enumerate(spread.tolist()):
        if index > size * 3 // 4:
            size *= 2
        same = (spread[:index] & np.uint32(size - 1)) == value & (size - 1)
        if np.count_nonzero(same) >= _BIN_MAX - 1 and size < _TABLE_OF_TREES:
            size *= 2
    return size
