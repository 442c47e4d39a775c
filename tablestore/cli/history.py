"""``tablestore history``: the snapshots of a table."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render

_SHOWN = ("id", "time", "kind", "delta_rows", "total_rows", "operation")


def history(
    context: typer.Context,
    *,
    table: options.TableName,
    limit: Annotated[
        int | None, typer.Option("-n", "--limit", min=0, help="Only the newest ones.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """List the snapshots of a table, newest first."""
    entries = connect.open_table(context, table).history(limit=limit)
    rows = [render.fields_of(entry) for entry in entries]
    if as_json:
        for row in rows:
            render.emit(row)
    elif rows:
        render.print_rows(rows, _SHOWN)
    else:
        render.say("no snapshot yet: nothing was written to this table")
