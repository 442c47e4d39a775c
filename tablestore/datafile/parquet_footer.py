"""The statistics in a Parquet footer, read without pyarrow's objects.

pyarrow ends the process, without an exception, when it is asked about a column chunk whose footer
contradicts itself (another physical type than the column, histograms of another size, encryption).
So the bounds are taken from the footer here; a contradiction is an unknown bound::

    footer         Thrift, compact protocol
    FileMetaData   2: list<SchemaElement>  4: list<RowGroup>  7: list<ColumnOrder>
    SchemaElement  1: type  4: name  5: number of children  6: converted type
    RowGroup       1: list<ColumnChunk>
    ColumnChunk    3: ColumnMetaData
    ColumnMetaData 1: type  3: path  6: size when unpacked  12: Statistics
    Statistics     1: max  2: min (both of signed numbers only)  3: null count  5: max  6: min

Source: ``parquet.thrift`` of Apache Parquet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import CorruptDataError

if TYPE_CHECKING:
    import pyarrow as pa

_WHAT: Final = "Parquet footer"
MAGIC: Final = b"PAR1"
_TAIL: Final = 64 << 10
_LARGEST: Final = 16 << 20  # parsed values take many times the bytes; then without statistics
_MAX_DEPTH: Final = 32
_VARINT_BITS: Final = 70

_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_TRAILER: Final = 8  # length and magic

_SCHEMA, _ROW_GROUPS, _ORDERS = 2, 4, 7
_TYPE, _NAME, _CHILDREN, _CONVERTED = 1, 4, 5, 6
_COLUMNS: Final = 1
_META: Final = 3
_PATH, _UNPACKED, _STATISTICS = 3, 6, 12
_OLD_MAX, _OLD_MIN, _NULLS, _MAX, _MIN = 1, 2, 3, 5, 6

BOOLEAN, INT32, INT64, BYTE_ARRAY = 0, 1, 2, 6
_WIDTHS: Final = {BOOLEAN: 1, INT32: 4, INT64: 8}
_SIGNED: Final = frozenset({None, 6, 15, 16, 17, 18})  # no annotation, DATE, INT_8 to INT_64
_TEXT: Final = frozenset({0})  # UTF8

Fields = dict[int, Any]
Bound = bool | int | bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the footer says of a column of a row group; ``None`` is unknown."""

    low: Bound | None
    high: Bound | None
    nulls: int | None


class Footer:
    """The columns of a file that are neither nested nor of an unknown order.

    Args:
        data: the Thrift bytes of the footer.

    Raises:
        CorruptDataError: they are no footer.

    Cost:
        about 50 us for each column of each row group.
    """

    def __init__(self, data: bytes) -> None:
        try:
            fields, _ = _struct(data, 0, 0)
            self._groups: list[Fields] = fields.get(_ROW_GROUPS, [])
            self._ordered = _ORDERS in fields
            self._leaves = _top_leaves(fields[_SCHEMA])
        except (IndexError, KeyError, TypeError, AttributeError) as error:
            found = f"{type(error).__name__} inside it"
            raise CorruptDataError(_WHAT, expected="Thrift metadata", found=found) from None

    def bounds(self, group: int, column: str) -> Bounds | None:
        """The statistics of a top-level column, ``None`` where there are none to trust."""
        place, leaf = self._leaves.get(column, (-1, {}))
        try:
            chunks = self._groups[group][_COLUMNS]
            meta = chunks[place][_META] if 0 <= place < len(chunks) else {}
            if _STATISTICS not in meta or meta[_TYPE] != leaf[_TYPE]:
                return None
            statistics = meta[_STATISTICS]
            low, high = self._ends(statistics, leaf)
        except (IndexError, KeyError, TypeError, AttributeError):
            return None  # not as Parquet has it: nothing to trust
        if low is None or high is None:
            low = high = None
        nulls = statistics.get(_NULLS)
        return Bounds(low, high, nulls if isinstance(nulls, int) and nulls >= 0 else None)

    def largest_chunks(self) -> dict[tuple[str, ...], int]:
        """Bytes of the largest chunk of each leaf when unpacked, by the leaf's path."""
        found: dict[tuple[str, ...], int] = {}
        for group in self._groups:
            try:
                metas = [chunk[_META] for chunk in group[_COLUMNS]]
                leaves = [
                    (
                        tuple(name.decode("utf-8", "replace") for name in meta[_PATH]),
                        meta[_UNPACKED],
                    )
                    for meta in metas
                ]
            except (KeyError, TypeError, AttributeError):
                continue  # not as Parquet has it: reading it will tell
            for path, size in leaves:
                if isinstance(size, int):
                    found[path] = max(found.get(path, 0), size)
        return found

    def _ends(self, statistics: Fields, leaf: Fields) -> tuple[Bound | None, Bound | None]:
        kind, converted = leaf.get(_TYPE, BYTE_ARRAY), leaf.get(_CONVERTED)
        low = statistics.get(_MIN) if self._ordered else None
        high = statistics.get(_MAX) if self._ordered else None
        if kind == BYTE_ARRAY:
            text = converted in _TEXT and isinstance(low, bytes) and isinstance(high, bytes)
            return (low, high) if text else (None, None)
        if kind not in _WIDTHS or converted not in _SIGNED:
            return None, None
        if low is None or high is None:
            low, high = statistics.get(_OLD_MIN), statistics.get(_OLD_MAX)
        return _fixed(low, kind), _fixed(high, kind)


def _fixed(data: bytes | None, kind: int) -> Bound | None:
    if not isinstance(data, bytes) or len(data) != _WIDTHS[kind]:
        return None
    number = int.from_bytes(data, "little", signed=True)
    return number != 0 if kind == BOOLEAN else number


def _top_leaves(elements: list[Fields]) -> dict[str, tuple[int, Fields]]:
    """Name of a column that is not nested -> (number of its leaf, element)."""
    found: dict[str, tuple[int, Fields]] = {}
    leaf = 0
    below = 0  # elements still to come inside the current top-level column
    for element in elements[1:]:
        children = int(element.get(_CHILDREN, 0))
        if below == 0 and not children:
            found[element[_NAME].decode("utf-8", "replace")] = (leaf, element)
        below = max(below - 1, 0) + children
        leaf += not children
    return found


def read_footer(source: pa.NativeFile) -> bytes | None:
    """The Thrift bytes of a file's footer, mostly with one read; ``None`` where it is giant.

    Raises:
        CorruptDataError: the file does not end as a Parquet file.
    """
    size = source.size()
    tail: bytes = source.read_at(min(size, _TAIL), max(0, size - _TAIL))
    if tail[-4:] != MAGIC:
        raise CorruptDataError(_WHAT, expected=repr(MAGIC), found=repr(tail[-4:]))
    length = int.from_bytes(tail[-_TRAILER:-4], "little")
    if length > _LARGEST:
        return None
    if length + _TRAILER > size:
        raise CorruptDataError(_WHAT, expected=f"at most {size} bytes", found=length)
    if length + _TRAILER > len(tail):
        tail = source.read_at(length + _TRAILER, size - length - _TRAILER)
    return tail[-length - _TRAILER : -_TRAILER]


def read_struct(data: bytes) -> tuple[Fields, int]:
    """The fields of the Thrift struct that the bytes begin with, and where it ends.

    Raises:
        CorruptDataError: there is none.
    """
    try:
        return _struct(data, 0, 0)
    except IndexError:
        raise CorruptDataError(_WHAT, expected="a Thrift struct", found="its end") from None


def _struct(data: bytes, at: int, depth: int) -> tuple[Fields, int]:
    """The fields of a struct by number.

    Raises:
        CorruptDataError: nested too deep, or a list or number that cannot be.
    """
    if depth > _MAX_DEPTH:
        raise CorruptDataError(_WHAT, offset=at, expected=f"{_MAX_DEPTH} levels", found="more")
    found: Fields = {}
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == 0:
            return found, at
        if head >> 4:
            number += head >> 4
        else:
            number, at = _number(data, at)
        kind = head & 15
        if kind in (_TRUE, _FALSE):
            found[number] = kind == _TRUE
        else:
            found[number], at = _value(data, at, kind, depth + 1)


def _value(data: bytes, at: int, kind: int, depth: int) -> tuple[Any, int]:
    if kind == _BINARY:
        length, at = _varint(data, at)
        return data[at : at + length], at + length
    if kind == _STRUCT:
        return _struct(data, at, depth)
    if kind in (_LIST, _SET):
        return _list(data, at, depth)
    if kind in (_BYTE, _TRUE, _FALSE):  # as elements of a list, booleans take a byte
        return data[at], at + 1
    if kind == _DOUBLE:
        return None, at + 8
    return _number(data, at)


def _list(data: bytes, at: int, depth: int) -> tuple[list[Any], int]:
    head = data[at]
    size, at = (head >> 4, at + 1) if head >> 4 < 15 else _varint(data, at + 1)
    kind = head & 15
    if size > len(data) - at or depth > _MAX_DEPTH:
        raise CorruptDataError(_WHAT, offset=at, expected=f"{len(data) - at} items", found=size)
    values = []
    for _ in range(size):
        value, at = _value(data, at, kind, depth + 1)
        values.append(value)
    return values, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < _VARINT_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise CorruptDataError(_WHAT, offset=at, expected="a number of 64 bits", found="a longer one")
