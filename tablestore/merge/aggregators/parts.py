"""Nested columns by the numbers of their elements: equality, spans, and columns made of them.

Elements are never turned into Python values: a function works on their numbers and on codes that
are equal where the elements are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.merge.keys import nullable_lanes
from tablestore.merge.orders import pack

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions

NULL_CODE = -1
"""The code of a null element."""


def codes(array: pa.Array) -> NDArray[np.int64]:
    """Numbers that are equal where elements are, and ascend as plain elements do; null is -1."""
    kind = array.type
    if pa.types.is_struct(kind):
        fields = [codes(array.field(index)) for index in range(kind.num_fields)]
        found = _pair_codes(fields, len(array))
    elif pa.types.is_list(kind) or pa.types.is_map(kind):
        found = _sequence_codes(array)
    else:
        found = _pair_codes([lane.view(np.int64) for lane in _words(array)], len(array))
    if array.null_count:
        found[array.is_null().to_numpy(zero_copy_only=False)] = NULL_CODE
    return found


def _words(array: pa.Array) -> list[NDArray[np.uint64]]:
    if pa.types.is_null(array.type) or not len(array):
        return [np.zeros(len(array), dtype=np.uint64)]
    return pack(nullable_lanes(array))


def _pair_codes(columns: Sequence[NDArray[np.int64]], count: int) -> NDArray[np.int64]:
    """One number for each combination of columns."""
    found = np.zeros(count, dtype=np.int64)
    for column in columns:
        values, inverse = np.unique(column.view(np.uint64), return_inverse=True)
        _, found = np.unique(found * (len(values) + 1) + inverse, return_inverse=True)
    return found.astype(np.int64)


def _sequence_codes(array: pa.Array) -> NDArray[np.int64]:
    """Codes of lists and maps; the entries of a map have no order."""
    keyed = pa.types.is_map(array.type)
    if keyed:
        elements = _pair_codes([codes(array.keys), codes(array.items)], len(array.keys))
    else:
        elements = codes(array.values)
    offsets = array.offsets.to_numpy(zero_copy_only=False)
    seen: dict[tuple[int, ...], int] = {}
    found = np.zeros(len(array), dtype=np.int64)
    plain = elements.tolist()
    for index, (start, end) in enumerate(pairwise(offsets.tolist())):
        own = plain[start:end]
        found[index] = seen.setdefault(tuple(sorted(own) if keyed else own), len(seen))
    return found


@dataclass(frozen=True)
class Elements:
    """The elements of a list or map column, version by version.

    Attributes:
        present: which entries of ``Versions.order`` are not null.
        starts: number of each version's first element; anything where it is null.
        counts: elements of each version, 0 where it is null.
    """

    present: NDArray[np.bool_]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, column: pa.Array, versions: Versions) -> Elements:
        """The elements of the versions' rows."""
        offsets = column.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        present = column.is_valid().to_numpy(zero_copy_only=False)[versions.order]
        starts = offsets[versions.order]
        counts = np.where(present, offsets[versions.order + 1] - starts, 0)
        return cls(present, starts, counts)

    def numbers(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """The number of every element, and the place in ``order`` of its version."""
        place = np.repeat(np.arange(len(self.counts)), self.counts)
        begins = np.cumsum(self.counts) - self.counts
        return self.starts[place] + np.arange(len(place)) - begins[place], place

    def span(self, place: int) -> range | None:
        """The numbers of a version's elements; None where it is null."""
        if not self.present[place]:
            return None
        start = int(self.starts[place])
        return range(start, start + int(self.counts[place]))


def made_of(
    column: pa.Array,
    numbers: NDArray[np.int64],
    counts: NDArray[np.int64],
    valid: NDArray[np.bool_],
) -> pa.Array:
    """A list or map column of chosen elements of another one.

    Args:
        column: whose elements are taken.
        numbers: of the elements, result by result.
        counts: elements of each result.
        valid: which results are not null; those have no elements.
    """
    taken = pa.array(numbers)
    if pa.types.is_map(column.type):
        fields = [column.type.key_field, column.type.item_field]
        arrays = [column.keys.take(taken), column.items.take(taken)]
        elements: pa.Array = pa.StructArray.from_arrays(arrays, fields=fields)
    else:
        elements = column.values.take(taken)
    return list_array(column.type, elements, counts, valid)


def list_array(
    kind: pa.DataType, elements: pa.Array, counts: NDArray[np.int64], valid: NDArray[np.bool_]
) -> pa.Array:
    """A list or map column of the given elements, one after the other."""
    offsets = np.append(0, np.cumsum(counts)).astype(np.int32)
    bits = pa.array(valid).buffers()[1] if len(valid) else None
    buffers = [bits, pa.py_buffer(offsets)]
    return pa.Array.from_buffers(kind, len(counts), buffers, children=[elements])


def steps_of(versions: Versions, group: int) -> Iterator[tuple[int, bool, bool]]:
    """The versions of a group one by one: place in ``order``, whether retract, whether late."""
    for place in range(int(versions.offsets[group]), int(versions.offsets[group + 1])):
        back = versions.retract is not None and bool(versions.retract[place])
        late = versions.late is not None and bool(versions.late[place])
        yield place, back, late and not back


def folded(
    column: pa.Array, versions: Versions, fold: Callable[[int], list[int] | None]
) -> pa.Array:
    """A list or map column whose results a function gives group by group.

    Args:
        column: whose elements are taken.
        versions: the groups.
        fold: the numbers of a group's elements, or None for null.
    """
    results = [fold(group) for group in range(len(versions))]
    valid = np.fromiter((result is not None for result in results), np.bool_, len(results))
    counts = np.fromiter((len(result or ()) for result in results), np.int64, len(results))
    numbers = np.fromiter((n for result in results for n in result or ()), np.int64, counts.sum())
    return made_of(column, numbers, counts, valid)
