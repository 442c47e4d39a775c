"""SQL-like filter text to a predicate: a recursive descent, one method a rule.

::

    condition  = conjunction { OR conjunction }
    conjunction= negation { AND negation }
    negation   = { NOT } primary
    primary    = "(" condition ")" | operand test | column | TRUE | FALSE | NULL
    test       = op operand | [NOT] IN "(" literal {"," literal} ")"
               | [NOT] BETWEEN operand AND operand | [NOT] LIKE text [ESCAPE text]
               | IS [NOT] NULL
    op         = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    operand    = column | literal
    column     = name | "quoted" | `quoted`
    literal    = ["-"|"+"] number | 'text' | x'hex' | TRUE | FALSE | NULL
               | DATE 'text' | TIME 'text' | TIMESTAMP 'text'

A number with an exponent is a float, one with a point a decimal, else an integer. Words are
case-insensitive; ``date``, ``time`` and ``timestamp`` are column names unless a text follows.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NoReturn, TypeAlias, TypeVar

from tablestore.errors import InvalidInputError
from tablestore.predicate import nodes, temporal
from tablestore.predicate.from_python import literal
from tablestore.predicate.literal import NULL, Literal
from tablestore.predicate.nodes import Column, Predicate
from tablestore.predicate.tokens import KEYWORDS, Token, fail, tokenize

Operand: TypeAlias = "Column | Literal"
_Found = TypeVar("_Found")
_OPERATORS = {"==": "=", "<>": "!="} | {op: op for op in nodes.FLIPPED}
_DEPTH_MAX = 100
_HEX = frozenset("0123456789abcdefABCDEF")
_WORDS = {"true": Literal(value=True, kind="bool"), "false": Literal(value=False, kind="bool")}


def parse_where(text: str) -> Predicate:
    """The predicate that a filter text describes.

    Args:
        text: for example ``amount > 10 and name like 'a%'``; the grammar is at the top.

    Raises:
        InvalidInputError: names the position and what was expected there.
    """
    return FilterParser(text).whole()


class FilterParser:
    """Tokens of a text, and a method for each rule; ``expression`` adds rules of its own."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0
        self.depth = 0

    # --- tokens

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def advance(self) -> Token:
        token = self.token
        self.index += token.kind != "end"
        return token

    def accept(self, word: str) -> bool:
        """Step over a keyword or a symbol if it is next."""
        token = self.token
        if token.keyword == word or (token.kind == "symbol" and token.text == word):
            self.advance()
            return True
        return False

    def expect(self, word: str, wanted: str) -> None:
        if not self.accept(word):
            self.expected(wanted)

    def refuse(self, token: Token, problem: str) -> NoReturn:
        fail(self.text, token.position, problem)

    def nested(self, rule: Callable[[], _Found]) -> _Found:
        """What a rule finds inside parentheses, which may not be nested without end."""
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            fail(self.text, self.token.position, f"more than {_DEPTH_MAX} nested parentheses")
        found = rule()
        self.depth -= 1
        return found

    def expected(self, wanted: str) -> NoReturn:
        token = self.token
        found = "the end of the text" if token.kind == "end" else repr(token.raw)
        fail(self.text, token.position, f"expected {wanted}, found {found}")

    # --- rules

    def whole(self) -> Predicate:
        if self.token.kind == "end":
            self.expected("a condition such as amount > 10")
        result = self.condition()
        if self.token.kind != "end":
            self.expected("and, or, or the end")
        return result

    def condition(self) -> Predicate:
        parts = [self.conjunction()]
        while self.accept("or"):
            parts.append(self.conjunction())
        return parts[0] if len(parts) == 1 else nodes.Or(tuple(parts))

    def conjunction(self) -> Predicate:
        parts = [self.negation()]
        while self.accept("and"):
            parts.append(self.negation())
        return parts[0] if len(parts) == 1 else nodes.And(tuple(parts))

    def negation(self) -> Predicate:
        count = 0
        while self.accept("not"):
            count += 1
        result = self.primary()
        # NOT NOT p is p in three-valued logic too, so only the last one is kept.
        return nodes.Not(result) if count % 2 else result

    def primary(self) -> Predicate:
        if self.accept("("):
            result = self.nested(self.condition)
            self.expect(")", "')'")
            return result
        start = self.token
        return self.test(self.operand("a column, a value or '('"), start)

    def test(self, left: Operand, start: Token) -> Predicate:
        token = self.token
        if token.kind == "symbol" and token.text in _OPERATORS:
            self.advance()
            right = self.operand(f"a value or a column after {token.raw!r}")
            return self.compare(_OPERATORS[token.text], left, right, token)
        if token.keyword == "is":
            return self.is_null(self.column_of(left, start))
        negated = self.accept("not")
        if not negated and token.keyword not in {"in", "between", "like"}:
            return self.bare(left, start)
        found = self.named_test(left, start)
        return nodes.Not(found) if negated else found

    def named_test(self, left: Operand, start: Token) -> Predicate:
        if self.accept("in"):
            column = self.column_of(left, start)
            return nodes.In(column, self.values())
        if self.accept("between"):
            return self.between(left, start)
        self.expect("like", "in, between or like after not")
        return nodes.Like(self.column_of(left, start), self.pattern())

    def is_null(self, column: Column) -> Predicate:
        self.expect("is", "is")
        negated = self.accept("not")
        self.expect("null", "null" if negated else "null or not null")
        found = nodes.IsNull(column)
        return nodes.Not(found) if negated else found

    def values(self) -> tuple[Literal, ...]:
        self.expect("(", "'(' after in")
        found = [self.value("a value")]
        while self.accept(","):
            found.append(self.value("a value after ','"))
        self.expect(")", "',' or ')'")
        return tuple(dict.fromkeys(found))

    def between(self, left: Operand, start: Token) -> Predicate:
        low = self.operand("the lower bound after between")
        self.expect("and", "and between the two bounds")
        high = self.operand("the upper bound after and")
        return nodes.And(
            (self.compare(">=", left, low, start), self.compare("<=", left, high, start))
        )

    def pattern(self) -> str:
        if self.token.kind != "text":
            self.expected("a text pattern after like")
        pattern = self.advance().text
        if self.accept("escape") and (self.token.kind != "text" or self.advance().text != "\\"):
            self.expected("'\\', the only escape character")
        return pattern

    def bare(self, left: Operand, start: Token) -> Predicate:
        """A column or a constant that stands for a condition by itself."""
        if isinstance(left, Column):
            if self.token.kind not in {"end", "symbol"} and self.token.keyword not in KEYWORDS:
                self.expected(f"a comparison after column {left.name!r}")
            return nodes.Compare("=", left, _WORDS["true"])
        if left.kind in {"bool", "null"}:
            return nodes.Constant(None if left.value is None else bool(left.value))
        self.expected(f"a comparison after {start.raw!r}")

    def compare(self, op: str, left: Operand, right: Operand, token: Token) -> Predicate:
        if isinstance(left, Column):
            return nodes.Compare(op, left, right)
        if isinstance(right, Column):
            return nodes.Compare(nodes.FLIPPED[op], right, left)
        return nodes.Constant(self.fold(op, left, right, token))

    def fold(self, op: str, left: Literal, right: Literal, token: Token) -> bool | None:
        """The answer for two constants, such as ``1 = 1``."""
        if left.is_null or right.is_null:
            return None
        numbers = {"int", "decimal", "float"}
        if left.kind != right.kind and not {left.kind, right.kind} <= numbers:
            fail(self.text, token.position, f"cannot compare {left.kind} with {right.kind}")
        a: object = left.value
        b: object = right.value
        below = bool(a < b)  # type: ignore[operator]
        above = bool(a > b)  # type: ignore[operator]
        return {
            "=": not below and not above, "!=": below or above, "<": below, "<=": not above,
            ">": above, ">=": not below,
        }[op]  # fmt: skip

    # --- operands

    def column_of(self, operand: Operand, start: Token) -> Column:
        if isinstance(operand, Column):
            return operand
        return fail(self.text, start.position, f"expected a column here, found {start.raw!r}")

    def operand(self, wanted: str) -> Operand:
        token = self.token
        following = self.tokens[self.index + 1] if token.kind != "end" else token
        typed = token.keyword in {"date", "time", "timestamp"} and following.kind == "text"
        if token.kind == "name" or (
            token.kind == "word" and token.keyword not in KEYWORDS and not typed
        ):
            if not token.text:
                self.expected("a column name between the quotes")
            return Column(self.advance().text)
        return self.value(wanted)

    def value(self, wanted: str) -> Literal:
        token = self.token
        if token.kind == "symbol" and token.text in {"-", "+"}:
            self.advance()
            if self.token.kind != "number":
                self.expected(f"a number after {token.text!r}")
            return self.number(token.text)
        if token.kind == "number":
            return self.number("")
        if token.kind in {"text", "hex"}:
            return self.quoted(self.advance())
        if token.keyword == "null":
            self.advance()
            return NULL
        if token.keyword in _WORDS:
            return _WORDS[self.advance().keyword]
        if token.keyword in {"date", "time", "timestamp"}:
            return self.temporal()
        self.expected(wanted)

    def number(self, sign: str) -> Literal:
        token = self.advance()
        digits = token.text.lower()
        if len(digits) > 1000:
            fail(self.text, token.position, "a number has more than 1000 digits")
        if "e" in digits:
            return Literal(float(sign + digits), "float")
        if "." in digits:
            return literal(Decimal(sign + digits))
        return Literal(int(sign + digits), "int")

    def quoted(self, token: Token) -> Literal:
        if token.kind == "text":
            try:
                return literal(token.text)
            except InvalidInputError as error:
                fail(self.text, token.position, str(error))
        if len(token.text) % 2 or not set(token.text) <= _HEX:
            fail(self.text, token.position, f"{token.raw} is not an even number of hex digits")
        return Literal(bytes.fromhex(token.text), "bytes")

    def temporal(self) -> Literal:
        word = self.advance()
        if self.token.kind != "text":
            self.expected(f"a quoted text after {word.raw}")
        token = self.advance()
        found = temporal_literal(word.keyword, token.text)
        if found is None:
            fail(self.text, token.position, f"{token.raw} is not a {word.keyword} in ISO form")
        return found


def temporal_literal(kind: str, text: str) -> Literal | None:
    """The constant of ``date '…'``, ``time '…'`` or ``timestamp '…'``; None for bad text."""
    if kind == "timestamp":
        found = temporal.parse_timestamp(text)
        return found and Literal(found[0], "timestamptz" if found[1] else "timestamp")
    value = temporal.parse_date(text) if kind == "date" else temporal.parse_time(text)
    return None if value is None else Literal(value, kind)
