"""Names and constants as filter text."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from tablestore.predicate import temporal
from tablestore.predicate.tokens import KEYWORDS

if TYPE_CHECKING:
    from tablestore.predicate.literal import Literal

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


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
