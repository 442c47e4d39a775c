"""``tablestore describe``: columns, keys and options of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from tablestore.cli import connect, options, render

if TYPE_CHECKING:
    import tablestore


def describe(
    context: typer.Context, *, table: options.TableName, as_json: options.AsJson = False
) -> None:
    """Show the columns, keys, options and latest snapshot of a table."""
    opened = connect.open_table(context, table)
    columns = _columns(opened)
    about = {
        "name": opened.name,
        "path": opened.path,
        "comment": opened.comment,
        "snapshot_id": opened.snapshot_id,
        "primary_key": list(opened.primary_key),
        "partition_by": list(opened.partition_by),
        "options": dict(opened.options),
    }
    if as_json:
        render.emit(about | {"columns": columns})
        return
    for name in ("name", "path", "comment", "snapshot_id", "primary_key", "partition_by"):
        value = about[name]
        shown = ", ".join(value) if isinstance(value, list) else value
        if shown not in (None, ""):
            render.tell(f"{name.replace('_', ' ')}: {shown}")
    for key, value in opened.options.items():
        render.tell(f"option: {key} = {value}")
    render.print_rows(columns, ["column", "type", "comment"])


def _columns(table: tablestore.Table) -> list[dict[str, object]]:
    metadata = {field.name: field.metadata or {} for field in table.schema}
    comments = {name: found.get(b"comment") for name, found in metadata.items()}
    return [
        {"column": name, "type": sql, "comment": comment.decode() if comment else None}
        for (name, sql), comment in zip(table.columns.items(), comments.values(), strict=True)
    ]
