"""The rows of a batch for which a predicate is true, exactly, in SQL's three-valued logic."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.predicate import acero, compare, like, nodes
from tablestore.predicate.arrow_literal import is_bytes, is_text
from tablestore.predicate.arrow_scalar import FALSE, TRUE, constant
from tablestore.predicate.bind import bind
from tablestore.predicate.literal import Literal
from tablestore.predicate.nodes import Column, Predicate
from tablestore.predicate.traverse import columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from tablestore.predicate.compare import Values

__all__ = ["columns", "evaluate", "mask"]


def mask(predicate: Predicate | None, batch: pa.RecordBatch | pa.Table) -> pa.BooleanArray:
    """True for each row that the predicate selects; false where it is false or unknown.

    Args:
        predicate: bound or not; None selects every row.
        batch: holds every column that the predicate reads; text may be dictionary-encoded.

    Returns:
        As many values as the batch has rows, none null.

    Raises:
        InvalidInputError: a column is missing, or types do not compare.
    """
    if predicate is None:
        return constant(truth=True, length=batch.num_rows)
    found = evaluate(bind(predicate, batch.schema), batch)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    return pc.fill_null(found, FALSE)


def evaluate(predicate: Predicate, batch: pa.RecordBatch | pa.Table) -> Values:
    """True, false or null (unknown) for each row of a batch; the predicate must be bound."""
    match predicate:
        case nodes.And(parts):
            return _combined(parts, batch, pc.and_kleene, empty=True)
        case nodes.Or(parts):
            return _combined(parts, batch, pc.or_kleene, empty=False)
        case nodes.Not(part):
            return pc.invert(evaluate(part, batch))
        case nodes.Constant(truth):
            return constant(truth, batch.num_rows)
        case nodes.Opaque(expression, fields=fields):
            read = {inner: _decoded(_values(Column(outer), batch)) for inner, outer in fields}
            return acero.apply(expression, read or {"": pa.nulls(batch.num_rows)})
        case nodes.Compare(op, column, nodes.Column() as other):
            left, right = _plain(_values(column, batch)), _plain(_values(other, batch))
            return compare.compare_columns(op, left, right)
        case _:
            return _test(predicate, batch)


def _combined(
    parts: tuple[Predicate, ...],
    batch: pa.RecordBatch | pa.Table,
    combine: Callable[[Values, Values], Values],
    *,
    empty: bool,
) -> Values:
    found = [evaluate(part, batch) for part in parts]
    return reduce(combine, found) if found else constant(empty, batch.num_rows)


def _test(predicate: Predicate, batch: pa.RecordBatch | pa.Table) -> Values:
    match predicate:
        case nodes.IsNull(column):
            # On a dictionary, is_null sees null indices but not indices of a null.
            return _decoded_null(_values(column, batch))
        case nodes.Compare(op, column, Literal() as value):
            return _on_values(_values(column, batch), lambda v: compare.compare_value(op, v, value))
        case nodes.In(column, values):
            return _on_values(_values(column, batch), lambda v: compare.is_in(v, values))
        case nodes.Like(column, pattern):
            return _on_values(_values(column, batch), lambda v: like.matches(v, pattern))
        case nodes.Fixed(column, truth):
            return _on_values(_values(column, batch), lambda v: compare.fixed(v, truth))
        case _:
            raise InvalidInputError(f"not a filter that can be applied: {predicate!r}")


def _decoded_null(values: Values) -> Values:
    if not pa.types.is_dictionary(values.type):
        return pc.is_null(values)
    return pc.fill_null(_on_values(values, pc.is_null), TRUE)


def _on_values(values: Values, test: Callable[[Values], Values]) -> Values:
    """A test that is null for null; on a dictionary it runs once a distinct value."""
    if not pa.types.is_dictionary(values.type):
        return test(_plain(values))
    if isinstance(values, pa.ChunkedArray):
        chunks = [_on_values(chunk, test) for chunk in values.chunks]
        return pa.chunked_array(chunks, pa.bool_())
    return pc.take(test(_plain(values.dictionary)), values.indices)


def _decoded(values: Values) -> Values:
    kind = values.type
    return values.cast(kind.value_type) if pa.types.is_dictionary(kind) else values


def _plain(values: Values) -> Values:
    """The values in a type that every pyarrow function takes."""
    values = _decoded(values)
    kind = values.type
    if is_text(kind) and not pa.types.is_large_string(kind):
        return values.cast(pa.string())
    if is_bytes(kind) and not pa.types.is_large_binary(kind):
        return values.cast(pa.binary())
    return values


def _values(column: Column, batch: pa.RecordBatch | pa.Table) -> Values:
    index = batch.schema.get_field_index(column.name)
    if index < 0:
        raise InvalidInputError(f"the filter reads column {column.name!r}, which is not here")
    return batch.column(index)
