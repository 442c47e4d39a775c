"""Paimon data types as frozen, hashable values.

Source: ``org.apache.paimon.types.DataType`` and its subclasses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Self

from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH: Final = 2_147_483_647
MAX_DECIMAL_PRECISION: Final = 38
MAX_TIME_PRECISION: Final = 9
UNASSIGNED_ID: Final = -1  # a field that has not been given its id yet

LENGTH_TYPES: Final = frozenset({"CHAR", "VARCHAR", "BINARY", "VARBINARY"})
TIME_TYPES: Final = frozenset({"TIME", "TIMESTAMP", "TIMESTAMP_LTZ"})
PLAIN_TYPES: Final = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DATE"}
    | {"VARIANT", "BLOB"}
)
GEO_TYPES: Final = frozenset({"GEOMETRY", "GEOGRAPHY"})
ATOMIC_NAMES: Final = LENGTH_TYPES | TIME_TYPES | PLAIN_TYPES | GEO_TYPES | {"DECIMAL"}

_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SHORT_NAMES = {("VARCHAR", MAX_LENGTH): "STRING", ("VARBINARY", MAX_LENGTH): "BYTES"}


@dataclass(frozen=True)
class DataType:
    """A column or element type; ``nullable`` is part of it."""

    nullable: bool = field(default=True, kw_only=True)

    def sql(self) -> str:
        """The SQL text that ``parse_type`` reads back to an equal value."""
        return self._base_sql() + ("" if self.nullable else " NOT NULL")

    def with_nullable(self, nullable: bool) -> Self:  # noqa: FBT001
        """The same type with another nullability."""
        return self if self.nullable == nullable else replace(self, nullable=nullable)

    @property
    def children(self) -> tuple[DataType, ...]:
        """The types nested directly inside this one."""
        return ()

    def walk(self) -> Iterator[DataType]:
        """This type and every type nested in it, outermost first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def _base_sql(self) -> str:
        raise NotImplementedError

    def __str__(self) -> str:
        return self.sql()


@dataclass(frozen=True)
class AtomicType(DataType):
    """A type without parts.

    Attributes:
        name: one of ``ATOMIC_NAMES``; STRING is VARCHAR and BYTES is VARBINARY of ``MAX_LENGTH``.
        length: of CHAR, VARCHAR, BINARY and VARBINARY; 1 when not given.
        precision: of DECIMAL (10), TIME (0), TIMESTAMP and TIMESTAMP_LTZ (6).
        scale: of DECIMAL (0).
        crs: coordinate reference system of GEOMETRY and GEOGRAPHY.
        algorithm: edge algorithm of GEOGRAPHY.
    """

    name: str
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    crs: str | None = None
    algorithm: str | None = None

    def __post_init__(self) -> None:
        if self.name not in ATOMIC_NAMES:
            raise InvalidInputError(f"{self.name!r} is not a data type")
        self._fill_defaults()
        self._check_parameters()

    def _fill_defaults(self) -> None:
        if self.name in LENGTH_TYPES and self.length is None:
            object.__setattr__(self, "length", 1)
        if self.name == "DECIMAL":
            object.__setattr__(self, "precision", 10 if self.precision is None else self.precision)
            object.__setattr__(self, "scale", 0 if self.scale is None else self.scale)
        if self.name in TIME_TYPES and self.precision is None:
            object.__setattr__(self, "precision", 0 if self.name == "TIME" else 6)

    def _check_parameters(self) -> None:
        if self.name in LENGTH_TYPES:
            _check_range(self.name, "length", self.length, 1, MAX_LENGTH)
        elif self.name in TIME_TYPES:
            _check_range(self.name, "precision", self.precision, 0, MAX_TIME_PRECISION)
        elif self.name == "DECIMAL":
            _check_range(self.name, "precision", self.precision, 1, MAX_DECIMAL_PRECISION)
            _check_range(self.name, "scale", self.scale, 0, self.precision or 0)
        given = {
            "length": self.length is not None and self.name not in LENGTH_TYPES,
            "precision": self.precision is not None and self.name not in TIME_TYPES | {"DECIMAL"},
            "scale": self.scale is not None and self.name != "DECIMAL",
            "crs": self.crs is not None and self.name not in GEO_TYPES,
            "algorithm": self.algorithm is not None and self.name != "GEOGRAPHY",
        }
        for parameter, unexpected in given.items():
            if unexpected:
                raise InvalidInputError(f"{self.name} takes no {parameter}")

    def _base_sql(self) -> str:
        if self.name in LENGTH_TYPES:
            short = _SHORT_NAMES.get((self.name, self.length or 0))
            return short or f"{self.name}({self.length})"
        if self.name == "DECIMAL":
            return f"DECIMAL({self.precision}, {self.scale})"
        if self.name == "TIMESTAMP_LTZ":
            return f"TIMESTAMP({self.precision}) WITH LOCAL TIME ZONE"
        if self.name in TIME_TYPES:
            return f"{self.name}({self.precision})"
        parameters = [text for text in (self.crs, self.algorithm) if text is not None]
        return f"{self.name}({', '.join(parameters)})" if parameters else self.name


@dataclass(frozen=True)
class ArrayType(DataType):
    """A list of elements of one type."""

    element: DataType

    @property
    def children(self) -> tuple[DataType, ...]:
        return (self.element,)

    def _base_sql(self) -> str:
        return f"ARRAY<{self.element.sql()}>"


@dataclass(frozen=True)
class MapType(DataType):
    """Keys to values."""

    key: DataType
    value: DataType

    @property
    def children(self) -> tuple[DataType, ...]:
        return (self.key, self.value)

    def _base_sql(self) -> str:
        return f"MAP<{self.key.sql()}, {self.value.sql()}>"


@dataclass(frozen=True)
class MultisetType(DataType):
    """Elements to their counts."""

    element: DataType

    @property
    def children(self) -> tuple[DataType, ...]:
        return (self.element,)

    def _base_sql(self) -> str:
        return f"MULTISET<{self.element.sql()}>"


@dataclass(frozen=True)
class VectorType(DataType):
    """A list of a fixed number of elements."""

    element: DataType
    length: int

    def __post_init__(self) -> None:
        _check_range("VECTOR", "length", self.length, 1, MAX_LENGTH)

    @property
    def children(self) -> tuple[DataType, ...]:
        return (self.element,)

    def _base_sql(self) -> str:
        return f"VECTOR<{self.element.sql()}, {self.length}>"


@dataclass(frozen=True)
class DataField:
    """A column of a table or a field of a ROW."""

    id: int
    name: str
    type: DataType
    description: str | None = None
    default: str | None = None

    def sql(self) -> str:
        """Name, type and, where they are set, default and comment; ids are not part of SQL."""
        text = f"{quote_name(self.name)} {self.type.sql()}"
        if self.default is not None:
            text += f" DEFAULT {quote_text(self.default)}"
        if self.description is not None:
            text += f" COMMENT {quote_text(self.description)}"
        return text


@dataclass(frozen=True)
class RowType(DataType):
    """Named fields."""

    fields: tuple[DataField, ...]

    @property
    def children(self) -> tuple[DataType, ...]:
        return tuple(field.type for field in self.fields)

    def _base_sql(self) -> str:
        return f"ROW<{', '.join(field.sql() for field in self.fields)}>"


def quote_name(name: str) -> str:
    """The name as SQL text, in backticks where it is not a plain word."""
    return name if _PLAIN_NAME.match(name) else "`" + name.replace("`", "``") + "`"


def quote_text(text: str) -> str:
    """The text as a SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _check_range(name: str, what: str, value: int | None, low: int, high: int) -> None:
    if value is None or not low <= value <= high:
        raise InvalidInputError(f"{name} {what} must be {low} to {high}, found {value}")


STRING: Final = AtomicType("VARCHAR", MAX_LENGTH)
BYTES: Final = AtomicType("VARBINARY", MAX_LENGTH)
