"""The rows that the benches write and read: TPC-H lineitem, made once and kept in the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 2_000_000
MORE_ROWS = 6_000_000
KEY = ("l_orderkey", "l_linenumber")
SEED = 20_260_101
# the smallest scales with two decimals that give as many rows (2,040,266 and 6,001,215)
_SCALES = {ROWS: "0.34", MORE_ROWS: "1"}
_BATCH_ROWS = 131_072


def cache_dir() -> Path:
    """``$TABLESTORE_CACHE/bench``; everything in it can be made again."""
    root = os.environ.get("TABLESTORE_CACHE") or str(Path.home() / ".cache" / "tablestore")
    folder = Path(root).expanduser() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lineitem(rows: int = ROWS) -> pa.Table:
    """The first rows of lineitem in the generator's order, which is key order."""
    made = ROWS if rows <= ROWS else MORE_ROWS
    path = cache_dir() / f"lineitem-{made}.arrow"
    if not path.exists():
        _generate(path, made)
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all().slice(0, rows)


def shuffled(table: pa.Table) -> pa.Table:
    """The same rows in a random order that never changes."""
    order = np.random.default_rng(SEED).permutation(table.num_rows)
    return rechunked(table.combine_chunks().take(pa.array(order)))


def rechunked(table: pa.Table) -> pa.Table:
    """The rows as batches of the size that a stream brings."""
    return pa.Table.from_batches(table.combine_chunks().to_batches(max_chunksize=_BATCH_ROWS))


def _generate(path: Path, rows: int) -> None:
    """Run the generator.

    Raises:
        SystemExit: it is not installed.
    """
    folder = path.with_name(f"{path.name}.{os.getpid()}.part")
    program = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
    program = program or shutil.which("tpchgen-cli")
    if program is None:
        raise SystemExit("tpchgen-cli is missing: pip install tpchgen-cli")
    command = [
        program,
        "parquet",
        "-s",
        _SCALES[rows],
        "--tables=lineitem",
        "--output-dir",
        str(folder),
    ]
    try:
        subprocess.run(command, check=True, capture_output=True)
        table = rechunked(_plain(pq.read_table(folder / "lineitem.parquet").slice(0, rows)))
        rows_path = str(folder / "rows")
        with pa.OSFile(rows_path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        Path(rows_path).rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _plain(table: pa.Table) -> pa.Table:
    """Strings in the layout that every engine knows; no field ids of the generator."""
    fields = [
        pa.field(
            item.name, pa.string() if item.type == pa.string_view() else item.type, item.nullable
        )
        for item in table.schema
    ]
    return table.cast(pa.schema(fields))
