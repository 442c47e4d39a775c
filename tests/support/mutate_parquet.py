"""Damage to Parquet files: footer and page headers field by field, pages with their CRC repaired.

A generic reader and writer of Thrift's compact protocol, so that a change lands inside a value and
all lengths around it are right again.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.support.mutate import INT32S, NUMBERS, mutate_bytes

_STOP, _TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 12


@dataclass
class Field:
    """A field of a struct: number, type in the compact protocol, value."""

    number: int
    kind: int
    value: Any


@dataclass
class Items:
    """A list."""

    kind: int
    values: list[Any]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _put_varint(value: int) -> bytes:
    out = bytearray()
    value %= 2**64
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


def read_struct(data: bytes, at: int) -> tuple[list[Field], int]:
    """The fields of the struct that begins at an offset, and where it ends."""
    fields: list[Field] = []
    number = 0
    while True:
        head = data[at]
        at += 1
        if head == _STOP:
            return fields, at
        if head >> 4:
            number += head >> 4
        else:
            raw, at = _varint(data, at)
            number = (raw >> 1) ^ -(raw & 1)
        value, at = _read(data, at, head & 15)
        fields.append(Field(number, head & 15, value))


def _read(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return None, at
    if kind == _BYTE:
        return data[at], at + 1
    if kind == _DOUBLE:
        return data[at : at + 8], at + 8
    if kind == _BINARY:
        length, at = _varint(data, at)
        return data[at : at + length], at + length
    if kind == _STRUCT:
        return read_struct(data, at)
    if kind in (_LIST, _SET):
        head = data[at]
        size, at = (head >> 4, at + 1) if head >> 4 < 15 else _varint(data, at + 1)
        values = []
        for _ in range(size):
            if head & 15 in (_TRUE, _FALSE):
                value, at = data[at], at + 1
            else:
                value, at = _read(data, at, head & 15)
            values.append(value)
        return Items(head & 15, values), at
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def write_struct(fields: list[Field]) -> bytes:
    """The bytes of a struct."""
    out = bytearray()
    last = 0
    for field in fields:
        step = field.number - last
        if 0 < step < 16:
            out.append(step << 4 | field.kind)
        else:
            out.append(field.kind)
            out += _put_varint((field.number << 1) ^ (field.number >> 63))
        out += _write(field.value, field.kind)
        last = field.number
    out.append(_STOP)
    return bytes(out)


def _write(value: Any, kind: int) -> bytes:
    if kind in (_TRUE, _FALSE):
        return b""
    if kind == _BYTE:
        return bytes((value & 255,))
    if kind == _DOUBLE:
        return bytes(value)
    if kind == _BINARY:
        return _put_varint(len(value)) + value
    if kind == _STRUCT:
        return write_struct(value)
    if kind in (_LIST, _SET):
        size = len(value.values)
        head = bytes((size << 4 | value.kind,)) if size < 15 else bytes((0xF0 | value.kind,))
        if size >= 15:
            head += _put_varint(size)
        if value.kind in (_TRUE, _FALSE):
            return head + bytes(value.values)
        return head + b"".join(_write(v, value.kind) for v in value.values)
    value = max(-(2**63), min(2**63 - 1, value))
    return _put_varint((value << 1) ^ (value >> 63))


def _leaves(fields: list[Field]) -> list[tuple[Any, int | str, int]]:
    """Every value of a struct that can be changed: holder, place in it, type."""
    found: list[tuple[Any, int | str, int]] = []
    for field in fields:
        found.append((field, "value", field.kind))
        found += _inside(field.value, field.kind)
    return found


def _inside(value: Any, kind: int) -> list[tuple[Any, int | str, int]]:
    if kind == _STRUCT:
        return _leaves(value)
    if kind in (_LIST, _SET):
        found = [(value.values, i, value.kind) for i in range(len(value.values))]
        return found + [leaf for v in value.values for leaf in _inside(v, value.kind)]
    return []


def change_struct(rng: Random, fields: list[Field]) -> None:
    """One value somewhere in the struct becomes another of its type, or goes."""
    holder, place, kind = rng.choice(_leaves(fields))
    if isinstance(holder, list) and rng.random() < 0.3:
        del holder[place]
        return
    old = getattr(holder, place) if isinstance(place, str) else holder[place]
    new = _other(rng, old, kind)
    if isinstance(place, str):
        setattr(holder, place, new)
        if kind in (_TRUE, _FALSE):
            holder.kind = _TRUE + _FALSE - kind
        elif rng.random() < 0.05:
            holder.number = rng.randrange(1, 20)
    else:
        holder[place] = new


def _other(rng: Random, old: Any, kind: int) -> Any:
    if kind in (_TRUE, _FALSE):
        return old
    if kind in (_BINARY, _DOUBLE):
        out = mutate_bytes(rng, old)
        return (out + bytes(8))[:8] if kind == _DOUBLE else out
    if kind == _STRUCT:
        return [f for f in old if rng.random() < 0.8]
    if kind in (_LIST, _SET):
        values = old.values * rng.choice((1, 2)) if rng.random() < 0.7 else []
        return Items(old.kind, values[: len(values) - rng.randrange(2)])
    return rng.choice((old + 1, old - 1, old * 2, old // 2, rng.randrange(20), *NUMBERS))


def footer(data: bytes) -> tuple[list[Field], int]:
    """The fields of the footer and where it begins."""
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    return read_struct(data, start)[0], start


def with_footer(body: bytes, fields: list[Field]) -> bytes:
    """The file of these pages with this footer."""
    packed = write_struct(fields)
    return body + packed + len(packed).to_bytes(4, "little") + b"PAR1"


@dataclass
class Page:
    """Where a page lies."""

    header_at: int
    fields: list[Field]
    body_at: int
    length: int


def get(fields: list[Field], number: int) -> Any:
    """The value of a field, None where it is absent."""
    return next((f.value for f in fields if f.number == number), None)


def pages(data: bytes) -> list[Page]:
    """All pages, column chunk by column chunk."""
    found: list[Page] = []
    fields, _ = footer(data)
    for group in get(fields, 4).values:
        for column in get(group, 1).values:
            meta = get(column, 3)
            at = get(meta, 11) or get(meta, 9)
            end = at + get(meta, 7)
            while at < end:
                header, body_at = read_struct(data, at)
                length = get(header, 3)
                found.append(Page(at, header, body_at, length))
                at = body_at + length
    return found


SEAL = b"tablestore.footer.crc32\x18\x18"


def repaired(data: bytes) -> bytes:
    """The file with the checksum of its footer right, where it has one."""
    at = data.rfind(SEAL) + len(SEAL)
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    if not 0 < start < at < len(data) - 32:
        return data
    unset = data[:at] + b"0" * 24 + data[at + 24 :]
    return data[:at] + b"%08x%016x" % (zlib.crc32(unset[start:-8]), len(data)) + data[at + 24 :]


def mutate_parquet(rng: Random, data: bytes) -> bytes:
    """One thing changed; the checksum of the footer is mostly right, where there is one."""
    changed = _mutate(rng, data)
    return changed if rng.random() < 0.2 else repaired(changed)


def _mutate_end(rng: Random, data: bytes) -> bytes:
    """Another length of the footer, another magic, or bits of the footer flipped blindly."""
    out = bytearray(data)
    length = int.from_bytes(out[-8:-4], "little")
    match rng.randrange(4):
        case 0:
            other = rng.choice((*INT32S, length - 1, length + 1, length + 256))
            out[-8:-4] = (other % 2**32).to_bytes(4, "little")
        case 1:
            out[-4:] = rng.choice((b"PARE", b"ORC\x03", b"\0\0\0\0"))
        case _:
            for _ in range(rng.choice((1, 1, 3))):
                out[len(out) - 9 - rng.randrange(length)] ^= 1 << rng.randrange(8)
    return bytes(out)


def _mutate(rng: Random, data: bytes) -> bytes:
    """One value of the footer, of a page header, or of a page changed; its CRC is right again."""
    choice = rng.randrange(11)
    if choice == 0:
        return mutate_bytes(rng, data)
    if choice == 10:
        return _mutate_end(rng, data)
    if choice < 5:
        fields, start = footer(data)
        for _ in range(rng.choice((1, 1, 2))):
            change_struct(rng, fields)
        return with_footer(data[:start], fields)
    page = rng.choice([page for page in pages(data) if page.length])
    out = bytearray(data)
    if choice < 7:
        change_struct(rng, page.fields)
        header = write_struct(page.fields)
        out[page.header_at : page.body_at] = header  # of another length: all later pages move
        return bytes(out)
    body = bytearray(out[page.body_at : page.body_at + page.length])
    for _ in range(rng.choice((1, 1, 4))):
        body[rng.randrange(len(body))] = rng.choice((0, 1, 255, rng.randrange(256)))
    out[page.body_at : page.body_at + page.length] = body
    crc = next((f for f in page.fields if f.number == 4), None)
    if crc is not None:
        old_length = page.body_at - page.header_at
        crc.value = int.from_bytes(zlib.crc32(body).to_bytes(4, "big"), "big", signed=True)
        header = write_struct(page.fields)
        if len(header) == old_length:
            out[page.header_at : page.body_at] = header
    return bytes(out)
