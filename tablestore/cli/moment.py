"""``--at``: a snapshot id, a timestamp, or an age such as ``2h``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import tablestore

HELP = "A snapshot id, a timestamp such as 2026-11-01T00:00:00Z, or an age such as 2h."

_AGE = re.compile(r"^\d+\s*(ms|s|sec|second|m|min|minute|h|hour|d|day)s?$", re.IGNORECASE)
_TIMESTAMP = re.compile(r"^\d{4}-\d{2}-\d{2}")


def at(table: tablestore.Table, when: str | None) -> tablestore.Table:
    """The table as it was at a moment, or as it is where none is given.

    Raises:
        typer.BadParameter: The text is none of the three.
    """
    if when is None:
        return table
    text = when.strip()
    if text.isdigit():
        return table.at(snapshot=int(text))
    if _AGE.match(text):
        return table.at(ago=text)
    if _TIMESTAMP.match(text):
        return table.at(timestamp=text)
    raise typer.BadParameter(
        f"--at takes a snapshot id, a timestamp or an age such as 2h, found {when!r}"
    )
