"""A list of dicts as a record batch of the table's types.

Arrow's conversion of Python values forgives much: it cuts fractions and microseconds off, guesses
time zones and leaves members out. What does not come back as it went in is refused here. (Floats
may round to FLOAT: Python has no narrower ones.)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import pyarrow as pa

from tablestore.errors import InvalidInputError

_REFUSALS: Final = (pa.ArrowException, TypeError, ValueError, OverflowError)


def batch_of_dicts(
    rows: Sequence[Mapping[str, object]], expected: pa.Schema, table: str
) -> pa.RecordBatch:
    """Dicts as columns of the table's types; a key that a dict lacks is null.

    Args:
        rows: the dicts.
        expected: the table's columns; others are taken as text, for the caller to refuse.
        table: the table's name, for messages.

    Raises:
        InvalidInputError: names the column and row that do not fit.
    """
    wrong = next((type(row).__name__ for row in rows if not isinstance(row, Mapping)), None)
    if wrong is not None:
        raise InvalidInputError(f"table {table}: expected a list of dicts, found a {wrong} in it")
    names = list(dict.fromkeys(chain.from_iterable(rows))) or expected.names
    fields = []
    for name in names:
        if not isinstance(name, str):
            raise InvalidInputError(f"table {table}: column names are text, found {name!r}")
        known = name in expected.names
        fields.append(expected.field(name) if known else pa.field(name, pa.string()))
    columns = [_column(rows, field, table, known=field.name in expected.names) for field in fields]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _column(
    rows: Sequence[Mapping[str, object]], field: pa.Field, table: str, *, known: bool
) -> pa.Array:
    values = [row.get(field.name) for row in rows]
    if not known:
        return pa.nulls(len(values), field.type)
    try:
        array = pa.array(values, type=field.type)
    except _REFUSALS:
        row = next(row for row, value in enumerate(values) if _refused(value, field.type))
        raise _misfit(table, field, row, values[row]) from None
    changed = _first_change(values, array)
    if changed is not None:
        raise _misfit(table, field, changed, values[changed])
    return array


def _refused(value: object, kind: pa.DataType) -> bool:
    try:
        pa.array([value], type=kind)
    except _REFUSALS:
        return True
    return False


def _first_change(values: list[object], array: pa.Array) -> int | None:
    """The first value that Arrow turned into another one."""
    kind = array.type
    try:
        stored = _comparable(array).to_pylist()
    except _REFUSALS:  # a number given for a date that Python cannot express
        stored = [None] * len(values)
    pairs = enumerate(zip(values, stored, strict=True))
    return next((row for row, (value, back) in pairs if not _same(value, back, kind)), None)


def _comparable(array: pa.Array) -> pa.Array:
    """The array in a type that every Python can show (nanoseconds need pandas)."""
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        return array.cast(pa.timestamp("us", array.type.tz), safe=False)
    return array


def _same(value: Any, back: Any, kind: pa.DataType) -> bool:  # noqa: ANN401
    if value is None or back is None:
        return value is back
    if pa.types.is_nested(kind):
        return _same_nested(value, back, kind)
    if isinstance(value, bool) != pa.types.is_boolean(kind):
        return False
    if pa.types.is_floating(kind):
        return True
    if pa.types.is_timestamp(kind):
        naive = isinstance(value, dt.datetime) and value.tzinfo is None
        if naive != (kind.tz is None):
            return False
        if kind.unit == "ns":  # may hold more than a datetime can show
            return isinstance(value, dt.datetime)
    return bool(value == back)


def _same_nested(value: Any, back: Any, kind: pa.DataType) -> bool:  # noqa: ANN401
    if pa.types.is_struct(kind):
        if not isinstance(value, Mapping):
            return False
        members = {field.name: field.type for field in kind}
        return members.keys() >= value.keys() and all(
            _same(value.get(name), back[name], member) for name, member in members.items()
        )
    if pa.types.is_map(kind):
        entries = value.items() if isinstance(value, Mapping) else value
        return all(
            _same(key, old_key, kind.key_type) and _same(item, old_item, kind.item_type)
            for (key, item), (old_key, old_item) in zip(entries, back, strict=True)
        )
    return all(_same(a, b, kind.value_type) for a, b in zip(value, back, strict=True))


def _misfit(table: str, field: pa.Field, row: int, value: object) -> InvalidInputError:
    shown = repr(value)
    return InvalidInputError(
        f"table {table}, column {field.name!r}, row {row}: expected {field.type}, found "
        f"{shown[:80]} ({type(value).__name__})",
        table=table,
        column=field.name,
        row=row,
        expected=str(field.type),
        found=shown[:80],
    )
