"""Small Arrow arrays and scalars from the values of bound constants.

They are made of buffers: ``pa.array`` and ``pa.scalar`` import pandas wherever it is installed,
half a second before the first row is compared.
"""

from __future__ import annotations

import struct
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow as pa

from tablestore.predicate.arrow_literal import UNIT_NS, is_bytes, is_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tablestore.predicate.literal import Value


def array_of(values: Iterable[Value], kind: pa.DataType) -> pa.Array:
    """An Arrow array of a column's type from values as bound constants hold them.

    Use it to hand the tuples of ``equality_values`` to code that wants Arrow columns.

    Units: days for dates, milliseconds for times, nanoseconds for timestamps (see ``prune``).
    """
    found = list(values)
    valid = [value is not None for value in found]
    validity = None if all(valid) else _bits(valid)
    if pa.types.is_date64(kind):
        return array_of(found, pa.date32()).cast(kind)
    if is_text(kind) or is_bytes(kind):
        return pa.Array.from_buffers(kind, len(found), [validity, *_variable(found, kind)])
    return pa.Array.from_buffers(kind, len(found), [validity, _fixed(found, kind)])


def scalar_of(value: Value, kind: pa.DataType) -> pa.Scalar:
    """One such value as an Arrow scalar."""
    return array_of([value], kind)[0]


def constant(truth: bool | None, length: int) -> pa.BooleanArray:  # noqa: FBT001 - the value itself
    """An array of one answer over and over."""
    if truth is None:
        return pa.nulls(length, pa.bool_())
    bits = pa.py_buffer((b"\xff" if truth else b"\x00") * ((length + 7) // 8))
    return pa.Array.from_buffers(pa.bool_(), length, [None, bits])


TRUE = constant(truth=True, length=1)[0]
FALSE = constant(truth=False, length=1)[0]
UNKNOWN = constant(truth=None, length=1)[0]


def _bits(values: Sequence[object]) -> pa.Buffer:
    number = sum(1 << index for index, value in enumerate(values) if value)
    return pa.py_buffer(number.to_bytes((len(values) + 7) // 8, "little"))


def _variable(values: Sequence[Value], kind: pa.DataType) -> tuple[pa.Buffer, pa.Buffer]:
    parts = [_encoded(value) for value in values]
    offsets = [0]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    large = pa.types.is_large_string(kind) or pa.types.is_large_binary(kind)
    code = "q" if large else "i"
    return pa.py_buffer(struct.pack(f"<{len(offsets)}{code}", *offsets)), pa.py_buffer(
        b"".join(parts)
    )


def _encoded(value: Value) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, bytes) else b""


def _fixed(values: Sequence[Value], kind: pa.DataType) -> pa.Buffer:
    if pa.types.is_boolean(kind):
        return _bits(values)
    if pa.types.is_floating(kind):
        code = {16: "e", 32: "f", 64: "d"}[kind.bit_width]
        return pa.py_buffer(
            struct.pack(
                f"<{len(values)}{code}", *(0.0 if value is None else value for value in values)
            )
        )
    size = kind.bit_width // 8
    signed = not pa.types.is_unsigned_integer(kind)
    stored = (_stored(value, kind).to_bytes(size, "little", signed=signed) for value in values)
    return pa.py_buffer(b"".join(stored))


def _stored(value: Value, kind: pa.DataType) -> int:
    """The integer that Arrow keeps for a value."""
    if isinstance(value, Decimal):
        scaled = Fraction(value) * 10 ** int(kind.scale)
        return int(scaled)  # a bound constant is whole on the column's scale
    number = 0 if value is None or isinstance(value, (str, bytes)) else int(value)
    if pa.types.is_timestamp(kind):
        return number // UNIT_NS[kind.unit]
    if pa.types.is_time32(kind):
        return number // (UNIT_NS[kind.unit] // 1_000_000)
    return number
