"""The judges: what must hold for a table, as functions that return differences in words. An empty
list is a pass."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, Protocol

from tests.support.oracle import Java
from tests.support.oracle_shapes import NN, Shape, draw
from tests.support.oracle_values import in_order
from tests.support.peers_limits import cut, filter_limit, limit_of
from tests.support.peers_line import PeerError

OPERATIONS = {
    **dict.fromkeys(("=", "<>", "<", "<=", ">", ">="), 1),
    "is null": 0,
    "is not null": 0,
    "in": 3,
    "between": 2,
}


class Reader(Protocol):
    name: str

    def read(
        self, warehouse: Any, *, name: str, columns: Any, snapshot: int | None = None
    ) -> list[Any]: ...


def difference(who: str, got: list[Any], want: list[Any]) -> list[str]:
    """One sentence when the rows differ, with one row of each side."""
    have, need = in_order(got), in_order(want)
    if have == need:
        return []
    extra, lost = sorted(set(have) - set(need)), sorted(set(need) - set(have))
    return [
        f"{who}: {len(have)} rows, expected {len(need)}; unexpected {extra[:1]}, missing {lost[:1]}"
    ]


def write_shape(writer: Any, warehouse: Path, shape: Shape) -> None:
    """Make the table of a shape with tablestore."""
    name = f"db.{shape.name}"
    writer.create(
        warehouse,
        name=name,
        columns=shape.columns,
        primary_key=shape.primary_key,
        partition_by=shape.partition_by,
        options=shape.options,
    )
    for verb, how, rows in shape.commits:
        common = {"name": name, "columns": shape.columns, "rows": rows}
        if verb == "overwrite":
            writer.overwrite(warehouse, **common, dynamic=bool(shape.partition_by))
        else:
            writer.write(warehouse, **common, kinds=how, keyed=bool(shape.primary_key))


def check_read(
    reader: Reader, warehouse: Path, shape: Shape, want: list[Any], *, merging: bool = True
) -> list[str]:
    """The reader returns `want`, or does exactly what its known limit says.

    `merging` is false after a full compaction, where some limits no longer show.
    """
    limit = limit_of(reader.name, shape)
    try:
        rows = reader.read(warehouse, name=f"db.{shape.name}", columns=shape.columns)
    except PeerError as problem:
        if limit is not None and limit.does in ("refuse", "differ"):
            return []
        return [f"{reader.name} failed: {problem}"]
    said = difference(reader.name, rows, want)
    if limit is None:
        return said
    if limit.sure and merging and not said:
        return [f"{reader.name} reads it right now, drop the limit: {limit.reason}"]
    if limit.does == "cut":
        return difference(reader.name, cut(rows, shape.columns), cut(want, shape.columns))
    return []


def changes_of(shape: Shape) -> tuple[list[str], list[Any]]:
    """Kinds and rows that Java writes into our table: half of our keys again, a deletion, some new
    rows."""
    r = Random(shape.name + "java")
    written = [row for _, _, rows in shape.commits for row in rows]
    rows, kinds = [], []
    for i, old in enumerate(r.sample(written, min(12, len(written)))):
        row = [
            v if c in shape.primary_key or c in shape.partition_by else draw(r, t)
            for (c, t), v in zip(shape.columns, old, strict=True)
        ]
        if "rid" not in shape.primary_key:
            row[shape.at("rid")] = 100_000 + i
        rows.append(row)
        kinds.append(r.choice(["+I", "+U", "-D"]) if shape.primary_key else "+I")
    return kinds, rows


def java_continues(java: Java, warehouse: Path, shape: Shape) -> list[Any]:
    """Java writes into our table and compacts it fully; the rows that must be there then."""
    kinds, rows = changes_of(shape)
    name = f"db.{shape.name}"
    options = {"write-only": "false"}
    java.write(warehouse, name=name, rows=rows, kinds=kinds, options=options)
    if shape.options.get("bucket") != "-1":  # such a table is not compacted through a writer
        java.write(warehouse, name=name, compact="full", options=options)
    model = shape.model()
    held = {shape.key(row): row for row in model} if shape.primary_key else model
    after = shape.applied(held, kinds, rows)
    return list(after.values()) if shape.primary_key else after


def check_total(java: Java, warehouse: Path, shape: Shape, rows: int) -> list[str]:
    """The newest snapshot counts exactly the rows that its files hold."""
    snapshots = java.snapshots(warehouse, name=f"db.{shape.name}")
    total = snapshots[-1]["totalRecordCount"] if snapshots else 0
    return [] if total == rows else [f"the snapshot counts {total} records, there are {rows}"]


def java_adds_a_column(java: Java, warehouse: Path, shape: Shape, want: list[Any]) -> list[str]:
    """A column that Java adds is null in our rows: its id must be new."""
    name, columns = f"db.{shape.name}", [*shape.columns, ("added", "INT")]
    try:
        java.evolve(warehouse, name=name, verb="add", column="added", what="INT")
        rows = java.read(warehouse, name=name, columns=columns)
    except PeerError as problem:
        return [f"{java.name} cannot add a column: {problem}"]
    schema = java.schema(warehouse, name=name)
    ids = sorted(all_ids(schema["fields"]))
    said = [] if len(ids) == len(set(ids)) else [f"field ids meet again: {ids}"]
    return said + difference("after a new column", rows, [[*row, None] for row in want])


def all_ids(part: Any) -> list[int]:
    """Every field id in a schema's JSON, those of nested fields too."""
    if isinstance(part, list):
        return [i for x in part for i in all_ids(x)]
    if not isinstance(part, dict):
        return []
    own = [part["id"]] if "id" in part else []
    return own + [i for x in part.values() for i in all_ids(x)]


def filters_of(shape: Shape, peer: str, rounds: int = 1) -> list[list[Any]]:
    """Filters with every operation on every column, with literals in and around the values."""
    r = Random(shape.name + "filters")
    out: list[list[Any]] = []
    for i, (c, t) in enumerate(shape.columns[:45]):
        if filter_limit(peer, t):
            continue
        if not isinstance(t, str):
            out += [[c, "is null", []], [c, "is not null", []]]
            continue
        values = [row[i] for _, _, rows in shape.commits for row in rows if row[i] is not None]
        for _ in range(rounds):
            for op, n in OPERATIONS.items():
                out.append([c, op, [_literal(r, values, t) for _ in range(n)]])
    return out


def _literal(r: Random, values: list[Any], t: str) -> Any:
    if values and r.random() < 0.75:
        return r.choice(values)
    return draw(r, t.removesuffix(NN) + NN)


def check_filters(java: Java, warehouse: Path, shape: Shape, rounds: int = 1):
    """(figures, complaints): no Java filter may lose a row of the table."""
    asked = filters_of(shape, java.name, rounds)
    figures = java.filters(warehouse, name=f"db.{shape.name}", filters=asked, row_id="rid")
    types = dict(shape.columns)
    said = [f"{java.name} loses rows {x[3][:5]} by {x[0]} ({types[x[0]]}) {x[1]} {x[2]}" for x in figures["lost"]]  # noqa: E501 # fmt: skip
    said += [f"{java.name} fails on {x[0]} ({types[x[0]]}) {x[1]} {x[2]}: {x[3]}" for x in figures["failed"]]  # noqa: E501 # fmt: skip
    return figures, said
