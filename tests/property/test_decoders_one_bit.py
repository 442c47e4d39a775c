"""A one-bit flip in a file that we wrote is found or harmless, never served as other data.

What holds the bytes: pages of Parquet carry a CRC-32. Their headers and the footer, snapshots and
manifests carry no checksum in Paimon's format: the figures say how many flips are seen there.
"""

from __future__ import annotations

import io
import random
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.datafile.parquet_reader import ParquetReader
from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.manifest import decode_manifest
from tablestore.format.manifest_list import decode_manifest_list
from tablestore.format.snapshot import decode_snapshot
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type
from tests.support.builders import append_table
from tests.support.mutate_parquet import pages

COLUMNS = {"id": "BIGINT NOT NULL", "v": "STRING", "d": "DOUBLE", "n": "DECIMAL(20, 3)"}
FIELDS = [DataField(i, name, parse_type(text)) for i, (name, text) in enumerate(COLUMNS.items())]
FLIPS = 3000


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One file of each kind of a table that we wrote."""
    folder = tmp_path_factory.mktemp("lake")
    table = append_table(folder, COLUMNS)
    for start in (0, 500):
        ids = range(start, start + 500)
        data = {"id": list(ids), "v": [f"text {i}" for i in ids], "d": [i / 7 for i in ids]}
        amounts = pa.array([Decimal(i) for i in ids], pa.decimal128(20, 3))
        table.append(pa.table(data | {"n": amounts}))
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            kind = path.suffix.removeprefix(".") or path.name.rstrip("0123456789-")
            kind = "manifest-list" if "manifest-list" in path.name else kind
            found[kind if kind in ("parquet", "manifest-list") else path.name.split("-")[0]] = path
    return {kind: path.read_bytes() for kind, path in found.items()}


def read_parquet(data: bytes) -> pa.Table:
    reader = ParquetReader(pa.BufferReader(data), "f")
    batches = list(reader.batches(FIELDS))
    return pa.Table.from_batches(batches) if batches else pa.table({})


def flip(data: bytes, bit: int) -> bytes:
    out = bytearray(data)
    out[bit // 8] ^= 1 << bit % 8
    return bytes(out)


def outcome(decode, data: bytes, right: object) -> str:
    try:
        found = decode(data)
    except (CorruptDataError, UnsupportedFormatError):
        return "found"
    return "harmless" if found == right else "served"


def test_pages_are_checked_to_the_last_bit(files, capsys):
    data = files["parquet"]
    right = read_parquet(data)
    rng = random.Random(5)
    figures: Counter[str] = Counter()
    for page in pages(data):
        assert any(f.number == 4 for f in page.fields), "a page without CRC"
        for _ in range(60):
            bit = 8 * page.body_at + rng.randrange(8 * page.length)
            figures[outcome(read_parquet, flip(data, bit), right)] += 1
    with capsys.disabled():
        sys.stdout.write(f"\nflips in Parquet pages: {dict(figures)}\n")
    assert set(figures) == {"found"}


@pytest.mark.parametrize(
    ("kind", "decode", "most_served"),
    [
        ("parquet", read_parquet, 0.01),
        ("manifest", decode_manifest, 0.04),
        ("manifest-list", decode_manifest_list, 0.06),
        ("snapshot", decode_snapshot, 0.75),
    ],
)
def test_few_flips_anywhere_pass_unseen(files, capsys, kind, decode, most_served):
    data = files[kind]
    right = decode(data)
    rng = random.Random(7)
    count = FLIPS if kind != "parquet" else FLIPS // 2
    bits = [rng.randrange(8 * len(data)) for _ in range(count)]
    figures = Counter(outcome(decode, flip(data, bit), right) for bit in bits)
    with capsys.disabled():
        sys.stdout.write(f"\nflips in a {kind} of {len(data)} bytes: {dict(figures)}\n")
    assert figures["served"] <= most_served * count
    assert figures["found"] > 0


def test_flipped_pages_of_a_file_without_checksums_would_pass():
    out = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array(range(500))}), out, compression="none")
    data = out.getvalue()
    page = pages(data)[0]
    reader = ParquetReader(pa.BufferReader(flip(data, 8 * (page.body_at + 800))), "f")
    found = pa.Table.from_batches(list(reader.batches(FIELDS[:1])))
    assert found["id"].to_pylist() != list(range(500))
