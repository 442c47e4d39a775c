"""``merge_map`` and ``merge_map_with_keytime``: maps joined key by key.

Source: ``FieldMergeMapAgg``, ``FieldMergeMapWithKeyTimeAgg``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tablestore.merge.aggregators.parts import Elements, codes, folded, made_of, steps_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions


@dataclass(frozen=True)
class MergeMap:
    """``merge_map``: of each key the newest entry; the keys of a retracted map are removed."""

    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The joined maps; null where there was none."""
        elements = Elements.of(column, versions)
        known = codes(column.keys)
        if versions.late is not None and bool(versions.late.any()):
            if versions.retract is not None:
                return folded(
                    column, versions, lambda group: _fold(group, versions, elements, known)
                )
            versions = versions.oldest_first()
            elements = Elements.of(column, versions)
        numbers, place = elements.numbers()
        newest = _last_of_each(versions.group[place], known[numbers])
        numbers, place = numbers[newest], place[newest]
        added = elements.present
        if versions.retract is not None:
            kept = ~versions.retract[place]
            numbers, place = numbers[kept], place[kept]
            added = added & ~versions.retract
        counts = np.bincount(versions.group[place], minlength=len(versions))
        return made_of(column, numbers, counts, versions.last(added) >= 0)


def _fold(
    group: int, versions: Versions, elements: Elements, known: NDArray[np.int64]
) -> list[int] | None:
    held: dict[int, int] | None = None
    for place, back, late in steps_of(versions, group):
        span = elements.span(place)
        if span is None or (held is None and back):
            continue
        held = dict(held or {})
        new = {int(known[number]): number for number in span}
        if back:
            held = {key: number for key, number in held.items() if key not in new}
        else:
            held = {**new, **held} if late else {**held, **new}
    return None if held is None else list(held.values())


def _last_of_each(group: NDArray[np.intp], known: NDArray[np.int64]) -> NDArray[np.intp]:
    """Places of the last entry of each key of each group, by group."""
    if not len(known):
        return np.zeros(0, dtype=np.intp)
    both = (group * (int(known.max()) + 2) + known + 1)[::-1]
    _, last = np.unique(both, return_index=True)
    return np.sort(len(known) - 1 - last)


@dataclass(frozen=True)
class MergeMapByTime:
    """``merge_map_with_keytime``: of each key the entry with the largest time, compared as text.

    A null row removes its key, a row without a time is not taken; what a group begins with is taken
    as it is.

    Attributes:
        field: place of the time in the rows.
    """

    field: int
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The joined maps; null where there was none."""
        elements = Elements.of(column, versions)
        entries = _Entries.of(column, self.field)

        def fold(group: int) -> list[int] | None:
            held: dict[int, int] | None = None
            for place, _, late in steps_of(versions, group):
                span = elements.span(place)
                if span is not None:
                    new = {entries.keys[number]: number for number in span}
                    pair = (new, held) if late else (held, new)
                    held = new if held is None else entries.joined(*pair)
            return None if held is None else list(held.values())

        return folded(column, versions, fold)


@dataclass(frozen=True)
class _Entries:
    """The entries of a map column by number: code of the key, time, whether the row is null."""

    keys: list[int]
    times: list[bytes | None]
    gone: list[bool]

    @classmethod
    def of(cls, column: pa.Array, field: int) -> _Entries:
        rows = column.items
        times = pc.struct_field(rows, [field]).to_pylist()  # null in a null row
        return cls(
            codes(column.keys).tolist(),
            [None if time is None else utf16(time) for time in times],
            rows.is_null().to_pylist(),
        )

    def joined(
        self, held: Mapping[int, int] | None, new: Mapping[int, int] | None
    ) -> dict[int, int]:
        """The held entries with the newer ones of another map."""
        found = dict(held or {})
        for key, number in (new or {}).items():
            if self.gone[number]:
                found.pop(key, None)
            elif self._is_later(number, found.get(key)):
                found[key] = number
        return found

    def _is_later(self, number: int, there: int | None) -> bool:
        time = self.times[number]
        if time is None:
            return False
        old = None if there is None else self.times[there]
        return old is None or time > old


def utf16(text: str) -> bytes:
    """Bytes that sort as Java compares strings: by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")
