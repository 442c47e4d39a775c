"""Every aggregate function by name.

Source: ``org.apache.paimon.mergetree.compact.aggregate.factory``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tablestore.errors import InvalidInputError, nearest
from tablestore.merge.aggregators.choose import Extreme, FirstValue, LastNonNullValue, LastValue
from tablestore.merge.aggregators.lists import Collect
from tablestore.merge.aggregators.maps import MergeMap, MergeMapByTime
from tablestore.merge.aggregators.nested import NestedPartialUpdate, NestedUpdate, Nulls
from tablestore.merge.aggregators.payloads import (
    Payload,
    PayloadUnion,
    hll_sketch,
    rbm32,
    rbm64,
    theta_sketch,
)
from tablestore.merge.aggregators.sums import Arithmetic
from tablestore.merge.aggregators.text import Listagg
from tablestore.types.model import STRING, ArrayType, AtomicType, DataType, MapType, RowType

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


def _payload(payload: Payload) -> Callable[[DataType, ColumnAggregation], Aggregator]:
    return _named(PayloadUnion(payload), "VARBINARY", frozenset({"VARBINARY"}))


def _extreme(*, largest: bool) -> Callable[[DataType, ColumnAggregation], Aggregator]:
    def make(kind: DataType, options: ColumnAggregation) -> Aggregator:
        if not isinstance(kind, AtomicType) or kind.name in _UNORDERED:
            raise InvalidInputError(f"needs a column whose values have an order, found {kind}")
        return Extreme(largest=largest)

    return make


def _collect(kind: DataType, options: ColumnAggregation) -> Aggregator:
    if not isinstance(kind, ArrayType):
        raise InvalidInputError(f"needs an ARRAY column, found {kind}")
    return Collect(options.distinct, late_first=options.ignore_retract)


def _listagg(kind: DataType, options: ColumnAggregation) -> Aggregator:
    if kind.with_nullable(nullable=True) != STRING:
        raise InvalidInputError(f"needs a STRING column, found {kind}")
    return Listagg(options.delimiter, options.distinct)


def _merge_map(kind: DataType, options: ColumnAggregation) -> Aggregator:
    if not isinstance(kind, MapType):
        raise InvalidInputError(f"needs a MAP column, found {kind}")
    return MergeMap()


def _merge_map_with_keytime(kind: DataType, options: ColumnAggregation) -> Aggregator:
    if not isinstance(kind, MapType) or not isinstance(kind.value, RowType):
        raise InvalidInputError(f"needs a column of MAP<..., ROW<...>>, found {kind}")
    names = [field.name for field in kind.value.fields]
    if len(names) < 2:
        raise InvalidInputError(f"needs a ROW of 2 fields or more, found {kind.value}")
    (place,) = _places(kind.value, (options.ts_field or names[-1],), "ts-field")
    time = kind.value.fields[place].type
    if not isinstance(time, AtomicType) or time.name not in {"VARCHAR", "CHAR"}:
        raise InvalidInputError(f"needs times that are texts, found {names[place]!r} {time}")
    return MergeMapByTime(place)


def _nested_update(kind: DataType, options: ColumnAggregation) -> Aggregator:
    row = _row_of(kind)
    for name, given in (
        ("nested-key-null-strategy", options.nested_key_null_strategy),
        ("nested-sequence-field", options.nested_sequence_field),
    ):
        if given and not options.nested_key:
            raise InvalidInputError(f"takes the option {name!r} only beside 'nested-key'")
    key = _places(row, options.nested_key, "nested-key")
    return NestedUpdate(
        key,
        _places(row, options.nested_sequence_field, "nested-sequence-field"),
        options.count_limit,
        Nulls(options.nested_key_null_strategy or "merge"),
        _plain_types(row, key),
    )


def _nested_partial_update(kind: DataType, options: ColumnAggregation) -> Aggregator:
    row = _row_of(kind)
    if not options.nested_key:
        raise InvalidInputError("needs the option 'nested-key'")
    key = _places(row, options.nested_key, "nested-key")
    return NestedPartialUpdate(
        key,
        Nulls(options.nested_key_null_strategy or "merge"),
        _plain_types(row, key),
    )


def _plain_types(row: RowType, places: Sequence[int]) -> tuple[DataType, ...]:
    """Types of fields; none where one has parts, whose hash nobody knows."""
    types = tuple(row.fields[place].type for place in places)
    plain = (isinstance(kind, AtomicType) and kind.name not in _UNORDERED for kind in types)
    return types if all(plain) else ()


def _row_of(kind: DataType) -> RowType:
    if not isinstance(kind, ArrayType) or not isinstance(kind.element, RowType):
        raise InvalidInputError(f"needs a column of ARRAY<ROW<...>>, found {kind}")
    return kind.element


def _places(row: RowType, names: Sequence[str], option: str) -> tuple[int, ...]:
    """Places of fields in a row.

    Raises:
        InvalidInputError: it has no such field.
    """
    known = [field.name for field in row.fields]
    for name in names:
        if name not in known:
            raise InvalidInputError(
                f"has the option {option!r} about the field {name!r}, which its rows do not have"
                f"{nearest(name, known)}"
            )
    return tuple(known.index(name) for name in names)


FUNCTIONS: Final[Mapping[str, Callable[[DataType, ColumnAggregation], Aggregator]]] = {
    "bool_and": _named(Extreme(largest=False), "BOOLEAN", frozenset({"BOOLEAN"})),
    "bool_or": _named(Extreme(largest=True), "BOOLEAN", frozenset({"BOOLEAN"})),
    "collect": _collect,
    "first_non_null_value": _any(FirstValue(non_null=True)),
    "first_not_null_value": _any(FirstValue(non_null=True)),  # its name before Paimon 1.0
    "first_value": _any(FirstValue()),
    "hll_sketch": _payload(hll_sketch()),
    "last_non_null_value": _any(LastNonNullValue()),
    "last_value": _any(LastValue()),
    "listagg": _listagg,
    "max": _extreme(largest=True),
    "min": _extreme(largest=False),
    "merge_map": _merge_map,
    "merge_map_with_keytime": _merge_map_with_keytime,
    "nested_partial_update": _nested_partial_update,
    "nested_update": _nested_update,
    "product": _named(Arithmetic(product=True), "number", _NUMBERS),
    "rbm32": _payload(rbm32()),
    "rbm64": _payload(rbm64()),
    "sum": _named(Arithmetic(), "number", _NUMBERS),
    "theta_sketch": _payload(theta_sketch()),
}
"""How each function is made from its column's type and options."""
