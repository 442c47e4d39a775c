"""What a Parquet, ORC or Avro data file says of itself, without its rows."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tablestore.datafile.avro_blocks import AvroBlocks
from tablestore.datafile.parquet_footer import Footer, read_footer, read_struct
from tablestore.errors import CorruptDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    Row = dict[str, Any]

_PAGES: Final = {0: "data", 1: "index", 2: "dictionary", 3: "data v2"}
_HEADERS: Final = {0: 5, 2: 7, 3: 8}
_HISTORY: Final = re.compile(", is_from_converted_type=.*(?=[)])")
_HEADER_BYTES: Final = 64 << 10  # a header has bounds of its page in it


@contextmanager
def _guard(name: str, expected: str) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except CorruptDataError as error:
        raise error.named(name) from None
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptDataError(
            "data file", name=name, expected=expected, found=str(error)[:200]
        ) from error


def show_parquet(source: pa.NativeFile, name: str) -> tuple[Row, Sequence[Row]]:
    """Footer and row groups of a Parquet file, their column chunks and pages.

    Raises:
        CorruptDataError: the footer or the header of a page is damaged.
    """
    import pyarrow.parquet as pq

    with _guard(name, "a Parquet file"):
        data = read_footer(source)
        bounds = None if data is None else Footer(data)
        footer = pq.read_metadata(source)
        groups = [
            _group(footer.row_group(number), number, bounds, source)
            for number in range(footer.num_row_groups)
        ]
        columns = [
            {
                "name": column.path,
                "physical": column.physical_type,
                "logical": _logical(column.logical_type),
            }
            for column in (footer.schema.column(i) for i in range(footer.num_columns))
        ]
    about = {
        "format": "parquet",
        "rows": footer.num_rows,
        "created_by": footer.created_by,
        "format_version": footer.format_version,
        "footer_bytes": footer.serialized_size,
        "columns": columns,
    }
    return about, groups


def _group(group: Any, number: int, bounds: Footer | None, source: pa.NativeFile) -> Row:  # noqa: ANN401
    chunks = []
    for chunk in (group.column(i) for i in range(group.num_columns)):
        name = chunk.path_in_schema
        # not by pyarrow, which ends the process where a footer contradicts itself
        known = None if bounds is None else bounds.bounds(number, name)
        chunks.append(
            {
                "column": name,
                "codec": chunk.compression,
                "encodings": list(chunk.encodings),
                "bytes": chunk.total_compressed_size,
                "plain_bytes": chunk.total_uncompressed_size,
                "min": None if known is None else _text(known.low),
                "max": None if known is None else _text(known.high),
                "nulls": None if known is None else known.nulls,
                "pages": _pages(chunk, source),
            }
        )
    return {
        "row_group": number,
        "rows": group.num_rows,
        "plain_bytes": group.total_byte_size,
        "columns": chunks,
    }


def _logical(kind: Any) -> str | None:  # noqa: ANN401
    """A logical type without what only its history tells."""
    return None if kind.type == "NONE" else _HISTORY.sub("", str(kind))


def _text(value: Any) -> Any:  # noqa: ANN401
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _pages(chunk: Any, source: pa.NativeFile) -> list[Row]:  # noqa: ANN401
    """The headers of the pages of a column chunk.

    Raises:
        CorruptDataError: one of them is none.
    """
    starts = (chunk.dictionary_page_offset, chunk.data_page_offset)
    at = min(start for start in starts if start is not None)
    end = at + chunk.total_compressed_size
    pages: list[Row] = []
    while at < end:
        header, used = read_struct(source.read_at(min(_HEADER_BYTES, end - at), at))
        kind, size = header.get(1, -1), header.get(3, -1)
        if kind not in _PAGES or not isinstance(size, int) or not 0 <= size <= end - at - used:
            raise CorruptDataError(
                "data file", offset=at, expected="the header of a page", found=f"{header}"[:80]
            )
        page = header.get(_HEADERS.get(kind, -1), {})
        pages.append(
            {
                "page": _PAGES[kind],
                "offset": at,
                "bytes": size,
                "plain_bytes": header.get(2),
                "values": page.get(1),
                "checksum": 4 in header,
            }
        )
        at += used + size
    return pages


def show_orc(source: pa.NativeFile, name: str) -> tuple[Row, Sequence[Row]]:
    """Columns and stripes of an ORC file.

    Raises:
        CorruptDataError: the footer or a stripe is damaged.
    """
    from tablestore.datafile.orc_reader import open_orc

    with _guard(name, "an ORC file"):
        file, _, _ = open_orc(source, name)
        about = {
            "format": "orc",
            "rows": file.nrows,
            "created_by": f"{file.writer} {file.software_version}",
            "format_version": file.file_version,
            "footer_bytes": file.file_footer_length,
            "codec": file.compression,
            "columns": [{"name": f.name, "type": str(f.type)} for f in file.schema],
        }
        first = file.schema.names[:1]
        stripes = [
            {"stripe": number, "rows": file.read_stripe(number, first).num_rows}
            for number in range(file.nstripes)
        ]
    return about, stripes


def show_avro(source: pa.NativeFile, name: str) -> tuple[Row, Sequence[Row]]:
    """Schema and blocks of an Avro file.

    Raises:
        CorruptDataError: the header or a block is damaged.
    """
    with _guard(name, "an Avro file"):
        blocks = AvroBlocks(source)
        rows = [
            {"block": number, "rows": count, "bytes": len(packed)}
            for number, (count, packed) in enumerate(blocks)
        ]
        schema = json.loads(blocks.schema)
        if isinstance(schema, list):  # a union with null around the record
            schema = next(item for item in schema if isinstance(item, dict))
        columns = [{"name": f["name"], "type": _spelled(f["type"])} for f in schema["fields"]]
    about = {
        "format": "avro",
        "rows": sum(row["rows"] for row in rows),
        "codec": blocks.codec.decode("ascii", "replace"),
        "columns": columns,
    }
    return about, rows


def _spelled(kind: object) -> str:
    return kind if isinstance(kind, str) else json.dumps(kind)
