"""``nested_update`` and ``nested_partial_update``: a table of rows inside a column.

Source: ``FieldNestedUpdateAgg``, ``FieldNestedPartialUpdateAgg``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tablestore.errors import InvalidInputError
from tablestore.merge.aggregators.parts import (
    Elements,
    codes,
    folded,
    list_array,
    steps_of,
)

if TYPE_CHECKING:
    from tablestore.merge.aggregators.protocol import Versions

Key = tuple[int, ...]
_NULL_ROW = -2


@dataclass(frozen=True)
class _Rows:
    """The rows of a column of arrays of rows, by number."""

    keys: Sequence[Key]
    order: Sequence[Key]
    null: Sequence[bool]

    @classmethod
    def of(cls, column: pa.Array, key: Sequence[int], sequence: Sequence[int]) -> _Rows:
        """Keys and sequence values as codes, equal or ordered as the values are."""
        values = column.values
        return cls(_tuples(values, key), _tuples(values, sequence), values.is_null().to_pylist())


def _tuples(values: pa.Array, fields: Sequence[int]) -> list[Key]:
    if not fields:
        return [()] * len(values)
    columns = [codes(values.field(field)).tolist() for field in fields]
    return list(zip(*columns, strict=True))


@dataclass(frozen=True)
class Nulls:
    """What becomes of rows whose key has a null: ``merge``, ``ignore`` or ``error``."""

    strategy: str = "merge"

    def takes(self, key: Key) -> bool:
        """Whether a row with this key is taken.

        Raises:
            InvalidInputError: the key has a null, and that is an error.
        """
        if self.strategy == "merge" or min(key, default=0) >= 0:
            return True
        if self.strategy == "error":
            raise InvalidInputError("a nested key contains null")
        return False


@dataclass(frozen=True)
class NestedUpdate:
    """``nested_update``: rows added, or replaced by key.

    Attributes:
        key: places of the fields that name a row; without them every row is added.
        sequence: places of the fields by which a row is newer than another of its key.
        limit: rows that are kept at most; with a key only new keys count.
        nulls: for keys with nulls.
    """

    key: tuple[int, ...] = ()
    sequence: tuple[int, ...] = ()
    limit: int = (1 << 31) - 1
    nulls: Nulls = Nulls()
    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The tables; null where there was none.

        Raises:
            InvalidInputError: a key has a null, and that is an error.
        """
        elements = Elements.of(column, versions)
        fields = self.key or tuple(range(column.type.value_type.num_fields))
        rows = _Rows.of(column, fields, self.sequence)
        add = self._upserted if self.key else self._appended
        take_back = self._without_keys if self.key else self._without_equal

        def fold(group: int) -> list[int] | None:
            held: list[int] | None = None
            for place, back, late in steps_of(versions, group):
                span = elements.span(place)
                if span is None and not (late and held is not None):
                    continue
                if versions.reset is not None and versions.reset[place]:
                    held = _listed(span)
                elif back:
                    held = None if held is None else take_back(held, span or (), rows)
                elif late:
                    # the late version is the accumulator, and what was held its input
                    held = add(span, held, rows) if held is not None else _listed(span)
                else:
                    held = add(held, span or (), rows)
            return held

        return folded(column, versions, fold)

    def _appended(self, held: Sequence[int] | None, new: Sequence[int], rows: _Rows) -> list[int]:
        if held is not None and len(held) >= self.limit:
            return list(held)
        known = [number for number in held or () if not rows.null[number]]
        room = self.limit - len(held or ())
        return [*known, *[number for number in new if not rows.null[number]][: max(room, 0)]]

    def _upserted(self, held: Sequence[int] | None, new: Sequence[int], rows: _Rows) -> list[int]:
        found: dict[Key, int] = {}
        for limited, numbers in ((False, held or ()), (True, new)):
            for number in numbers:
                self._upsert(found, number, rows, limited=limited)
        return list(found.values())

    def _upsert(self, found: dict[Key, int], number: int, rows: _Rows, *, limited: bool) -> None:
        if rows.null[number] or not self.nulls.takes(key := rows.keys[number]):
            return
        there = found.get(key)
        if there is not None:
            if rows.order[number] >= rows.order[there]:
                found[key] = number
        elif not limited or len(found) < self.limit:
            found[key] = number

    def _without_equal(self, held: Sequence[int], gone: Sequence[int], rows: _Rows) -> list[int]:
        equal = {rows.keys[number] for number in gone if not rows.null[number]}
        known = [number for number in held if not rows.null[number]]
        return [number for number in known if rows.keys[number] not in equal]

    def _without_keys(self, held: Sequence[int], gone: Sequence[int], rows: _Rows) -> list[int]:
        found: dict[Key, int] = {}
        for number in held:
            if not rows.null[number] and self.nulls.takes(rows.keys[number]):
                found[rows.keys[number]] = number
        for number in gone:
            if not rows.null[number] and self.nulls.takes(rows.keys[number]):
                found.pop(rows.keys[number], None)
        return list(found.values())


def _listed(span: Sequence[int] | None) -> list[int] | None:
    return None if span is None else list(span)


@dataclass(frozen=True)
class NestedPartialUpdate:
    """``nested_partial_update``: rows by key, each field the newest value that is not null.

    Attributes:
        key: places of the fields that name a row.
        nulls: for keys with nulls.
    """

    key: tuple[int, ...]
    nulls: Nulls = Nulls()
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The tables; null where there was none.

        Raises:
            InvalidInputError: a key has a null, and that is an error.
        """
        elements = Elements.of(column, versions)
        rows = _Rows.of(column, self.key, ())
        fields = [column.values.field(i) for i in range(column.type.value_type.num_fields)]
        known = [field.is_valid().to_pylist() for field in fields]
        counts, valid = np.zeros(len(versions), dtype=np.int64), np.zeros(len(versions), np.bool_)
        chosen: list[list[int]] = []
        for group in range(len(versions)):
            found = self._fold(list(steps_of(versions, group)), versions, elements, rows, known)
            valid[group] = found is not None
            counts[group] = len(found or ())
            chosen += found or ()
        taken = np.array(chosen, dtype=np.int64).reshape(-1, len(fields))
        columns = [
            field.take(pa.array(taken[:, i], mask=taken[:, i] < 0))
            for i, field in enumerate(fields)
        ]
        null = pa.array(taken[:, 0] == _NULL_ROW)
        inner = list(column.type.value_type)
        made = pa.StructArray.from_arrays(columns, fields=inner, mask=null)
        return list_array(column.type, made, counts, valid)

    def _fold(
        self,
        steps: list[tuple[int, bool, bool]],
        versions: Versions,
        elements: Elements,
        rows: _Rows,
        known: Sequence[Sequence[bool]],
    ) -> list[list[int]] | None:
        """Per row of the result the numbers of the rows that its fields are of."""
        some = [step for step in steps if elements.present[step[0]]]
        if not some:
            return None
        place, _, late = some[0]
        placed = late or (versions.reset is not None and bool(versions.reset[place]))
        if placed and len(some) == 1 and not any(step[2] for step in steps if step[0] > place):
            # what takes the accumulator's place, and meets nothing, stays as it is
            numbers = elements.span(place) or ()
            return [[_NULL_ROW if rows.null[n] else n] * len(known) for n in numbers]
        held: dict[Key, list[int]] = {}
        for place, _, _ in sorted(some, key=lambda step: (not step[2], -step[0] * step[2])):
            for number in elements.span(place) or ():
                if not rows.null[number] and self.nulls.takes(rows.keys[number]):
                    _update(held, rows.keys[number], number, known)
        return list(held.values())


def _update(
    held: dict[Key, list[int]], key: Key, number: int, known: Sequence[Sequence[bool]]
) -> None:
    row = held.setdefault(key, [-1] * len(known))
    for index, there in enumerate(known):
        if there[number]:
            row[index] = number
