"""INT96 timestamps of Parquet as their 12 bytes.

pyarrow turns INT96 into 64 bits of nanoseconds: values outside of 1677 to 2262 wrap around without
a word, and its coarser units take Java's negative nanoseconds of a day for unsigned ones. The pages
of INT96 and of byte strings of 12 are the same bytes, so the footer given to pyarrow calls them
that, and ``physical.as_logical`` computes the timestamps.

::

    footer         Thrift, compact protocol
    FileMetaData   1: i32 version   2: list<SchemaElement>
    SchemaElement  1: i32 type (INT96 = 3, FIXED_LEN_BYTE_ARRAY = 7)   2: i32 type_length   3: …

Source: ``parquet.thrift`` of Apache Parquet; ``org.apache.paimon.format.parquet``
``ParquetTimestampVector``, ``Int96`` of ``ParquetRowDataWriter``.
"""

from __future__ import annotations

import io
from typing import Final

import pyarrow.parquet as pq

from tablestore.datafile.physical import INT96_BYTES

_TRAILER: Final = 8  # length and magic
_MAGIC: Final = b"PAR1"
_I32: Final = 5
_BINARY: Final = 8
_STRUCT: Final = 12
_INT96: Final = 3
_FIXED: Final = 7


def has_int96(metadata: pq.FileMetaData) -> bool:
    """Whether a leaf column of the file is INT96."""
    schema = metadata.schema
    return any(schema.column(i).physical_type == "INT96" for i in range(len(schema.names)))


def with_raw_int96(metadata: pq.FileMetaData) -> pq.FileMetaData:
    """The metadata with INT96 columns as byte strings of 12."""
    sink = io.BytesIO()
    metadata.write_metadata_file(sink)  # as pyarrow understood it, hence well formed
    data = sink.getvalue()
    start = len(data) - _TRAILER - int.from_bytes(data[-_TRAILER:-4], "little")
    footer = _patched(data[start:-_TRAILER])
    parts = (_MAGIC, footer, len(footer).to_bytes(4, "little"), _MAGIC)
    return pq.read_metadata(io.BytesIO(b"".join(parts)))


def _patched(footer: bytes) -> bytes:
    """The footer with other types in its schema, which is the second field, after the version."""
    _, at = _varint(footer, 1)
    at += 1
    count, at = _list_head(footer, at)
    parts = [footer[:at]]
    for _ in range(count):
        end = _end_of_struct(footer, at)
        parts.append(_element(footer[at:end]))
        at = end
    parts.append(footer[at:])
    return b"".join(parts)


def _element(element: bytes) -> bytes:
    """A schema element; the type is its first field, and INT96 has no second one."""
    if element[0] != (1 << 4 | _I32) or element[1] != _INT96 << 1:
        return element
    head = bytes([1 << 4 | _I32, _FIXED << 1, 1 << 4 | _I32, INT96_BYTES << 1])
    return head + bytes([element[2] - (1 << 4)]) + element[3:]  # one field less to skip


def _end_of_struct(data: bytes, at: int) -> int:
    while data[at]:
        head = data[at]
        at += 1
        if not head >> 4:
            _, at = _varint(data, at)
        at = _end_of_value(data, at, head & 15)
    return at + 1


def _end_of_value(data: bytes, at: int, kind: int) -> int:
    if kind in (1, 2):  # a boolean is in the field's head
        return at
    if kind == 3:
        return at + 1
    if kind == _BINARY:
        length, at = _varint(data, at)
        return at + length
    if kind == _STRUCT:
        return _end_of_struct(data, at)
    return _varint(data, at)[1]  # integers; schema elements hold no doubles and no lists


def _list_head(data: bytes, at: int) -> tuple[int, int]:
    return _varint(data, at + 1) if data[at] >> 4 == 15 else (data[at] >> 4, at + 1)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
