"""``tablestore create``: a new table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tablestore.cli import connect, options, render
from tablestore.cli.source import Source, guess_format
from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    import pyarrow as pa


def create(
    context: typer.Context,
    *,
    table: options.TableName,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="'NAME TYPE'", help="A column, e.g. 'id BIGINT NOT NULL'; repeatable."
        ),
    ] = None,
    schema: Annotated[
        str | None,
        typer.Option(metavar="COLUMNS", help="All columns: 'id BIGINT NOT NULL, name STRING'."),
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="FILE", help="Take the columns of this file.")
    ] = None,
    primary_key: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Columns, separated by commas.")
    ] = None,
    partition_by: Annotated[
        list[str] | None, typer.Option(metavar="NAMES", help="Columns, separated by commas.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A table option, e.g. bucket=4; repeatable."),
    ] = None,
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="Of the table.")] = None,
    if_not_exists: Annotated[
        bool, typer.Option("--if-not-exists", help="An existing table is no error.")
    ] = False,
    file_format: options.InputFormat = None,
    as_json: options.AsJson = False,
) -> None:
    """Create a table; its database is created when it is missing."""
    if sum(given is not None for given in (column or None, schema, like)) != 1:
        raise typer.BadParameter("give the columns by --column, --schema or --like")
    settings = connect.pairs(option or [], "--option")
    lake, name = connect.locate(context, table)
    made = lake.create_table(
        name,
        _columns_of(like, file_format) if like else _columns(column or [schema or ""]),
        primary_key=options.names(primary_key),
        partition_by=options.names(partition_by),
        options=settings,
        comment=comment,
        if_not_exists=if_not_exists,
    )
    if as_json:
        render.emit({"created": made.name, "path": made.path})
    else:
        render.tell(f"created {made.name} at {made.path}")


def _columns(texts: list[str]) -> dict[str, str]:
    """Name to SQL type, from ``name TYPE`` texts, several of them separated by commas."""
    from tablestore.types.model import RowType, quote_text
    from tablestore.types.parse import parse_type

    try:
        row = parse_type(f"ROW<{', '.join(texts)}>")
    except InvalidInputError as error:
        raise InvalidInputError(
            f"{error}; a column is written as 'name TYPE', e.g. 'id BIGINT NOT NULL'"
        ) from None
    if not isinstance(row, RowType) or not row.fields:
        raise InvalidInputError("no columns: write them as 'id BIGINT NOT NULL, name STRING'")
    found: dict[str, str] = {}
    for field in row.fields:
        if field.name in found:
            raise InvalidInputError(f"column {field.name!r} is given twice", column=field.name)
        text = field.type.sql()
        if field.default is not None:
            text += f" DEFAULT {quote_text(field.default)}"
        if field.description is not None:
            text += f" COMMENT {quote_text(field.description)}"
        found[field.name] = text
    return found


def _columns_of(path: str, given_format: str | None) -> pa.Schema:
    from tablestore.cli.reader import open_source

    with open_source(Source(path=path, format=guess_format(path, given_format))) as reader:
        return reader.schema
