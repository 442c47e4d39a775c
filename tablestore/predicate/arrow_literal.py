"""Arrow scalars as constants, and the kinds of Arrow types."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa

from tablestore.predicate.literal import NULL, Literal

_KINDS = {
    bool: "bool",
    int: "int",
    float: "float",
    Decimal: "decimal",
    str: "str",
    bytes: "bytes",
}
UNIT_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}


def literal_of_scalar(scalar: pa.Scalar) -> Literal | None:
    """The constant of an Arrow scalar, with its nanoseconds; None for nested types."""
    kind = scalar.type
    if pa.types.is_null(kind) or not scalar.is_valid:
        return NULL
    if pa.types.is_timestamp(kind):
        nanos = scalar.cast(pa.int64()).as_py() * UNIT_NS[kind.unit]
        return Literal(nanos, "timestamp" if kind.tz is None else "timestamptz")
    if pa.types.is_time(kind):
        stored = pa.int32() if kind.bit_width == 32 else pa.int64()
        return Literal(scalar.cast(stored).as_py() * UNIT_NS[kind.unit], "time")
    if pa.types.is_dictionary(kind) or not pa.types.is_primitive(kind):
        if not (is_text(kind) or is_bytes(kind) or pa.types.is_decimal(kind)):
            return None
    elif pa.types.is_duration(kind) or pa.types.is_interval(kind):
        return None
    if pa.types.is_date(kind):
        return Literal(scalar.cast(pa.date32()).cast(pa.int32()).as_py(), "date")
    value = scalar.as_py()
    return Literal(value, _KINDS[type(value)])


def is_text(kind: pa.DataType) -> bool:
    """True for every Arrow type of UTF-8 text."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_bytes(kind: pa.DataType) -> bool:
    """True for every Arrow type of bytes."""
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )
