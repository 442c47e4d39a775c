"""``tablestore delete``: rows out of a table, by key."""

from __future__ import annotations

import csv
import json
import time
from typing import TYPE_CHECKING, Annotated

import typer

from tablestore.cli import connect, ingest, options
from tablestore.cli.source import Source, guess_format
from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa

    import tablestore


def delete(
    context: typer.Context,
    *,
    table: options.TableName,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key", metavar="KEY", help="A key, e.g. 3, or a,1, or a JSON list; repeatable."
        ),
    ] = None,
    keys: Annotated[
        str | None,
        typer.Option(
            "--keys", metavar="FILE", help="A file with the key columns, or - for standard input."
        ),
    ] = None,
    file_format: options.InputFormat = None,
    as_json: options.AsJson = False,
) -> None:
    """Delete rows by primary key, in one commit."""
    if bool(key) == bool(keys):
        raise typer.BadParameter("give the keys by --key KEY, repeated, or by --keys FILE")
    opened = connect.open_table(context, table)
    schema = _key_schema(opened)
    if keys:
        source = Source(path=keys, format=guess_format(keys, file_format), schema=schema)
        ingest.run(source, lambda reader: opened.delete(keys=reader), as_json=as_json)
        return
    began = time.perf_counter()
    typed = _typed(key or [], schema)
    result = opened.delete(keys=typed)
    ingest.report(result, rows=typed.num_rows, began=began, as_json=as_json)


def _key_schema(table: tablestore.Table) -> pa.Schema:
    import pyarrow as pa

    if not table.primary_key:
        raise InvalidInputError(f"table {table.name} has no primary key to delete by")
    return pa.schema([table.schema.field(name) for name in table.primary_key])


def _typed(texts: list[str], schema: pa.Schema) -> pa.Table:
    """The keys that command-line texts name, in the types of the key columns."""
    import pyarrow as pa

    from tablestore.cli import wire

    rows = [_parts(text, schema) for text in texts]
    columns = []
    for place, part in enumerate(schema):
        values = pa.array([row[place] for row in rows], pa.string())
        try:
            columns.append(wire.from_text(values, part.type))
        except (pa.ArrowInvalid, InvalidInputError) as error:
            raise InvalidInputError(f"--key, column {part.name!r}: {error}") from None
    return pa.table(columns, schema=schema)


def _parts(text: str, schema: pa.Schema) -> list[str]:
    names = schema.names
    found: list[object]
    if text.lstrip().startswith(("[", "{")) and _is_json(text):
        value = json.loads(text)
        found = [value.get(name) for name in names] if isinstance(value, dict) else value
    elif len(names) == 1:
        found = [text]
    else:
        found = list(next(csv.reader([text]), []))
    if len(found) != len(names) or None in found:
        columns = ", ".join(names)
        raise InvalidInputError(
            f"--key {text}: expected {len(names)} values ({columns}), found "
            f"{len([value for value in found if value is not None])}"
        )
    return [value if isinstance(value, str) else json.dumps(value) for value in found]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
