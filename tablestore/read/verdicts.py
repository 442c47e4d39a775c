"""What value statistics say of many files at once, where a filter compares whole numbers.

For each AND part that compares a column of integers, dates or times with a constant, the bounds of
all files are taken out of their statistics as arrays. What is not certain that way (nulls, other
types, columns that changed) is left to ``may_match``, file by file; both agree where both answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from tablestore.format.key_rows import INTEGER_SLOTS, integer_slots
from tablestore.predicate import nodes
from tablestore.predicate.literal import Literal
from tablestore.predicate.traverse import conjuncts
from tablestore.types.model import AtomicType

if TYPE_CHECKING:
    from tablestore.format.manifest import DataFileMeta, ManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.predicate.nodes import Predicate

Int64s = NDArray[np.int64]
Bools = NDArray[np.bool_]

_FEW_FILES: Final = 64
_INT64: Final = range(-(2**63), 2**63)
_CAN: Final[dict[str, Callable[[Int64s, Int64s, int], Bools]]] = {
    "=": lambda low, high, value: (low <= value) & (high >= value),
    "!=": lambda low, high, value: (low != value) | (high != value),
    "<": lambda low, high, value: low < value,
    "<=": lambda low, high, value: low <= value,
    ">": lambda low, high, value: high > value,
    ">=": lambda low, high, value: high >= value,
}


def value_verdicts(
    predicate: Predicate,
    entries: Sequence[ManifestEntry],
    schema_of: Callable[[int], TableSchema],
    table: TableSchema,
) -> dict[int, bool]:
    """Whether files may hold a selected row, by the ``id`` of those whose answer is certain.

    Args:
        predicate: bound to the table's columns.
        entries: the files.
        schema_of: the schema of an id.
        table: the schema to read as.
    """
    parts = conjuncts(predicate)
    tests = [part for part in parts if _is_plain(part)]
    if not tests or len(entries) < _FEW_FILES:
        return {}
    kinds: dict[object, list[ManifestEntry]] = {}
    for entry in entries:
        meta = entry.file
        kind = (meta.schema_id, meta.value_stats_cols, meta.write_cols)
        kinds.setdefault(kind, []).append(entry)
    found: dict[int, bool] = {}
    for files in kinds.values():
        schema = schema_of(files[0].file.schema_id)
        can, sure = _of_kind(tests, [entry.file for entry in files], schema, table)
        if len(tests) < len(parts):
            sure &= ~can  # another part may still exclude it
        chosen = np.flatnonzero(sure)
        answers = can[chosen].tolist()
        found |= {
            id(files[row]): answer for row, answer in zip(chosen.tolist(), answers, strict=True)
        }
    return found


def _is_plain(part: Predicate) -> bool:
    return (
        isinstance(part, nodes.Compare)
        and isinstance(part.value, Literal)
        and type(part.value.value) is int
        and part.value.value in _INT64
        and part.column.type is not None
    )


def _of_kind(
    tests: Sequence[Predicate],
    files: Sequence[DataFileMeta],
    schema: TableSchema,
    table: TableSchema,
) -> tuple[Bools, Bools]:
    """Whether each file can match, and whether that is certain."""
    can = np.ones(len(files), dtype=bool)
    known = np.ones(len(files), dtype=bool)  # every part gave an answer
    for part in tests:
        assert isinstance(part, nodes.Compare)
        assert isinstance(part.value, Literal)
        bounds = _bounds(part.column.name, files, schema, table)
        if bounds is None:
            known[:] = False
            continue
        low, high, present = bounds
        number = part.value.value
        assert isinstance(number, int)
        known &= present
        can &= _CAN[part.op](low, high, number) | ~present
    return can, known | ~can


def _bounds(
    name: str, files: Sequence[DataFileMeta], schema: TableSchema, table: TableSchema
) -> tuple[Int64s, Int64s, Bools] | None:
    """The bounds of a column in each file, and where they are known."""
    wanted = table.field(name)
    old = {field.id: field for field in schema.fields}.get(wanted.id)
    meta = files[0]
    names = meta.value_stats_cols
    if names is None:
        names = meta.write_cols or schema.field_names
    if old is None or old.name not in names or not set(schema.field_names).issuperset(names):
        return None
    kind = old.type
    same = kind.with_nullable(True) == wanted.type.with_nullable(True)
    if not same or not isinstance(kind, AtomicType) or kind.name not in INTEGER_SLOTS:
        return None
    place = tuple(names).index(old.name)
    lows = integer_slots([meta.value_stats.min_values for meta in files], len(names), place, kind)
    highs = integer_slots([meta.value_stats.max_values for meta in files], len(names), place, kind)
    if lows is None or highs is None:
        return None
    rows = np.array([meta.row_count > 0 for meta in files], dtype=bool)
    return lows[0], highs[0], lows[1] & highs[1] & rows
