"""Random tables and their rows, drawn from a seed; what is done with them is in `oracle_operations.py`.

Three scopes: "plain" is Parquet, with deduplicate or without a key; "format" adds ORC, Avro, formats by level, deletion vectors and thin
mode; "engines" are primary-key tables of any merge engine (`oracle_engines.py`). Origin: `histories.py` of the Java oracle in the
project's reference material; the values and the weights are kept, the designs of tables with a changelog are left out.
"""  # noqa: E501

from __future__ import annotations

import json
import re
from random import Random

from tests.support.oracle_engines import engine_options, table_options
from tests.support.oracle_values import BINARIES, TEXTS, base

LTZ = " WITH LOCAL TIME ZONE"
KEYS = [
    *("INT", "BIGINT", "SMALLINT", "TINYINT", "STRING", "STRING", "VARCHAR(20)", "CHAR(4)"),
    *("DATE", "TIMESTAMP(0)", "TIMESTAMP(3)", "TIMESTAMP(6)", "TIMESTAMP(3)" + LTZ),
    *("DECIMAL(9, 2)", "DECIMAL(18, 0)", "DECIMAL(38, 10)", "BOOLEAN", "TIME(3)", "VARBINARY(8)"),
    *("DOUBLE", "FLOAT"),
]
VALS = [
    *("INT", "BIGINT", "SMALLINT", "TINYINT", "STRING", "VARCHAR(20)", "CHAR(3)", "DATE"),
    *("TIMESTAMP(0)", "TIMESTAMP(3)", "TIMESTAMP(6)", "TIMESTAMP(9)"),
    *("TIMESTAMP(3)" + LTZ, "TIMESTAMP(6)" + LTZ, "DECIMAL(9, 2)", "DECIMAL(18, 4)"),
    *("DECIMAL(30, 6)", "BOOLEAN", "TIME(3)", "BYTES", "BINARY(4)", "DOUBLE", "FLOAT"),
]
ROW = [{"id": 0, "name": "a", "type": "INT"}, {"id": 1, "name": "b", "type": "STRING"}]
NESTED = [
    {"type": "ARRAY", "element": "INT"},
    {"type": "MAP", "key": "STRING NOT NULL", "value": "BIGINT"},
    {"type": "ARRAY", "element": {"type": "ARRAY", "element": "STRING"}},
    {"type": "ROW", "fields": ROW},
]
PARTS = [
    *("STRING", "INT", "DATE", "BIGINT", "BOOLEAN", "SMALLINT", "VARCHAR(10)", "TIMESTAMP(3)"),
    "DECIMAL(9, 2)",
]
WORDS = [
    *("", "a", "b", "ab", "é", "z", "中文字", "x/y=z %41", "\U0001f600", " lead", "trail ", "NULL"),
    *("0", "-1", "A"),
    "a very long string that passes sixteen bytes",
    "a very long string that passes sixteen bytez",
]
BITS = {"TINYINT": 7, "SMALLINT": 15, "INT": 31, "BIGINT": 63}
SPECIAL = ["NaN", "Infinity", "-Infinity"]


def value(r: Random, t, nullable=True, key=False):
    """A value of type `t`; keys come from a small range, so that they meet again."""
    if nullable and r.random() < 0.15:
        return None
    n, a = base(t)
    if n == "BOOLEAN":
        return r.random() < 0.5
    if n in TEXTS or n in BINARIES:
        return _text(r, n, a, key)
    if n == "ARRAY":
        return [value(r, t["element"]) for _ in range(r.randrange(4))]
    if n == "MAP":
        d = {json.dumps(value(r, t["key"], False)): value(r, t["value"]) for _ in range(r.randrange(3))}  # noqa: E501 # fmt: skip
        return sorted(([json.loads(k), v] for k, v in d.items()), key=json.dumps)
    if n == "ROW":
        return [value(r, f["type"]) for f in t["fields"]]
    return (
        _time(r, n, a, key) if n in ("DATE", "TIME") or n[:4] == "TIME" else _number(r, n, a, key)
    )


def _text(r: Random, n, a, key):
    if n in TEXTS:
        w = r.choice(WORDS + [f"k{r.randrange(9)}"] * 6)
        return w[: a[0]] if a else w
    k = a[0] if n == "BINARY" else 2 if key else r.randrange(0, 9)
    return bytes(r.choice([0, 1, 127, 128, 255]) for _ in range(k)).hex()


def _number(r: Random, n, a, key):
    if n in BITS:
        b = BITS[n]
        edges = [0, 1, -1, 2**b - 1, -(2**b), r.randrange(-100, 100), r.randrange(-100, 100)]
        return r.randrange(-3, 9) if key else r.choice(edges)
    if n in ("FLOAT", "DOUBLE"):
        wide = n == "DOUBLE"
        odd = [1e10] if key else [0.1 if wide else 0.5, 1e20 if wide else 1024.0]
        return r.choice([0.0, -0.0, 1.5, -2.25, *odd, *SPECIAL])
    p, s = a
    top = 10**p - 1
    edges = [0, 1, -1, top, -top, r.randrange(-9999, 9999) % top]
    u = r.randrange(-4, 8) * 10**s // 2 if key else r.choice(edges)
    sign, d = "-" if u < 0 else "", str(abs(u)).rjust(s + 1, "0")
    return sign + (d[:-s] + "." + d[-s:] if s else d)


def _time(r: Random, n, a, key):
    if n == "DATE":
        edges = [0, -1, 19000, 20000, 2932896, -719162]
        return 19000 + r.randrange(9) if key else r.choice(edges)
    if n == "TIME":
        edges = [0, 1, 999, 1000, 86399999, r.randrange(86400000)]
        return 1000 * r.randrange(9) if key else r.choice(edges)
    p = a[0] if a else 6
    edges = [0, -1000, -86400000, 1700000000000, 1700000000000 + r.randrange(100000)]
    ms = 1700000000000 + 1000 * r.randrange(9) if key else r.choice(edges)
    ms = ms + r.choice([0, 1, 123]) if p >= 3 else ms // 1000 * 1000
    ns = r.choice([0, 1000, 456000]) if p >= 6 else 0
    return [ms, ns + r.choice([0, 1, 789]) if p >= 9 else ns]


def design(r: Random, scope: str = "plain"):
    """A random table: columns, primary key, partition keys, options, and the row kinds that may be
    written.

    `scope`: "plain", "format" or "engines", as `scope` in `golden.py` tells them apart.
    """
    pk = scope == "engines" or r.random() < 0.85
    parts = r.sample(PARTS, r.choice([0, 0, 0, 1, 1, 2]))
    tail = " NOT NULL" if pk else ""
    part_cols = [(f"p{i}", t + tail) for i, t in enumerate(parts)]
    kt = [r.choice(KEYS) for _ in range(r.choice([1, 1, 1, 2, 2, 3]))]
    if all(t == "BOOLEAN" for t in kt):
        kt[0] = "INT"
    keys = [(f"k{i}", t + tail) for i, t in enumerate(kt)]
    vals = [(f"v{i}", r.choice(VALS)) for i in range(r.randrange(1, 6))]
    if r.random() < 0.2:
        vals.append(("n0", r.choice(NESTED)))
    if scope == "engines":  # one that has an order
        vals.append((f"v{len(vals)}", r.choice(["INT", "BIGINT", "TIMESTAMP(3)", "DECIMAL(9, 2)"])))
    cols = keys + vals + part_cols if r.random() < 0.5 else part_cols + keys + vals
    o = _options(r, pk, kt)
    names = [c for c, _ in part_cols]
    if not pk:
        o["bucket"] = r.choice(["-1", "-1", "2", "3"])
        if o["bucket"] != "-1":
            o["bucket-key"] = ",".join(c for c, _ in keys)
    if scope == "format":
        o.update(_format_options(r, pk, o))
        cols = [(c, storable(t, o)) for c, t in cols]
        o.pop("ignore-delete", None)
    if not pk:
        return cols, [], names, o, ["+I"]
    pk_names = names + [c for c, _ in keys]
    if scope == "engines":
        kinds = engine_options(r, vals, o)
        table_options(r, o)
        return [(c, storable(t, o)) for c, t in cols], pk_names, names, o, kinds
    kinds = ["+I"] * 4 + ["+U"] * 3 + ["-D"] * 2 + ["-U"]
    return cols, pk_names, names, o, kinds


def _options(r: Random, pk, key_types: list[str]) -> dict[str, str]:
    o = {"file.format": "parquet"}
    if r.random() < 0.3:
        o["metadata.stats-mode"] = r.choice(["none", "counts", "full", "truncate(4)"])
    if r.random() < 0.3:
        o["file.compression"] = r.choice(["zstd", "snappy", "gzip", "none"])
    if r.random() < 0.3:
        o["target-file-size"] = "1 kb"
    if not pk:
        return o
    o["bucket"] = str(r.choice([1, 1, 2, 4]))
    if len(key_types) == 1 and key_types[0] in ("INT", "BIGINT") and r.random() < 0.4:
        o["bucket-function.type"] = "mod"
    elif r.random() < 0.1 and "TIMESTAMP" not in str(key_types):  # which hive does not hash
        o["bucket-function.type"] = "hive"
    if r.random() < 0.1:
        o["ignore-delete"] = "true"
    if r.random() < 0.5:
        o["num-sorted-run.compaction-trigger"] = str(r.choice([2, 3, 4]))
    if r.random() < 0.3:
        o["write-only"] = "true"
    return o


def _format_options(r: Random, pk, o: dict[str, str]) -> dict[str, str]:
    """What makes a plain table one of scope "format"; at least one of formats, deletion vectors and
    thin mode."""
    f = {"file.format": r.choice(["parquet"] * 4 + ["orc"] * 3 + ["avro"] * 3)}
    if pk and r.random() < 0.25:
        top = o.get("num-sorted-run.compaction-trigger", "5")
        f["file.format.per.level"] = r.choice(["0:avro", f"{top}:orc", f"0:orc,{top}:parquet"])
    if "file.compression" in o:  # Java cannot write Avro with "none"
        none = "zstd" if "avro" in formats_of(f) else "none"
        f["file.compression"] = r.choice(["zstd", "snappy", none])
    only_parquet = f["file.format"] == "parquet"
    if r.random() < (0.65 if only_parquet else 0.35):
        f["deletion-vectors.enabled"] = "true"
        if r.random() < 0.4:
            f["deletion-vectors.bitmap64"] = "true"
        if pk and r.random() < 0.2:
            f["deletion-vectors.merge-on-read"] = "true"
        f["write-only"] = "false"
    if r.random() < 0.2 or (only_parquet and "deletion-vectors.enabled" not in f):
        f["data-file.thin-mode"] = "true"
    return f


def formats_of(options: dict[str, str]) -> str:
    """All formats that the options name, in one text."""
    return options["file.format"] + options.get("file.format.per.level", "")


def storable(t, options: dict[str, str]):
    """The type, or the nearest one that every data format of the options holds."""
    if "avro" in formats_of(options) and isinstance(t, str):
        return re.sub(r"TIMESTAMP\((0|9)\)", "TIMESTAMP(3)", t)
    return t


def rows(r: Random, cols, pools, n):
    return [
        [
            r.choice(pools[c]) if c in pools else value(r, t, "NOT NULL" not in str(t))
            for c, t in cols
        ]
        for _ in range(n)
    ]


def pools_of(r: Random, cols):
    """The few values that key and partition columns take."""
    pools = {}
    for c, t in cols:
        if c[0] in "pk":
            many = 3 if c[0] == "p" else r.choice([4, 8])
            pools[c] = [value(r, t, "NOT NULL" not in str(t), True) for _ in range(many)]
        if c[0] == "p" and base(t)[0] in TEXTS:
            pools[c] = [x if x is None or x.strip() else "s" for x in pools[c]]
    return pools
