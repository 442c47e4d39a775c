"""What Java Paimon casts each value to: makes `tests/unit/runs/cast_vectors.json`.

    python -m tests.support.oracle_casts          # with the peers of `tests.support.peers`

It starts itself again under the Python that has JPype, with Java Paimon 2.0.0 on the class path,
and asks `org.apache.paimon.casting.CastExecutors` for every pair of the types below.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

VERSION = "2.0.0"
CHECKOUT = Path(__file__).resolve().parents[2]
VECTORS = CHECKOUT / "tests/unit/runs/cast_vectors.json"

_WORDS = ["", "a", "true", "T", "yes", "1", "f", "NO", "n", " true", "é中文", "abcdefghijkl"]
_NUMBERS = [
    "0", "-0", "+7", "127", "128", "-129", "32768", "2147483647", "2147483648", "12.9", "-12.99",
    "9223372036854775807", "9223372036854775808", "1e3", "1.5E-3", " 12", "12 ", ".5", "5.", "-",
    "1.005", "-1.005", "0.125", "123456789012345678901234567890.5", "NaN", "Infinity", "-Infinity",
    "nan", "0x10", "1.2.3", "1_000", "1f", "1d", "٣", "1e400", "99999999.995", "-.5", "+.5e1", ".",
    "+", "-.", "0x1.8p1", "1e-400", "16777217.0000000001", "1e99999999999", "+1e+2", "--1",
]  # fmt: skip
_DATES = [
    "2022-01-08", "2022-1-8", "2022-01", "2022", "2022-13-01", "2022-02-30", "0001-01-01",
    "9999-12-31", "2022-01-08 10:11:12", "2022-01-08 foo", "1969-12-31",
    "-2022-01-01", "19000-01-01", "0000-01-01", " 2022-01-08", "2022- 1 -08", "2024-02-29",
    "2022-00-01", "2022-01-32", "2022-04-31", "2022-01-08-", "2022-", "+2022-01-08",
]  # fmt: skip
_TIMES = [
    "12:34:56", "12:34:56.789", "12:34", "12", "1:2:3", "24:00:00", "23:59:60", "12:34:56.7",
    "12:34:56.7891234", "00:00:00.001", " 12:34", "12: 34 :56", "25:00", "12:60:00",
    "12:34:56.", "-1:00", "12:34:56 ", "86400000", "12:34:56.x",
]  # fmt: skip
_MOMENTS = [
    "2022-01-08 10:11:12.123456789", "2022-01-08 1:2:3", "2022-01-08 10:11",
    " 2022-01-08 10:11:12", "2022-01-08 10:11:12 ", "1700000000",
    "1700000000123", "-1", "1969-12-31 23:59:59.999999999", "2022-01-08 10:11:12.1234567891",
    "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999999", "2022-01-08  10:11:12",
    "2022-01-08t10:11:12", "2022-01-08 24:00:00",
    "2022-01-08 10:11:12.", "2022-02-30 01:02:03", "2022-1-8 10:11:12.5", "2022-01-08T10:11:12Z",
    "1677-01-01 00:00:00", "+1", "2022-01-32 00:00:00", "2022-04-31", "10:11:12", "0000-01-01",
]  # fmt: skip
_TEXTS = [*_WORDS, *_NUMBERS, *_DATES, *_TIMES, *_MOMENTS]
_REALS = [
    0.0, -0.0, 1.0, -1.0, 1.5, 2.5, -2.5, 0.125, 1.005, 0.005, 0.001, 0.0001, 123456.789, 9999999.0,
    1e7, 12345678.0, 127.9, 128.0, -129.5, 32768.0, 70000.9, 2147483647.0, 2147483648.0, -3e9, 1e19,
    -1e19, 1e20, 1e-10, 3.0e17, 1e38, "NaN", "Infinity", "-Infinity",
]  # fmt: skip
_BYTES = ["", "00", "61", "616263", "6162636465666768", "c3a9", "ff", "e4b8ade69687"]
_STAMPS = [
    [0, 0], [-1, 0], [-1, 999999], [-1001, 1], [1700000000123, 456789], [1700000000123, 0],
    [1700000000000, 0], [1699999999999, 999000], [86399999, 0], [-86400000, 500000], [-1501, 0],
    [1700000000129, 999000], [-62135596800000, 0], [253402300799999, 999000],
]  # fmt: skip


def _ints(*bounds: int) -> list[int]:
    return [0, 1, -1, 12, 100, *bounds]


def _stamps(precision: int) -> list[list[int]]:
    """Moments that a column of the precision holds: millis to 3, micros to 6, nanos above."""
    step = 1_000_000 if precision <= 3 else 1000 if precision <= 6 else 1
    far = [] if precision > 6 else [_STAMPS[-2], _STAMPS[-1]]
    return [s for s in (*_STAMPS[:-2], *far) if s[1] % step == 0]


VALUES: list[tuple[Any, list[Any]]] = [
    ("BOOLEAN", [True, False]),
    ("TINYINT", _ints(127, -128)),
    ("SMALLINT", _ints(128, -129, 32767, -32768)),
    ("INT", _ints(128, 32768, 1700000000, 2**31 - 1, -(2**31))),
    ("BIGINT", _ints(2**31, 1700000000, 2**53 + 1, 2**63 - 1, -(2**63), 9300000000000000)),
    ("FLOAT", _REALS),
    ("DOUBLE", [*_REALS, 0.1 + 0.2, 1e300, 4.9e-324, 1.7976931348623157e308, 1e21, 1e-5]),
    ("DECIMAL(3, 1)", ["0.0", "1.5", "-1.5", "99.9", "-99.9", "0.1"]),
    ("DECIMAL(9, 2)", ["0.00", "12.34", "-12.35", "128.99", "1234567.89", "-0.05", "1.00"]),
    ("DECIMAL(18, 0)", ["0", "1", "999999999999999999", "-2147483649", "1700000000"]),
    ("DECIMAL(38, 10)", ["0.0000000000", "1.0000000005", "-9999999999999999999999999999.5555555555",
                         "18446744073709551617.9000000000", "0.0050000000"]),
    ("CHAR(5)", _TEXTS),
    ("VARCHAR(10)", _TEXTS),
    ("STRING", _TEXTS),
    ("BINARY(4)", _BYTES),
    ("VARBINARY(6)", _BYTES),
    ("BYTES", _BYTES),
    ("DATE", [0, 1, -1, 19000, -719162, 2932896]),
    ("TIME(0)", [0, 1000, 45296000, 86399000]),
    ("TIME(2)", [0, 1, 120, 45296789]),
    ("TIME(3)", [0, 1, 120, 45296789, 86399999, 45296700]),
    *[(f"TIMESTAMP({p})", _stamps(p)) for p in (0, 2, 3, 5, 6, 9)],
    *[(f"TIMESTAMP({p}) WITH LOCAL TIME ZONE", _stamps(p)) for p in (0, 3, 6)],
]  # fmt: skip

_INTS = {"type": "ARRAY", "element": "INT"}
_MAP = {"type": "MAP", "key": "STRING", "value": "DECIMAL(9, 2)"}
_ROW = {
    "type": "ROW",
    "fields": [
        {"id": 0, "name": "a", "type": "DOUBLE"},
        {"id": 1, "name": "b", "type": "TIMESTAMP(3)"},
        {"id": 2, "name": "c", "type": _INTS},
    ],
}
_LISTS = ["[]", "[1, 2]", "[1,null,3]", " [1]", "[1", "", "[ 4 ,5 ]", "[a]", "ARRAY(1, 2)"]
_MAPS = ["{}", "{a -> 1.5}", "{a -> 1.505, b -> null}", "{a}", "{a->1}", "MAP('a', 1)", "x"]
_ROWS = ["{1.5, 2022-01-08 10:11:12, [1, 2]}", "{null, null, null}", "{1}", "STRUCT(1, null, [])"]
TEXT_FIRST = ["CHAR(5)", "VARCHAR(10)", "STRING"]
NESTED: list[tuple[Any, list[Any], list[Any]]] = [
    (_INTS, [[], [1, None, 3], [None]], TEXT_FIRST),
    (_MAP, [[], [["a", "1.50"]], [["b", None]]], TEXT_FIRST),
    (_ROW, [[1.0, [0, 0], [1]], [None, None, None], [1e10, [1, 0], []]], TEXT_FIRST),
    ("STRING", _LISTS, [_INTS]),
    ("STRING", _MAPS, [_MAP]),
    ("STRING", _ROWS, [_ROW]),
]


def _pairs():
    targets = [t for t, _ in VALUES]
    for source, values in VALUES:
        for target in targets:
            yield source, target, values
    for source, values, more in NESTED:
        for target in more:
            yield source, target, values


def record(jars: list[str]) -> list[dict[str, Any]]:
    """One entry a pair: its values and what they become; "rule" is False where there is none."""
    import jpype

    from tests.support.oracle_java import Paimon

    p = Paimon(jars, tempfile.mkdtemp())
    resolve = p.P.casting.CastExecutors.resolve
    found = []
    for source, target, values in _pairs():
        java_source, java_target = p.java_type(source), p.java_type(target)
        one = resolve(java_source, java_target)
        entry: dict[str, Any] = {"from": source, "to": target, "rule": one is not None}
        if one is not None:
            read = p.V.getter(target)
            entry["cases"] = [
                [value, *_cast(jpype, p, one, read, source, value)] for value in values
            ]
        found.append(entry)
    return found


def _cast(jpype, p, one, read, source, value):
    """[result], or nothing where Java raises."""
    try:
        result = one.cast(p.V.to_java(value, source))
        row = p.P.data.GenericRow(1)
        if isinstance(result, str):  # JPype turns java.lang.String into str
            raise TypeError(f"a bare string from {source}")
        row.setField(0, result)
        return [read(row, 0)]
    except jpype.JException:
        return []


def main() -> int:
    from tests.support.peers import install

    if len(sys.argv) > 1:
        entries = record(sys.argv[1].split(":"))
        lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
        origin = f"org.apache.paimon.casting.CastExecutors of Apache Paimon {VERSION}, zone UTC"
        head = json.dumps({"origin": origin, "made_by": "tests/support/oracle_casts.py"})[:-1]
        VECTORS.write_text(f'{head}, "pairs": [\n{lines}\n]}}\n', encoding="utf-8")
        return 0
    peers = install()
    peers.need(VERSION)
    jars = ":".join(map(str, peers.classpaths[VERSION]))
    command = [str(peers.pythons["jpype"]), "-m", "tests.support.oracle_casts", jars]
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
