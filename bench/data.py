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
KEY = ("l_orderkey", "l_linenumber")
SEED = 20_260_101
_SCALE = "0.34"  # the smallest scale with two decimals that gives 2M rows (2,040,266)
_BATCH_ROWS = 131_072


def cache_dir() -> Path:
    """``$TABLESTORE_CACHE/bench``; everything in it can be made again."""
    root = os.environ.get("TABLESTORE_CACHE") or str(Path.home() / ".cache" / "tablestore")
    folder = Path(root).expanduser() / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lineitem(rows: int = ROWS) -> pa.Table:
    """The first rows of lineitem in the generator's order, which is key order."""
    path = cache_dir() / f"lineitem-{ROWS}.arrow"
    if not path.exists():
        _generate(path)
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all().slice(0, rows)


def shuffled(table: pa.Table) -> pa.Table:
    """The same rows in a random order that never changes."""
    order = np.random.default_rng(SEED).permutation(table.num_rows)
    return rechunked(table.combine_chunks().take(pa.array(order)))


def rechunked(table: pa.Table) -> pa.Table:
    """The rows as batches of the size that a stream brings."""
    return pa.Table.from_batches(table.combine_chunks().to_batches(max_chunksize=_BATCH_ROWS))


def _generate(path: Path) -> None:
    """Run the generator.

    Raises:
        SystemExit: it is not installed.
    """
    folder = path.with_name(f"{path.name}.{os.getpid()}.part")
    program = shutil.which("tpchgen-cli", path=sysconfig.get_path("scripts"))
    program = program or shutil.which("tpchgen-cli")
    if program is None:
        raise SystemExit("tpchgen-cli is missing: pip install tpchgen-cli")
    command = [program, "parquet", "-s", _SCALE, "--tables=lineitem", "--output-dir", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
        table = rechunked(_plain(pq.read_table(folder / "lineitem.parquet").slice(0, ROWS)))
        rows = str(folder / "rows")
        with pa.OSFile(rows, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        Path(rows).rename(path)
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
