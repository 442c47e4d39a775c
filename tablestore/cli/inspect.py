"""``tablestore inspect``: what one file of a table holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import typer

from tablestore.cli import connect, options, render

_WIDEST: Final = 8
"""Columns of a table that people can still read; wider rows are shown one below the other."""


def inspect(
    context: typer.Context,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="Path or URI of the file.")],
    as_json: options.AsJson = False,
) -> None:
    """Show any one file of a table: metadata, index, or what a data file says of itself."""
    found = connect.inspect_file(context, file)
    if as_json:
        render.emit(render.fields_of(found))
        return
    render.tell(f"{found.kind} {found.name}: {found.size} bytes")
    _show(found.content, "")
    if not found.rows:
        return
    columns = list(dict.fromkeys(name for row in found.rows for name in row))
    if len(columns) <= _WIDEST and not any(map(_is_deep, found.rows[0].values())):
        render.print_rows(found.rows, columns)
        return
    for number, row in enumerate(found.rows):
        render.tell(f"-- {number}")
        _show({name: value for name, value in row.items() if value not in (None, [], {})}, "")


def _is_deep(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(item, Mapping) for item in value)


def _show(content: Mapping[str, object], indent: str) -> None:
    for name, value in content.items():
        if isinstance(value, list) and _is_deep(value):
            render.tell(f"{indent}{name}:")
            for item in value:
                _item(item, f"{indent}  ")
        else:
            text = value if isinstance(value, str) else render.to_json(value)
            render.tell(f"{indent}{name}: {text}")


def _item(item: object, indent: str) -> None:
    """One line, and more below it for lists inside."""
    if not isinstance(item, Mapping):
        render.tell(f"{indent}{render.to_json(item)}")
        return
    plain = {name: value for name, value in item.items() if not _is_deep(value)}
    render.tell(indent + render.to_json({k: v for k, v in plain.items() if v is not None}))
    _show({name: value for name, value in item.items() if _is_deep(value)}, f"{indent}  ")
