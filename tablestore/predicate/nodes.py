"""The values a predicate is made of, and ``col("a") > 3`` to build them.

Every node is frozen, hashable and compares by value. Combine predicates with ``&``, ``|`` and
``~``: Python's ``and``, ``or`` and ``not`` cannot be overloaded, so using them raises.

Example:
    >>> col("amount").between(1, 5) & ~col("name").like("a%")
    amount >= 1 and amount <= 5 and not name like 'a%'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from tablestore.errors import InvalidInputError
from tablestore.predicate.from_python import literal
from tablestore.predicate.literal import Literal
from tablestore.predicate.sql import quote_name, quote_text, to_sql

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
NEGATED = {"=": "!=", "!=": "=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_USE_OPERATORS = (
    "a filter has no truth value of its own: combine filters with & | ~ instead of "
    "and, or, not, and write col('a').between(low, high) instead of low < col('a') < high"
)


class Predicate:
    """A condition on the rows of a table: true, false or unknown for each."""

    __slots__ = ()

    def __and__(self, other: object) -> Predicate:
        return And(_flat(And, self) + _flat(And, _predicate(other)))

    def __or__(self, other: object) -> Predicate:
        return Or(_flat(Or, self) + _flat(Or, _predicate(other)))

    def __invert__(self) -> Predicate:
        return Not(self)

    def __bool__(self) -> NoReturn:
        raise InvalidInputError(_USE_OPERATORS)

    def __repr__(self) -> str:
        return _print(self, 0)


@dataclass(frozen=True, slots=True)
class Column:
    """A column by name; binding adds its Arrow type."""

    name: str
    type: pa.DataType | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Compare(Predicate):
    """``column op value``; `op` is one of ``= != < <= > >=``."""

    op: str
    column: Column
    value: Literal | Column


@dataclass(frozen=True, slots=True, repr=False)
class In(Predicate):
    """``column in (values)``; a null among the values makes a miss unknown."""

    column: Column
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Like(Predicate):
    r"""``column like pattern``: ``%`` any text, ``_`` one character, ``\`` takes the next as is."""

    column: Column
    pattern: str


@dataclass(frozen=True, slots=True, repr=False)
class IsNull(Predicate):
    """``column is null``: never unknown."""

    column: Column


@dataclass(frozen=True, slots=True, repr=False)
class Not(Predicate):
    """True where `part` is false; unknown where it is unknown."""

    part: Predicate


@dataclass(frozen=True, slots=True, repr=False)
class And(Predicate):
    """True where all parts are true, false where one is false, else unknown."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Or(Predicate):
    """True where one part is true, false where all are false, else unknown."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Constant(Predicate):
    """The same answer for every row; None is unknown."""

    truth: bool | None


@dataclass(frozen=True, slots=True, repr=False)
class Fixed(Predicate):
    """`truth` for every row where the column is not null, else unknown.

    What is left of ``tiny < 1000`` once bound: the answer does not depend on the value.
    """

    column: Column
    truth: bool


@dataclass(frozen=True, slots=True, repr=False)
class Anything(Predicate):
    """Part of a shape that nothing is known about; may be true, false or unknown anywhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Opaque(Predicate):
    """A pyarrow expression, applied by pyarrow itself, so with pyarrow's rules and not SQL's.

    Attributes:
        expression: the ``pyarrow.compute.Expression``.
        text: its text, for messages and comparison.
        fields: (name in the expression, name of the column) of each column it reads.
        shape: what is understood of it, for pruning only.
        bound: True once its columns and types were checked.
    """

    expression: object = field(compare=False)
    text: str
    fields: tuple[tuple[str, str], ...]
    shape: Predicate = Anything()
    bound: bool = False


class Col:
    """A column to build a predicate from; see :func:`col`."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"a column name must be text, found {name!r}")
        self.name = name

    def __eq__(self, other: object) -> Predicate:  # type: ignore[override]
        return self._compare("=", other)

    def __ne__(self, other: object) -> Predicate:  # type: ignore[override]
        return self._compare("!=", other)

    def __lt__(self, other: object) -> Predicate:
        return self._compare("<", other)

    def __le__(self, other: object) -> Predicate:
        return self._compare("<=", other)

    def __gt__(self, other: object) -> Predicate:
        return self._compare(">", other)

    def __ge__(self, other: object) -> Predicate:
        return self._compare(">=", other)

    __hash__ = None  # type: ignore[assignment]

    def __and__(self, other: object) -> Predicate:
        return _predicate(self) & other

    def __or__(self, other: object) -> Predicate:
        return _predicate(self) | other

    def __invert__(self) -> Predicate:
        return ~_predicate(self)

    def __bool__(self) -> NoReturn:
        raise InvalidInputError(_USE_OPERATORS)

    def __repr__(self) -> str:
        return f"col({self.name!r})"

    def isin(self, values: Iterable[object]) -> Predicate:
        """True where the column equals one of `values`; without any, false for every row.

        Raises:
            InvalidInputError: `values` is a single text.
        """
        if isinstance(values, (str, bytes)):
            raise InvalidInputError(
                f"isin takes a list of values, found {values!r}: write isin([{values!r}])"
            )
        found = tuple(dict.fromkeys(literal(value) for value in values))
        return In(Column(self.name), found) if found else Constant(truth=False)

    def is_null(self) -> Predicate:
        """True where the column is null."""
        return IsNull(Column(self.name))

    def is_not_null(self) -> Predicate:
        """True where the column is not null."""
        return Not(self.is_null())

    def like(self, pattern: str) -> Predicate:
        r"""SQL's LIKE: ``%`` any text, ``_`` one character, ``\`` takes the next as it is.

        Raises:
            InvalidInputError: the pattern is no text.
        """
        if not isinstance(pattern, str):
            raise InvalidInputError(f"like takes a text pattern, found {pattern!r}")
        return Like(Column(self.name), pattern)

    def startswith(self, prefix: str) -> Predicate:
        """True where the text begins with `prefix`, taken literally.

        Raises:
            InvalidInputError: the prefix is no text.
        """
        if not isinstance(prefix, str):
            raise InvalidInputError(f"startswith takes a text, found {prefix!r}")
        return self.like(escape_like(prefix) + "%")

    def between(self, low: object, high: object) -> Predicate:
        """True where ``low <= column <= high``."""
        return And((self._compare(">=", low), self._compare("<=", high)))

    def _compare(self, op: str, other: object) -> Predicate:
        if other is None:
            raise InvalidInputError(
                f"nothing compares with None: write col({self.name!r}).is_null() or .is_not_null()"
            )
        value = Column(other.name) if isinstance(other, Col) else literal(other)
        return Compare(op, Column(self.name), value)


def col(name: str) -> Col:
    """A column by name, for building a filter: ``col("amount") > 10``."""
    return Col(name)


def escape_like(text: str) -> str:
    """`text` as a LIKE pattern that matches only itself."""
    for special in ("\\", "%", "_"):
        text = text.replace(special, "\\" + special)
    return text


def _predicate(value: object) -> Predicate:
    if isinstance(value, Predicate):
        return value
    if isinstance(value, Col):
        return Compare("=", Column(value.name), Literal(value=True, kind="bool"))
    if isinstance(value, bool):
        return Constant(value)
    raise InvalidInputError(f"a filter can be combined only with another filter, found {value!r}")


def _flat(kind: type[And] | type[Or], value: Predicate) -> tuple[Predicate, ...]:
    return value.parts if isinstance(value, kind) else (value,)


def _print(node: Predicate, binding: int) -> str:
    """Text of a node; `binding` is 0 inside nothing, 1 inside or, 2 inside and, 3 inside not."""
    match node:
        case Or(parts):
            return _joined(parts, " or ", 1, binding, "false")
        case And(parts):
            return _joined(parts, " and ", 2, binding, "true")
        case Not(IsNull(column)):
            return f"{quote_name(column.name)} is not null"
        case Not(part):
            return f"not {_print(part, 3)}"
        case Opaque(text=text):
            return f"pyarrow[{text}]"
        case _:
            return _leaf(node)


def _joined(parts: tuple[Predicate, ...], word: str, level: int, binding: int, empty: str) -> str:
    if not parts:
        return empty
    text = word.join(_print(part, level if len(parts) > 1 else binding) for part in parts)
    # The same operator nested in itself keeps its parentheses: the tree must come back the same.
    return f"({text})" if binding >= level and len(parts) > 1 else text


def _leaf(node: Predicate) -> str:
    match node:
        case Compare(op, column, value):
            right = quote_name(value.name) if isinstance(value, Column) else to_sql(value)
            return f"{quote_name(column.name)} {op} {right}"
        case In(column, values):
            return f"{quote_name(column.name)} in ({', '.join(to_sql(v) for v in values)})"
        case Like(column, pattern):
            return f"{quote_name(column.name)} like {quote_text(pattern)}"
        case IsNull(column):
            return f"{quote_name(column.name)} is null"
        case Constant(truth):
            return "null" if truth is None else str(truth).lower()
        case Fixed(column, truth):
            return f"{quote_name(column.name)} is {'always' if truth else 'never'} so"
        case _:
            return "anything"
