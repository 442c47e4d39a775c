"""Columns as numpy arrays in the order of their versions, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPACT_DIGITS: Final = 18
"""A DECIMAL of no more digits is one int64 in Java."""


def valid_mask(column: pa.Array) -> NDArray[np.bool_] | None:
    """Which rows are not null; None where all are."""
    if not column.null_count:
        return None
    mask: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return mask


def numbers(column: pa.Array) -> NDArray[Any]:
    """The numbers of an integer, float or boolean column; nulls are zero."""
    values: NDArray[Any] = column.fill_null(0 if column.type != pa.bool_() else False).to_numpy(
        zero_copy_only=False
    )
    return values


def decimal_words(column: pa.Array) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Low and high words of the unscaled values of a decimal128 column; nulls hold anything."""
    words = np.frombuffer(column.buffers()[1], dtype=np.uint64).reshape(-1, 2)
    words = words[column.offset : column.offset + len(column)]
    return np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1]).view(np.int64)


def decimal_array(
    low: NDArray[np.uint64],
    high: NDArray[np.int64],
    valid: NDArray[np.bool_],
    kind: pa.DataType,
) -> pa.Array:
    """A decimal128 array of unscaled values in words."""
    words = np.empty((len(low), 2), dtype=np.uint64)
    words[:, 0] = low
    words[:, 1] = high.view(np.uint64)
    bits = pa.array(valid).buffers()[1] if len(valid) else None
    return pa.Array.from_buffers(kind, len(low), [bits, pa.py_buffer(words)])


def unscaled(column: pa.Array) -> list[int | None]:
    """The unscaled integers of a short decimal column."""
    low, high = decimal_words(column)
    valid = valid_mask(column)
    return [
        int(h) * (1 << 64) + int(w) if valid is None or valid[i] else None
        for i, (w, h) in enumerate(zip(low.tolist(), high.tolist(), strict=True))
    ]
