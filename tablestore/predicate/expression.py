"""Expressions of ``update(set=...)``: text such as ``amount * 2`` to values of a batch.

::

    expression = term { ("+" | "-" | "||") term }
    term       = factor { ("*" | "/" | "%") factor }
    factor     = ["-" | "+"] factor | "(" expression ")" | function | column | literal
    function   = name "(" [ expression {"," expression} ] ")"

Columns and literals are those of filters (``parse``). Arithmetic is exact: what does not fit is an
error, as is a division by zero; whole numbers divide to whole numbers. Null in, null out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import reduce
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from tablestore.errors import InvalidInputError, nearest
from tablestore.predicate.arrow_scalar import scalar_of
from tablestore.predicate.literal import Literal
from tablestore.predicate.nodes import Column
from tablestore.predicate.parse import FilterParser

Values: TypeAlias = "pa.Array | pa.Scalar"


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of expressions."""

    function: str
    arguments: tuple[Expression, ...]


Expression: TypeAlias = Column | Literal | Apply

_LITERALS: Final[Mapping[str, pa.DataType]] = {
    "null": pa.int8(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "str": pa.string(),
    "bytes": pa.binary(),
    "date": pa.date32(),
    "time": pa.time32("ms"),
    "timestamp": pa.timestamp("ns"),
    "timestamptz": pa.timestamp("ns", "UTC"),
}


def parse_expression(text: str) -> Expression:
    """The expression that a text describes.

    Raises:
        InvalidInputError: names the position and what was expected there.
    """
    return _Parser(text).whole_expression()


def columns_of(expression: Expression) -> set[str]:
    """Names of the columns that an expression reads."""
    match expression:
        case Column(name):
            return {name}
        case Apply(arguments=arguments):
            return set().union(*map(columns_of, arguments))
        case _:
            return set()


def compute(expression: Expression, batch: pa.RecordBatch) -> Values:
    """The values of an expression for the rows of a batch; one value where it reads no column.

    Raises:
        InvalidInputError: types that do not go together, an overflow, a division by zero.
    """
    match expression:
        case Column(name):
            index = batch.schema.get_field_index(name)
            if index < 0:
                raise InvalidInputError(
                    f"there is no column {name!r}{nearest(name, batch.schema.names)}"
                )
            return batch.column(index)
        case Literal():
            return _scalar(expression)
        case Apply(function, arguments):
            values = [compute(argument, batch) for argument in arguments]
            try:
                return _FUNCTIONS[function].call(*values)
            except pa.ArrowException as error:
                raise InvalidInputError(f"cannot work out {function}: {error}") from None


def _scalar(literal: Literal) -> pa.Scalar:
    if literal.kind == "decimal":
        parts = Decimal(str(literal.value)).as_tuple()
        scale = max(-int(parts.exponent), 0)
        # as narrow as it can be: the precision of a product is the sum of both
        precision = max(len(parts.digits), scale, 1)
        return pa.scalar(literal.value, pa.decimal128(precision, scale))
    if literal.kind == "null":
        return pa.scalar(None)
    if literal.kind == "time":
        return scalar_of(int(literal.value or 0) // 1_000_000, pa.time32("ms"))
    return scalar_of(literal.value, _LITERALS[literal.kind])


@dataclass(frozen=True)
class _Function:
    call: Callable[..., Any]
    least: int
    most: int | None


def _concat(*values: Values) -> Values:
    texts = [value.cast(pa.string()) for value in values]
    return pc.binary_join_element_wise(*texts, pa.scalar(""))


def _modulo(left: Values, right: Values) -> Values:
    """What is left of a division, with the sign of the dividend."""
    if pa.types.is_floating(left.type) or pa.types.is_floating(right.type):
        quotient = pc.trunc(pc.divide_checked(left, right))
    else:
        quotient = pc.divide_checked(left, right)
    return pc.subtract_checked(left, pc.multiply_checked(quotient, right))


_FUNCTIONS: Final[Mapping[str, _Function]] = {
    "+": _Function(pc.add_checked, 2, 2),
    "-": _Function(pc.subtract_checked, 2, 2),
    "*": _Function(pc.multiply_checked, 2, 2),
    "/": _Function(pc.divide_checked, 2, 2),
    "%": _Function(_modulo, 2, 2),
    "||": _Function(_concat, 2, 2),
    "negate": _Function(pc.negate_checked, 1, 1),
    "abs": _Function(pc.abs_checked, 1, 1),
    "coalesce": _Function(pc.coalesce, 1, None),
    "concat": _Function(_concat, 1, None),
    "greatest": _Function(lambda *v: pc.max_element_wise(*v, skip_nulls=False), 1, None),
    "least": _Function(lambda *v: pc.min_element_wise(*v, skip_nulls=False), 1, None),
    "length": _Function(pc.utf8_length, 1, 1),
    "lower": _Function(pc.utf8_lower, 1, 1),
    "upper": _Function(pc.utf8_upper, 1, 1),
    "trim": _Function(pc.utf8_trim_whitespace, 1, 1),
}


class _Parser(FilterParser):
    def whole_expression(self) -> Expression:
        if self.token.kind == "end":
            self.expected("an expression such as amount * 2")
        found = self.expression()
        if self.token.kind != "end":
            self.expected("an operator or the end")
        return found

    def expression(self) -> Expression:
        return self._chain({"+", "-", "||"}, self.term)

    def term(self) -> Expression:
        return self._chain({"*", "/", "%"}, self.factor)

    def _chain(self, operators: set[str], part: Callable[[], Expression]) -> Expression:
        parts: list[tuple[str, Expression]] = [("", part())]
        while self.token.kind == "symbol" and self.token.text in operators:
            operator = self.advance().text
            parts.append((operator, part()))
        return reduce(lambda left, item: Apply(item[0], (left, item[1])), parts[1:], parts[0][1])

    def factor(self) -> Expression:
        following = self.tokens[min(self.index + 1, len(self.tokens) - 1)]
        signed = self.token.kind == "symbol" and self.token.text in {"-", "+"}
        if signed and following.kind != "number":
            sign = self.advance().text
            inner = self.factor()
            return inner if sign == "+" else Apply("negate", (inner,))
        if self.token.kind == "word" and following.text == "(" and following.kind == "symbol":
            return self.function()
        if self.accept("("):
            found = self.nested(self.expression)
            self.expect(")", "')'")
            return found
        return self.operand("a column, a value or '('")

    def function(self) -> Expression:
        token = self.advance()
        name = token.text.lower()
        known = [word for word in _FUNCTIONS if word.isalpha() and word != "negate"]
        if name not in known:
            self.refuse(token, f"there is no function {token.text!r}{nearest(name, known)}")
        self.advance()
        arguments: list[Expression] = []
        if not self.accept(")"):
            arguments.append(self.nested(self.expression))
            while self.accept(","):
                arguments.append(self.nested(self.expression))
            self.expect(")", "',' or ')'")
        function = _FUNCTIONS[name]
        if len(arguments) < function.least or len(arguments) > (function.most or len(arguments)):
            count = f"{function.least}" if function.most else f"{function.least} or more"
            self.refuse(token, f"{name} takes {count} arguments, found {len(arguments)}")
        return Apply(name, tuple(arguments))
