"""Whether a file may hold a row that a predicate selects, from what is known of its columns.

Bound constants and the ends of ranges are values of the same kind, by the column's type:

======================  ==================================================
TINYINT … BIGINT        int
DECIMAL                 Decimal
FLOAT, DOUBLE           float
CHAR, VARCHAR, STRING   str (a file's padded CHAR bounds: strip the blanks first)
BINARY, BYTES           bytes
BOOLEAN                 bool
DATE                    int, days since 1970-01-01
TIME                    int, milliseconds since midnight
TIMESTAMP, with and     int, nanoseconds since 1970-01-01, whatever the precision
without time zone
======================  ==================================================

``array_of`` in ``arrow_scalar`` makes Arrow columns of them.

Invariant: a range may be too wide (cut or increased bounds), never too narrow, except that the
ranges of FLOAT and DOUBLE columns may leave NaN out, and order or confuse the zeros as they like:
some writers do. Whatever is not known is None. Then `may_match` is never False for a file that
holds a selected row.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from tablestore.predicate import nodes
from tablestore.predicate.identity import ById
from tablestore.predicate.like import literal_prefix
from tablestore.predicate.literal import Literal, Value
from tablestore.predicate.traverse import conjuncts, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tablestore.predicate.nodes import Column, Predicate

__all__ = ["ColumnRange", "equality_values", "may_match", "split"]
TUPLES_MAX = 1000


class ColumnRange(NamedTuple):
    """What is known of one column in one file.

    Attributes:
        min: no value is less; None if not known, or if there is no value.
        max: no value is greater.
        null_count: number of nulls.
        has_nan: False only if it is certain that a floating-point column holds no NaN, which lies
            above every number and may be missing from `max`.
    """

    min: Value = None
    max: Value = None
    null_count: int | None = None
    has_nan: bool | None = None


UNKNOWN = ColumnRange()


def may_match(
    predicate: Predicate | None, stats: Mapping[str, ColumnRange], row_count: int | None = None
) -> bool:
    """False only if certainly no row is selected.

    Args:
        predicate: bound; None selects every row.
        stats: what is known of the columns; one that is missing is unknown.
        row_count: number of rows, which makes an all-null column known as such.
    """
    if row_count == 0:
        return False
    return predicate is None or _File(stats, row_count, arrow=False).can(predicate, want=True)


class _File:
    """Answers whether a predicate can be true, or can be false, for some row of a file.

    With `arrow` the leaves mean what pyarrow means by them: NaN is unequal to and not comparable
    with everything, so a negated comparison is true for it.
    """

    def __init__(
        self, stats: Mapping[str, ColumnRange], row_count: int | None, *, arrow: bool
    ) -> None:
        self.stats = stats
        self.row_count = row_count
        self.arrow = arrow

    def can(self, node: Predicate, *, want: bool) -> bool:
        match node:
            case nodes.And(parts):
                answers = (self.can(part, want=want) for part in parts)
                return all(answers) if want else any(answers)
            case nodes.Or(parts):
                answers = (self.can(part, want=want) for part in parts)
                return any(answers) if want else all(answers)
            case nodes.Not(part):
                return self.can(part, want=not want)
            case nodes.Constant(truth):
                return truth is want
            case nodes.Opaque(shape=shape):
                return _File(self.stats, self.row_count, arrow=True).can(shape, want=want)
            case nodes.IsNull(column):
                known = self.range(column)
                return known.null_count != 0 if want else not self.all_null(known)
            case _:
                return self.can_test(node, want=want)

    def can_test(self, node: Predicate, *, want: bool) -> bool:
        """The same for a test that is unknown for null."""
        match node:
            case nodes.Compare(_, column, Literal()) | nodes.In(column):
                pass
            case nodes.Like(column) | nodes.Fixed(column):
                pass
            case _:
                return True
        if column.type is None:  # not bound, so the constant may be of another kind
            return True
        known = self.range(column)
        if self.all_null(known):
            return False
        if pa.types.is_floating(column.type):
            # pyarrow finds NaN unequal to all, and so true for whatever is negated.
            if self.arrow and (not want or (isinstance(node, nodes.Compare) and node.op == "!=")):
                return True
            known = self.without_nan(known)
        return _can_value(node, known, want=want)

    def range(self, column: Column) -> ColumnRange:
        return self.stats.get(column.name, UNKNOWN)

    def all_null(self, known: ColumnRange) -> bool:
        # Bounds beside a full count of nulls contradict it: believe neither.
        if known.min is not None or known.max is not None:
            return False
        if known.null_count is None or self.row_count is None:
            return False
        return known.null_count >= self.row_count

    def without_nan(self, known: ColumnRange) -> ColumnRange:
        """The range with only those ends that hold although NaN is left out or is a bound."""
        low = None if known.min != known.min or known.max != known.max else known.min
        sure = self.arrow or known.has_nan is False
        return known._replace(min=low, max=known.max if sure and known.max == known.max else None)


def _can_value(node: Predicate, known: ColumnRange, *, want: bool) -> bool:
    """Whether a value within the range can make a test true, or false."""
    match node:
        case nodes.Fixed(_, truth):
            return truth is want
        case nodes.Compare(op, _, Literal(value)):
            return _can_compare(op if want else nodes.NEGATED[op], value, known)
        case nodes.In(_, values) if want:
            return _can_hit(values, known)
        case nodes.In(_, values):
            # A null among the values makes every miss unknown, never false.
            return not any(v.is_null or not _can_compare("!=", v.value, known) for v in values)
        case nodes.Like(_, pattern):
            return _can_like(pattern, known, want=want)
        case _:
            return True


def _can_hit(values: tuple[Literal, ...], known: ColumnRange) -> bool:
    """Whether one of some values lies within the range: the least that is not below it."""
    ordered = _ascending(ById(values))
    try:
        first = 0 if known.min is None else bisect_left(ordered, known.min)  # type: ignore[type-var]
    except TypeError:  # a range of another kind of value says nothing
        return True
    return first < len(ordered) and not _below(known.max, ordered[first])


@lru_cache(maxsize=16)
def _ascending(key: ById) -> list[Value]:
    values = [value.value for value in key.values if not value.is_null]
    return sorted(values, key=lambda v: (v != v, 0 if v != v else v))


def _can_compare(op: str, value: Value, known: ColumnRange) -> bool:
    match op:
        case "=":
            return not (_below(value, known.min) or _below(known.max, value))
        case "!=":
            return not (_same(known.min, value) and _same(known.max, value))
        case "<":
            return not _at_most(value, known.min)
        case "<=":
            return not _below(value, known.min)
        case ">":
            return not _at_most(known.max, value)
        case _:
            return not _below(known.max, value)


def _can_like(pattern: str, known: ColumnRange, *, want: bool) -> bool:
    prefix, whole = literal_prefix(pattern)
    if whole:
        return _can_compare("=" if want else "!=", prefix, known)
    if not want:
        return True
    low = known.min[: len(prefix)] if isinstance(known.min, str) else None
    return not (_below(prefix, low) or _below(known.max, prefix))


def _below(a: Value, b: Value) -> bool:
    """True if certainly a < b; NaN is greater than all other numbers."""
    if a is None or b is None or a != a:
        return False
    if b != b:
        return True
    try:
        return bool(a < b)  # type: ignore[operator]
    except TypeError:  # a range of another kind of value says nothing
        return False


def _same(a: Value, b: Value) -> bool:
    return a is not None and b is not None and type(a) is type(b) and (a == b)


def _at_most(a: Value, b: Value) -> bool:
    """True if certainly a <= b."""
    return _below(a, b) or _same(a, b) or _both_nan(a, b)


def _both_nan(a: Value, b: Value) -> bool:
    return isinstance(a, float) and isinstance(b, float) and a != a and b != b


def equality_values(
    predicate: Predicate | None, columns: Sequence[str]
) -> list[tuple[Value, ...]] | None:
    """All tuples of values that `columns` can have in a selected row, for bucket pruning.

    Args:
        predicate: bound.
        columns: for example the bucket key.

    Returns:
        Distinct tuples in the order of `columns`, none of them with a null; an empty list if no row
        is selected; None where the predicate does not limit each column to a few values, or to
        more than 1000 tuples together.
    """
    if predicate is None or not columns:
        return None
    found: dict[str, list[Value]] = {}
    for part in conjuncts(predicate):
        shapes = conjuncts(part.shape) if isinstance(part, nodes.Opaque) else [part]
        for shape in shapes:
            limited = _limits(shape)
            if limited is None:
                continue
            name, values = limited
            before = found.get(name, values)
            found[name] = [value for value in before if value in values]
    if any(not values for values in found.values()):
        return []
    sets = [found.get(name) for name in columns]
    return _product(sets)


def _product(sets: Sequence[list[Value] | None]) -> list[tuple[Value, ...]] | None:
    count = 1
    known: list[list[Value]] = []
    for values in sets:
        if values is None:
            return None
        known.append(_stored(values))
        count *= len(known[-1])
        if count > TUPLES_MAX:
            return None
    return list(itertools.product(*known))


def _limits(part: Predicate) -> tuple[str, list[Value]] | None:
    """The column that a part limits to some values, and these; nothing else is selected."""
    match part:
        case nodes.Compare("=", column, Literal(value)):
            return _hashable(column, [value])
        case nodes.In(column, values):
            return _hashable(column, [v.value for v in values if not v.is_null])
        case nodes.Fixed(column, False):
            return column.name, []
        case nodes.Constant(False | None):
            return "", []
        case nodes.Or(parts):
            return _either([_limits(inner) for inner in parts])
        case _:
            return None


def _either(
    limits: list[tuple[str, list[Value]] | None],
) -> tuple[str, list[Value]] | None:
    known = [limit for limit in limits if limit is not None]
    names = {name for name, values in known if values}
    if len(known) < len(limits) or len(names) > 1:
        return None
    values = list(dict.fromkeys(value for _, found in known for value in found))
    return next(iter(names), ""), values


def _hashable(column: Column, values: list[Value]) -> tuple[str, list[Value]] | None:
    """The values, but no answer for NaN, which has many forms and so many hashes."""
    if column.type is None or any(value != value for value in values):
        return None
    return column.name, values


def _stored(values: list[Value]) -> list[Value]:
    """The values as they can be stored: equal zeros have different bytes, so different hashes."""
    if not any(isinstance(value, float) and value == 0 for value in values):
        return values
    return [value for value in values if value != 0] + [0.0, -0.0]
