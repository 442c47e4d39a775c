"""The bucket of every row by its bucket key.

::

    default   |h rem n|, h = murmur hash of the key's BinaryRow, rem with the sign of h
    mod       floorMod(value, n), one INT or BIGINT column
    hive      (h & 0x7fffffff) % n, h = 31 * h + hash of the field, from 0

Source: ``org.apache.paimon.bucket.BucketFunction`` and its implementations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tablestore.errors import InvalidInputError, UnsupportedFormatError
from tablestore.format.binary_slots import BINARY_TYPES, TEXT_TYPES
from tablestore.format.key_columns import (
    bytes_column,
    decimal_halves,
    fixed_values,
    float_bits,
    key_column,
    null_mask,
    plain_array,
)
from tablestore.kernels import hive
from tablestore.kernels.binary_row import row_hashes as kernel_row_hashes
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from tablestore.types.model import DataType

Int32s = NDArray[np.int32]
UInt32s = NDArray[np.uint32]

DEFAULT_FUNCTION: Final = "default"
MOD_FUNCTION: Final = "mod"
HIVE_FUNCTION: Final = "hive"
BUCKET_FUNCTIONS: Final = (DEFAULT_FUNCTION, MOD_FUNCTION, HIVE_FUNCTION)

_INT_TYPES: Final[dict[str, type[np.generic]]] = {
    "BOOLEAN": np.uint8,
    "TINYINT": np.int8,
    "SMALLINT": np.int16,
    "INT": np.int32,
    "DATE": np.int32,
    "TIME": np.int32,
}


def bucket_ids(
    columns: Sequence[pa.Array], types: Sequence[DataType], function: str, buckets: int
) -> Int32s:
    """The bucket of each row.

    Args:
        columns: the bucket key's columns in key order, equally long.
        types: their types.
        function: ``default``, ``mod`` or ``hive``.
        buckets: number of buckets, at least 1.

    Shapes:
        out: (rows,) int32, each 0 to ``buckets - 1``.

    Raises:
        InvalidInputError: an unknown function, or ``mod`` of another key than one integer.
        UnsupportedFormatError: a type that the function cannot hash.
    """
    if buckets < 1:
        raise InvalidInputError(f"bucket must be at least 1, found {buckets}")
    if function == DEFAULT_FUNCTION:
        positive = np.abs(row_hashes(columns, types).astype(np.int64)).astype(np.uint32)
        return (positive % np.uint32(buckets)).astype(np.int32)
    if function == MOD_FUNCTION:
        return _mod(columns, types, buckets)
    if function == HIVE_FUNCTION:
        positive = _hive_hashes(columns, types) & np.uint32(0x7FFFFFFF)
        return (positive % np.uint32(buckets)).astype(np.int32)
    raise InvalidInputError(
        f"unknown bucket function {function!r}; expected one of {', '.join(BUCKET_FUNCTIONS)}"
    )


def row_hashes(columns: Sequence[pa.Array], types: Sequence[DataType]) -> Int32s:
    """The hash of each row's BinaryRow, as the default bucket function and HASH indexes use it."""
    kernel_columns = [key_column(c, t) for c, t in zip(columns, types, strict=True)]
    return kernel_row_hashes(kernel_columns, len(columns[0]) if columns else 0)


def _mod(columns: Sequence[pa.Array], types: Sequence[DataType], buckets: int) -> Int32s:
    kind = types[0] if len(types) == 1 else None
    if not isinstance(kind, AtomicType) or kind.name not in ("INT", "BIGINT"):
        found = ", ".join(t.sql() for t in types)
        raise InvalidInputError(
            f"bucket function 'mod' needs one INT or BIGINT bucket key, found {found}"
        )
    array = plain_array(columns[0], kind)
    values = fixed_values(array, np.int32 if kind.name == "INT" else np.int64)
    nulls = null_mask(array)
    if nulls is not None:  # the slot of a null holds zero
        values = np.where(nulls, 0, values)
    return np.mod(values.astype(np.int64), buckets).astype(np.int32)


def _hive_hashes(columns: Sequence[pa.Array], types: Sequence[DataType]) -> UInt32s:
    hashes = np.zeros(len(columns[0]) if columns else 0, dtype=np.uint32)
    for column, kind in zip(columns, types, strict=True):
        if not isinstance(kind, AtomicType):
            raise _no_hive_hash(kind)
        array = plain_array(column, kind)
        field = _hive_hash(array, kind)
        nulls = null_mask(array)
        if nulls is not None:
            field = np.where(nulls, np.uint32(0), field)
        hashes = hive.combine(hashes, field)
    return hashes


def _hive_hash(array: pa.Array, kind: AtomicType) -> UInt32s:
    if kind.name in _INT_TYPES:
        return fixed_values(array, _INT_TYPES[kind.name]).astype(np.int32).view(np.uint32)
    if kind.name == "BIGINT":
        return hive.fold_long(fixed_values(array, np.uint64))
    if kind.name in ("FLOAT", "DOUBLE"):
        return _hive_float(array, kind)
    if kind.name in TEXT_TYPES or kind.name in BINARY_TYPES:
        values = bytes_column(array)
        return hive.hash_bytes(values.data, values.starts, values.lengths)
    if kind.name == "DECIMAL":
        low, high = decimal_halves(array)
        return hive.hash_decimal(low, high, kind.scale or 0)
    raise _no_hive_hash(kind)


def _hive_float(array: pa.Array, kind: AtomicType) -> UInt32s:
    bits = float_bits(array, kind)
    if kind.name == "FLOAT":
        bits[bits == np.uint64(0x80000000)] = 0
        return bits.astype(np.uint32)
    bits[bits == np.uint64(0x8000000000000000)] = 0
    return hive.fold_long(bits)


def _no_hive_hash(kind: DataType) -> UnsupportedFormatError:
    return UnsupportedFormatError(f"bucket function 'hive' does not hash {kind.sql()}")
