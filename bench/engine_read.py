"""A process that reads one table with one engine, and says what that cost.

    python bench/engine_read.py ENGINE WAREHOUSE TABLE REPETITIONS FOLDER

ENGINE is tablestore, pyarrow (decodes every data file, merges nothing), pyarrow-threads, either of
them with -dictionaries (texts of few values stay dictionaries), pypaimon or rust. Prints one JSON
line: CPU seconds of each full read to plain Arrow types, and the answer of the last one, by column
too. Imports nothing that the engine's own environment lacks.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Read = Callable[[], pa.Table]
FEW_VALUES = ("l_returnflag", "l_linestatus", "l_shipinstruct", "l_shipmode")


def _tablestore(warehouse: str, table: str, folder: str) -> Read:
    import tablestore as ts

    opened = ts.connect(warehouse).table(table)
    return opened.to_arrow


def _pyarrow(warehouse: str, table: str, folder: str) -> Read:
    return lambda: _decoded(folder, threads=False)


def _pyarrow_threads(warehouse: str, table: str, folder: str) -> Read:
    return lambda: _decoded(folder, threads=True)


def _decoded(folder: str, *, threads: bool, dictionaries: Sequence[str] = ()) -> pa.Table:
    import pyarrow.parquet as pq

    files = sorted(Path(folder).rglob("data-*.parquet"))
    opened = (pq.ParquetFile(file, read_dictionary=dictionaries) for file in files)
    return pa.concat_tables([file.read(use_threads=threads) for file in opened])


def _tablestore_dictionaries(warehouse: str, table: str, folder: str) -> Read:
    import tablestore as ts

    opened = ts.connect(warehouse).table(table)
    return lambda: pa.Table.from_batches(opened.to_batches(dictionaries=FEW_VALUES))


def _pyarrow_dictionaries(warehouse: str, table: str, folder: str) -> Read:
    return lambda: _decoded(folder, threads=False, dictionaries=FEW_VALUES)


def _pypaimon(warehouse: str, table: str, folder: str) -> Read:
    from pypaimon import CatalogFactory

    opened = CatalogFactory.create({"warehouse": warehouse}).get_table(table)

    def read() -> pa.Table:
        builder = opened.new_read_builder()
        return builder.new_read().to_arrow(builder.new_scan().plan().splits())

    return read


def _rust(warehouse: str, table: str, folder: str) -> Read:
    from pypaimon_rust.datafusion import PaimonCatalog

    opened = PaimonCatalog({"warehouse": warehouse}).get_table(table)

    def read() -> pa.Table:
        builder = opened.new_read_builder({})
        return pa.Table.from_batches(builder.new_read().read(builder.new_scan().plan().splits()))

    return read


ENGINES = {
    "tablestore": _tablestore,
    "pyarrow": _pyarrow,
    "pyarrow-threads": _pyarrow_threads,
    "tablestore-dictionaries": _tablestore_dictionaries,
    "pyarrow-dictionaries": _pyarrow_dictionaries,
    "pypaimon": _pypaimon,
    "rust": _rust,
}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime + ended.ru_utime + ended.ru_stime


def main() -> None:
    engine, warehouse, table, repetitions, folder = sys.argv[1:]
    read = ENGINES[engine](warehouse, table, folder)
    seconds = []
    for _ in range(int(repetitions)):
        rows = None  # the rows of the last read are not kept beside the next ones
        start = _cpu()
        rows = read()
        seconds.append(round(_cpu() - start, 3))
    answer = {
        "rows": rows.num_rows,
        "orders": pc.sum(rows["l_orderkey"]).as_py(),
        "lines": pc.sum(rows["l_linenumber"]).as_py(),
        "discounts": str(pc.sum(rows["l_discount"]).as_py()),
        "comments": pc.sum(pc.binary_length(rows["l_comment"])).as_py(),
    }
    print(json.dumps({"seconds": seconds, "answer": answer, "columns": columns(rows)}))


def columns(rows: pa.Table) -> dict[str, list[Any]]:
    """Values that are not null, and the sum of their numbers, days or lengths, by column."""
    return {
        name: [len(rows) - rows[name].null_count, _sum(rows[name])] for name in rows.schema.names
    }


def _sum(column: pa.ChunkedArray) -> str:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    elif not (pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)):
        column = pc.binary_length(column)
    return str(pc.sum(column).as_py())


if __name__ == "__main__":
    main()
