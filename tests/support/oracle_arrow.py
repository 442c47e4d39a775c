"""Rows of JSON values (`oracle_values.py`) to Arrow and back, by type JSON: for our side and for
peers that speak Arrow."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.support.oracle_values import (
    BINARIES,
    TEXTS,
    base,
    entry_types,
    float_json,
    not_null,
)

NANOS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
PLAIN = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIME": pa.time32("ms"),
    **dict.fromkeys(TEXTS, pa.string()),
    **dict.fromkeys(BINARIES, pa.binary()),
}


def arrow_type(t) -> pa.DataType:
    """The plain Arrow type of a type JSON."""
    n, args = base(t)
    if n in PLAIN:
        return PLAIN[n]
    if n == "DECIMAL":
        return pa.decimal128(*(([*args, 0])[:2] if args else (10, 0)))
    if n.startswith("TIMESTAMP"):
        p = args[0] if args else 6
        return pa.timestamp(
            "ms" if p <= 3 else "us" if p <= 6 else "ns", "UTC" if n == "TIMESTAMP_LTZ" else None
        )
    if n == "ARRAY":
        return pa.list_(arrow_field("element", t["element"]))
    if n == "ROW":
        return pa.struct([arrow_field(f["name"], f["type"]) for f in t["fields"]])
    key, value = entry_types(t)
    return pa.map_(arrow_field("key", key).with_nullable(False), arrow_field("value", value))


def arrow_field(name: str, t) -> pa.Field:
    return pa.field(name, arrow_type(t), nullable=not not_null(t))


def _to_arrow_value(v, t):
    if v is None:
        return None
    n = base(t)[0]
    if n == "DECIMAL":
        return Decimal(v)
    if n in BINARIES:
        return bytes.fromhex(v)
    if n in ("FLOAT", "DOUBLE"):
        return float(v)
    if n.startswith("TIMESTAMP"):
        return (v[0] * 1_000_000 + v[1]) // NANOS[arrow_type(t).unit]
    if n == "ARRAY":
        return [_to_arrow_value(x, t["element"]) for x in v]
    if n == "ROW":
        named = zip(t["fields"], v, strict=True)
        return {f["name"]: _to_arrow_value(x, f["type"]) for f, x in named}
    if n in ("MAP", "MULTISET"):
        key, value = entry_types(t)
        return [(_to_arrow_value(k, key), _to_arrow_value(x, value)) for k, x in v]
    return v


def arrow_table(rows: list[list[Any]], columns) -> pa.Table:
    """Rows of JSON values as an Arrow table; `columns`: (name, type JSON) pairs."""
    arrays = [
        pa.array([_to_arrow_value(r[i], t) for r in rows], type=arrow_type(t))
        for i, (_, t) in enumerate(columns)
    ]
    return pa.table(arrays, schema=pa.schema([arrow_field(c, t) for c, t in columns]))


def canonical_rows(table: pa.Table, columns) -> list[list[Any]]:
    """An Arrow table as rows of JSON values; its column names must be those of `columns`, in
    order."""
    names = [c for c, _ in columns]
    if table.schema.names != names:
        raise AssertionError(f"columns {table.schema.names}, expected {names}")
    lists = [_column(table.column(i), t) for i, (_, t) in enumerate(columns)]
    return [list(r) for r in zip(*lists, strict=True)]


def _column(column: pa.ChunkedArray, t) -> list[Any]:
    return [x for chunk in column.chunks for x in _values(chunk, t)]


def _values(array: pa.Array, t) -> list[Any]:
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    n, args = base(t)
    if n.startswith("TIMESTAMP"):
        return _timestamps(array)
    if n in ("ARRAY", "ROW", "MAP", "MULTISET"):
        return _nested(array, n, t)
    return _each(array.to_pylist(), n, args) if n not in ("DATE", "TIME") else _days(array, n)


def _days(array: pa.Array, n: str) -> list[Any]:
    if n == "TIME" and pa.types.is_time64(array.type):
        divisor = 1_000 if array.type.unit == "us" else 1_000_000
        return [None if x is None else x // divisor for x in array.view(pa.int64()).to_pylist()]
    return array.view(pa.int32()).to_pylist()


def _each(values: list[Any], n: str, args: list[int]) -> list[Any]:
    scale = ([*args, 0])[1] if args else 0
    change: dict[str, Callable[[Any], Any]] = {
        "FLOAT": float_json,
        "DOUBLE": float_json,
        "DECIMAL": lambda x: f"{x:.{scale}f}",
        **dict.fromkeys(BINARIES, bytes.hex),
    }
    if n not in change:
        return values
    return [None if x is None else change[n](x) for x in values]


def _timestamps(array: pa.Array) -> list[Any]:
    unit = NANOS[array.type.unit]
    return [
        None if x is None else [x * unit // 1_000_000, x * unit % 1_000_000]
        for x in array.view(pa.int64()).to_pylist()
    ]


def _nested(array: pa.Array, n: str, t) -> list[Any]:
    valid = array.is_valid().to_pylist()
    if n == "ROW":
        parts = [_values(array.field(i), f["type"]) for i, f in enumerate(t["fields"])]
        return [list(r) if ok else None for ok, *r in zip(valid, *parts, strict=True)]
    if n == "ARRAY":
        items = _values(array.values, t["element"])
    else:
        key, value = entry_types(t)
        pairs = zip(_values(array.keys, key), _values(array.items, value), strict=True)
        items = [list(p) for p in pairs]
    offsets = array.offsets.to_pylist()
    spans = zip(valid, offsets[:-1], offsets[1:], strict=True)
    lists = [items[i:j] if ok else None for ok, i, j in spans]
    if n == "ARRAY":
        return lists
    return [None if x is None else sorted(x, key=json.dumps) for x in lists]
