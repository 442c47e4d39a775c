"""Find the first value that a column's type forbids: a null, or a text that is too long.

Only what is visible counts: Arrow may keep anything below a null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.types.model import AtomicType, DataType, RowType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_UNBOUNDED: Final = 2_147_483_647


@dataclass(frozen=True)
class Violation:
    """A value that may not be there.

    Attributes:
        path: the column, or the part of it, e.g. ``s.a`` or ``tags.element``.
        row: its row in the array.
        expected: in words.
        found: in words.
    """

    path: str
    row: int
    expected: str
    found: str


def first_violation(array: pa.Array, data_type: DataType, name: str) -> Violation | None:
    """The first value that ``data_type`` forbids at any depth, or None.

    Args:
        array: values of the Arrow type that belongs to ``data_type``.
        data_type: with its constraints: NOT NULL, lengths.
        name: of the column.
    """
    return _check(array, data_type, name, None)


def _check(
    array: pa.Array, data_type: DataType, path: str, rows: NDArray[np.int64] | None
) -> Violation | None:
    if not data_type.nullable and array.null_count:
        at = pc.index(array.is_null(), value=True).as_py()
        return Violation(path, _row(rows, at), f"a value ({data_type})", "null")
    if isinstance(data_type, AtomicType):
        return _check_length(array, data_type, path, rows)
    if not _constrained(data_type):
        return None
    if array.null_count:
        valid = array.is_valid()
        kept = np.flatnonzero(valid.to_numpy(zero_copy_only=False))
        array, rows = array.filter(valid), kept if rows is None else rows[kept]
    for part, kind, name, owners in _parts(array, data_type):
        inner = owners if rows is None else rows[owners] if owners is not None else rows
        found = _check(part, kind, f"{path}.{name}", inner)
        if found is not None:
            return found
    return None


def _constrained(data_type: DataType) -> bool:
    """Whether a part of a nested type can be violated."""
    parts = list(data_type.walk())[1:]
    return any(not part.nullable or _limit(part) is not None for part in parts)


def _limit(data_type: DataType) -> int | None:
    length = data_type.length if isinstance(data_type, AtomicType) else None
    return None if length is None or length >= _UNBOUNDED else length


def _row(rows: NDArray[np.int64] | None, at: int) -> int:
    return at if rows is None else int(rows[at])


def _check_length(
    array: pa.Array, data_type: AtomicType, path: str, rows: NDArray[np.int64] | None
) -> Violation | None:
    limit = _limit(data_type)
    if limit is None:
        return None
    text = pa.types.is_string(array.type)
    lengths = pc.utf8_length(array) if text else pc.binary_length(array)
    longest = pc.max(lengths).as_py()
    if longest is None or longest <= limit:
        return None
    at = pc.index(pc.greater(lengths, limit), value=True).as_py()
    unit = "characters" if text else "bytes"
    return Violation(
        path, _row(rows, at), f"at most {limit} {unit} ({data_type})", str(lengths[at])
    )


def _parts(
    array: pa.Array, data_type: DataType
) -> Iterator[tuple[pa.Array, DataType, str, NDArray[np.int64] | None]]:
    """Children of an array without nulls, and for lists the row that each value belongs to."""
    if isinstance(data_type, RowType):
        for index, member in enumerate(data_type.fields):
            yield array.field(index), member.type, member.name, None
        return
    offsets = array.offsets.to_numpy()
    first, count = int(offsets[0]), int(offsets[-1] - offsets[0])
    owners = np.repeat(np.arange(len(array)), np.diff(offsets))
    children = data_type.children
    if not pa.types.is_map(array.type):
        yield array.values.slice(first, count), children[0], "element", owners
        return
    yield array.keys.slice(first, count), children[0], "key", owners
    if len(children) > 1:  # the count of a MULTISET has no constraint of its own
        yield array.items.slice(first, count), children[1], "value", owners
