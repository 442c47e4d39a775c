"""``tablestore expire``: take old snapshots away."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def expire(
    context: typer.Context,
    *,
    table: options.TableName,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="E.g. 7d; by default the table's snapshot.time-retained."),
    ] = None,
    keep_last: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Keep the newest N whatever their age; by default snapshot.num-retained.min.",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Expire at most so many snapshots.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would go and do nothing.")
    ] = False,
    branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="A branch of the table.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Expire old snapshots, and delete the files that only they need.

    What a tag, a branch or a consumer needs stays. Runs beside writers, compactions and readers.
    """
    opened = connect.open_table(context, table, branch=branch)
    result = opened.expire(older_than=older_than, keep_last=keep_last, limit=limit, dry_run=dry_run)
    if as_json:
        render.emit(render.fields_of(result))
        return
    if dry_run:
        for key in result.files:
            render.tell(key)
    for reason in result.skipped:
        render.say(f"left: {reason}")
    render.say(repr(result))
