"""Row groups that were encoded each by itself, put together to one Parquet file.

A piece is a file of one row group, made in memory by any thread. Its pages are copied as they are;
what its footer says of the row group goes into the file's footer with other offsets, since they
count from the beginning of the file, and another ordinal. The result is, byte by byte, what one
writer would have made of all row groups::

    FileMetaData   1: version  2: schema  3: i64 rows  4: list<RowGroup>  5: keys and values …
    RowGroup       1: list<ColumnChunk>  5: i64 offset  7: i16 ordinal
    ColumnChunk    2: i64 offset  3: ColumnMetaData  4: i64 offset index  6: i64 column index
    ColumnMetaData 9: i64 data pages  10: i64 index pages  11: i64 dictionary  14: i64 bloom filter

Source: ``parquet.thrift`` of Apache Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from tablestore.datafile.parquet_footer import MAGIC

_TRAILER: Final = 8  # length and magic
_BYTE, _DOUBLE, _BINARY, _LIST, _STRUCT = 3, 7, 8, 9, 12
_ROWS, _ROW_GROUPS, _ORDINAL = 3, 4, 7
_MANY: Final = 15
"""A list's head holds its length where it is smaller than this."""

Change: TypeAlias = "Callable[[int], int]"
Plan: TypeAlias = "Mapping[int, Change | Plan]"
"""Field number -> the number's new value, or what changes inside the field."""


@dataclass(frozen=True)
class Piece:
    """A file of one row group.

    Attributes:
        data: all of it.
        rows: of the row group.
    """

    data: memoryview
    rows: int

    @property
    def footer_start(self) -> int:
        """Where the Thrift bytes of the footer begin."""
        return len(self.data) - _TRAILER - int.from_bytes(self.data[-_TRAILER:-4], "little")

    @property
    def pages(self) -> memoryview:
        """The column chunks."""
        return self.data[len(MAGIC) : self.footer_start]

    @property
    def footer(self) -> bytes:
        """The Thrift bytes of the footer."""
        return bytes(self.data[self.footer_start : -_TRAILER])


@dataclass
class Footers:
    """The footer that grows by one row group with every piece."""

    rows: int = 0
    groups: list[bytes] = field(default_factory=list)
    _frame: tuple[bytes, bytes] = (b"", b"")

    def add(self, piece: Piece, position: int) -> None:
        """Take over a row group.

        Args:
            piece: where it is from.
            position: of its first byte in the file.
        """
        footer = piece.footer
        start = _field_start(footer, _ROWS)
        groups = _field_start(footer, _ROW_GROUPS)
        end = _end_of_value(footer, groups + 1, _LIST)
        if not self.groups:
            self._frame = footer[:start], footer[end:]
        moved = position - len(MAGIC)
        self.groups.append(_moved(footer[groups + 2 : end], moved, len(self.groups)))
        self.rows += piece.rows

    def thrift(self) -> bytes:
        """The Thrift bytes of the whole footer."""
        head, rest = self._frame
        count = len(self.groups)
        size = (
            bytes([count << 4 | _STRUCT])
            if count < _MANY
            else bytes([_MANY << 4 | _STRUCT]) + _varint_bytes(count)
        )
        # both fields follow the one before them, so their heads are what they are in every footer
        rows = bytes([1 << 4 | 6]) + _varint_bytes(_zigzag(self.rows))
        groups = bytes([1 << 4 | _LIST]) + size + b"".join(self.groups)
        return head + rows + groups + rest


def _moved(group: bytes, moved: int, ordinal: int) -> bytes:
    """A row group's metadata in a file where its bytes stand further behind."""

    def shifted(offset: int) -> int:
        return offset + moved if offset > 0 else offset  # 0 is what nobody set

    pages = dict.fromkeys((9, 10, 11, 14), shifted)
    chunk: Plan = {2: shifted, 3: pages, 4: shifted, 6: shifted}
    out: list[bytes] = []
    _copy_struct(group, 0, {1: chunk, 5: shifted, _ORDINAL: lambda _: ordinal}, out)
    return b"".join(out)


def _copy_struct(data: bytes, at: int, plan: Plan, out: list[bytes]) -> int:
    """Copy a struct with its changes; gives where it ends."""
    copied = at
    number = 0
    while data[at]:
        head = data[at]
        number, at = _field(data, at, number)
        change = plan.get(number)
        if change is None:
            at = _end_of_value(data, at, head & 15)
            continue
        out.append(data[copied:at])
        copied = at = _copy_changed(data, at, head & 15, change, out)
    out.append(data[copied : at + 1])
    return at + 1


def _copy_changed(data: bytes, at: int, kind: int, change: Change | Plan, out: list[bytes]) -> int:
    if callable(change):
        value, at = _varint(data, at)
        out.append(_varint_bytes(_zigzag(change((value >> 1) ^ -(value & 1)))))
        return at
    if kind == _STRUCT:
        return _copy_struct(data, at, change, out)
    count, first = _list_head(data, at)
    out.append(data[at:first])
    at = first
    for _ in range(count):
        at = _copy_struct(data, at, change, out)
    return at


def _field_start(data: bytes, wanted: int) -> int:
    """Where the head of a field of the outermost struct is."""
    at = number = 0
    while True:
        start = at
        number, at = _field(data, at, number)
        if number == wanted:
            return start
        at = _end_of_value(data, at, data[start] & 15)


def _field(data: bytes, at: int, number: int) -> tuple[int, int]:
    """Number of the field whose head is here, and where its value begins."""
    if data[at] >> 4:
        return number + (data[at] >> 4), at + 1
    value, at = _varint(data, at + 1)
    return (value >> 1) ^ -(value & 1), at


def _end_of_value(data: bytes, at: int, kind: int) -> int:
    if kind in (1, 2):  # a boolean is in the field's head
        return at
    if kind == _STRUCT:
        number = 0
        while data[at]:
            head = data[at]
            number, at = _field(data, at, number)
            at = _end_of_value(data, at, head & 15)
        return at + 1
    if kind == _LIST:
        count, first = _list_head(data, at)
        inner = data[at] & 15
        at = first
        for _ in range(count):
            at = at + 1 if inner in (1, 2) else _end_of_value(data, at, inner)
        return at
    if kind == _BINARY:
        length, at = _varint(data, at)
        return at + length
    return at + {_BYTE: 1, _DOUBLE: 8}[kind] if kind in (_BYTE, _DOUBLE) else _varint(data, at)[1]


def _list_head(data: bytes, at: int) -> tuple[int, int]:
    return _varint(data, at + 1) if data[at] >> 4 == _MANY else (data[at] >> 4, at + 1)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else (-value << 1) - 1


def _varint_bytes(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
