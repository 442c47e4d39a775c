"""A process that reads tables with pypaimon-rust: a JSON line in, a JSON line out (see
`peers_line.py`)."""

from __future__ import annotations

import functools

import pyarrow as pa
from pypaimon_rust.datafusion import PaimonCatalog

from tests.support.oracle_arrow import canonical_rows
from tests.support.peers_line import serve


@functools.cache
def catalog(warehouse: str) -> PaimonCatalog:
    return PaimonCatalog({"warehouse": warehouse})


def answer(op: str, warehouse: str, name: str, columns, snapshot: int | None = None):
    """Rows of a table, now or at a snapshot, in the columns given as (name, type JSON)."""
    if op != "read":
        raise ValueError(f"no operation {op}")
    options = {} if snapshot is None else {"scan.snapshot-id": str(snapshot)}
    builder = catalog(warehouse).get_table(name).new_read_builder(options)
    batches = builder.new_read().read(builder.new_scan().plan().splits())
    return canonical_rows(pa.Table.from_batches(batches), columns) if batches else []


def describe(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}"


if __name__ == "__main__":
    serve(answer, describe)
