"""A one-bit flip in a file that we wrote is found or harmless, never served as other data.

A bit is flipped in a file of a table, and the table is opened and read again: the rows are as they
were, or reading fails. What finds the flips: checksums of Parquet's pages (its headers are covered
by the counts of rows), of our Parquet footers and ORC files, of Avro blocks and our Avro headers,
of deletion vectors and of our index files; in JSON files, names that must exist and keys that are
nearly a known one.

A schema file says itself what is right: its figure is bounded only.
"""

from __future__ import annotations

import io
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.errors import TablestoreError
from tablestore.format.deletion_vector import decode_index_file, encode_index_file
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type
from tests.support.builders import append_table
from tests.support.mutate_parquet import footer, pages

COLUMNS = {"id": "BIGINT NOT NULL", "v": "STRING", "d": "DOUBLE", "n": "DECIMAL(20, 3)"}
FIELDS = [DataField(i, name, parse_type(text)) for i, (name, text) in enumerate(COLUMNS.items())]
FLIPS = 250


def rows(ids: range) -> pa.Table:
    data = {"id": list(ids), "v": [f"text {i % 40}" for i in ids], "d": [i / 7 for i in ids]}
    amounts = pa.array([Decimal(i) for i in ids], pa.decimal128(20, 3))
    return pa.table(data | {"n": amounts})


def lake(folder: Path, file_format: str, **options: str) -> tuple[Path, pa.Table]:
    """Where a table that we wrote lies, and its rows."""
    table = append_table(folder, COLUMNS, **{"file.format": file_format}, **options)
    table.append(rows(range(300)))
    table.append(rows(range(300, 600)))
    return Path(table.path), table.to_arrow()


@pytest.fixture(
    scope="module",
    params=["parquet", "avro", "orc", "parquet, none", "avro, snappy", "orc, none", "orc, lz4"],
)
def written(request, tmp_path_factory) -> tuple[str, Path, pa.Table]:
    file_format, _, codec = request.param.partition(", ")
    options = {"file.compression": codec} if codec else {}
    return file_format, *lake(tmp_path_factory.mktemp("lake"), file_format, **options)


def flip(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def outcome(read: Callable[[], object], right: object) -> str:
    try:
        found = read()
    except TablestoreError:
        return "found"
    return "harmless" if found == right else "served"


def figures(path: Path, bits: Iterable[int], table: Path, right: pa.Table) -> Counter[str]:
    """What comes of flipped bits of a file of a table."""
    data = path.read_bytes()
    try:
        found: Counter[str] = Counter()
        for bit in bits:
            path.write_bytes(flip(data, bit))
            found[outcome(lambda: ts.open_table(str(table)).to_arrow(), right)] += 1
        return found
    finally:
        path.write_bytes(data)


def told(capsys: pytest.CaptureFixture[str], what: str, found: Counter[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\none-bit flips in {what}: {dict(found)}\n")


def sample(count: int, start: int, end: int) -> list[int]:
    """Some bits of a range of bytes, without repetition."""
    return random.Random(7).sample(range(8 * start, 8 * end), min(count, 8 * (end - start)))


def data_file(table: Path, file_format: str) -> Path:
    return sorted(table.rglob(f"*.{file_format}"))[0]


def test_data_files(written, capsys):
    file_format, table, right = written
    path = data_file(table, file_format)
    found = figures(path, sample(2 * FLIPS, 0, path.stat().st_size), table, right)
    told(capsys, f"a data file of {file_format}, {path.stat().st_size} bytes", found)
    assert found["found"] > FLIPS
    assert found["served"] == 0


INDEXES = {
    "bitmap": "id,v",
    "bsi": "id",
    "range-bitmap": "d",
    "bloom-filter": "id,v",
}
ASKED = ["id = 17", "id > 290", "v = 'text 3'", "d < 3.5", "n >= 298", "id in (1, 299)"]


@pytest.mark.parametrize("kind", INDEXES)
def test_index_files(tmp_path, capsys, kind):
    options = {f"file-index.{kind}.columns": INDEXES[kind], "metadata.stats-mode": "none"}
    threshold = {"file-index.in-manifest-threshold": "0 b"}
    table, _ = lake(tmp_path, "parquet", **options, **threshold)
    path = sorted(table.rglob("*.index"))[0]
    data = path.read_bytes()

    def read() -> list[pa.Table]:
        opened = ts.open_table(str(table))
        return [opened.to_arrow(where=where) for where in ASKED]

    right = read()
    found: Counter[str] = Counter()
    for bit in sample(FLIPS // 2, 0, len(data)):
        path.write_bytes(flip(data, bit))
        found[outcome(read, right)] += 1
    told(capsys, f"index files of the type {kind}, {len(data)} bytes", found)
    assert found["found"] > 0.8 * FLIPS // 2
    assert found["served"] == 0


@pytest.mark.parametrize("part", ["page headers", "pages", "footer"])
def test_each_part_of_a_parquet_file(tmp_path, capsys, part):
    table, right = lake(tmp_path, "parquet")
    path = data_file(table, "parquet")
    data = path.read_bytes()
    ranges = {
        "page headers": [(page.header_at, page.body_at) for page in pages(data)],
        "pages": [(page.body_at, page.body_at + page.length) for page in pages(data)],
        "footer": [(footer(data)[1], len(data))],
    }[part]
    bits = [bit for start, end in ranges for bit in sample(FLIPS // len(ranges), start, end)]
    found = figures(path, bits, table, right)
    told(capsys, f"{part} of Parquet", found)
    assert found["served"] == 0
    assert part != "pages" or set(found) == {"found"}


@pytest.mark.parametrize("kind", ["manifest-list", "manifest", "snapshot", "schema"])
def test_metadata(tmp_path, capsys, kind):
    table, right = lake(tmp_path, "parquet")
    folder = table / (kind if kind in {"snapshot", "schema"} else "manifest")
    paths = sorted(path for path in folder.iterdir() if path.name[: len(kind) + 1] == f"{kind}-")
    paths = [path for path in paths if kind != "manifest" or "-list-" not in path.name]
    total: Counter[str] = Counter()
    for path in paths:
        total += figures(path, sample(FLIPS // len(paths), 0, path.stat().st_size), table, right)
    told(capsys, f"files of the kind {kind}", total)
    assert total["found"] > 0
    assert total["served"] <= (0.05 * FLIPS if kind == "schema" else 0)


@pytest.mark.parametrize("bitmap64", [False, True])
def test_every_bit_of_an_index_file_of_deletion_vectors(capsys, bitmap64):
    vectors = {"a": [1, 5, 70_000], "b": list(range(0, 300, 2))}
    data, ranges = encode_index_file(vectors, bitmap64=bitmap64)

    def read(damaged: bytes) -> dict[str, list[int]]:
        found = decode_index_file(damaged, ranges, "i")
        return {name: positions.tolist() for name, positions in found.items()}

    found = Counter(
        outcome(lambda bit=bit: read(flip(data, bit)), vectors) for bit in range(8 * len(data))
    )
    told(capsys, f"deletion vectors of {64 if bitmap64 else 32} bits", found)
    assert found["served"] == 0


def test_flipped_pages_of_a_file_without_checksums_would_pass():
    out = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array(range(500))}), out, compression="none")
    data = out.getvalue()
    page = pages(data)[0]
    reader = ParquetReader(pa.BufferReader(flip(data, 8 * (page.body_at + 800))), "f")
    found = pa.Table.from_batches(list(reader.batches(FIELDS[:1])))
    assert found["id"].to_pylist() != list(range(500))
