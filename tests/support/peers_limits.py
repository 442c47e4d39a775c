"""What other engines are known not to do, as data: narrow, with the reason, each seen on tables
that Java wrote too.

A limit that no longer holds is an error of its own (`sure`), so that this list cannot outlive its
reasons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.oracle_shapes import FLOATS, Shape
from tests.support.oracle_values import base

NANO = ("TIMESTAMP(9)", "TIMESTAMP(9) WITH LOCAL TIME ZONE")
SECONDS = ("TIMESTAMP(0)", "TIMESTAMP(0) WITH LOCAL TIME ZONE")
BINARY = ("BINARY", "VARBINARY", "BYTES")


@dataclass(frozen=True)
class Limit:
    """`peer` does not read the shapes for which `applies` holds.

    `does`: refuse, differ (or refuse), or cut (nanoseconds to microseconds).
    """

    peer: str
    applies: Callable[[Shape], bool]
    does: str
    reason: str
    sure: bool = True


def plain(t: Any) -> Any:
    return t.removesuffix(" NOT NULL") if isinstance(t, str) else t


def _typed(shape: Shape, names: list[str], types: tuple[str, ...]) -> bool:
    return any(plain(t) in types for c, t in shape.columns if c in names)


def _every(shape: Shape, name: str) -> list[Any]:
    return [row[shape.at(name)] for _, _, rows in shape.commits for row in rows]


def _multiset(shape: Shape) -> bool:
    return any(base(t)[0] == "MULTISET" for _, t in shape.columns)


def _keys(shape: Shape) -> list[str]:
    return [c for c in shape.primary_key if c not in shape.partition_by]


def _nano_key(shape: Shape) -> bool:
    return _typed(shape, _keys(shape), NANO)


def _nano_partition(shape: Shape) -> bool:
    return _typed(shape, shape.partition_by, NANO)


def _nano_value(shape: Shape) -> bool:
    rest = [c for c, _ in shape.columns if c not in shape.primary_key]
    return bool(shape.primary_key) and _typed(shape, rest, NANO) and not _nano_partition(shape)


def _seconds_beside_nanos(shape: Shape) -> bool:
    """TIMESTAMP(0) in a file with TIMESTAMP(9): that is INT96, so the former is a plain int64."""
    if "file.format" in shape.options:
        return False
    names = [c for c, t in shape.columns if plain(t) in SECONDS]
    seen = any(v is not None for c in names for v in _every(shape, c))
    return seen and _typed(shape, [c for c, _ in shape.columns], NANO)


def _odd_float_key(shape: Shape) -> bool:
    for name, t in shape.columns:
        if name in shape.primary_key and plain(t) in FLOATS:
            values = list(map(str, _every(shape, name)))
            return "NaN" in values or {"0.0", "-0.0"} <= set(values)
    return False


def _avro_rows(shape: Shape) -> bool:
    """Members of ROW types in Avro files."""
    written = [shape.options.get(k, "") for k in ("file.format", "file.format.per.level")]
    return "avro" in "".join(written) and any("ROW" in str(t) for _, t in shape.columns)


LIMITS = [
    Limit("rust", _avro_rows, "differ", "reads members of ROW in Avro as null", sure=False),
    Limit("pypaimon", _multiset, "refuse", "knows no MULTISET (Unsupported data type)"),
    Limit("pypaimon", _seconds_beside_nanos, "differ", "takes millis of TIMESTAMP(0) for seconds"),
    Limit("rust", _seconds_beside_nanos, "differ", "takes millis of TIMESTAMP(0) for seconds"),
    Limit("pypaimon", _nano_key, "differ", "cuts TIMESTAMP(9) keys to microseconds"),
    Limit("pypaimon", _nano_partition, "refuse", "looks for TIMESTAMP(9) partitions cut to micros"),
    Limit("pypaimon", _nano_value, "cut", "cuts TIMESTAMP(9) to microseconds where it merges"),
    Limit("pypaimon", _odd_float_key, "differ", "orders NaN and -0.0 by < and >", sure=False),
    Limit("java 1.4.2", _odd_float_key, "differ", "orders NaN and -0.0 by < and >", sure=False),
]  # fmt: skip


def limit_of(peer: str, shape: Shape) -> Limit | None:
    return next((x for x in LIMITS if x.peer == peer and x.applies(shape)), None)


def cut(rows: list[Any], columns: list[tuple[str, Any]]) -> list[Any]:
    """Rows with every TIMESTAMP(9) cut to microseconds."""
    nano = [i for i, (_, t) in enumerate(columns) if plain(t) in NANO]
    out = [list(r) for r in rows]
    for row in out:
        for i in nano:
            row[i] = row[i] and [row[i][0], row[i][1] // 1000 * 1000]
    return out


def filter_limit(peer: str, t: Any) -> str | None:
    """Why a filter on a column of type `t` is not asked of this peer."""
    if peer == "java 1.4.2" and base(t)[0] in BINARY:
        return "before 2.0 bytes are compared signed: rows are lost on its own tables too"
    return None
