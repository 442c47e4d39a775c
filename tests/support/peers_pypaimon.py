"""A process that reads tables with pypaimon: a JSON line in, a JSON line out (see
`peers_line.py`)."""

from __future__ import annotations

import functools

from pypaimon import CatalogFactory

from tests.support.oracle_arrow import canonical_rows
from tests.support.peers_line import serve
from tests.support.peers_s3 import catalog_options


@functools.cache
def catalog(warehouse: str):
    return CatalogFactory.create(catalog_options(warehouse))


def answer(op: str, warehouse: str, name: str, columns, snapshot: int | None = None):
    """Rows of a table, now or at a snapshot, in the columns given as (name, type JSON)."""
    if op != "read":
        raise ValueError(f"no operation {op}")
    table = catalog(warehouse).get_table(name)
    if snapshot is not None:
        table = table.copy({"scan.snapshot-id": str(snapshot)})
    builder = table.new_read_builder()
    splits = builder.new_scan().plan().splits()
    return canonical_rows(builder.new_read().to_arrow(splits), columns)


if __name__ == "__main__":
    serve(answer, lambda problem: f"{type(problem).__name__}: {problem}")
