"""Whatever a user passes as ``where``, as a predicate."""

from __future__ import annotations

from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError
from tablestore.predicate import nodes
from tablestore.predicate.arrow_expression import Call, Field, Pickled, Term, fields_of
from tablestore.predicate.arrow_literal import literal_of_scalar
from tablestore.predicate.from_python import literal
from tablestore.predicate.nodes import Anything, Column, Predicate
from tablestore.predicate.parse import parse_where

_COMPARISONS = {
    "equal": "=",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_MATCH, _EMIT_NULL, _INCONCLUSIVE = 0, 2, 3  # SetLookupOptions::NullMatchingBehavior

Where: TypeAlias = str | Predicate | nodes.Col | pc.Expression | None
"""A filter as users give it; None takes every row."""


def to_predicate(where: Where) -> Predicate | None:
    """The predicate for a filter text, a predicate, a boolean column or a pyarrow expression.

    A pyarrow expression becomes one :class:`~tablestore.predicate.nodes.Opaque` for each side of
    its outermost ``&``: pyarrow applies it, what is understood of it serves for pruning.

    Raises:
        InvalidInputError: for anything else, and for text that cannot be read.
    """
    if where is None or isinstance(where, Predicate):
        return where
    if isinstance(where, str):
        return parse_where(where)
    if isinstance(where, nodes.Col):
        return nodes.Compare("=", Column(where.name), literal(value=True))
    if isinstance(where, bool):
        return nodes.Constant(where)
    if isinstance(where, pc.Expression):
        return _from_arrow(where)
    raise InvalidInputError(
        "a filter is text such as \"amount > 10\", col('amount') > 10 or a pyarrow expression, "
        f"found {type(where).__name__}"
    )


def _from_arrow(expression: pc.Expression) -> Predicate:
    pickled = Pickled(expression)
    calls = _conjuncts(pickled.root)
    if len(calls) == 1:
        return _opaque(expression, pickled.root)
    return nodes.And(tuple(_opaque(_part(pickled, expression, c), c) for c in calls))


def _part(pickled: Pickled, whole: pc.Expression, term: Term) -> pc.Expression:
    return pickled.part(term) if isinstance(term, Call) else whole


def _conjuncts(term: Term) -> list[Term]:
    """The sides of the outermost ``&``; the term itself when one side is no call."""
    if not isinstance(term, Call) or term.function not in {"and_kleene", "and"}:
        return [term]
    if not all(isinstance(argument, Call) for argument in term.arguments):
        return [term]
    return [inner for argument in term.arguments for inner in _conjuncts(argument)]


def _opaque(expression: pc.Expression, term: Term) -> nodes.Opaque:
    fields = tuple((name, name) for name in fields_of(term))
    return nodes.Opaque(expression, str(expression), fields, _shape(term))


def _shape(term: Term) -> Predicate:
    """What is understood of a term; every leaf is exact or :class:`Anything`."""
    if isinstance(term, Field):
        if term.nested:
            return Anything()
        return nodes.Compare("=", Column(term.name), literal(value=True))
    if isinstance(term, Call):
        return _call_shape(term)
    return nodes.Constant(term.as_py()) if pa.types.is_boolean(term.type) else Anything()


def _call_shape(call: Call) -> Predicate:
    function = call.function
    if function in _COMPARISONS:
        return _comparison(_COMPARISONS[function], call)
    if function in {"and", "and_kleene"}:
        return nodes.And(tuple(_shape(argument) for argument in call.arguments))
    if function in {"or", "or_kleene"}:
        return nodes.Or(tuple(_shape(argument) for argument in call.arguments))
    if function == "invert":
        return nodes.Not(_shape(call.arguments[0]))
    column = _column(call.arguments[0]) if len(call.arguments) == 1 else None
    return Anything() if column is None else _test(column, call)


def _comparison(op: str, call: Call) -> Predicate:
    left, right = call.arguments
    column = _column(left)
    if column is None:
        column, op, right = _column(right), nodes.FLIPPED[op], left
    if column is None or not hasattr(right, "as_py"):
        return Anything()
    value = literal_of_scalar(right)
    return Anything() if value is None else nodes.Compare(op, column, value)


def _test(column: Column, call: Call) -> Predicate:
    options = {} if call.options is None else dict(call.options.items())
    match call.function:
        case "is_valid":
            return nodes.Not(nodes.IsNull(column))
        case "is_null" if not options["nan_is_null"].as_py():
            return nodes.IsNull(column)
        case "starts_with" if not options["ignore_case"].as_py():
            return nodes.Like(column, nodes.escape_like(_option_text(options["pattern"])) + "%")
        case "match_like" if not options["ignore_case"].as_py():
            return nodes.Like(column, _option_text(options["pattern"]))
        case "is_in":
            return _is_in(column, options)
        case _:
            return Anything()


def _is_in(column: Column, options: dict[str, pa.Scalar]) -> Predicate:
    """``is_in`` by how it takes nulls: unlike SQL's IN it is never unknown by default."""
    nulls = options["null_matching_behavior"].as_py()
    values = [literal_of_scalar(value) for value in options["value_set"].values]
    known = tuple(dict.fromkeys(v for v in values if v is not None and not v.is_null))
    if any(value is None for value in values) or nulls == _INCONCLUSIVE:
        return Anything()
    found: Predicate = nodes.In(column, known) if known else nodes.Fixed(column, truth=False)
    if nulls == _EMIT_NULL:
        return found
    if nulls == _MATCH and any(value is not None and value.is_null for value in values):
        return nodes.Or((found, nodes.IsNull(column)))
    return nodes.And((found, nodes.Not(nodes.IsNull(column))))


def _option_text(option: pa.Scalar) -> str:
    value = option.as_py()
    return value.decode() if isinstance(value, bytes) else str(value)


def _column(term: object) -> Column | None:
    return Column(term.name) if isinstance(term, Field) and not term.nested else None
