"""A process that makes small commits to one table with one engine, and says what each cost.

    python bench/engine_commit.py ENGINE WAREHOUSE COUNT TABLE FIRST [TABLE FIRST]

ENGINE is tablestore, job (a writer with offsets), pypaimon or rust. Commit n brings one row of key
n. With two tables they take turns, so that a busy machine slows both alike. Prints one JSON line:
for each table the CPU seconds and wall seconds of each commit. Imports nothing that the engine's
own environment lacks.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

import pyarrow as pa

Commit = Callable[[pa.Table], object]


def _tablestore(warehouse: str, table: str) -> Commit:
    import tablestore as ts

    return ts.connect(warehouse).table(table).upsert


def _job(warehouse: str, table: str) -> Commit:
    import tablestore as ts

    writer = ts.connect(warehouse).table(table).writer("bench")

    def commit(rows: pa.Table) -> object:
        writer.write(rows)
        return writer.checkpoint({"p": rows["id"][0].as_py()})

    return commit


def _pypaimon(warehouse: str, table: str) -> Commit:
    from pypaimon import CatalogFactory

    opened = CatalogFactory.create({"warehouse": warehouse}).get_table(table)
    return _batches(opened)


def _rust(warehouse: str, table: str) -> Commit:
    from pypaimon_rust.datafusion import PaimonCatalog

    opened = PaimonCatalog({"warehouse": warehouse}).get_table(table)

    def commit(rows: pa.Table) -> None:
        builder = opened.new_batch_write_builder()
        write, commit = builder.new_write(), builder.new_commit()
        for batch in rows.to_batches():
            write.write_arrow(batch)
        commit.commit(write.prepare_commit())
        write.close()

    return commit


def _batches(opened: object) -> Commit:
    def commit(rows: pa.Table) -> None:
        builder = opened.new_batch_write_builder()  # type: ignore[attr-defined]
        write, commit = builder.new_write(), builder.new_commit()
        write.write_arrow(rows)
        commit.commit(write.prepare_commit())
        write.close()
        commit.close()

    return commit


ENGINES = {"tablestore": _tablestore, "job": _job, "pypaimon": _pypaimon, "rust": _rust}
_SCHEMA = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("v", pa.string())])


def main() -> None:
    """Commit one by one."""
    engine, warehouse, count, *places = sys.argv[1:]
    tables = [
        (ENGINES[engine](warehouse, name), int(first))
        for name, first in zip(places[::2], places[1::2], strict=True)
    ]
    cpu: list[list[float]] = [[] for _ in tables]
    wall: list[list[float]] = [[] for _ in tables]
    for done in range(int(count)):
        for at, (commit, first) in enumerate(tables):
            n = first + done
            rows = pa.table({"id": [n], "v": [f"row {n}"]}, schema=_SCHEMA)
            began, spent = time.perf_counter(), _cpu()
            commit(rows)
            cpu[at].append(_cpu() - spent)
            wall[at].append(time.perf_counter() - began)
    print(json.dumps([{"cpu": c, "wall": w} for c, w in zip(cpu, wall, strict=True)]))


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
