"""``tablestore inspect``: what one file of a table holds."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def inspect(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Path or URI of the file.")],
    as_json: options.AsJson = False,
) -> None:
    """Show a snapshot, schema, manifest, tag, index manifest, Parquet footer or the like."""
    found = connect.inspect_file(context, file)
    if as_json:
        render.emit(render.fields_of(found))
        return
    render.tell(f"{found.kind} {found.name}: {found.size} bytes")
    for name, value in found.content.items():
        render.tell(f"{name}: {value if isinstance(value, str) else render.to_json(value)}")
    if found.rows:
        render.print_rows(found.rows, list(found.rows[0]))
