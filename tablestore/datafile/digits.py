"""Decimals of at most 18 digits whose value has more: what sums may become.

Java adds such decimals as 64-bit integers and does not look at their digits. What a file makes of
the sum depends on the format: INT64 of Parquet keeps it, INT32 keeps 32 bits of it, ORC and Avro
give null. What a file keeps is kept; what it would change without a word is refused.

Source: ``DecimalUtils.add``, ``ParquetRowDataWriter``; see ``format_spec/decisions``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from tablestore.errors import InvalidInputError

_SHORT_DIGITS: Final = 18
_INT32_DIGITS: Final = 9


def check_digits(batch: pa.RecordBatch, file_format: str) -> None:
    """Refuse decimals that a file of this format would give back as something else.

    Raises:
        InvalidInputError: names the column and the value.
    """
    for field, column in zip(batch.schema, batch.columns, strict=True):
        kind = field.type
        if not pa.types.is_decimal(kind) or kind.precision > _SHORT_DIGITS or not len(column):
            continue
        high = 10**kind.precision - 1
        low = -high
        if file_format == "parquet":
            high = (1 << 31 if kind.precision <= _INT32_DIGITS else 1 << 63) - 1
            low = -high - 1
        values = _unscaled(column)
        # nulls hold anything, and are looked at only where something is too large
        if values.min() >= low and values.max() <= high:
            continue
        known = column.is_valid().to_numpy(zero_copy_only=False)
        above = np.flatnonzero(known & ((values > high) | (values < low)))
        if len(above):
            raise InvalidInputError(
                f"column {field.name!r}: the value {column[int(above[0])].as_py()} has more digits "
                f"than DECIMAL({kind.precision}, {kind.scale}) and cannot be stored in "
                f"{_NAMES[file_format]}; it is a sum of several versions: give the column a type "
                "of more digits",
                column=field.name,
            )


_NAMES: Final = {"parquet": "Parquet", "orc": "ORC", "avro": "Avro"}


def _unscaled(column: pa.Array) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    words = np.frombuffer(column.buffers()[1], dtype=np.int64).reshape(-1, 2)
    return words[column.offset : column.offset + len(column), 0]
