"""``tablestore orphans``: delete files that nothing refers to."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def orphans(
    context: typer.Context,
    *,
    table: options.TableName,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="Only files that are older, e.g. 2d.")
    ] = "1d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would go and do nothing.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Allow an age below one hour; where nobody writes."),
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Delete files that no snapshot, tag, branch or kept change refers to.

    Killed writers and failed commits leave such files; files of running writers look the same
    until they commit, so only old ones go.
    """
    opened = connect.open_table(context, table)
    result = opened.remove_orphans(older_than=older_than, dry_run=dry_run, force=force)
    if as_json:
        render.emit(render.fields_of(result))
        return
    for key in result.files:
        render.tell(key)
    render.say(repr(result))
