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
    """List the snapshots of a table, oldest first."""
    entries = [render.fields_of(entry) for entry in connect.open_table(context, table).history()]
    entries.sort(key=_snapshot)
    if limit is not None:
        entries = entries[len(entries) - min(limit, len(entries)) :]
    if as_json:
        for entry in entries:
            render.emit(entry)
    elif entries:
        render.print_rows(entries, _SHOWN)
    else:
        render.say("no snapshot yet: nothing was written to this table")


def _snapshot(entry: dict[str, object]) -> int:
    return int(str(entry["id"]))
