"""CSV as Arrow batches in a table's types, block by block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv

from tablestore.cli import wire
from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tablestore.cli.source import Source

BLOCK_BYTES = 8 << 20
_CELL = re.compile(
    r"In CSV column #(\d+): Row #(\d+): (?:CSV conversion error to [^:]*: )?(.*)", re.S
)


def read_csv(stream: BinaryIO, source: Source) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns and batches of CSV text with a header.

    An empty field is null and ``""`` is an empty text, as in PostgreSQL's COPY.

    Args:
        stream: the bytes.
        source: says what they should look like.

    Raises:
        InvalidInputError: Names the column and row that does not fit.
    """
    types = _types(source)
    try:
        reader = pacsv.open_csv(
            stream,
            # Without threads Arrow counts rows, and its errors say which one.
            read_options=pacsv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
            parse_options=pacsv.ParseOptions(newlines_in_values=True),
            convert_options=pacsv.ConvertOptions(
                column_types={name: wire.csv_type(found) for name, found in types.items()},
                null_values=["", *source.nulls],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                check_utf8=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise _explained(error, list(types), types) from None
    names = list(reader.schema.names)
    source.check_columns(names)
    _refuse_nested(names, types)
    schema = pa.schema(
        [pa.field(part.name, types.get(part.name, part.type)) for part in reader.schema]
    )
    return schema, _batches(reader, schema, types)


def _types(source: Source) -> dict[str, pa.DataType]:
    types = {} if source.schema is None else {part.name: part.type for part in source.schema}
    if source.aside is not None:
        types[source.aside] = pa.string()
    return types


def _refuse_nested(names: list[str], types: dict[str, pa.DataType]) -> None:
    for name in names:
        if name in types and pa.types.is_nested(types[name]):
            raise InvalidInputError(
                f"column {name!r} is {types[name]}, which CSV cannot hold: use jsonl, parquet or "
                "arrow",
                column=name,
            )


def _batches(
    reader: pacsv.CSVStreamingReader, schema: pa.Schema, types: dict[str, pa.DataType]
) -> Iterator[pa.RecordBatch]:
    try:
        for batch in reader:
            columns = [
                wire.from_text(column, part.type)
                for column, part in zip(batch.columns, schema, strict=True)
            ]
            yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except pa.ArrowInvalid as error:
        raise _explained(error, schema.names, types) from None


def _explained(
    error: pa.ArrowInvalid, names: list[str], types: dict[str, pa.DataType]
) -> InvalidInputError:
    text = " ".join(str(error).split())
    cell = _CELL.match(text)
    if cell is None:
        return InvalidInputError(text)
    place, row, what = int(cell[1]), int(cell[2]), cell[3]
    name = names[place] if place < len(names) else f"#{place + 1}"
    expected = f"expected {types[name]}, " if name in types else ""
    return InvalidInputError(
        f"column {name!r}, row {row}: {expected}{what.replace('invalid value', 'found')}",
        column=name,
        row=row,
    )
