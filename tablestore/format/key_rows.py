"""Integers out of many serialized BinaryRows of one kind at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.types.model import DataType

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

INTEGER_SLOTS: Final = {
    "TINYINT": "<i1",
    "SMALLINT": "<i2",
    "INT": "<i4",
    "DATE": "<i4",
    "TIME": "<i4",
    "BIGINT": "<i8",
}
_HEAD: Final = 12  # number of fields, row kind and null bits of up to 56 fields
_MAX_FIELDS: Final = 56


def integer_fields(rows: Sequence[bytes], types: Sequence[DataType]) -> list[list[int]] | None:
    """The values of each field.

    Args:
        rows: serialized rows.
        types: the fields' types.

    Returns:
        None where a field is no integer, or where a row has a null or is damaged.
    """
    codes = [INTEGER_SLOTS.get(kind.name) for kind in types if isinstance(kind, AtomicType)]
    width = _HEAD + 8 * len(types)
    if None in codes or not 0 < len(codes) == len(types) <= _MAX_FIELDS:
        return None
    if any(len(row) != width for row in rows):
        return None
    cells = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), width)
    head = np.zeros(_HEAD, dtype=np.uint8)
    head[3] = len(types)
    if (cells[:, :4] != head[:4]).any() or cells[:, 5:_HEAD].any():
        return None
    found = []
    for index, code in enumerate(codes):
        slot = np.dtype(code)
        place = _HEAD + 8 * index
        found.append(cells[:, place : place + slot.itemsize].copy().view(slot)[:, 0].tolist())
    return found


def integer_slots(
    rows: Sequence[bytes], arity: int, index: int, kind: AtomicType
) -> tuple[Int64s, Bools] | None:
    """One field of rows whose other fields may be anything.

    Args:
        rows: serialized rows.
        arity: fields of a row.
        index: the field.
        kind: its type, one of ``INTEGER_SLOTS``.

    Returns:
        The values, and False where one is null; None where a row is damaged.

    Shapes:
        out: both (rows,).
    """
    head = 4 + (arity + 63 + 8) // 64 * 8
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    if not len(rows) or (lengths < head + 8 * arity).any():
        return None
    starts = np.cumsum(lengths) - lengths
    data = np.frombuffer(b"".join(rows), dtype=np.uint8)
    counts = _words(data, starts, ">i4")
    if (counts != arity).any():
        return None
    bit = 8 + index
    present = data[starts + 4 + bit // 8] >> (bit % 8) & 1 == 0
    values = _words(data, starts + head + 8 * index, INTEGER_SLOTS[kind.name])
    return values.astype(np.int64), present


def _words(data: NDArray[np.uint8], places: Int64s, code: str) -> NDArray[np.int64]:
    kind = np.dtype(code)
    everywhere: NDArray[np.int64] = np.ndarray(
        (len(data) - kind.itemsize + 1,), dtype=kind, buffer=data, strides=(1,)
    )
    return everywhere[places]
