"""BinaryRow: the bytes of partitions, keys and statistics in manifests.

::

    serialized   int32 big-endian: number of fields, then the row
    row          [row kind, null bits: ((n + 63 + 8) / 64) * 8 bytes]   little-endian from here on
                 [slot of 8 bytes]*n
                 [variable part: items padded with zeros to 8 bytes]
    null bit i   bit 8 + i of the head
    slot         fixed values in the low bytes, not sign-extended
                 <= 7 bytes of text or binary: the bytes, then 0x80 | length in the last byte
                 else (offset << 32) | length; the offset counts from the row's first byte

DECIMAL above 18 digits and TIMESTAMP above 3 digits keep their place in the variable part when
they are null (releases before 1.2 do not in statistics). FLOAT and DOUBLE keep their bits, except
that every NaN is written as the same one.

Values are ``bool``, ``int`` (DATE: days, TIME: milliseconds), ``float``, ``Decimal``, ``str``,
``bytes``, ``Timestamp``, ``list``, ``dict`` (MAP, MULTISET) and ``tuple`` (ROW).

Source: ``org.apache.paimon.data.BinaryRow``, ``BinaryRowWriter``, ``BinaryArray``, ``BinaryMap``,
``org.apache.paimon.utils.SerializationUtils``.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import UnsupportedFormatError
from tablestore.format.binary_slots import (
    PlainNull,
    Slot,
    Timestamp,
    Value,
    align,
    atomic_slot,
    reference,
    referenced,
    reject,
)
from tablestore.types.model import ArrayType, AtomicType, MapType, MultisetType, RowType

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tablestore.types.model import DataType

__all__ = ["Timestamp", "decode_row", "encode_row", "field_decoder", "row_arity", "row_bytes"]

_ARITY: Final = struct.Struct(">i")
_SIZE: Final = struct.Struct("<i")


def encode_row(values: Sequence[Any], types: Sequence[DataType], *, kind: int = 0) -> bytes:
    """The serialized row, number of fields first.

    Args:
        values: one a field, ``None`` for null.
        types: the fields' types; nullability is not looked at.
        kind: the row kind in the first byte.

    Raises:
        InvalidInputError: a value that its type cannot hold.
        UnsupportedFormatError: a type that has no BinaryRow form here.
    """
    return _ARITY.pack(len(types)) + row_bytes(values, types, kind=kind)


def row_bytes(values: Sequence[Any], types: Sequence[DataType], *, kind: int = 0) -> bytes:
    """The row without the number of fields: the bytes that are hashed."""
    out = _encode_slots(values, [_slot_of(t) for t in types])
    out[0] |= kind
    return bytes(out)


def _encode_slots(values: Sequence[Any], slots: Sequence[Slot]) -> bytearray:
    """The bytes of a row of kind 0."""
    count = len(slots)
    head = _null_bytes(count)
    out = bytearray(head + 8 * count)
    for i, (value, slot) in enumerate(zip(values, slots, strict=True)):
        if value is None:
            out[(8 + i) // 8] |= 1 << ((8 + i) % 8)
            word, tail = slot.encode_null(len(out))
        else:
            word, tail = slot.encode(value, len(out))
        out[head + 8 * i : head + 8 * i + 8] = word
        out += align(tail)
    return out


def decode_row(data: bytes, types: Sequence[DataType]) -> tuple[Any, ...]:
    """The values of a serialized row.

    Raises:
        CorruptDataError: the number of fields differs from ``types``, or the bytes are damaged.
        UnsupportedFormatError: a type that has no BinaryRow form here.
    """
    arity = row_arity(data)
    if arity != len(types):
        reject(0, f"{len(types)} fields", arity)
    return _decode_slots(data, 4, len(data), [_slot_of(t) for t in types])


def field_decoder(
    types: Sequence[DataType], indexes: Sequence[int]
) -> Callable[[bytes], tuple[Any, ...]]:
    """What gives some values of serialized rows of one kind, many times.

    Args:
        types: of all fields of the rows.
        indexes: the fields wanted.

    Raises:
        UnsupportedFormatError: a wanted type that has no BinaryRow form here.
    """
    arity = len(types)
    head = 4 + _null_bytes(arity)
    places = [(4 + (8 + i) // 8, (8 + i) % 8, head + 8 * i, _slot_of(types[i])) for i in indexes]

    def decode(data: bytes) -> tuple[Any, ...]:
        end = len(data)
        if row_arity(data) != arity:
            reject(0, f"{arity} fields", row_arity(data))
        if end < head + 8 * arity:
            reject(4, f"at least {head + 8 * arity - 4} bytes", end - 4)
        return tuple(
            [
                None if data[byte] >> bit & 1 else slot.decode(data, 4, end, at)
                for byte, bit, at, slot in places
            ]
        )

    return decode


def row_arity(data: bytes) -> int:
    """The number of fields of a serialized row."""
    if len(data) < 4:
        reject(0, "at least 4 bytes", len(data))
    arity: int = _ARITY.unpack_from(data)[0]
    return arity


def _decode_slots(data: bytes, start: int, end: int, slots: Sequence[Slot]) -> tuple[Any, ...]:
    """The values of the row at ``data[start:end]``."""
    head = _null_bytes(len(slots))
    if end - start < head + 8 * len(slots):
        reject(start, f"at least {head + 8 * len(slots)} bytes", end - start)
    values: list[Any] = []
    for i, slot in enumerate(slots):
        if data[start + (8 + i) // 8] >> ((8 + i) % 8) & 1:
            values.append(None)
        else:
            values.append(slot.decode(data, start, end, start + head + 8 * i))
    return tuple(values)


def _null_bytes(arity: int) -> int:
    """Bytes of row kind and null bits in a row of so many fields."""
    return (arity + 63 + 8) // 64 * 8


class _RowSlot(PlainNull):
    """ROW: a row without the number of fields in the variable part."""

    width = 8

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots

    def encode(self, value: Sequence[Any], offset: int) -> tuple[bytes, bytes]:
        body = bytes(_encode_slots(value, self._slots))
        return reference(offset, len(body)), body

    def decode(self, data: bytes, start: int, end: int, at: int) -> tuple[Any, ...]:
        first, last = referenced(data, start, end, at)
        return _decode_slots(data, first, last, self._slots)


class _ArraySlot(PlainNull):
    """ARRAY: a BinaryArray in the variable part."""

    width = 8

    def __init__(self, element: Slot) -> None:
        self._element = element

    def encode(self, value: Sequence[Any], offset: int) -> tuple[bytes, bytes]:
        body = _encode_array(value, self._element)
        return reference(offset, len(body)), body

    def decode(self, data: bytes, start: int, end: int, at: int) -> list[Any]:
        first, last = referenced(data, start, end, at)
        return _decode_array(data, first, last, self._element)


class _MapSlot(PlainNull):
    """MAP and MULTISET: a BinaryMap in the variable part."""

    width = 8

    def __init__(self, key: Slot, value: Slot) -> None:
        self._key, self._value = key, value

    def encode(self, value: Mapping[Any, Any], offset: int) -> tuple[bytes, bytes]:
        keys = _encode_array(list(value), self._key)
        body = _SIZE.pack(len(keys)) + keys + _encode_array(list(value.values()), self._value)
        return reference(offset, len(body)), body

    def decode(self, data: bytes, start: int, end: int, at: int) -> dict[Any, Any]:
        first, last = referenced(data, start, end, at)
        size = _read_size(data, first, last)
        middle = first + 4 + size
        if middle > last:
            reject(first, f"keys of at most {last - first - 4} bytes", size)
        keys = _decode_array(data, first + 4, middle, self._key)
        values = _decode_array(data, middle, last, self._value)
        if len(keys) != len(values):
            reject(middle, f"{len(keys)} values", len(values))
        return dict(zip(map(_hashable, keys), values, strict=True))


def _hashable(key: Value) -> Value:
    if isinstance(key, list | tuple):
        return tuple(map(_hashable, key))
    return tuple(key.items()) if isinstance(key, dict) else key


def _encode_array(values: Sequence[Any], element: Slot) -> bytes:
    width = element.width
    head = 4 + (len(values) + 31) // 32 * 4
    out = bytearray(_align_up(head + width * len(values)))
    out[:4] = _SIZE.pack(len(values))
    for i, value in enumerate(values):
        if value is None:
            out[4 + i // 8] |= 1 << (i % 8)
            continue
        word, tail = element.encode(value, len(out))
        out[head + width * i : head + width * (i + 1)] = word[:width]
        out += align(tail)
    return bytes(out)


def _decode_array(data: bytes, start: int, end: int, element: Slot) -> list[Any]:
    size = _read_size(data, start, end)
    width = element.width
    head = start + 4 + (size + 31) // 32 * 4
    if head + size * width > end:
        reject(start, f"elements that fit {end - start} bytes", size)
    return [
        None
        if data[start + 4 + i // 8] >> (i % 8) & 1
        else element.decode(data, start, end, head + width * i)
        for i in range(size)
    ]


def _read_size(data: bytes, start: int, end: int) -> int:
    if end - start < 4:
        reject(start, "at least 4 bytes", end - start)
    size: int = _SIZE.unpack_from(data, start)[0]
    if size < 0:
        reject(start, "a size of at least 0", size)
    return size


def _align_up(length: int) -> int:
    """The next multiple of 8."""
    return (length + 7) // 8 * 8


@lru_cache(maxsize=1024)
def _slot_of(kind: DataType) -> Slot:
    match kind:
        case AtomicType():
            return atomic_slot(kind)
        case ArrayType(element=element):
            return _ArraySlot(_slot_of(element))
        case MapType(key=key, value=value):
            return _MapSlot(_slot_of(key), _slot_of(value))
        case MultisetType(element=element):
            return _MapSlot(_slot_of(element), _slot_of(AtomicType("INT")))
        case RowType(fields=fields):
            return _RowSlot([_slot_of(field.type) for field in fields])
    raise UnsupportedFormatError(f"BinaryRow of {kind.sql()} is not supported")
