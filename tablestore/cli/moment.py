"""``--at``: a snapshot id, a tag, a timestamp, or an age such as ``2h``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import typer

from tablestore.errors import NotFoundError

if TYPE_CHECKING:
    import tablestore

HELP = (
    "A snapshot id, a tag (tag:NAME where the name looks like one of the others), a timestamp "
    "such as 2026-11-01T00:00:00Z, or an age such as 2h."
)
_TAG = "tag:"

_AGE = re.compile(r"^\d+\s*(ms|s|sec|second|m|min|minute|h|hour|d|day)s?$", re.IGNORECASE)
_TIMESTAMP = re.compile(r"^\d{4}-\d{2}-\d{2}")


def at(table: tablestore.Table, when: str | None) -> tablestore.Table:
    """The table as it was at a moment, or as it is where none is given.

    Raises:
        typer.BadParameter: The text is none of the four.
        NotFoundError: There is no such snapshot or tag.
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
    if text.startswith(_TAG):
        return table.at(tag=text.removeprefix(_TAG))
    try:
        return table.at(tag=text)
    except NotFoundError:
        raise typer.BadParameter(
            "--at takes a snapshot id, a tag, a timestamp or an age such as 2h; the table has no "
            f"tag {when!r}"
        ) from None
