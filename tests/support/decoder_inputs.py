"""Valid data files of rare shapes, to be damaged: what no golden table has, or not small enough.

The rows do not matter, only what has to be decoded: types in encodings of other writers, checksums
that only we write, more records than one byte counts.
"""

from __future__ import annotations

import datetime as dt
import io
import itertools
from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

from tablestore.datafile.layout import file_schema
from tablestore.datafile.orc_writer import OrcWriter
from tablestore.datafile.parquet_writer import ParquetWriter
from tablestore.format.roaring64 import Bitmap64, encode_bitmap64
from tablestore.types.model import DataField
from tablestore.types.parse import parse_type

File = tuple[bytes, Any]

_AMOUNTS = pa.array([Decimal("1.50"), None, Decimal("-2.25")], pa.decimal128(9, 2))
_BYTES = pa.array([b"\x01\x02", None, b"\xff" * 16], pa.binary())
_STAMPS = [dt.datetime(1969, 12, 31, 23), None, dt.datetime(2026, 1, 1, 0, 0, 0, 1)]
_PAIRS = pa.list_(pa.struct([pa.field("k", pa.string()), pa.field("v", pa.int64())]))
_PAIR_ROWS = [[{"k": "a", "v": 1}], None, []]

# type of the table, values of the file
OTHER_TYPES: dict[str, tuple[str, pa.Array]] = {
    "i": ("INT", pa.array([1, None, 3], pa.int32())),
    "f": ("BOOLEAN", pa.array([True, None, False])),
    "s": ("STRING", pa.array(["a", None, "b"])),
    "a": ("DECIMAL(9, 2)", _AMOUNTS),
    "b": ("DECIMAL(38, 2)", _BYTES),
    "c": ("DECIMAL(38, 2)", pa.nulls(3, pa.binary())),
    "t": ("TIME(3)", pa.array([1000, None, 2000], pa.time64("us"))),
    "u": ("TIMESTAMP(6)", pa.array([1, None, -1], pa.int64())),
    "v": ("TIMESTAMP(3)", pa.array(_STAMPS, pa.timestamp("us"))),
    "w": ("TIMESTAMP_LTZ(9)", pa.array(_STAMPS, pa.timestamp("us"))),
    "x": ("ROW<p INT, q TIMESTAMP(3)>", pa.array([{"p": 1}, None, {"p": 2}])),
    "y": ("MAP<STRING, BIGINT>", pa.array(_PAIR_ROWS, _PAIRS)),
    "z": ("MULTISET<STRING>", pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64()))),
    "l": ("ARRAY<BIGINT>", pa.array([[1], None, []], pa.list_(pa.int32()))),
}


def _schema(types: dict[str, str]) -> Any:
    fields = [DataField(i, name, parse_type(text)) for i, (name, text) in enumerate(types.items())]
    return SimpleNamespace(fields=fields)


@cache
def parquet_files() -> tuple[File, ...]:
    """Types in other encodings, together and each alone; INT96; a footer with a checksum."""
    types = {name: text for name, (text, _) in OTHER_TYPES.items()}
    found = [(_parquet({n: a for n, (_, a) in OTHER_TYPES.items()}), _schema(types))]
    found += [
        (_parquet({name: array}), _schema({name: text}))
        for name, (text, array) in OTHER_TYPES.items()
    ]
    old = {"u": pa.array([1, None, 10**18], pa.timestamp("ns"))}
    int96 = _parquet(old, use_deprecated_int96_timestamps=True)
    found += [(int96, _schema({"u": f"TIMESTAMP({p})"})) for p in (3, 9)]
    return (*found, *_sealed())


def _parquet(columns: dict[str, pa.Array], **settings: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="none", **settings)
    return out.getvalue()


def _sealed() -> list[File]:
    schema = _schema({"i": "INT", "s": "STRING", "d": "DOUBLE"})
    rows = {"i": [1, None, 3], "s": ["a", "b", None], "d": [1.5, None, 0.0]}
    batch = pa.RecordBatch.from_pydict(rows, schema=file_schema(schema.fields))
    out = io.BytesIO()
    writer = ParquetWriter(out, batch.schema, sample=batch)
    writer.write(batch)
    writer.close()
    return [(out.getvalue(), schema)] * 4


@cache
def orc_files() -> tuple[File, ...]:
    """CHAR at every depth, a timestamp that nanoseconds do not hold, files with checksums."""
    types = {"a": "CHAR(4)", "b": "ARRAY<CHAR(2)>", "c": "MAP<CHAR(2), CHAR(2)>"}
    types |= {"d": "ROW<x CHAR(3), y INT>", "e": "MULTISET<CHAR(2)>", "f": "INT", "g": "CHAR(1)"}
    texts = pa.map_(pa.string(), pa.string())
    columns = {
        "a": pa.array(["ab  ", None, "  "]),
        "b": pa.array([["a ", None], None, []], pa.list_(pa.string())),
        "c": pa.array([[("k ", "v ")], None, []], texts),
        "d": pa.array([{"x": "q  ", "y": 1}, None, {"x": None, "y": 2}]),
        "e": pa.array([[("k ", 1)], None, []], pa.map_(pa.string(), pa.int32())),
        "f": pa.array([1, 2, 3], pa.int32()),
    }
    past = pa.array([-20_000_000_000, 0, None], pa.timestamp("s"))
    stamps = {"f": columns["f"], "t": past}
    found = [(_orc(columns), _schema(types))] * 3
    found += [(_orc(stamps), _schema({"f": "INT", "t": "TIMESTAMP(3)"}))] * 3
    wide = {f"column {i}": columns["f"] for i in range(30)}
    there = _schema(dict.fromkeys(list(wide)[:3], "INT"))
    codecs = ("zlib", "snappy", "lz4", "zstd")
    found += [(_orc(wide, codec), there) for codec in codecs for _ in range(2)]
    found += [(with_lz4_footer(_orc(wide, "lz4")), there)] * 2
    sealed = [_sealed_orc(900, codec) for codec in ("none", "zstd", "lz4", "snappy")]
    return (*found, *sealed, *[_sealed_orc(20_000, "none")] * 2)


def with_lz4_footer(data: bytes) -> bytes:
    """The ORC file of codec lz4 with its footer compressed, which pyarrow does not do."""
    script = data[-1 - data[-1] : -1]
    length, used = (script[1] & 127) | script[2] << 7, 3
    if script[1] < 128:
        length, used = script[1], 2
    start = len(data) - 1 - len(script) - length
    chunk = pa.Codec("lz4_raw").compress(data[start + 3 : start + length], asbytes=True)
    size = 3 + len(chunk)
    script = b"\x08" + bytes([size & 127 | 128, size >> 7]) + script[used:]
    head = (len(chunk) << 1).to_bytes(3, "little")
    return data[:start] + head + chunk + script + bytes([len(script)])


def _sealed_orc(count: int, codec: str) -> File:
    schema = _schema({"i": "INT", "s": "STRING", "n": "DECIMAL(20, 3)"})
    rows = {"i": [i * i % 99_991 for i in range(count)], "n": [None] * count}
    rows["s"] = [f"text {i}" for i in rows["i"]]
    batch = pa.RecordBatch.from_pydict(rows, schema=file_schema(schema.fields))
    out = io.BytesIO()
    writer = OrcWriter(out, schema.fields, compression=codec)
    writer.write(batch)
    writer.close()
    return out.getvalue(), schema


def _orc(columns: dict[str, pa.Array], codec: str = "uncompressed") -> bytes:
    out = io.BytesIO()
    orc.write_table(pa.table(columns), out, compression=codec)
    return out.getvalue()


@cache
def bitmap_indexes() -> tuple[tuple[bytes, str], ...]:
    """Bitmap indexes of version 2, in blocks."""
    from tablestore.format.file_index_bitmap import encode_bitmap_index

    found = []
    for text, values in (("INT", [1, 2, None, 2, 9]), ("STRING", ["a", "bc", None, "a", "d"])):
        kind = parse_type(text)
        array = pa.array(values, pa.int32() if text == "INT" else pa.string())
        for block_bytes in (40, 4096):
            found.append((encode_bitmap_index(array, kind, block_bytes=block_bytes), text))
    return tuple(found)


def bitmaps64() -> list[bytes]:
    """64-bit Roaring bitmaps: every kind of branch and of container."""
    spreads = ([0], range(100, 9000), range(0, 40_000, 3))
    many = [[place << 16 | 5 for place in range(count)] for count in (3, 12, 40, 200)]
    far = [[place << shift for place in range(6)] for shift in (20, 32, 44, 56)]
    return [b"\x00", *(_bitmap64(values) for values in (*spreads, *many, *far))]


def _bitmap64(values: Iterable[int]) -> bytes:
    made = Bitmap64([], {})
    for high, group in itertools.groupby(values, lambda value: value >> 16):
        low = np.array([value & 0xFFFF for value in group], dtype=np.uint16)
        made.update(Bitmap64([low], {high: 0}))
    return encode_bitmap64(made)
