"""``tablestore ls``: the tables of a lake."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def ls(
    context: typer.Context,
    *,
    database: Annotated[
        str | None, typer.Argument(metavar="DATABASE", help="Only the tables of this one.")
    ] = None,
    databases: Annotated[bool, typer.Option("--databases", help="The databases instead.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """List tables, or databases."""
    lake = connect.open_lake(context)
    if databases:
        rows = [{"database": name} for name in lake.databases()]
    else:
        named = lake.tables(database) if database else lake.tables()
        rows = [_row(name, database) for name in named]
    for row in rows:
        if as_json:
            render.emit(row)
        else:
            render.tell(row["name"] if "name" in row else row["database"])


def _row(name: str, database: str | None) -> dict[str, str]:
    if database and not name.startswith(f"{database}."):
        name = f"{database}.{name}"
    home, _, table = name.partition(".")
    return {"name": name, "database": home, "table": table}
