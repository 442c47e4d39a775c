"""Filter text as tokens, each with its position."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from tablestore.errors import InvalidInputError

KEYWORDS = frozenset(
    {"and", "or", "not", "in", "between", "like", "is", "null", "true", "false", "escape"}
)
_SKIP = re.compile(r"\s+")
_PATTERNS = (
    ("hex", re.compile(r"[xX]'([^']*)'")),
    ("text", re.compile(r"'((?:[^']|'')*)'")),
    ("name", re.compile(r'"((?:[^"]|"")*)"')),
    ("name", re.compile(r"`((?:[^`]|``)*)`")),
    ("number", re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)),
    ("word", re.compile(r"[^\W\d]\w*")),
    ("symbol", re.compile(r"<=|>=|<>|!=|==|\|\||[=<>(),+\-*/%]")),
)
_QUOTES = {"'": "text", '"': "column name", "`": "column name"}


class Token(NamedTuple):
    """One token; `text` is what it means (unquoted), `raw` is what was written."""

    kind: str  # word, name, text, hex, number, symbol, end
    text: str
    position: int
    raw: str

    @property
    def keyword(self) -> str:
        """The word in lower case, or an empty string for any other token."""
        return self.text.lower() if self.kind == "word" else ""


def tokenize(text: str) -> list[Token]:
    """The tokens of a filter text; the last one is of kind ``end``.

    Raises:
        InvalidInputError: a quote that never ends, or a character that no token begins with.
    """
    found: list[Token] = []
    position = 0
    while True:
        space = _SKIP.match(text, position)
        position = space.end() if space else position
        if position >= len(text):
            found.append(Token("end", "", position, ""))
            return found
        found.append(_next(text, position))
        position += len(found[-1].raw)


def _next(text: str, position: int) -> Token:
    for kind, pattern in _PATTERNS:
        match = pattern.match(text, position)
        if match is None:
            continue
        raw = match[0]
        if kind == "number" and re.match(r"[\w.]", text[match.end() : match.end() + 1]):
            fail(text, position, f"a number or name is badly written: {raw + text[match.end()]!r}")
        meaning = match[1] if match.re.groups else raw
        if kind in {"text", "name"}:
            meaning = meaning.replace(raw[0] * 2, raw[0])
        return Token(kind, meaning, position, raw)
    if text[position] in _QUOTES:
        fail(text, position, f"the {_QUOTES[text[position]]} that begins here never ends")
    fail(text, position, f"unexpected character {text[position]!r}")


def fail(text: str, position: int, problem: str) -> NoReturn:
    """Refuse a filter text, naming the position (from 1) and the text.

    Raises:
        InvalidInputError: always.
    """
    shown = text if len(text) <= 200 else text[:200] + "…"
    raise InvalidInputError(
        f"cannot read the filter at position {position + 1}: {problem}, in {shown!r}",
        text=text,
        position=position + 1,
    )
