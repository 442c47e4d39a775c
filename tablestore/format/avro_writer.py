"""Writes the objects of a shape as Avro records."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

from tablestore.errors import InvalidInputError
from tablestore.format.avro_schema import ArrayOf, Nullable, Primitive, RecordOf, Shape

Value = Any  # of the shape
Write = Callable[[bytearray, Value], None]


def write_long(out: bytearray, value: int) -> None:
    """Appends a zig-zag variable-length integer.

    Raises:
        InvalidInputError: the value does not fit 64 bits.
    """
    if not -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        raise InvalidInputError(f"{value} does not fit 64 bits")
    rest = (value << 1) ^ (value >> 63)
    while rest > 127:
        out.append((rest & 127) | 128)
        rest >>= 7
    out.append(rest)


def _write_int(out: bytearray, value: int) -> None:
    if not -0x80000000 <= value <= 0x7FFFFFFF:
        raise InvalidInputError(f"{value} does not fit 32 bits")
    write_long(out, value)


def write_bytes(out: bytearray, value: bytes) -> None:
    """Appends bytes behind their length."""
    write_long(out, len(value))
    out += value


def write_string(out: bytearray, value: str) -> None:
    """Appends UTF-8 text behind its length."""
    write_bytes(out, value.encode())


_WRITERS: Final[dict[str, Write]] = {
    "int": _write_int,
    "long": write_long,
    "bytes": write_bytes,
    "string": write_string,
}


@functools.lru_cache(maxsize=64)
def record_writer(shape: RecordOf) -> Write:
    """The function that appends a record of the shape to a buffer."""
    return compile_writer(shape)


def compile_writer(shape: Shape) -> Write:
    """The function that appends a value of the shape to a buffer."""
    match shape:
        case Primitive(name, _):
            return _WRITERS[name]
        case Nullable(of):
            return _nullable(compile_writer(of))
        case ArrayOf(items):
            return _array(compile_writer(items))
    writers = [compile_writer(of) for _, of in shape.fields]
    parts = shape.parts

    def write(out: bytearray, value: Value) -> None:
        for function, part in zip(writers, parts(value), strict=True):
            function(out, part)

    return write


def _nullable(inner: Write) -> Write:
    def write(out: bytearray, value: Value) -> None:
        if value is None:
            out.append(0)
        else:
            out.append(2)
            inner(out, value)

    return write


def _array(item: Write) -> Write:
    def write(out: bytearray, value: Value) -> None:
        if value:
            write_long(out, len(value))
            for element in value:
                item(out, element)
        out.append(0)

    return write
