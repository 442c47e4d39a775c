"""Arguments and options that several verbs share, each written once."""

from __future__ import annotations

from typing import Annotated

import typer

TableName = Annotated[
    str, typer.Argument(metavar="TABLE", help="db.name, or a path or URI to the table's folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value a line on standard output.")]
InputFile = Annotated[
    str, typer.Argument(metavar="FILE", help="A file to read, or - for standard input.")
]
InputFormat = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="FORMAT", help="csv, jsonl, parquet or arrow; else by the extension."
    ),
]
RowKind = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column that holds +I, -U, +U or -D (never stored)."),
]
Missing = Annotated[
    str | None,
    typer.Option(metavar="null", help="'null': a column that the input lacks becomes null."),
]
NullText = Annotated[
    list[str] | None,
    typer.Option("--null", metavar="TEXT", help="CSV text that means null, besides an empty one."),
]


def names(texts: list[str] | None) -> list[str]:
    """The column names of an option that repeats or separates them by commas."""
    return [name.strip() for text in texts or [] for name in text.split(",") if name.strip()]
