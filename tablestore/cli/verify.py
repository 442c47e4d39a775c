"""``tablestore verify``: whether everything that a table refers to is there and right."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def verify(
    context: typer.Context,
    *,
    table: options.TableName,
    deep: Annotated[
        bool, typer.Option("--deep", help="Decode data files again with fastparquet, compare.")
    ] = False,
    branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="A branch of the table.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Check every file of a table, its tags and branches; exit code 1 when something is wrong."""
    report = connect.open_table(context, table, branch=branch).verify(deep=deep)
    if as_json:
        render.emit({**render.fields_of(report), "ok": report.ok})
    else:
        rows = [render.fields_of(finding) for finding in report.findings]
        if rows:
            render.print_rows(rows, ("object", "problem"))
        for skipped in report.skipped:
            render.say(f"not looked at: {skipped.object}: {skipped.problem}")
        render.say(repr(report))
    if not report.ok:
        raise typer.Exit(1)
