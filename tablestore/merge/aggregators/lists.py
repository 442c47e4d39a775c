"""``collect``: arrays joined.

Source: ``FieldCollectAgg``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tablestore.kernels.java_hash import buckets
from tablestore.merge.aggregators.hash_order import element_hashes, in_table_order
from tablestore.merge.aggregators.parts import Elements, codes, folded, made_of, steps_of

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions


@dataclass(frozen=True)
class Collect:
    """``collect``: the elements of all versions, a retracted element taken out once.

    Attributes:
        distinct: an element that is there already is not added.
        late_first: late versions come first; else they come when they come.
    """

    distinct: bool = False
    late_first: bool = False
    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The joined arrays; null where there was none."""
        if self.late_first:
            versions = versions.oldest_first()
        elements = Elements.of(column, versions)
        if versions.retract is not None and bool(versions.retract.any()):
            known = codes(column.values)
            hashes = element_hashes(column.values) if self.distinct else None
            return folded(
                column, versions, lambda g: self._fold(g, versions, elements, known, hashes)
            )
        numbers, place = elements.numbers()
        group = versions.group[place]
        if self.distinct:
            first = _first_of_each(group, codes(column.values)[numbers])
            numbers, group = _hashed(column, numbers[first], group[first])
        counts = np.bincount(group, minlength=len(versions))
        return made_of(column, numbers, counts, versions.last(elements.present) >= 0)

    def _fold(
        self,
        group: int,
        versions: Versions,
        elements: Elements,
        known: NDArray[np.int64],
        hashes: NDArray[np.int32] | None,
    ) -> list[int] | None:
        held: list[int] | None = None
        for place, back, _ in steps_of(versions, group):
            span = elements.span(place)
            if span is None or (held is None and back):
                continue
            if not back:
                held = self._joined(held or [], span, known)
                if hashes is not None:
                    held = in_table_order(held, hashes, len(held))
            elif span:
                held = _without(held or [], span, known)
        return held

    def _joined(self, held: list[int], span: range, known: NDArray[np.int64]) -> list[int]:
        if not self.distinct:
            return [*held, *span]
        there = {int(known[number]) for number in held}
        new = []
        for number in span:
            if int(known[number]) not in there:
                there.add(int(known[number]))
                new.append(number)
        return [*held, *new]


def _without(held: list[int], span: range, known: NDArray[np.int64]) -> list[int]:
    """The elements without one equal element for each retracted one."""
    gone = Counter(known[span.start : span.stop].tolist())
    kept = []
    for number in held:
        code = int(known[number])
        if gone[code]:
            gone[code] -= 1
        else:
            kept.append(number)
    return kept


def _hashed(
    column: pa.Array, numbers: NDArray[np.int64], group: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Different elements as Java's hash table of each group gives them."""
    hashes = element_hashes(column.values)
    if hashes is None or not len(numbers):
        return numbers, group
    bucket = buckets(hashes[numbers], np.bincount(group)[group])
    order = np.lexsort((bucket, group))
    return numbers[order], group[order]


def _first_of_each(group: NDArray[np.intp], known: NDArray[np.int64]) -> NDArray[np.intp]:
    """Places of the first of equal elements of each group, in order."""
    if not len(known):
        return np.zeros(0, dtype=np.intp)
    both = group * (int(known.max()) + 2) + known + 1
    _, first = np.unique(both, return_index=True)
    return np.sort(first)
