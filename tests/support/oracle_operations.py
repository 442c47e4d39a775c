"""What is done with a random table: writes, compactions, overwrites and changes of its columns, drawn from a seed.

Java does them (`run`), and tablestore does them again on a table of its own. Origin: as for
`oracle_histories.py`.
"""  # noqa: E501

from __future__ import annotations

from random import Random

from tests.support.oracle_engines import (
    depends_on_compactions,
    in_columns,
    looked_up,
    small_values,
)
from tests.support.oracle_histories import (
    NESTED,
    design,
    formats_of,
    pools_of,
    rows,
    storable,
)
from tests.support.oracle_values import base

ADDED = [
    *("INT", "STRING", "BIGINT", "DOUBLE", "BOOLEAN", "DATE", "DECIMAL(9, 2)", "TIMESTAMP(3)"),
    *("TIMESTAMP(6)", "BYTES", NESTED[0], NESTED[3]),
]
WIDER = {
    "TINYINT": ["SMALLINT", "INT", "BIGINT"],
    "SMALLINT": ["INT", "BIGINT"],
    "INT": ["BIGINT", "BIGINT", "DOUBLE", "DECIMAL(18, 4)"],
    "BIGINT": ["DECIMAL(30, 6)"],
    "FLOAT": ["DOUBLE"],
    "DECIMAL(9, 2)": ["DECIMAL(18, 4)", "DECIMAL(30, 6)"],
    "VARCHAR(20)": ["STRING"],
    "TIMESTAMP(3)": ["TIMESTAMP(6)"],
}
CHANGES = ("add", "widen", "rename", "rename", "drop", "move")


class Columns:
    """The columns of a table whose schema changes, and values for their rows."""

    def __init__(self, r: Random, cols, options):
        self.r, self.options = r, options
        self.cols = [tuple(c) for c in cols]
        self.pools = pools_of(r, self.cols) | small_values(r, self.cols, options)
        self.fixed = in_columns(options)
        self.added = 0
        if looked_up(options):
            # Java names local files after the partition, and fails where that has a slash
            for c in self.pools:
                self.pools[c] = [_flat(x) if c[0] == "p" else x for x in self.pools[c]]
        self.orc = "orc" in formats_of(options)
        if self.orc:
            # Java's ORC reader gives some zeros the other sign, and so takes two keys for one
            self.pools = {c: [_unsigned(x) for x in pool] for c, pool in self.pools.items()}

    def rows(self, n):
        drawn = rows(self.r, self.cols, self.pools, n)
        if not self.orc:
            return drawn
        stamps = [str(t).startswith("TIMESTAMP") for _, t in self.cols]
        return [
            [_whole(v) if stamp else v for v, stamp in zip(row, stamps, strict=True)]
            for row in drawn
        ]

    def change(self):
        """One random change, as an operation; None where this table has nothing to change so."""
        verb = self.r.choice(CHANGES)
        return getattr(self, f"_{verb}")()

    def _plain(self):
        """Columns that may be changed at will: neither of a key nor of the partition, nor named in
        an option."""
        return [i for i, (c, _) in enumerate(self.cols) if c[0] in "vwn" and c not in self.fixed]

    def _add(self):
        self.added += 1
        name, kind = f"w{self.added}", storable(self.r.choice(ADDED), self.options)
        self.cols.append((name, kind))
        return ["add", name, kind]

    def _widen(self):
        can = [i for i in self._plain() if str(self.cols[i][1]) in WIDER]
        if not can:
            return None
        i = self.r.choice(can)
        name, old = self.cols[i]
        self.cols[i] = (name, self.r.choice(WIDER[old]))
        return ["widen", *self.cols[i]]

    def _rename(self):
        keys = [i for i, (c, _) in enumerate(self.cols) if c[0] == "k"]
        can = keys if self.r.random() < 0.25 else self._plain()
        if not can:
            return None
        i = self.r.choice(can)
        old, kind = self.cols[i]
        self.cols[i] = (old + "r", kind)
        if old in self.pools:
            self.pools[old + "r"] = self.pools.pop(old)
        return ["rename", old, old + "r"]

    def _drop(self):
        plain = self._plain()
        if len(plain) < 2:
            return None
        name, _ = self.cols.pop(self.r.choice(plain))
        return ["drop", name, None]

    def _move(self):
        if not (plain := self._plain()):
            return None
        i = self.r.choice(plain)
        column = self.cols.pop(i)
        at = self.r.randrange(len(self.cols) + 1)
        self.cols.insert(at, column)
        if i == at == 0:  # which Java refuses
            return None
        return ["move", column[0], self.cols[at - 1][0] if at else None]


def _flat(x):
    return x.replace("/", "_") if isinstance(x, str) else x


def _unsigned(x):
    return 0.0 if isinstance(x, float) and x == 0 else x


def _whole(stamp):
    """A timestamp that ORC files of both engines keep: ours refuse parts of a millisecond before
    1970, and Java adds a second to its own of the last second before 1970."""
    if stamp is None or stamp[0] >= 0:
        return stamp
    return [-1000 if stamp[0] > -1000 else stamp[0], 0]


def operations(r: Random, cols, kinds, options, *, evolve: bool):
    """4 to 10 operations: ["write", kinds, rows], ["compact", how], ["overwrite", {}, rows] or a
    change of the columns: [verb, column, what]."""
    columns, out = Columns(r, cols, options), []
    for _ in range(r.randrange(4, 11)):
        x = r.random()
        if x < 0.68 or not out:
            rs = columns.rows(r.choice([1, 3, 8, 12]))
            out.append(["write", [r.choice(kinds) for _ in rs], rs])
        elif x < 0.84:
            out.append(["compact", "full" if x < 0.78 else "minor"])
        elif x < 0.9 or not evolve:
            out.append(["overwrite", {}, columns.rows(4)])
        else:
            change = columns.change()
            if change is not None:
                out += [change, ["write", ["+I"] * 3, columns.rows(3)]]
    return out


def run(p, name: str, seed: int, scope: str = "plain"):
    """Make the table of `seed` with Java (`p`); with each operation comes the snapshot that was the
    newest after it."""
    r = Random(f"{scope} {seed}")
    cols, pk, part, opts, kinds = design(r, scope)
    fixed = scope == "engines" and depends_on_compactions(opts, kinds)
    if fixed:  # the same compactions for both engines: full ones, and none by writers
        opts.pop("deletion-vectors.enabled", None)
        opts["write-only"] = "true"
    ops = operations(r, cols, kinds, opts, evolve=scope != "plain")
    if fixed:
        ops = [["compact", "full"] if op[0] == "compact" else op for op in ops]
    p.create(name, cols, pk, part, opts)
    active = {"write-only": "false"} if opts.get("write-only") == "true" else {}
    after = []
    for verb, how, what in (op if len(op) == 3 else [*op, None] for op in ops):
        if verb == "write":
            p.write(name, what, how)
        elif verb == "overwrite":
            p.write(name, what, overwrite=how)
        elif verb != "compact":
            p.evolve(name, verb, how, what)
        elif opts["bucket"] == "-1":
            p.compact_append(name)
        else:
            p.write(name, compact=how, **active)
        after.append(p.latest(name))
    return {
        "columns": [list(c) for c in cols],
        "primary_key": pk,
        "partition_by": part,
        "options": opts,
        "ops": ops,
        "after": after,
    }


def columns_after(columns, op):
    """The columns, (name, type JSON) pairs, after an operation."""
    verb, name, what = op if len(op) == 3 else [*op, None]
    cols = [tuple(c) for c in columns]
    names = [c for c, _ in cols]
    if verb == "add":
        return [*cols, (name, what)]
    if verb == "widen":
        return [(c, what if c == name else t) for c, t in cols]
    if verb == "rename":
        return [(what if c == name else c, t) for c, t in cols]
    if verb == "drop":
        return [(c, t) for c, t in cols if c != name]
    if verb == "move":
        column = cols.pop(names.index(name))
        cols.insert(0 if what is None else [c for c, _ in cols].index(what) + 1, column)
    return cols


def has_signed_zeros(columns, options) -> bool:
    """Whether Java's ORC reader may give zeros of the table the other sign."""
    floats = any(base(t)[0] in ("FLOAT", "DOUBLE") for _, t in columns)
    return floats and "orc" in formats_of(options)
