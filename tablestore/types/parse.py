"""SQL type text to data types.

Source: ``org.apache.paimon.types.DataTypeJsonParser`` (tokens and keywords), widened by the
``<…>`` forms of ARRAY, MAP, MULTISET, ROW and VECTOR that SQL users type.
"""

from __future__ import annotations

import re
from typing import Final

from tablestore.errors import InvalidInputError, nearest
from tablestore.types.model import (
    ATOMIC_NAMES,
    GEO_TYPES,
    LENGTH_TYPES,
    MAX_LENGTH,
    TIME_TYPES,
    UNASSIGNED_ID,
    ArrayType,
    AtomicType,
    DataField,
    DataType,
    MapType,
    MultisetType,
    RowType,
    VectorType,
)

MAX_DEPTH: Final = 64

_SPACE = re.compile(r"\s*")
_TOKEN = re.compile(r"(?P<word>\w+)|(?P<name>`(?:[^`]|``)+`)|(?P<text>'(?:[^']|'')*')|(?P<mark>.)")
_ALIASES: Final = {"NUMERIC": "DECIMAL", "DEC": "DECIMAL", "INTEGER": "INT"}
_LONG_FORMS: Final = {
    "STRING": AtomicType("VARCHAR", MAX_LENGTH),
    "BYTES": AtomicType("VARBINARY", MAX_LENGTH),
}
_COMPOSITE: Final = frozenset({"ARRAY", "MAP", "MULTISET", "ROW", "VECTOR"})
_KNOWN: Final = sorted(ATOMIC_NAMES | set(_ALIASES) | set(_LONG_FORMS) | _COMPOSITE)


def parse_type(text: str) -> DataType:
    """The data type that a SQL text names, e.g. ``DECIMAL(10, 2) NOT NULL`` or ``ARRAY<INT>``.

    Keywords may be in any case. Fields of a ROW get no ids (``UNASSIGNED_ID``).

    Raises:
        InvalidInputError: names the text, the position and what was expected there.
    """
    parser = _Parser(text)
    result = parser.type_with_nullability(0)
    parser.expect_end()
    return result


def parse_field(name: str, text: str) -> DataField:
    """A column from its name and a text ``<type> [DEFAULT '…'] [COMMENT '…']``.

    Raises:
        InvalidInputError: names the text, the position and what was expected there.
    """
    parser = _Parser(text)
    field = parser.field_rest(name, 0)
    parser.expect_end()
    return field


class _Parser:
    """A cursor over one text; each method reads one construct and moves on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._skip_space()

    # -- tokens -----------------------------------------------------------------

    def _skip_space(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def _peek(self) -> str:
        match = _TOKEN.match(self.text, self.at)
        return match.group() if match else ""

    def _next(self) -> str:
        token = self._peek()
        self.at += len(token)
        self._skip_space()
        return token

    def _take(self, *words: str) -> bool:
        """Move past the words if they come next, all of them."""
        start = self.at
        for word in words:
            if self._peek().upper() != word:
                self.at = start
                return False
            self._next()
        return True

    def _need(self, *words: str) -> None:
        for word in words:
            if not self._take(word):
                raise self._error(f"expected {word!r}")

    def _integer(self) -> int:
        token = self._peek()
        if not (token.isascii() and token.isdigit() and len(token) <= 10):
            raise self._error("expected a number")
        self._next()
        return int(token)

    def _literal(self) -> str:
        token = self._peek()
        if len(token) < 2 or token[0] != "'":
            raise self._error("expected a text in single quotes")
        self._next()
        return token[1:-1].replace("''", "'")

    def _name(self) -> str:
        token = self._peek()
        if token.startswith("`") and len(token) > 2:
            self._next()
            return token[1:-1].replace("``", "`")
        if not token or not (token[0].isalnum() or token[0] == "_"):
            raise self._error("expected a field name")
        return self._next()

    def expect_end(self) -> None:
        if self.at < len(self.text):
            raise self._error("expected the end")

    def _error(self, why: str) -> InvalidInputError:
        found = f"found {self._peek()!r}" if self._peek() else "found the end"
        return InvalidInputError(
            f"cannot read the type {self.text!r}: {why} at position {self.at}, {found}",
            text=self.text,
            position=self.at,
        )

    # -- grammar ----------------------------------------------------------------

    def type_with_nullability(self, depth: int) -> DataType:
        if depth >= MAX_DEPTH:
            raise self._error(f"types may be nested {MAX_DEPTH} deep at most")
        result = self._base_type(depth).with_nullable(self._nullability())
        wraps = 0
        while self._peek().upper() in {"ARRAY", "MULTISET"}:
            wraps += 1
            if depth + wraps >= MAX_DEPTH:
                raise self._error(f"types may be nested {MAX_DEPTH} deep at most")
            wrap = ArrayType if self._next().upper() == "ARRAY" else MultisetType
            result = wrap(result).with_nullable(self._nullability())
        return result

    def _nullability(self) -> bool:
        if self._take("NOT"):
            self._need("NULL")
            return False
        self._take("NULL")
        return True

    def _base_type(self, depth: int) -> DataType:
        start = self.at
        word = self._peek().upper()
        word = _ALIASES.get(word, word)
        if word not in _KNOWN:
            hint = nearest(word, _KNOWN) if word else ""
            raise self._error(f"expected a type name{hint}")
        self._next()
        try:
            return self._composite(word, depth) if word in _COMPOSITE else self._atomic(word)
        except InvalidInputError as error:
            if "position" in error.detail:
                raise
            raise InvalidInputError(
                f"cannot read the type {self.text!r} at position {start}: {error}",
                text=self.text,
                position=start,
            ) from None

    def _atomic(self, word: str) -> DataType:
        if word in _LONG_FORMS:
            return _LONG_FORMS[word]
        if word in LENGTH_TYPES:
            return AtomicType(word, length=self._optional_number())
        if word in TIME_TYPES:
            return self._time(word)
        if word in GEO_TYPES:
            return self._geo(word)
        if word == "DECIMAL":
            return self._decimal()
        if word == "DOUBLE":
            self._take("PRECISION")
        return AtomicType(word)

    def _optional_number(self) -> int | None:
        if not self._take("("):
            return None
        number = self._integer()
        self._need(")")
        return number

    def _decimal(self) -> AtomicType:
        precision, scale = None, None
        if self._take("("):
            precision = self._integer()
            scale = self._integer() if self._take(",") else None
            self._need(")")
        return AtomicType("DECIMAL", precision=precision, scale=scale)

    def _time(self, word: str) -> AtomicType:
        precision = self._optional_number()
        if word != "TIMESTAMP_LTZ" and self._take("WITHOUT"):
            self._need("TIME", "ZONE")
        elif word == "TIMESTAMP" and self._take("WITH"):
            self._need("LOCAL", "TIME", "ZONE")
            word = "TIMESTAMP_LTZ"
        return AtomicType(word, precision=precision)

    def _geo(self, word: str) -> AtomicType:
        if self._peek() != "(":
            return AtomicType(word)
        end = self.text.find(")", self.at)
        if end < 0:
            raise self._error("expected ')'")
        inner = self.text[self.at + 1 : end]
        self.at = end + 1
        self._skip_space()
        crs, comma, algorithm = inner.rpartition(",") if word == "GEOGRAPHY" else (inner, "", "")
        if word == "GEOGRAPHY" and not comma:
            crs, algorithm = algorithm, ""
        return AtomicType(word, crs=crs.strip(), algorithm=algorithm.strip() or None)

    def _composite(self, word: str, depth: int) -> DataType:
        if word == "ROW":
            return self._row(depth)
        self._need("<")
        result: DataType
        first = self.type_with_nullability(depth + 1)
        if word == "MAP":
            self._need(",")
            result = MapType(first, self.type_with_nullability(depth + 1))
        elif word == "VECTOR":
            self._need(",")
            result = VectorType(first, self._integer())
        else:
            result = ArrayType(first) if word == "ARRAY" else MultisetType(first)
        self._need(">")
        return result

    def _row(self, depth: int) -> RowType:
        closing = ")" if self._peek() == "(" else ">"
        self._need("(" if closing == ")" else "<")
        fields: list[DataField] = []
        while not self._take(closing):
            if fields:
                self._need(",")
            fields.append(self.field_rest(self._name(), depth + 1))
        return RowType(tuple(fields))

    def field_rest(self, name: str, depth: int) -> DataField:
        """What follows a field's name: type, DEFAULT and COMMENT (a bare text is a comment)."""
        data_type = self.type_with_nullability(depth)
        default = self._literal() if self._take("DEFAULT") else None
        commented = self._take("COMMENT") or self._peek().startswith("'")
        description = self._literal() if commented else None
        return DataField(UNASSIGNED_ID, name, data_type, description, default)
