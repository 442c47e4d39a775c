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
from tablestore.format.bucket import row_hashes
from tablestore.merge.aggregators.hash_order import in_table_order
from tablestore.merge.aggregators.parts import (
    Elements,
    codes,
    folded,
    list_array,
    steps_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Versions
    from tablestore.types.model import DataType

Key = tuple[int, ...]
_NULL_ROW = -2


@dataclass(frozen=True)
class _Rows:
    """The rows of a column of arrays of rows, by number."""

    keys: Sequence[Key]
    order: Sequence[Key]
    null: Sequence[bool]
    hashes: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        column: pa.Array,
        key: Sequence[int],
        sequence: Sequence[int],
        types: Sequence[DataType],
    ) -> _Rows:
        """Keys and sequence values as codes, equal or ordered as the values are.

        Args:
            column: of arrays of rows.
            key: places of the fields that name a row.
            sequence: places of the fields by which a row is newer.
            types: of the key's fields, whose hashes order the result; none where it has no key.
        """
        values = column.values
        hashes = np.zeros(len(values), dtype=np.int32)
        if types and len(values):
            hashes = row_hashes([values.field(place) for place in key], types)
        return cls(
            _tuples(values, key), _tuples(values, sequence), values.is_null().to_pylist(), hashes
        )

    def as_table(self, numbers: Sequence[int], size: int) -> list[int]:
        """Rows of different keys as a hash table of some size gives them."""
        return in_table_order(numbers, self.hashes, size)


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
        key_types: of the key's fields.
    """

    key: tuple[int, ...] = ()
    sequence: tuple[int, ...] = ()
    limit: int = (1 << 31) - 1
    nulls: Nulls = Nulls()
    key_types: tuple[DataType, ...] = ()
    can_retract: bool = True

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The tables; null where there was none.

        Raises:
            InvalidInputError: a key has a null, and that is an error.
        """
        elements = Elements.of(column, versions)
        fields = self.key or tuple(range(column.type.value_type.num_fields))
        rows = _Rows.of(column, fields, self.sequence, self.key_types)
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
        return rows.as_table(list(found.values()), len(found))

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
        size = len(found)
        for number in gone:
            if not rows.null[number] and self.nulls.takes(rows.keys[number]):
                found.pop(rows.keys[number], None)
        return rows.as_table(list(found.values()), size)


def _listed(span: Sequence[int] | None) -> list[int] | None:
    return None if span is None else list(span)


@dataclass(frozen=True)
class NestedPartialUpdate:
    """``nested_partial_update``: rows by key, each field the newest value that is not null.

    Attributes:
        key: places of the fields that name a row.
        nulls: for keys with nulls.
        key_types: of the key's fields.
    """

    key: tuple[int, ...]
    nulls: Nulls = Nulls()
    key_types: tuple[DataType, ...] = ()
    can_retract: bool = False

    def reduce(self, column: pa.Array, versions: Versions) -> pa.Array:
        """The tables; null where there was none.

        Raises:
            InvalidInputError: a key has a null, and that is an error.
        """
        elements = Elements.of(column, versions)
        rows = _Rows.of(column, self.key, (), self.key_types)
        fields = [column.values.field(i) for i in range(column.type.value_type.num_fields)]
        known = [field.is_valid().to_pylist() for field in fields]
        results = [
            self._fold(group, versions, elements, rows, known) for group in range(len(versions))
        ]
        valid = np.fromiter((found is not None for found in results), np.bool_, len(results))
        counts = np.fromiter((len(found or ()) for found in results), np.int64, len(results))
        chosen = [row.fields for found in results for row in found or ()]
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
        group: int,
        versions: Versions,
        elements: Elements,
        rows: _Rows,
        known: Sequence[Sequence[bool]],
    ) -> list[_PartRow] | None:
        held: list[_PartRow] | None = None
        for place, _, late in steps_of(versions, group):
            span = elements.span(place)
            new = None if span is None else [_PartRow.whole(n, rows, len(known)) for n in span]
            if versions.reset is not None and versions.reset[place]:
                held = new
                continue
            into, added = (new, held) if late else (held, new)
            held = into if added is None else self._joined([*(into or ()), *added], rows, known)
        return held

    def _joined(
        self, parts: Sequence[_PartRow], rows: _Rows, known: Sequence[Sequence[bool]]
    ) -> list[_PartRow]:
        """The rows of each key as one."""
        found: dict[Key, _PartRow] = {}
        size = 0
        for part in parts:
            if part.number == _NULL_ROW or not self.nulls.takes(key := rows.keys[part.number]):
                continue
            # what Java computes if absent makes the table larger one call later than what it puts
            size = len(found)
            own = found.setdefault(key, _PartRow(part.number, [-1] * len(known)))
            for index, number in enumerate(part.fields):
                if number >= 0 and known[index][number]:
                    own.fields[index] = number
        # and comes first in its bucket
        by_number = {part.number: part for part in reversed(found.values())}
        return [by_number[n] for n in rows.as_table(list(by_number), size)]


@dataclass(frozen=True)
class _PartRow:
    """A row whose fields may be those of several rows.

    Attributes:
        number: of a row with its key.
        fields: the row that each field is of; -1 is null.
    """

    number: int
    fields: list[int]

    @classmethod
    def whole(cls, number: int, rows: _Rows, fields: int) -> _PartRow:
        """A row as it stands in the column."""
        source = _NULL_ROW if rows.null[number] else number
        return cls(source, [source] * fields)
