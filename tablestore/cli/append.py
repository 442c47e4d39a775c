"""``tablestore append``: rows into a table without a primary key."""

from __future__ import annotations

import typer

from tablestore.cli import connect, ingest, options


def append(
    context: typer.Context,
    *,
    table: options.TableName,
    file: options.InputFile,
    file_format: options.InputFormat = None,
    missing: options.Missing = None,
    null: options.NullText = None,
    as_json: options.AsJson = False,
) -> None:
    """Add rows to a table without a primary key, in one commit."""
    absent = ingest.missing_word(missing)
    opened = connect.open_table(context, table)
    source = ingest.source_for(
        opened, file, given_format=file_format, missing=absent, nulls=null or ()
    )
    ingest.run(
        source,
        lambda reader: opened.append(reader, missing=absent),
        as_json=as_json,
    )
