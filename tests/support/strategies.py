"""Random tables and rows for hypothesis: few values of each type, so that keys meet again."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

import tablestore as ts
from tests.support import model as m

LTZ = " WITH LOCAL TIME ZONE"
NOT_NULL = " NOT NULL"
WIDE = Decimal("12345678901234567890123456.7890123456")
DAY_MS = 86_400_000

# Values by SQL type, as `model.py` holds them.
ATOMIC: dict[str, list[Any]] = {
    "BOOLEAN": [False, True],
    "TINYINT": [-128, -1, 0, 3, 127],
    "SMALLINT": [-32768, 0, 7],
    "INT": [-(2**31), -1, 0, 1, 2, 5, 2**31 - 1],
    "BIGINT": [-(2**63), -1, 0, 1, 3, 2**53 + 1, 2**63 - 1],
    "FLOAT": [-math.inf, -1.5, -0.0, 0.0, 0.5, math.nan],
    "DOUBLE": [-1e300, -1.5, -0.0, 0.0, 0.1, math.inf, math.nan],
    "DECIMAL(4, 2)": [Decimal(x) for x in ("-99.99", "0.00", "0.10", "12.34")],
    "DECIMAL(18, 0)": [Decimal(x) for x in (-(10**18) + 1, 0, 10**18 - 1)],
    "DECIMAL(38, 10)": [-WIDE, Decimal("0E-10"), Decimal("1E-10"), WIDE],
    "CHAR(3)": ["a", "abc", "é"],
    "VARCHAR(5)": ["", "a", "b", "中文"],
    "STRING": ["", "a", "ab", "b", "\uffff", "\U0001f600", "x" * 40, "a\x00b", "a/b=c%41"],
    "BINARY(2)": [b"", b"\x00", b"\xff\x7f"],
    "BYTES": [b"", b"\x00", b"a", b"\x80", b"\xff" * 20],
    "DATE": [-719162, -1, 0, 1, 20758, 2932896],
    "TIME(3)": [0, 1, 1500, DAY_MS - 1],
    "TIMESTAMP(3)": [-62135596800000, -1, 0, 1700000000123],
    "TIMESTAMP(6)": [-1, 0, 1, 1700000000123456],
    "TIMESTAMP(9)": [-1, 0, 1, 1700000000123456789],
    "TIMESTAMP(3)" + LTZ: [-1, 0, 1700000000123],
    "TIMESTAMP(6)" + LTZ: [-1, 0, 1, 1700000000123456],
}
NESTED: dict[str, list[Any]] = {
    "ARRAY<INT>": [[], [1], [None, 2]],
    "ARRAY<DOUBLE>": [[], [math.nan, -0.0], [1.5, None]],
    "ARRAY<ARRAY<STRING NOT NULL>>": [[], [None, ["a"], []]],
    "MAP<STRING, INT>": [[], [("a", 1), ("b", None)]],
    "MULTISET<STRING>": [[], [("a", 2)]],
    "ROW<a INT, b STRING>": [{"a": 1, "b": None}, {"a": None, "b": "x"}],
    "ROW<a INT NOT NULL, r ROW<x DOUBLE, y BYTES>>": [
        {"a": 1, "r": {"x": math.nan, "y": b""}},
        {"a": 2, "r": None},
    ],
    "ARRAY<ROW<a BIGINT NOT NULL, b DECIMAL(20, 2)>>": [[None, {"a": 1, "b": Decimal("1.50")}]],
}
TYPES = {**ATOMIC, **NESTED}
FLOATS = ("FLOAT", "DOUBLE")
NOT_IN_PARTITIONS = (*FLOATS, "BINARY(2)", "BYTES")


BUFFERS: list[dict[str, str]] = [
    {},
    {"spill-compression": "none"},
    {"write-buffer-spillable": "false"},
    {"write-buffer-spill.max-disk-size": "500 b", "spill-compression": "lz4"},
    {"local-merge-buffer-size": "100 b"},
]
"""What becomes of a full write buffer."""
TREES: list[dict[str, str]] = [
    {},
    {"write-only": "true"},
    {"num-sorted-run.compaction-trigger": "2"},
]
"""When a writer compacts."""


@dataclass(frozen=True)
class Column:
    """A column: its type, whether it is NOT NULL, and the few values that it takes."""

    name: str
    kind: str
    nullable: bool
    pool: tuple[Any, ...]

    @property
    def sql(self) -> str:
        return self.kind if self.nullable else self.kind + NOT_NULL

    def values(self) -> st.SearchStrategy[Any]:
        known = st.sampled_from(self.pool)
        return st.none() | known if self.nullable else known

    def literals(self) -> list[tuple[Any, Any]]:
        """(value, the same as a caller writes it) of types that filters take."""
        every = [*self.pool, *self.pool, *TYPES[self.kind]]  # mostly what may be there
        return [(v, found) for v in every if (found := literal(self.kind, v)) is not None]


def literal(kind: str, value: Any) -> Any:
    """A value as Python's own type; None where it has no exact one."""
    if kind in NESTED or kind == "TIMESTAMP(9)":
        return None
    if kind == "DATE":
        return dt.date.fromordinal(value + dt.date(1970, 1, 1).toordinal())
    if kind == "TIME(3)":
        return (dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=value)).time()
    if kind.startswith("TIMESTAMP"):
        micros = value * 1000 if kind.startswith("TIMESTAMP(3)") else value
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=micros)
        return moment.replace(tzinfo=dt.UTC) if kind.endswith(LTZ) else moment
    return value


@dataclass(frozen=True)
class Plan:
    """A table to make."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    by: tuple[str, ...]
    options: dict[str, str]

    def column(self, name: str) -> Column:
        return next(c for c in self.columns if c.name == name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def create(self, lake: ts.Lake) -> ts.Table:
        return lake.create_table(
            "db.t",
            {c.name: c.sql for c in self.columns},
            primary_key=self.key,
            partition_by=self.by,
            options=self.options,
        )

    def model(self) -> m.Model:
        return m.Model(self.names, self.key, self.by)

    def rows(self, **fixed: Any) -> st.SearchStrategy[m.Row]:
        return st.fixed_dictionaries(
            {
                c.name: st.just(fixed[c.name]) if c.name in fixed else c.values()
                for c in self.columns
            }
        )


def arrow(rows: list[m.Row], schema: pa.Schema) -> pa.Table:
    """Rows of the model as Arrow columns of a table's schema."""
    columns = [pa.array([row[f.name] for row in rows], f.type) for f in schema]
    return pa.Table.from_arrays(columns, schema=schema)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Tables of every kind that can be written: keys, partitions, buckets, bucket functions."""
    keyed = draw(st.booleans())
    kinds = draw(st.lists(st.sampled_from(list(TYPES)), min_size=1, max_size=3))
    columns = [draw(_column(f"v{i}", kind, draw(st.booleans()))) for i, kind in enumerate(kinds)]
    allowed = [kind for kind in ATOMIC if kind not in NOT_IN_PARTITIONS]
    parts = draw(st.just([]) | st.lists(st.sampled_from(allowed), max_size=2))
    nulls = not keyed and draw(st.booleans())
    by = [draw(_column(f"p{i}", kind, nulls)) for i, kind in enumerate(parts)]
    own = draw(st.lists(st.sampled_from(list(ATOMIC)), min_size=1, max_size=2))
    keys = [draw(_column(f"k{i}", kind, not keyed)) for i, kind in enumerate(own)]
    options = draw(st.sampled_from([{}, {}, {"data-file.thin-mode": "true"}])) if keyed else {}
    buckets = draw(st.integers(1, 4))
    if keyed or draw(st.booleans()):
        options = {**options, "bucket": str(buckets)}
        function = draw(_functions(keys))
        if function:
            options["bucket-function.type"] = function
        if not keyed:
            options["bucket-key"] = ",".join(c.name for c in keys)
    else:
        options = {**options, "bucket": "-1"}
    small, silent = {"write-buffer-size": "200 b"}, {"metadata.stats-mode": "none"}
    more = draw(st.sampled_from([{}, {}, small, small | silent]))
    if keyed and more:
        more = more | draw(st.sampled_from(BUFFERS)) | draw(st.sampled_from(TREES))
    order = draw(st.permutations([*columns, *keys, *by]))
    names = [c.name for c in (*by, *keys)]
    key = draw(st.permutations(names)) if keyed else []
    return Plan(tuple(order), tuple(key), tuple(c.name for c in by), {**options, **more})


@st.composite
def _column(draw: st.DrawFn, name: str, kind: str, nullable: bool) -> Column:  # noqa: FBT001
    first, count = draw(st.integers(0, 30)), draw(st.integers(2, 3))
    known = TYPES[kind]
    # values that stand side by side: zeros of both signs, NaN and the infinite numbers
    pool = [known[(first + i) % len(known)] for i in range(count)]
    return Column(name, kind, nullable, tuple(pool))


def _functions(keys: list[Column]) -> st.SearchStrategy[str | None]:
    found: list[str | None] = [None, "default"]
    if len(keys) == 1 and keys[0].kind in ("INT", "BIGINT"):
        found.append("mod")
    if not any(c.kind.startswith("TIMESTAMP") for c in keys):
        found.append("hive")
    return st.sampled_from(found)


def conditions(plan: Plan) -> st.SearchStrategy[m.Condition]:
    """Filters over the columns of a table."""
    usable = [c for c in plan.columns if c.literals()]
    leaves = [_leaf(c) for c in usable]
    nulls = [st.just(m.is_null(ts.col(c.name), c.name)) for c in plan.columns]
    leaf = st.one_of(*leaves, *nulls)
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.builds(m.both, inner, inner),
            st.builds(m.either, inner, inner),
            st.builds(m.negated, inner),
        ),
        max_leaves=4,
    )


def _leaf(column: Column) -> st.SearchStrategy[m.Condition]:
    pairs = st.sampled_from(column.literals())
    made = ts.col(column.name)
    ordered = ["=", "!="] if column.kind == "BOOLEAN" else ["=", "=", "!=", "<", "<=", ">", ">="]
    return st.one_of(
        st.builds(
            lambda op, pair: m.compare(made, op, column.name, pair[0], pair[1]),
            st.sampled_from(ordered),
            pairs,
        ),
        st.builds(
            lambda chosen: m.is_in(
                made, column.name, [p[0] for p in chosen], [p[1] for p in chosen]
            ),
            st.lists(pairs, min_size=1, max_size=3),
        ),
    )
