"""JSON lines as Arrow batches in a table's types, block by block.

The first line names the columns; a later line may leave one out, which is null there.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.json as pajson

from tablestore.cli import wire
from tablestore.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tablestore.cli.source import Source

BLOCK_BYTES = 8 << 20


def read_jsonl(stream: BinaryIO, source: Source) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns and batches of JSON lines, one object a line.

    Args:
        stream: the bytes.
        source: says what they should look like.

    Raises:
        InvalidInputError: Names the column and row that does not fit.
    """
    blocks = _blocks(stream)
    first = next(blocks, b"")
    schema = _inferred(first) if source.schema is None else _named(first, source)
    return schema, _batches(first, blocks, schema)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    """Pieces of about BLOCK_BYTES that end with a whole line."""
    rest = b""
    while piece := stream.read(BLOCK_BYTES):
        end = piece.rfind(b"\n") + 1
        if end:
            yield rest + piece[:end]
            rest = piece[end:]
        else:
            rest += piece
    if rest.strip():
        yield rest


def _first_columns(block: bytes) -> list[str]:
    line = block.lstrip().split(b"\n", 1)[0]
    if not line:
        raise InvalidInputError("no rows: expected one JSON object a line")
    try:
        found = json.loads(line)
    except ValueError as error:
        raise InvalidInputError(f"row 1: expected a JSON object, {error}", row=1) from None
    if not isinstance(found, dict):
        raise InvalidInputError(f"row 1: expected a JSON object, found {line[:40]!r}", row=1)
    return list(found)


def _named(first: bytes, source: Source) -> pa.Schema:
    assert source.schema is not None
    names = _first_columns(first)
    source.check_columns(names)
    if source.sparse:
        names = [*source.schema.names, *(name for name in names if name == source.aside)]
    types = {part.name: part.type for part in source.schema}
    if source.aside is not None:
        types[source.aside] = pa.string()
    return pa.schema([pa.field(name, types[name]) for name in names])


def _inferred(block: bytes) -> pa.Schema:
    if not block.strip():
        raise InvalidInputError("no rows: expected one JSON object a line")
    try:
        return pajson.read_json(io.BytesIO(block)).schema
    except pa.ArrowInvalid as error:
        raise InvalidInputError(" ".join(str(error).split())) from None


def _batches(first: bytes, rest: Iterator[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    carried = pa.schema([pa.field(part.name, wire.text_type(part.type)) for part in schema])
    rows = 0
    block: bytes | None = first
    while block is not None:
        try:
            table = _parse(block, carried, schema)
        except (pa.ArrowInvalid, InvalidInputError) as error:
            raise _explained(error, block, rows, carried, schema) from None
        rows += table.num_rows
        yield from table.to_batches()
        block = next(rest, None)


def _parse(block: bytes, carried: pa.Schema, schema: pa.Schema) -> pa.Table:
    table = pajson.read_json(
        io.BytesIO(block),
        read_options=pajson.ReadOptions(block_size=len(block) + 1),
        parse_options=pajson.ParseOptions(
            explicit_schema=carried, unexpected_field_behavior="error"
        ),
    )
    columns = [
        pa.chunked_array(
            [wire.from_text(chunk, part.type) for chunk in table.column(part.name).chunks],
            part.type,
        )
        for part in schema
    ]
    return pa.table(columns, schema=schema)


# -- finding the row that does not fit: only after an error -------------------------------


def _explained(
    error: Exception, block: bytes, before: int, carried: pa.Schema, schema: pa.Schema
) -> InvalidInputError:
    def fails(part: bytes, narrow: Sequence[int] | None = None) -> bool:
        chosen = range(len(schema)) if narrow is None else narrow
        try:
            _parse(
                part,
                pa.schema([carried.field(place) for place in chosen]),
                pa.schema([schema.field(place) for place in chosen]),
            )
        except (pa.ArrowInvalid, InvalidInputError):
            return True
        return False

    lines = [line for line in block.split(b"\n") if line.strip()]
    place = _first_bad(lines, fails)
    if place is None:
        return InvalidInputError(" ".join(str(error).split()))
    row = before + place + 1
    try:
        found = json.loads(lines[place])
    except ValueError as wrong:
        return InvalidInputError(f"row {row}: expected a JSON object, {wrong}", row=row)
    if not isinstance(found, dict):
        return InvalidInputError(f"row {row}: expected a JSON object", row=row)
    return _in_row(found, row, schema, fails, error)


def _first_bad(lines: list[bytes], fails: Callable[[bytes], bool]) -> int | None:
    low, high = 0, len(lines)
    if not fails(b"\n".join(lines)):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if fails(b"\n".join(lines[low:middle])):
            high = middle
        else:
            low = middle
    return low


def _in_row(
    found: dict[str, object],
    row: int,
    schema: pa.Schema,
    fails: Callable[[bytes, Sequence[int]], bool],
    error: Exception,
) -> InvalidInputError:
    for name, value in found.items():
        if name not in schema.names:
            return InvalidInputError(
                f"row {row}: column {name!r} is new: the first line names the columns",
                row=row,
                column=name,
            )
        cell = json.dumps({name: value}).encode()
        if fails(cell, [schema.get_field_index(name)]):
            expected = schema.field(name).type
            shown = json.dumps(value)
            shown = shown if len(shown) <= 60 else shown[:57] + "..."
            return InvalidInputError(
                f"column {name!r}, row {row}: expected {expected}, found {shown}",
                row=row,
                column=name,
            )
    return InvalidInputError(f"row {row}: {' '.join(str(error).split())}", row=row)
