"""The shapes of table that we write for other engines to read, with a model that says what must
come back.

A shape is a table and a few commits; every shape is drawn from its own name, so it never changes.
The column `rid` (BIGINT) numbers the written rows, so that a filtered read can be compared by it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.support.oracle_histories import LTZ, ROW, value
from tests.support.oracle_values import base

NN = " NOT NULL"
ATOMIC = [
    *("BOOLEAN", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE"),
    *("CHAR(1)", "CHAR(5)", "VARCHAR(1)", "VARCHAR(20)", "STRING"),
    *("BINARY(4)", "VARBINARY(8)", "BYTES"),
    *("DECIMAL(1, 0)", "DECIMAL(9, 2)", "DECIMAL(18, 0)", "DECIMAL(18, 4)", "DECIMAL(19, 2)"),
    *("DECIMAL(38, 0)", "DECIMAL(38, 10)", "DECIMAL(38, 38)"),
    *("DATE", "TIME(0)", "TIME(3)"),
    *(f"TIMESTAMP({p})" for p in (0, 3, 6, 9)),
    *(f"TIMESTAMP({p}){LTZ}" for p in (0, 3, 6, 9)),
]
INNER = [{"id": 3, "name": "d", "type": "DECIMAL(20, 2)"}]
DICT = {"type": "MAP", "key": "STRING NOT NULL", "value": "DOUBLE"}
DEEP = [
    *ROW,
    {"id": 2, "name": "c", "type": {"type": "ROW", "fields": INNER}},
]  # fmt: skip
NESTED = [
    {"type": "ARRAY", "element": "INT"},
    {"type": "ARRAY", "element": "TIMESTAMP(6)"},
    {"type": "ARRAY", "element": {"type": "ARRAY", "element": "STRING"}},
    {"type": "MAP", "key": "STRING NOT NULL", "value": "BIGINT"},
    {"type": "MAP", "key": "INT NOT NULL", "value": {"type": "ROW", "fields": ROW}},
    {"type": "ROW", "fields": DEEP},
    {"type": "ARRAY", "element": {"type": "ROW", "fields": ROW}},
    {"type": "ROW", "fields": [{"id": 0, "name": "m", "type": DICT}]},
]  # fmt: skip
MULTISET = {"type": "MULTISET", "element": "STRING NOT NULL"}
FLOATS = ("FLOAT", "DOUBLE")
EDGES = {
    "TIMESTAMP(3)": [[-62135596800000, 0], [253402300799999, 0], [-1, 0]],
    "TIMESTAMP(6)": [[-62135596800000, 0], [253402300799999, 999000], [-1, 999000]],
    "TIMESTAMP(9)": [[-8520336000000, 1], [7258118400000, 999999], [-1, 999999]],
    "DATE": [-719162, 2932896],
    "STRING": [
        "",
        "中" * 20,
        "\U0001f600" * 17,
        "a" * 300,
        "\ue000",
        "\ud7ff",
        "a\u0000b",
        "\"'\\",
    ],
    "VARCHAR(20)": ["\U0001f600" * 17, "\U0010ffff" * 17, "é" * 20],
    "DECIMAL(38, 10)": ["-0.0000000001", "9999999999999999999999999999.9999999999"],
    "BYTES": ["ff" * 20, "00" * 20, "7f" * 16 + "ff80", ""],
    "DOUBLE": [5e-324, -1.7976931348623157e308],
}


@dataclass(frozen=True)
class Shape:
    """A table and what is done to it: commits are ("write", kinds, rows), ("overwrite", spec,
    rows)."""

    name: str
    columns: list[tuple[str, Any]]
    primary_key: list[str]
    partition_by: list[str]
    options: dict[str, str]
    commits: list[tuple[str, Any, list[Any]]] = field(default_factory=list)
    pools: dict[str, list[Any]] = field(default_factory=dict)

    def at(self, column: str) -> int:
        return [c for c, _ in self.columns].index(column)

    def key(self, row: list[Any]) -> str:
        return json.dumps([row[self.at(c)] for c in self.primary_key])

    def partition(self, row: list[Any]) -> str:
        return json.dumps([row[self.at(c)] for c in self.partition_by])

    def model(self) -> list[list[Any]]:
        """The rows after all commits."""
        rows: list[Any] | dict[str, Any] = {} if self.primary_key else []
        for verb, how, new in self.commits:
            if verb == "overwrite":
                rows = self._overwritten(rows, new)
            kinds = how if verb == "write" else ["+I"] * len(new)
            rows = self.applied(rows, kinds, new)
        return list(rows.values()) if self.primary_key else list(rows)

    def physical_rows(self) -> int | None:
        """Rows in the files: one a key and commit; None where files were replaced."""
        if any(verb != "write" for verb, _, _ in self.commits):
            return None
        if not self.primary_key:
            return sum(len(rows) for _, _, rows in self.commits)
        return sum(len({self.key(row) for row in rows}) for _, _, rows in self.commits)

    def _overwritten(self, rows, new):
        if not self.partition_by:
            return {} if self.primary_key else []
        gone = {self.partition(r) for r in new}  # Paimon's default: only the partitions that come
        if self.primary_key:
            return {k: r for k, r in rows.items() if self.partition(r) not in gone}
        return [r for r in rows if self.partition(r) not in gone]

    def applied(self, rows, kinds, new):
        """`rows` after a batch: a dict by key for a primary-key table, else a list."""
        if not self.primary_key:
            return [*rows, *new]
        rows = dict(rows)
        for kind, row in zip(kinds, new, strict=True):
            rows.pop(self.key(row), None)
            if kind in ("+I", "+U"):
                rows[self.key(row)] = row
        return rows


def draw(r: Random, t) -> Any:
    """A value of type `t`, an edge of its range now and then."""
    nullable = "NOT NULL" not in str(t)
    name = t.removesuffix(NN) if isinstance(t, str) else None
    name = name.replace(LTZ, "") if name else None
    if name in EDGES and r.random() < 0.2:
        return r.choice(EDGES[name])
    if base(t)[0] == "MULTISET":
        words = r.sample(["a", "b", "é"], r.randrange(3))
        return None if r.random() < 0.2 else sorted(([w, r.randrange(1, 4)] for w in words), key=json.dumps)  # noqa: E501 # fmt: skip
    return value(r, t, nullable)


class Builder:
    """Draws the rows of one shape; the rows of a commit lie near each other, so that statistics
    differ by file."""

    def __init__(self, name, columns, primary_key=(), partition_by=(), **options):
        self.r = Random(name)
        plain = {k.replace("__", ".").replace("_", "-"): v for k, v in options.items()}
        columns = [("rid", "BIGINT"), *columns] if "rid" not in dict(columns) else list(columns)
        self.shape = Shape(name, columns, list(primary_key), list(partition_by), plain)
        self.rid = 0
        self.live: dict[str, Any] = {}

    def pool(self, column: str, values: list[Any]) -> Builder:
        self.shape.pools[column] = values
        return self

    def rows(self, n: int) -> list[Any]:
        out = []
        for _ in range(n):
            self.rid += 1
            row = [self._value(c, t) for c, t in self.shape.columns]
            out.append(row)
        return out

    def _value(self, c, t):
        if c == "rid":
            return self.rid
        pool = self.shape.pools.get(c)
        return self.r.choice(pool) if pool else draw(self.r, t)

    def write(self, n: int, deletes: float = 0.0) -> Builder:
        rows = self.rows(n)
        kinds = ["+I" if self.r.random() >= deletes else "-D" for _ in rows]
        if self.shape.primary_key:
            kinds = [self.r.choice(["+I", "+U"]) if k == "+I" else k for k in kinds]
        self.shape.commits.append(("write", kinds, rows))
        return self

    def overwrite(self, n: int) -> Builder:
        self.shape.commits.append(("overwrite", {}, self.rows(n)))
        return self


def distinct(r: Random, t, n: int) -> list[Any]:
    """Up to `n` different values of type `t`, for keys and partitions."""
    seen = {}
    for _ in range(n * 8):
        v = draw(r, t)
        seen.setdefault(json.dumps(v), v)
    return list(seen.values())[:n]


def _slug(t) -> str:
    text = t if isinstance(t, str) else base(t)[0]
    text = text.replace(LTZ, "_ltz").replace(NN, "")
    return "".join(c if c.isalnum() else "_" for c in text.lower()).strip("_").replace("__", "_")


def every_type() -> Iterator[Builder]:
    """Every type as a value, in append and primary-key tables, with nulls and edges."""
    flat = [(f"c{i}", t) for i, t in enumerate(ATOMIC)]
    deep = [(f"n{i}", t) for i, t in enumerate(NESTED)]
    strict = [(f"r{i}", t + NN) for i, t in enumerate(ATOMIC)]
    micros = [(c, t) for c, t in flat if not t.startswith("TIMESTAMP(9)")]
    groups = (("flat", flat), ("micros", micros), ("nested", deep), ("strict", strict))
    for tag, columns in groups:
        yield Builder(f"append_{tag}", columns, bucket="-1").write(30).write(30).write(1)
        keyed = Builder(
            f"pk_{tag}", [("k", "INT NOT NULL"), *columns], ["k"], bucket="2"
        ).pool("k", list(range(-20, 20)))  # fmt: skip
        yield keyed.write(30).write(25, 0.3).write(5, 0.5)
    yield Builder("append_multiset", [("m", MULTISET)], bucket="-1").write(20)
    nulls = Builder("append_nulls", flat, bucket="-1")
    for c, _ in flat:
        nulls.pool(c, [None])
    yield nulls.write(3)


KEY_TYPES = [t for t in ATOMIC if t not in FLOATS]


def keys() -> Iterator[Builder]:
    """Every type as a key, alone or in a pair, spread by the default and the hive function."""
    for i, t in enumerate([*KEY_TYPES, *FLOATS]):
        key = [("k", t + NN)]
        if t in ("BOOLEAN", "CHAR(1)", "VARCHAR(1)", "DECIMAL(1, 0)"):
            key.append(("j", "INT NOT NULL"))
        columns = [("v", "STRING"), *key, ("w", "INT")]
        function = {"bucket_function__type": "hive"} if i % 3 == 1 and "TIMESTAMP" not in t else {}
        b = Builder(
            f"key_{_slug(t)}", columns, [c for c, _ in key], bucket=str(2 + i % 4), **function
        )
        b.pool("k", distinct(b.r, t + NN, 16)).pool("j", [-3, 0, 7, 12])
        yield b.write(25).write(20, 0.3).write(8, 0.2)
    for t in ("INT", "BIGINT"):
        b = Builder(
            f"mod_{t.lower()}", [("k", t + NN)], ["k"], bucket="5", bucket_function__type="mod"
        )
        b.pool("k", [*range(-9, 9), 2**31 - 1, -(2**31)])
        yield b.write(25).write(20, 0.3)


PARTITION_TYPES = [t for t in ATOMIC if t not in FLOATS and not t.startswith(("BIN", "VARB", "BY"))]


def partitions() -> Iterator[Builder]:
    """Every type as a partition column, alone and together; null, empty and hostile texts too."""
    for i, t in enumerate(PARTITION_TYPES):
        b = Builder(f"part_{_slug(t)}", [("v", "INT"), ("p", t)], (), ["p"], bucket="-1")
        pool = distinct(b.r, t, 4)
        yield b.pool("p", [None, *pool]).write(12).write(8)
        if i % 2 == 0:
            b = Builder(
                f"pk_part_{_slug(t)}",
                [("p", t + NN), ("k", "INT NOT NULL"), ("v", "STRING")],
                ["k", "p"],
                ["p"],
                bucket="2",
            )
            texts = [x for x in pool if x is not None and (not isinstance(x, str) or x.strip())]
            b.pool("p", texts or ["s"]).pool("k", list(range(-5, 6)))
            yield b.write(15).write(10, 0.4).overwrite(3).write(4)
    hostile = ["x y", "a/b=c", "%41", "é中", "a:b\"c'd", "{x}[y]^", "\t\n", "a#b?c*", "."]
    b = Builder("part_hostile", [("p", "STRING")], (), ["p"], bucket="-1")
    yield b.pool("p", hostile).write(20).write(10)
    cols = [("d", "DATE"), ("v", "DOUBLE"), ("h", "TINYINT"), ("s", "VARCHAR(9)")]
    b = Builder("part_three", cols, (), ["s", "d", "h"], bucket="-1")
    b.pool("s", ["a", "b"]).pool("d", [0, 19000]).pool("h", [1, None])
    yield b.write(20).overwrite(4).write(5)
    b = Builder("part_modern", cols, (), ["d", "h"], bucket="-1", partition__legacy_name="false")
    yield b.pool("d", [-1, 0, 20000]).pool("h", [1, 2]).write(12)


def bucketed() -> Iterator[Builder]:
    """Append tables with a bucket key of every type."""
    for i, t in enumerate(ATOMIC):
        function = {"bucket_function__type": "hive"} if i % 4 == 1 and "TIMESTAMP" not in t else {}
        b = Builder(
            f"bucket_{_slug(t)}", [("v", "INT"), ("k", t), ("j", "BIGINT")], bucket="3",
            bucket_key="k,j" if i % 2 else "k", **function,
        )  # fmt: skip
        yield b.write(15).write(10)


def layouts() -> Iterator[Builder]:
    """Column orders, names and options that move files or change their codec."""
    three = [("a", "STRING"), ("é 中", "INT"), ("B", "DOUBLE")]
    b = Builder(
        "keys_reversed",
        [("z", "STRING NOT NULL"), ("a", "INT"), ("y", "BIGINT NOT NULL"), ("x", "DATE NOT NULL")],
        ["x", "z", "y"],
        ["x"],
        bucket="3",
        bucket_key="y",
    )
    b.pool("x", [0, 1]).pool("z", ["", "p", "q"]).pool("y", [-1, 5, 9])
    yield b.write(20).write(15, 0.4)
    yield Builder("key_only", [("rid", "BIGINT NOT NULL")], ["rid"], bucket="1").write(9).write(3)
    wide = [(f"w{i}", "INT" if i % 2 else "STRING") for i in range(80)]
    yield Builder("wide", wide, bucket="-1").write(20).write(20)
    for codec in ("none", "snappy", "gzip", "zstd"):
        yield Builder(f"codec_{codec}", three, bucket="-1", file__compression=codec).write(15)
    for mode in ("none", "counts", "full", "truncate(2)"):
        b = Builder(f"stats_{mode[:4]}", three, bucket="-1", metadata__stats_mode=mode)
        yield b.write(20).write(20)
    yield Builder("stats_wide_rows", three, bucket="-1", metadata__stats_dense_store="false").write(
        9
    )
    b = Builder("prefix", three, bucket="-1", data_file__prefix="part-").write(9)
    yield b
    yield Builder("data_dir", three, bucket="-1", data_file__path_directory="data").write(9)
    b = Builder(
        "thin", [("k", "INT NOT NULL"), *three], ["k"], bucket="2", data_file__thin_mode="true"
    )
    yield b.pool("k", list(range(9))).write(20).write(10, 0.3)
    many = Builder("many_files", [("k", "BIGINT NOT NULL"), ("s", "STRING")], ["k"], bucket="2", target_file_size="4 kb")  # noqa: E501 # fmt: skip
    yield many.pool("k", list(range(-400, 400))).write(700).write(300, 0.2).write(100, 0.5)
    yield Builder("ranges", three, bucket="-1", target_file_size="2 kb").write(200).write(200)
    yield Builder("empty", three, bucket="-1")
    cols = [("k", "INT NOT NULL"), ("s", "STRING")]
    b = Builder("lone_deletes", cols, ["k"], bucket="1", target_file_size="512 b")
    b.pool("k", [1, 2, 3]).write(9)
    rows = [[90, 50, "a"], [91, 51, "b"], [92, 52, "c"]]
    b.shape.commits.append(("write", ["+I", "-D", "+I"], rows))
    yield b
    b = Builder("all_deleted", [("k", "INT NOT NULL")], ["k"], bucket="1").pool("k", [1, 2])
    b.write(6)
    b.shape.commits.append(("write", ["-D", "-D"], [[90, 1], [91, 2]]))
    yield b


MODERN = {
    "CHAR(1)": ["", "a", "é"],
    "CHAR(5)": ["", "a b", "abcde"],
    "DATE": [0, 19_000, 20_500],
    "STRING": ["", "a", "zz", "中" * 9],
    "TIMESTAMP(0)": [[0, 0], [1_700_000_000_000, 0]],
    "TIMESTAMP(3)": [[0, 0], [1_700_000_000_123, 0]],
    "TIMESTAMP(6)": [[5, 1000], [1_700_000_000_123, 456_000]],
    "TIMESTAMP(9)": [[5, 1], [1_700_000_000_123, 456_789]],
}
"""Values of which the ORC readers of other engines make no mistakes: no blanks at the end, and
nothing before 1970."""


def formats() -> Iterator[Builder]:
    """Every type in ORC and Avro, and formats by level."""
    three = [("a", "STRING"), ("c", "BIGINT"), ("d", "DOUBLE")]
    odd = [(f"c{i}", t) for i, t in enumerate(ATOMIC) if t.startswith(("TIMESTAMP", "CHAR"))]
    for tag, options in (
        ("orc", {"file__format": "orc"}),
        ("avro", {"file__format": "avro"}),
        ("levels", {"file__format__per__level": "0:avro,5:orc"}),
    ):
        # Java writes timestamps that ORC files do not keep, and blanks that pypaimon leaves there
        left_out = ("TIMESTAMP(9)",) if tag == "avro" else ("TIMESTAMP", "CHAR")
        kinds = [t for t in ATOMIC if not t.startswith(left_out)]
        nested = [t for t in [*NESTED, MULTISET] if tag == "avro" or "TIMESTAMP" not in str(t)]
        columns = [(f"c{i}", t) for i, t in enumerate(kinds)]
        deep = [(f"n{i}", t) for i, t in enumerate(nested)]
        b = Builder(f"{tag}_append", columns, bucket="-1", **options)
        yield _modern(b, columns).write(30).write(30)
        b = Builder(f"{tag}_pk", [("k", "INT NOT NULL"), *columns], ["k"], bucket="2", **options)
        yield _modern(b, columns).pool("k", list(range(-20, 20))).write(30).write(25, 0.3)
        yield Builder(f"{tag}_nested", deep, bucket="-1", **options).write(20)
    b = Builder("orc_alone", odd, bucket="-1", file__format="orc")
    yield _modern(b, odd).write(40)
    for codec in ("none", "snappy", "lz4"):
        more = {"file__format": "orc", "file__compression": codec}
        yield Builder(f"orc_{codec}", three, bucket="-1", **more).write(15)
    more = {"file__format": "avro", "file__compression": "snappy"}
    yield Builder("avro_snappy", three, bucket="-1", **more).write(15)


def _modern(b: Builder, columns: list[tuple[str, Any]]) -> Builder:
    for name, kind in columns:
        values = MODERN.get(kind.replace(LTZ, ""))
        if values is not None:
            b.pool(name, [None, *values])
    return b


def shapes() -> list[Shape]:
    groups = (every_type(), keys(), partitions(), bucketed(), layouts(), formats())
    return [b.shape for group in groups for b in group]
