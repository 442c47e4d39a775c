"""``tablestore drop``: a table and its files, for good."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def drop(
    context: typer.Context,
    *,
    table: options.TableName,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Drop a table: its files are removed and cannot be brought back."""
    lake, name = connect.locate(context, table)
    lake.table(name)  # a name that does not exist is an error before any question
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("drop removes files for good: give --yes")
        if not typer.confirm(f"Drop {name} and all its files?", err=True):
            render.say("nothing was dropped")
            raise typer.Exit(code=1)
    lake.drop_table(name)
    if as_json:
        render.emit({"dropped": name})
    else:
        render.tell(f"dropped {name}")
