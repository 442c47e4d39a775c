"""``tablestore files``: the data files that a snapshot is made of."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, moment, options, render

_SHOWN = ("path", "level", "rows", "bytes", "min_key", "max_key")


def files(
    context: typer.Context,
    *,
    table: options.TableName,
    at: Annotated[str | None, typer.Option(metavar="WHEN", help=moment.HELP)] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the data files of a table's snapshot."""
    opened = moment.at(connect.open_table(context, table), at)
    rows = [render.fields_of(entry) for entry in opened.files()]
    if as_json:
        for row in rows:
            render.emit(row)
    elif rows:
        render.print_rows(rows, _SHOWN)
    else:
        render.say("no files: the table is empty")
