"""Every aggregate function by name.

Source: ``org.apache.paimon.mergetree.compact.aggregate.factory``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tablestore.errors import InvalidInputError, nearest
from tablestore.merge.aggregators.choose import Extreme, FirstValue, LastNonNullValue, LastValue
from tablestore.merge.aggregators.sums import Arithmetic
from tablestore.types.model import AtomicType, DataType

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from tablestore.merge.aggregators.protocol import Aggregator, Versions
    from tablestore.options.aggregation import ColumnAggregation

DEFAULT_FUNCTION: Final = "last_non_null_value"
_NUMBERS: Final = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL"})
_UNORDERED: Final = frozenset({"VARIANT", "BLOB", "GEOMETRY", "GEOGRAPHY"})


@dataclass(frozen=True)
class ColumnAggregator:
    """A function with what its column's options add to it.

    Attributes:
        column: name of the column, for messages.
        name: name of the function, for messages.
        function: the function itself.
        ignore_retract: leave the accumulator as it is on a retract.
        sees_resets: the function itself looks at ``Versions.reset``; others get what came since.
    """

    column: str
    name: str
    function: Aggregator
    ignore_retract: bool = False
    sees_resets: bool = False

    @property
    def can_retract(self) -> bool:
        """Whether -U and -D versions are taken."""
        return self.ignore_retract or self.function.can_retract

    def reduce(self, column: pa.Array, versions: Versions) -> NDArray[np.intp] | pa.Array:
        """One value a group.

        Raises:
            InvalidInputError: names the column and what its function cannot take.
        """
        versions = self._without_refused(versions)
        if not self.sees_resets:
            versions = versions.since_reset()
        try:
            return self.function.reduce(column, versions)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"column {self.column!r}: {self.name}: {error}", column=self.column
            ) from None

    def _without_refused(self, versions: Versions) -> Versions:
        """The versions without the retracts that are ignored.

        Raises:
            InvalidInputError: there are retracts, and the function takes none.
        """
        retract = versions.retract
        if retract is None or not bool(retract.any()):
            return replace(versions, retract=None)
        if self.ignore_retract:
            return replace(versions.only(~retract), retract=None)
        if self.function.can_retract:
            return versions
        raise InvalidInputError(
            f"column {self.column!r}: the aggregate function {self.name} takes no -U and -D rows; "
            f"set 'fields.{self.column}.ignore-retract' to 'true' to have them ignored",
            column=self.column,
        )


def aggregator(kind: DataType, options: ColumnAggregation) -> ColumnAggregator:
    """The aggregate function of a column.

    Args:
        kind: type of the column.
        options: of the column; without a function the default one is taken.

    Raises:
        InvalidInputError: there is no such function, or it does not take this type or these
            options.
    """
    name = options.function or DEFAULT_FUNCTION
    make = FUNCTIONS.get(name)
    if make is None:
        raise InvalidInputError(
            f"column {options.column!r}: there is no aggregate function {name!r}"
            f"{nearest(name, FUNCTIONS)}",
            column=options.column,
        )
    try:
        function = make(kind, options)
    except InvalidInputError as error:
        raise InvalidInputError(
            f"column {options.column!r}: the aggregate function {name} {error}",
            column=options.column,
        ) from None
    return ColumnAggregator(
        options.column,
        name,
        function,
        options.ignore_retract,
        sees_resets=isinstance(function, FirstValue),
    )


def _any(function: Aggregator) -> Callable[[DataType, ColumnAggregation], Aggregator]:
    """A function that takes every type."""
    return lambda kind, options: function


def _named(
    function: Aggregator, wanted: str, names: frozenset[str]
) -> Callable[[DataType, ColumnAggregation], Aggregator]:
    """A function that takes some types without parts."""

    def make(kind: DataType, options: ColumnAggregation) -> Aggregator:
        if not isinstance(kind, AtomicType) or kind.name not in names:
            raise InvalidInputError(f"needs a {wanted} column, found {kind}")
        return function

    return make


def _extreme(*, largest: bool) -> Callable[[DataType, ColumnAggregation], Aggregator]:
    def make(kind: DataType, options: ColumnAggregation) -> Aggregator:
        if not isinstance(kind, AtomicType) or kind.name in _UNORDERED:
            raise InvalidInputError(f"needs a column whose values have an order, found {kind}")
        return Extreme(largest=largest)

    return make


FUNCTIONS: Final[Mapping[str, Callable[[DataType, ColumnAggregation], Aggregator]]] = {
    "bool_and": _named(Extreme(largest=False), "BOOLEAN", frozenset({"BOOLEAN"})),
    "bool_or": _named(Extreme(largest=True), "BOOLEAN", frozenset({"BOOLEAN"})),
    "first_non_null_value": _any(FirstValue(non_null=True)),
    "first_not_null_value": _any(FirstValue(non_null=True)),  # its name before Paimon 1.0
    "first_value": _any(FirstValue()),
    "last_non_null_value": _any(LastNonNullValue()),
    "last_value": _any(LastValue()),
    "max": _extreme(largest=True),
    "min": _extreme(largest=False),
    "product": _named(Arithmetic(product=True), "number", _NUMBERS),
    "sum": _named(Arithmetic(), "number", _NUMBERS),
}
"""How each function is made from its column's type and options."""
