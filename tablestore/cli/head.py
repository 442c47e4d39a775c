"""``tablestore head``: the first rows of a table, of a snapshot, a tag or a branch."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, moment, options, render


def head(
    context: typer.Context,
    *,
    table: options.TableName,
    where: Annotated[
        str | None, typer.Option(metavar="TEXT", help="e.g. \"amount > 10 and name like 'a%'\".")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="WHEN", help=moment.HELP)] = None,
    branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="A branch of the table.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Columns, separated by commas.")
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=0, help="Rows at most.")] = 10,
    as_json: options.AsJson = False,
) -> None:
    """Print the first rows of a table."""
    from tablestore.cli import wire

    opened = moment.at(connect.open_table(context, table, branch=branch), at)
    chosen = options.names(columns) or None
    rows: list[dict[str, object]] = []
    for batch in opened.to_batches(columns=chosen, where=where, limit=limit):
        texts = [wire.to_text(column) for column in batch.columns]
        lists = [column.to_pylist() for column in texts]
        found = (
            dict(zip(batch.schema.names, row, strict=True)) for row in zip(*lists, strict=True)
        )
        if as_json:
            for row in found:
                render.emit(row)
        else:
            rows.extend(found)
    if not as_json:
        render.print_rows(rows, chosen or opened.schema.names)
