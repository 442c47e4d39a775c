"""A predicate as the text that ``parse_where`` reads, for explain output and messages."""

from __future__ import annotations

import re
from decimal import Decimal

from tablestore.predicate import nodes, temporal
from tablestore.predicate.literal import Literal
from tablestore.predicate.tokens import KEYWORDS

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def to_text(predicate: nodes.Predicate | None) -> str:
    """The predicate as filter text; parsing it back gives an equal predicate.

    The exceptions are pyarrow expressions, which print as pyarrow prints them, and what only
    binding makes. None gives an empty text.
    """
    return "" if predicate is None else _print(predicate, 0)


def _print(node: nodes.Predicate, binding: int) -> str:
    """Text of a node; `binding` is 0 inside nothing, 1 inside or, 2 inside and, 3 inside not."""
    match node:
        case nodes.Or(parts):
            return _joined(parts, " or ", 1, binding, "false")
        case nodes.And(parts):
            return _joined(parts, " and ", 2, binding, "true")
        case nodes.Not(nodes.IsNull(column)):
            return f"{quote_name(column.name)} is not null"
        case nodes.Not(part):
            return f"not {_print(part, 3)}"
        case nodes.Opaque(text=text):
            return f"pyarrow[{text}]"
        case _:
            return _leaf(node)


def _joined(
    parts: tuple[nodes.Predicate, ...], word: str, level: int, binding: int, empty: str
) -> str:
    if not parts:
        return empty
    text = word.join(_print(part, level if len(parts) > 1 else binding) for part in parts)
    # The same operator nested in itself keeps its parentheses: the tree must come back the same.
    return f"({text})" if binding >= level and len(parts) > 1 else text


def _leaf(node: nodes.Predicate) -> str:
    match node:
        case nodes.Compare(op, column, value):
            right = quote_name(value.name) if isinstance(value, nodes.Column) else to_sql(value)
            return f"{quote_name(column.name)} {op} {right}"
        case nodes.In(column, values):
            return f"{quote_name(column.name)} in ({', '.join(to_sql(v) for v in values)})"
        case nodes.Like(column, pattern):
            return f"{quote_name(column.name)} like {quote_text(pattern)}"
        case nodes.IsNull(column):
            return f"{quote_name(column.name)} is null"
        case nodes.Constant(truth):
            return "null" if truth is None else str(truth).lower()
        case nodes.Fixed(column, truth):
            return f"{quote_name(column.name)} is {'always' if truth else 'never'} so"
        case _:
            return "anything"


def quote_name(name: str) -> str:
    """A column name as filter text, quoted where it must be."""
    if _PLAIN.fullmatch(name) and name.lower() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """A text constant: ``'it''s'``."""
    return "'" + text.replace("'", "''") + "'"


def to_sql(value: Literal) -> str:
    """A constant as filter text."""
    raw = value.value
    match value.kind, raw:
        case "date", int(days):
            return f"date '{temporal.format_date(days)}'"
        case "time", int(nanos):
            return f"time '{temporal.format_time(nanos)}'"
        case "millis", int(millis):
            return f"time '{temporal.format_time(millis * 1_000_000)}'"
        case ("timestamp" | "timestamptz") as kind, int(nanos):
            return f"timestamp '{temporal.format_timestamp(nanos, zoned=kind == 'timestamptz')}'"
        case _, bytes(data):
            return f"x'{data.hex()}'"
        case _, str(text):
            return quote_text(text)
        case _:
            return _number(raw)


def _number(raw: object) -> str:
    if raw is None or isinstance(raw, bool):
        return {None: "null", True: "true", False: "false"}[raw]
    if isinstance(raw, Decimal):
        text = f"{raw:f}"
        return text if "." in text else text + ".0"
    if isinstance(raw, float):
        if raw != raw:
            return "'NaN'"
        if raw in {float("inf"), float("-inf")}:
            return "1e999" if raw > 0 else "-1e999"
        text = repr(raw)
        return text if "e" in text else text + "e0"
    return str(raw)
