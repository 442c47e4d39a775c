"""``tablestore upsert``: rows into a table, the newest one of a key wins."""

from __future__ import annotations

import typer

from tablestore.cli import connect, ingest, options


def upsert(
    context: typer.Context,
    *,
    table: options.TableName,
    file: options.InputFile,
    file_format: options.InputFormat = None,
    row_kind: options.RowKind = None,
    missing: options.Missing = None,
    null: options.NullText = None,
    as_json: options.AsJson = False,
) -> None:
    """Write rows by primary key, in one commit."""
    absent = ingest.missing_word(missing)
    opened = connect.open_table(context, table)
    source = ingest.source_for(
        opened,
        file,
        given_format=file_format,
        row_kind=row_kind,
        missing=absent,
        nulls=null or (),
    )
    ingest.run(
        source,
        lambda reader: opened.upsert(reader, row_kind=row_kind, missing=absent),
        as_json=as_json,
    )
