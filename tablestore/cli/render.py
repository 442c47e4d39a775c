"""What the verbs print: JSON lines, a table for people, messages on standard error.

rich is imported only where a terminal watches; a pipe gets plain aligned text.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class ReaderLeftError(Exception):
    """Nobody reads standard output any more, as in ``tablestore head ... | head -1``.

    It is no OSError, for typer would end the process with code 1 on a broken pipe.
    """


def tell(line: str) -> None:
    """Prints one line on standard output.

    Raises:
        ReaderLeftError: The pipe is closed.
    """
    try:
        print(line)
    except BrokenPipeError:
        raise ReaderLeftError from None


def say(message: str) -> None:
    """Prints a message for people on standard error."""
    print(message, file=sys.stderr)


def fail(kind: str, message: str, *, retryable: bool, as_json: bool) -> None:
    """Prints an error on standard error: a sentence, or with ``--json`` one JSON object."""
    if as_json:
        say(to_json({"error": kind, "message": message, "retryable": retryable}))
    else:
        say(f"error: {message}")


def emit(value: object) -> None:
    """Prints one JSON value as one line on standard output."""
    tell(to_json(value))


def to_json(value: object) -> str:
    """One line of strict JSON; NaN and infinities become text, since JSON has no such numbers."""
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    plain = value if isinstance(value, str | int | float | None) else _plain(value)
    return plain if plain is value else _finite(plain)


def print_rows(rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> None:
    """Prints rows as a table for people: by rich on a terminal, as plain aligned text else.

    Args:
        rows: one mapping a row.
        columns: the names to show, in order; what a row lacks stays empty.
    """
    lines = [[_cell(row.get(name)) for name in columns] for row in rows]
    if sys.stdout.isatty():
        _print_rich(lines, columns)
        return
    widths = [
        max([len(name), *(len(line[place]) for line in lines)])
        for place, name in enumerate(columns)
    ]
    for line in [list(columns), *lines]:
        tell(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _print_rich(lines: Sequence[Sequence[str]], columns: Sequence[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(Text(name), overflow="fold")
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    Console().print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.replace("\n", "\\n").replace("\t", "\\t")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
    text = to_json(value)
    return text[1:-1] if text.startswith('"') else text


def fields_of(value: object) -> dict[str, object]:
    """The fields of a dataclass value, by name; a mapping is taken as it is."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return dict(value)
    raise TypeError(type(value).__name__)
