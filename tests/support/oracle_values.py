"""Plain JSON values and Java Paimon's internal values, by the type JSON of a schema file.

A type is what a schema file holds: "INT NOT NULL", {"type": "ARRAY", "element": "INT"}, {"type": "ROW", "fields": [...]}.

| type                           | JSON value                                                                          |
| ------------------------------ | ----------------------------------------------------------------------------------- |
| BOOLEAN, TINYINT .. BIGINT     | true/false, number                                                                  |
| FLOAT, DOUBLE                  | number (FLOAT: of the float32 value), or "NaN", "Infinity", "-Infinity"; -0.0 stays |
| DECIMAL                        | string with all digits of its scale: "1.20"                                         |
| CHAR, VARCHAR, STRING          | string                                                                              |
| BINARY, VARBINARY, BYTES       | lower-case hex string                                                               |
| DATE, TIME                     | days since 1970-01-01, milliseconds of the day                                      |
| TIMESTAMP, TIMESTAMP_LTZ       | [milliseconds since 1970-01-01T00:00 (UTC for LTZ), nanoseconds of the millisecond] |
| ARRAY, ROW                     | list                                                                                |
| MAP, MULTISET                  | list of [key, value] pairs, sorted by their JSON text                               |

Origin: the Java oracle that came with the project's reference material (its `values.py`).
"""  # noqa: E501

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

TEXTS = ("CHAR", "VARCHAR", "STRING")
BINARIES = ("BINARY", "VARBINARY", "BYTES")


def base(t):
    """The bare name and the numbers of a type: 'DECIMAL(9, 2) NOT NULL' -> ('DECIMAL', [9, 2])."""
    s = t["type"] if isinstance(t, dict) else t
    s = re.sub(r"\s+NOT NULL$", "", s.strip())
    m = re.match(r"([A-Z_ ]+?)\s*(?:\(([^)]*)\))?(\s+WITH.*|\s+WITHOUT.*)?$", s)
    name = m.group(1).strip()
    if name == "TIMESTAMP" and m.group(3) and "LOCAL" in m.group(3):
        name = "TIMESTAMP_LTZ"
    return name, [int(x) for x in (m.group(2) or "").replace(" ", "").split(",") if x]


def not_null(t) -> bool:
    return str(t["type"] if isinstance(t, dict) else t).endswith("NOT NULL")


def entry_types(t) -> tuple[Any, Any]:
    """Key and value type of a MAP or a MULTISET."""
    return (t["key"], t["value"]) if base(t)[0] == "MAP" else (t["element"], "INT NOT NULL")


def sql_type(t) -> str:
    """The SQL text of a type JSON: {'type': 'ARRAY', 'element': 'INT'} -> 'ARRAY<INT>'."""
    if isinstance(t, str):
        return t
    name = base(t)[0]
    tail = " NOT NULL" if not_null(t) else ""
    if name == "ROW":
        inner = ", ".join(f"{f['name']} {sql_type(f['type'])}" for f in t["fields"])
    elif name == "MAP":
        inner = f"{sql_type(t['key'])}, {sql_type(t['value'])}"
    else:
        inner = sql_type(t["element"])
    return f"{name}<{inner}>{tail}"


def float_json(x: float):
    if math.isfinite(x):
        return x
    return "NaN" if x != x else "Infinity" if x > 0 else "-Infinity"


def text(row) -> str:
    """A row as one text: equal texts mean equal rows, -0.0 and 0.0 differ."""
    return json.dumps(row, ensure_ascii=False)


def in_order(rows: Iterable[Any]) -> list[str]:
    """The multiset of rows in a comparable form."""
    return sorted(map(text, rows))


class Values:
    """Converters bound to one running JVM (`P` is the package org.apache.paimon)."""

    def __init__(self, P, jpype):  # noqa: N803
        self.P, self.jp, self.lang, self.D = P, jpype, jpype.java.lang, P.data
        self.kinds = {str(x.shortString()): x for x in P.types.RowKind.values()}
        lang, data = self.lang, self.D
        self.makers: dict[str, Callable] = {
            "BOOLEAN": lambda v, a: lang.Boolean(v),
            "TINYINT": lambda v, a: lang.Byte(v),
            "SMALLINT": lambda v, a: lang.Short(v),
            **dict.fromkeys(("INT", "DATE", "TIME"), lambda v, a: lang.Integer(v)),
            "BIGINT": lambda v, a: lang.Long(v),
            "FLOAT": lambda v, a: lang.Float(float(v)),
            "DOUBLE": lambda v, a: lang.Double(float(v)),
            **dict.fromkeys(TEXTS, lambda v, a: data.BinaryString.fromString(v)),
            **dict.fromkeys(BINARIES, lambda v, a: self._bytes(v)),
            "DECIMAL": self._decimal,
            **dict.fromkeys(
                ("TIMESTAMP", "TIMESTAMP_LTZ"),
                lambda v, a: data.Timestamp.fromEpochMillis(lang.Long(v[0]).longValue(), v[1]),
            ),
        }
        self.getters: dict[str, Callable] = {
            "BOOLEAN": lambda r, i, a: bool(r.getBoolean(i)),
            "TINYINT": lambda r, i, a: int(r.getByte(i)),
            "SMALLINT": lambda r, i, a: int(r.getShort(i)),
            **dict.fromkeys(("INT", "DATE", "TIME"), lambda r, i, a: int(r.getInt(i))),
            "BIGINT": lambda r, i, a: int(r.getLong(i)),
            "FLOAT": lambda r, i, a: float_json(float(r.getFloat(i))),
            "DOUBLE": lambda r, i, a: float_json(float(r.getDouble(i))),
            **dict.fromkeys(TEXTS, lambda r, i, a: str(r.getString(i).toString())),
            **dict.fromkeys(BINARIES, lambda r, i, a: bytes(b & 255 for b in r.getBinary(i)).hex()),
            "DECIMAL": lambda r, i, a: str(
                r.getDecimal(i, *(([*a, 0])[:2] if a else (10, 0))).toBigDecimal().toPlainString()
            ),
            **dict.fromkeys(("TIMESTAMP", "TIMESTAMP_LTZ"), self._timestamp_json),
        }

    # JSON -> Java

    def _bytes(self, v):
        return self.jp.JArray(self.jp.JByte)([b - 256 if b > 127 else b for b in bytes.fromhex(v)])

    def _decimal(self, v, args):
        p, s = ([*args, 0])[:2] if args else (10, 0)
        return self.D.Decimal.fromBigDecimal(self.jp.java.math.BigDecimal(v), p, s)

    def to_java(self, v, t):
        if v is None:
            return None
        n, args = base(t)
        if n in self.makers:
            return self.makers[n](v, args)
        if n == "ARRAY":
            items = [self.to_java(x, t["element"]) for x in v]
            return self.D.GenericArray(self.jp.JArray(self.lang.Object)(items))
        if n == "ROW":
            return self.row(v, [f["type"] for f in t["fields"]])
        kt, vt = entry_types(t)
        m = self.jp.java.util.LinkedHashMap()
        for k, x in v:
            m.put(self.to_java(k, kt), self.to_java(x, vt))
        return self.D.GenericMap(m)

    def row(self, values, types, kind="+I"):
        r = self.D.GenericRow(self.kinds[kind], len(types))
        for i, (v, t) in enumerate(zip(values, types, strict=True)):
            r.setField(i, self.to_java(v, t))
        return r

    # Java -> JSON

    @staticmethod
    def _timestamp_json(r, i, args):
        x = r.getTimestamp(i, args[0] if args else 6)
        return [int(x.getMillisecond()), int(x.getNanoOfMillisecond())]

    def getter(self, t) -> Callable:
        """A function (InternalRow or InternalArray, position) -> JSON value, worked out once a
        column."""
        n, args = base(t)
        if n in self.getters:
            plain = self.getters[n]
            return lambda r, i: None if r.isNullAt(i) else plain(r, i, args)
        if n == "ARRAY":
            one = self.getter(t["element"])
            return lambda r, i: None if r.isNullAt(i) else self._items(r.getArray(i), one)
        if n == "ROW":
            parts = [self.getter(f["type"]) for f in t["fields"]]
            return lambda r, i: (
                None if r.isNullAt(i) else self.row_json(r.getRow(i, len(parts)), parts)
            )
        key, value = map(self.getter, entry_types(t))
        return lambda r, i: None if r.isNullAt(i) else self._pairs(r.getMap(i), key, value)

    @staticmethod
    def _items(a, one):
        return [one(a, i) for i in range(a.size())]

    def _pairs(self, m, key, value):
        pairs = zip(self._items(m.keyArray(), key), self._items(m.valueArray(), value), strict=True)
        return sorted(([k, x] for k, x in pairs), key=json.dumps)

    @staticmethod
    def row_json(r, getters):
        return [g(r, i) for i, g in enumerate(getters)]
