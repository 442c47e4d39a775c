"""What a table must hold, as plain Python: a dict by key or a list, and a copy of each snapshot.

Values: numbers, Decimal, str, bytes, bool; dates as days, times as milliseconds, timestamps as
counts of the column's unit; arrays as lists, maps and multisets as lists of pairs, rows as dicts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

Row = dict[str, Any]


def canonical(value: Any) -> Any:
    """A hashable form that tells all values apart: -0.0 from 0.0, True from 1; NaN is one value."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    if isinstance(value, dict):
        return ("row", *((name, canonical(part)) for name, part in sorted(value.items())))
    if isinstance(value, (list, tuple)):
        return ("list", *(canonical(part) for part in value))
    return (type(value).__name__, value)


def plain(array: pa.Array | pa.ChunkedArray) -> list[Any]:
    """The values of a column as the model holds them."""
    return _integers(array).to_pylist()


def _integers(array):
    """Dates, times and timestamps as the integers behind them."""
    if isinstance(array, pa.ChunkedArray):
        chunks = [_integers(chunk) for chunk in array.chunks]
        return pa.chunked_array(chunks) if chunks else array
    kind = array.type
    if pa.types.is_temporal(kind):
        return array.view(pa.int32() if kind.bit_width == 32 else pa.int64())
    return array


def canonical_rows(table: pa.Table) -> Counter:
    columns = [plain(column) for column in table.columns]
    rows = zip(*columns, strict=True) if columns else [()] * table.num_rows
    return Counter(tuple(canonical(value) for value in row) for row in rows)


@dataclass
class Model:
    """A table of rows.

    Attributes:
        columns: names in order.
        key: primary key; empty for an append table.
        by: partition columns.
        rows: current rows, by canonical key or by arrival.
        history: the rows after each snapshot.
    """

    columns: tuple[str, ...]
    key: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    rows: dict[Any, Row] = field(default_factory=dict)
    history: dict[int, dict[Any, Row]] = field(default_factory=dict)
    arrived: int = 0

    def put(self, row: Row, kind: str = "+I") -> None:
        if not self.key:
            self.arrived += 1
            self.rows[self.arrived] = row
        elif kind in ("+I", "+U"):
            self.rows[self.key_of(row)] = row
        else:
            self.rows.pop(self.key_of(row), None)

    def key_of(self, row: Row) -> Any:
        return tuple(canonical(row[name]) for name in self.key)

    def partition_of(self, row: Row) -> Any:
        return tuple(canonical(row[name]) for name in self.by)

    def drop(self, chosen: Callable[[Row], bool]) -> None:
        self.rows = {key: row for key, row in self.rows.items() if not chosen(row)}

    def committed(self, snapshot_id: int | None) -> None:
        """Remember what the snapshot holds; None where the write changed nothing."""
        if snapshot_id is not None:
            self.history[snapshot_id] = dict(self.rows)

    def expected(
        self,
        rows: Iterable[Row],
        columns: Sequence[str] | None = None,
        where: Condition | None = None,
    ) -> Counter:
        """What a read must give, with the number of times each row comes."""
        names = self.columns if columns is None else columns
        chosen = (row for row in rows if where is None or where.holds(row))
        return Counter(tuple(canonical(row[name]) for name in names) for row in chosen)


# -- conditions -----------------------------------------------------------------------------------


def order(value: Any) -> Any:
    """A form that compares like the column: NaN above all numbers, the zeros equal."""
    if isinstance(value, float):
        return (1, 0.0) if math.isnan(value) else (0, value)
    return value


@dataclass(frozen=True)
class Condition:
    """A filter that the model evaluates row by row, in three-valued logic (None: unknown)."""

    test: Callable[[Row], bool | None]
    built: Any
    text: str

    def holds(self, row: Row) -> bool:
        return self.test(row) is True


def compare(column, op: str, name: str, value: Any, literal: Any) -> Condition:
    """``column op literal``; ``value`` is the literal as the model holds it."""
    tests = {
        "=": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }

    def test(row: Row) -> bool | None:
        found = row[name]
        return None if found is None else tests[op](order(found), order(value))

    column = {
        "=": lambda: column == literal,
        "!=": lambda: column != literal,
        "<": lambda: column < literal,
        "<=": lambda: column <= literal,
        ">": lambda: column > literal,
        ">=": lambda: column >= literal,
    }[op]()
    return Condition(test, column, f"{name} {op} {literal!r}")


def is_in(column, name: str, values: Sequence[Any], literals: Sequence[Any]) -> Condition:
    known = [order(value) for value in values]

    def test(row: Row) -> bool | None:
        return None if row[name] is None else order(row[name]) in known

    return Condition(test, column.isin(list(literals)), f"{name} in {list(literals)!r}")


def is_null(column, name: str) -> Condition:
    return Condition(lambda row: row[name] is None, column.is_null(), f"{name} is null")


def both(a: Condition, b: Condition) -> Condition:
    def test(row: Row) -> bool | None:
        left, right = a.test(row), b.test(row)
        if left is False or right is False:
            return False
        return None if left is None or right is None else True

    return Condition(test, a.built & b.built, f"({a.text} and {b.text})")


def either(a: Condition, b: Condition) -> Condition:
    def test(row: Row) -> bool | None:
        left, right = a.test(row), b.test(row)
        if left or right:
            return True
        return None if left is None or right is None else False

    return Condition(test, a.built | b.built, f"({a.text} or {b.text})")


def negated(a: Condition) -> Condition:
    def test(row: Row) -> bool | None:
        found = a.test(row)
        return None if found is None else not found

    return Condition(test, ~a.built, f"not {a.text}")
