"""Random types and values for the comparison with Java, as JSON (`oracle_values.py`) and as what
our codecs take.

Values are drawn at the edges as often as between them: both zeros, NaN, the extremes of each width,
texts around the seven bytes of a slot, characters of one to four bytes.
"""

from __future__ import annotations

import base64
import functools
import json
import struct
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from tablestore.format.binary_row import Timestamp
from tablestore.types.arrow import to_arrow
from tablestore.types.json import type_from_json
from tablestore.types.model import DataType
from tests.support.oracle_arrow import arrow_type
from tests.support.oracle_values import BINARIES, TEXTS, entry_types, float_json
from tests.support.oracle_values import base as base_of

BITS = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "BIGINT": 63}
DAY_MS = 86_400_000
YEAR_1, YEAR_10000 = -62_135_596_800_000, 253_402_300_800_000
NANO_EDGE = 9_223_372_036_854  # the last millisecond that fits int64 nanoseconds
LETTERS = "a é\u4e2d\U0001f600\x00\uffffZ~0/"
ATOMIC = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "DECIMAL"),
    *("CHAR", "VARCHAR", "STRING", "BINARY", "VARBINARY", "BYTES", "DATE", "TIME"),
    *("TIMESTAMP", "TIMESTAMP", "TIMESTAMP_LTZ"),
)
NESTED = ("ARRAY", "MAP", "MULTISET", "ROW")
NO_MAP_KEY = ("FLOAT", "DOUBLE")  # Python and Java disagree on which of them are one key


# Types


def base(t: Any) -> tuple[str, list[int]]:
    """The bare name and the numbers of a type JSON."""
    return _base(t["type"] if isinstance(t, dict) else t)


_base = functools.cache(base_of)


def atomic_type(r: Random, names: tuple[str, ...] = ATOMIC) -> str:
    n = r.choice(names)
    if n == "DECIMAL":
        p = r.randint(1, 38)
        return f"DECIMAL({p}, {r.randint(0, p)})"
    if n in ("CHAR", "VARCHAR", "BINARY", "VARBINARY"):
        return f"{n}({r.randint(1, 40)})"
    if n in ("TIME", "TIMESTAMP"):
        return f"{n}({r.randint(0, 9)})"
    if n == "TIMESTAMP_LTZ":
        return f"TIMESTAMP({r.randint(0, 9)}) WITH LOCAL TIME ZONE"
    return n


def any_type(r: Random, depth: int = 3) -> Any:
    """A type JSON; every fourth is nested, up to `depth` deep."""
    if depth == 0 or r.random() < 0.75:
        return atomic_type(r)
    n = r.choice(NESTED)
    if n == "ARRAY":
        return {"type": n, "element": any_type(r, depth - 1)}
    if n == "ROW":
        fields = range(r.randint(1, 4))
        return {
            "type": n,
            "fields": [
                {"id": 100 * depth + i, "name": f"f{i}", "type": any_type(r, depth - 1)}
                for i in fields
            ],
        }
    key = atomic_type(r, tuple(a for a in ATOMIC if a not in NO_MAP_KEY)) + " NOT NULL"
    if n == "MULTISET":
        return {"type": n, "element": key}
    return {"type": n, "key": key, "value": any_type(r, depth - 1)}


# Values


def any_value(r: Random, t: Any, nulls: float = 0.15) -> Any:
    """A JSON value of type `t`."""
    n, a = base(t)
    if r.random() < nulls and "NOT NULL" not in (t["type"] if isinstance(t, dict) else t):
        return None
    if n == "ARRAY":
        return [any_value(r, t["element"]) for _ in range(r.choice([0, 1, 2, 3, 40]))]
    if n == "ROW":
        return [any_value(r, f["type"]) for f in t["fields"]]
    if n in ("MAP", "MULTISET"):
        key, value = entry_types(t)
        found = {json.dumps(any_value(r, key)): any_value(r, value) for _ in range(r.randrange(5))}
        return sorted(([json.loads(k), v] for k, v in found.items()), key=json.dumps)
    if n == "BOOLEAN":
        return r.random() < 0.5
    if n in TEXTS:
        return text(r, a[0] if a else 60)
    if n in BINARIES:
        return r.randbytes(r.choice([0, 1, 6, 7, 8, 9, 15, 16, 17, r.randrange(60)])).hex()
    return _time(r, n, a) if n[:4] in ("DATE", "TIME") else _number(r, n, a)


def text(r: Random, longest: int) -> str:
    around_slots = r.choice([0, 1, 5, 6, 7, 8, 9, 15, 16, 17])  # of seven bytes, and around words
    length = r.choice([around_slots, r.randrange(61)])
    letters = LETTERS if r.random() < 0.5 else "abc"
    return "".join(r.choices(letters, k=min(length, longest)))


def _number(r: Random, n: str, a: list[int]) -> Any:
    if n in BITS:
        b = BITS[n]
        edges = [0, 1, -1, 2**b - 1, -(2**b), r.randrange(-(2**b), 2**b), r.randrange(-100, 100)]
        return r.choice(edges)
    if n in ("FLOAT", "DOUBLE"):
        code, width = ("<f", 4) if n == "FLOAT" else ("<d", 8)
        any_bits = struct.unpack(code, r.randbytes(width))[0]
        edges = [0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), any_bits, any_bits]
        return float_json(r.choice(edges))
    p, s = a
    top = 10**p - 1
    edges = [0, 1, -1, 127, 128, -128, -129, 2**63, -(2**63), 2**64, top, -top]
    edges += [r.randint(-top, top), r.randint(-top, top), 10 ** r.randrange(p)]
    u = r.choice([x for x in edges if abs(x) <= top])
    sign, digits = "-" if u < 0 else "", str(abs(u)).rjust(s + 1, "0")
    return sign + (digits[:-s] + "." + digits[-s:] if s else digits)


def _time(r: Random, n: str, a: list[int]) -> Any:
    if n == "DATE":
        return r.choice([0, -1, 19000, 2932896, -719162, r.randrange(-719162, 2932896)])
    if n == "TIME":
        return r.choice([0, 1, 999, DAY_MS - 1, r.randrange(DAY_MS)])
    p = a[0] if a else 6
    low, high = (-NANO_EDGE, NANO_EDGE) if p > 6 else (YEAR_1, YEAR_10000)
    ms = r.choice([0, -1, -1000, 1_700_000_000_123, low, high - 1, r.randrange(low, high)])
    step = 10 ** (9 - p)  # nanoseconds that the precision leaves
    if step >= 1_000_000:
        return [ms // (step // 1_000_000) * (step // 1_000_000), 0]
    nanos = r.choice([0, step, 1_000_000 - step, r.randrange(0, 1_000_000, step)])
    return [ms, nanos]


# JSON values as our codecs take them, and back


def ours_of(v: Any, t: Any) -> Any:
    """A JSON value as `encode_row` takes it."""
    n, _ = base(t)
    if v is None:
        return None
    if n in ("FLOAT", "DOUBLE"):
        return float(v)
    if n == "DECIMAL":
        return Decimal(v)
    if n in BINARIES:
        return bytes.fromhex(v)
    if n.startswith("TIMESTAMP"):
        return Timestamp(*v)
    if n == "ARRAY":
        return [ours_of(x, t["element"]) for x in v]
    if n == "ROW":
        return tuple(ours_of(x, f["type"]) for x, f in zip(v, t["fields"], strict=True))
    if n in ("MAP", "MULTISET"):
        key, value = entry_types(t)
        return {ours_of(k, key): ours_of(x, value) for k, x in v}
    return v


def json_of(v: Any, t: Any) -> Any:
    """The reverse, of what `decode_row` gives."""
    n, a = base(t)
    if v is None:
        return None
    if n in ("FLOAT", "DOUBLE"):
        return float_json(v)
    if n == "DECIMAL":
        return f"{v:.{a[1]}f}"
    if n in BINARIES:
        return v.hex()
    if n == "ARRAY":
        return [json_of(x, t["element"]) for x in v]
    if n == "ROW":
        return [json_of(x, f["type"]) for x, f in zip(v, t["fields"], strict=True)]
    if n in ("MAP", "MULTISET"):
        key, value = entry_types(t)
        pairs = ([json_of(k, key), json_of(x, value)] for k, x in v.items())
        return sorted(pairs, key=json.dumps)
    return list(v) if n.startswith("TIMESTAMP") else v


def our_type(t: Any) -> DataType:
    return _atomic(t) if isinstance(t, str) else type_from_json(t)


_atomic = functools.cache(type_from_json)


def arrow_units(v: Any, t: Any) -> Any:
    """An atomic JSON value as pyarrow takes it."""
    n, _ = base(t)
    if v is None or not n.startswith("TIMESTAMP"):
        return ours_of(v, t)
    per = {"ms": 1_000_000, "us": 1_000, "ns": 1}[arrow_type(t).unit]
    return (v[0] * 1_000_000 + v[1]) // per


def arrow_column(r: Random, values: list[Any], t: Any) -> pa.Array:
    """A column of atomic JSON values, laid out in one of the ways that Arrow allows: a slice of a
    longer array, several chunks, large offsets, anything at all under the nulls."""
    kind = to_arrow(our_type(t))
    junk = [any_value(r, t, nulls=0) for _ in range(r.choice([0, 0, 1, 7, 9]))]
    under = [any_value(r, t, nulls=0) if v is None else v for v in values]
    every = [arrow_units(v, t) for v in (*junk, *under, *junk)]
    array = _with_nulls(pa.array(every, kind), [False] * len(junk) + [v is None for v in values])
    if pa.types.is_string(kind) and r.random() < 0.2:
        array = array.cast(pa.large_string())
    array = array.slice(len(junk), len(values))
    cut = r.randrange(len(values) + 1)
    if r.random() < 0.3:
        return pa.chunked_array([array[:cut], array[cut:]])
    return array


def _with_nulls(array: pa.Array, nulls: list[bool]) -> pa.Array:
    """The same buffers with these nulls: the values stay under them."""
    bits = np.ones(len(array), dtype=np.bool_)
    bits[: len(nulls)] = ~np.array(nulls, dtype=np.bool_)
    if bits.all():
        return array
    valid = pa.py_buffer(np.packbits(bits, bitorder="little").tobytes())
    return pa.Array.from_buffers(array.type, len(array), [valid, *array.buffers()[1:]])


# Long things as text


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unpacked(text: str) -> bytes:
    return base64.b64decode(text)


# Deletion vectors


def positions(r: Random, *, bitmap64: bool) -> np.ndarray:
    """Deleted rows: a few, many, runs, whole blocks of 65,536, at the edges of what fits."""
    top = (1 << r.choice([33, 34, 36])) if bitmap64 else (1 << 31)
    span = r.choice([1, 10, 1000, 70_000, 200_000, top])
    start = min(r.choice([0, 0, 0, 65_530, top, r.randrange(top)]), top - span)
    found = [np.array([r.randrange(start, start + span) for _ in range(r.choice([0, 1, 5, 300]))])]
    if r.random() < 0.4:
        found.append(_runs(r, start, span))
    if r.random() < 0.2:
        found.append(np.arange(start, min(start + span, start + 5000), r.choice([1, 2, 3])))
    if r.random() < 0.1:
        found.append(np.array([0, top - 1]))
    rows = np.sort(np.concatenate(found).astype(np.int64))
    return rows[np.diff(rows, prepend=-1) > 0]


def _runs(r: Random, start: int, span: int) -> np.ndarray:
    found = []
    for _ in range(r.randint(1, 3)):
        first = r.randrange(start, start + span)
        length = r.choice([2, 2, 50, 50, 4095, 4096, 4097, r.choice([5, 70_000])])
        found.append(np.arange(first, min(first + length, start + span)))
    return np.concatenate(found)


# File indexes

NO_BLOOM = ("BOOLEAN", "DECIMAL")
NO_BITMAP = ("DECIMAL", "BINARY", "VARBINARY", "BYTES")
NO_RANGE = ("BINARY", "VARBINARY", "BYTES")
NO_BSI = ("BOOLEAN", "FLOAT", "DOUBLE", "CHAR", "VARCHAR", "STRING", *NO_RANGE)
WITHOUT = {
    "bloom-filter": NO_BLOOM,
    "bitmap": NO_BITMAP,
    "bsi": NO_BSI,
    "range-bitmap": NO_RANGE,
}
OPERATIONS = ("=", "<>", "<", "<=", ">", ">=", "in", "between", "is null", "is not null")


def index_case(r: Random) -> dict[str, Any]:
    """A column, an index to build over it, and filters to ask of it."""
    kind = r.choice(list(WITHOUT))
    t = index_type(r, kind)
    rows, filters = r.choice([(1, 6), (2, 6), (30, 6), (30, 6), (100, 6), (300, 4)])
    if r.random() < 0.003:
        rows, filters = 66_000, 1
    pool = index_pool(r, kind, t, r.choice([1, 3, 12, rows]))
    nulls = r.choice([0, 0, 0.2, 0.9, 1])
    values = [None if r.random() < nulls else r.choice(pool) for _ in range(rows)]
    if r.random() < 0.3:  # runs of the same value
        values.sort(key=json.dumps)
    return {
        "type": t,
        "kind": kind,
        "values": values,
        "options": index_options(r, kind),
        "filters": [index_filter(r, t, pool) for _ in range(filters)],
    }


def index_type(r: Random, kind: str) -> str:
    """A type that Java has this index for, and values of which it keeps whole."""
    while True:
        t = atomic_type(r, tuple(n for n in ATOMIC if n not in WITHOUT[kind]))
        n, a = base(t)
        wide = n == "DECIMAL" and a[0] > 18
        fine = kind == "range-bitmap" and n.startswith("TIMESTAMP") and a[0] > 6
        if not wide and not fine:
            return t


def index_pool(r: Random, kind: str, t: str, count: int) -> list[Any]:
    pool = [any_value(r, t, nulls=0) for _ in range(min(count, 300))]
    if kind == "bsi":  # its writer has no place for the least of all
        pool = [-(2**63) + 1 if v == -(2**63) else v for v in pool]
    return pool


def index_options(r: Random, kind: str) -> dict[str, str]:
    if kind == "bloom-filter":
        return {"items": str(r.choice([1, 10, 100, 1000])), "fpp": r.choice(["0.5", "0.1", "0.01"])}
    if kind == "bitmap":
        size = {"index-block-size": r.choice(["300 b", "1 kb", "16 kb"])}
        return {"version": r.choice(["1", "2", "2"]), **(size if r.random() < 0.5 else {})}
    if kind == "range-bitmap" and r.random() < 0.5:
        return {"chunk-size": r.choice(["0 b", "64 b", "300 b"])}
    return {}


def index_filter(r: Random, t: str, pool: list[Any]) -> tuple[str, list[Any]]:
    op = r.choice(OPERATIONS)
    count = {"in": r.randint(1, 4), "between": 2, "is null": 0, "is not null": 0}.get(op, 1)
    return op, [r.choice(pool) if r.random() < 0.7 else any_value(r, t, 0) for _ in range(count)]
