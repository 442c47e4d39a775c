"""Every decoder of untrusted bytes under damaged input, in a process of its own.

`python -m tests.support.decoders <decoder> <count> <seed>` decodes that many damaged inputs and
prints one JSON line. The process may not take more than `MEMORY` beyond what it begins with, no
input more than `SECONDS` of processor time, and Python's objects for an input (looked at for each
`MEASURED`-th) not more than the decoder's budget. Only `CorruptDataError` and
`UnsupportedFormatError` may come out, and they must name what they complain of. The n-th input of
a seed is always the same bytes.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.file_index import encode_sealed
from tablestore.kernels.avro_rows import read_records
from tests.support import decoder_inputs, mutate
from tests.support.mutate import BOMB
from tests.support.mutate_parquet import mutate_parquet
from tests.support.vectors import Vector, all_vectors

MEMORY = 1 << 30
SECONDS = 1.0
HANGS = 120.0  # seconds by the clock, on a busy machine
MEASURED = 25
WARM = 50
MANY_ROWS = 1 << 20
FEW_BYTES = 8_000
MANY_ENTRIES = 80
NAME = "the-victim"
PER_BYTE = 256
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Decoder:
    """One decoder: valid inputs, how they are damaged, how they are read.

    `entries` are the functions and classes that read the bytes (`decoder_coverage` follows them);
    `named` says that errors carry the object's name. `budget` is what the objects of an input may
    take, besides `PER_BYTE` for each of its bytes. `placed` is the least share of the
    `CorruptDataError` with an offset: libraries and JSON values have none.
    """

    name: str
    inputs: Callable[[], Sequence[Any]]
    damage: Callable[[Random, Any], Any]
    decode: Callable[[Any], object]
    entries: tuple[str, ...]
    count: int
    named: bool = True
    budget: int = 1 << 20
    placed: float = 0.9
    seconds: float = SECONDS


class TooSlowError(BaseException):
    """The alarm: no decoder may catch it."""


def _vectors(*codecs: str) -> list[Vector]:
    return [v for v in all_vectors() if v.codec in codecs and "error" not in v.case]


def _files(*codecs: str) -> Callable[[], list[bytes]]:
    return lambda: [v.input for v in _vectors(*codecs)]


def _call(module: str, function: str, **keys: object) -> Callable[[bytes], object]:
    def decode(data: bytes) -> object:
        found = getattr(importlib.import_module(f"tablestore.format.{module}"), function)
        return found(data, **keys)

    return decode


# ---- Avro with every type, read over ------------------------------------------------------------


def _avro_inputs(skip: tuple[str, ...] = ()) -> list[bytes]:
    from io import BytesIO

    import fastavro

    kinds: list[Any] = ["boolean", "int", "long", "float", "double", "bytes", "string"]
    kinds += [["null", "long"], ["long", "null"], ["null", "int", "string"]]
    kinds += [{"type": "array", "items": ["null", "long"]}, {"type": "map", "values": "bytes"}]
    kinds += [{"type": "fixed", "name": "f4", "size": 4}, "f4"]
    kinds += [{"type": "enum", "name": "e", "symbols": ["a", "b"]}, {"type": "map", "values": "e"}]
    inner = [{"name": "x", "type": "int"}, {"name": "y", "type": ["null", "string"]}]
    kinds += [{"type": "record", "name": "r", "fields": inner}, {"type": "array", "items": "r"}]
    fields: list[Any] = [{"name": f"u{i}", "type": kind} for i, kind in enumerate(kinds)]
    row: dict[str, Any] = dict(
        zip(
            [f["name"] for f in fields],
            [
                *(True, -5, 2**40, 1.5, 2.5, b"ab", "cd", None, 3, "z", [1, None], {"k": b"v"}),
                *(b"1234", b"5678", "b", {"q": "a"}, {"x": 1, "y": None}, [{"x": 2, "y": "w"}]),
            ],
            strict=True,
        )
    )
    wanted = [{"name": "a", "type": ["null", "string"]}, {"name": "b", "type": "long"}]
    wanted += [{"name": "c", "type": ["null", {"type": "array", "items": "long"}]}]
    row |= {"a": "text", "b": -7, "c": [1, 2, 3]}
    fields = [field for field in fields if field["name"] not in skip]
    files = []
    for order in (wanted + fields, fields + wanted, wanted):
        schema = {"type": "record", "name": "t", "namespace": "n.s", "fields": order}
        for codec in ("null", "deflate"):
            out = BytesIO()
            rows = [{f["name"]: row[f["name"]] for f in order}] * (90 if order is wanted else 3)
            fastavro.writer(out, fastavro.parse_schema(schema), rows, codec=codec)
            files.append(out.getvalue())
    return files


def _long_manifests() -> list[bytes]:
    """Manifests with their blocks again and again: short ones are not read by columns."""
    from tablestore.format.manifest import decode_manifest

    read_records.warm_up()
    files = []
    for data in _files("manifest")():
        first = data.index(data[-16:]) + 16  # the marker that ends header and blocks
        again = 1 + MANY_ENTRIES // len(decode_manifest(data))
        files.append(data[:first] + data[first:] * again)
    return files


def _decode_manifest_columns(data: bytes) -> object:
    """As plans read manifests: by columns, and as rows where these do not tell."""
    from tablestore.format.manifest import decode_manifest, decode_manifest_columns

    columns = decode_manifest_columns(data)
    if columns is None:
        return decode_manifest(data, name=NAME)
    found = [columns.numbers(name) for name in ("_KIND", "_BUCKET", "_TOTAL_BUCKETS")]
    return [*found, columns.numbers("_FILE", "_LEVEL"), columns.values()]


def _decode_avro(data: bytes) -> object:
    from tablestore.format.avro import decode_container
    from tablestore.format.avro_schema import LONG, STRING, ArrayOf, Nullable, RecordOf

    shape = RecordOf(
        (("a", Nullable(STRING)), ("b", LONG), ("c", Nullable(ArrayOf(LONG)))),
        lambda *values: values,
        tuple,
    )
    return decode_container(data, shape, what="file", name=NAME, max_bytes=BOMB // 4)


# ---- rows and statistics -------------------------------------------------------------------------


def _rows() -> list[tuple[bytes, tuple[Any, ...]]]:
    from tablestore.types.parse import parse_type

    found = []
    for vector in _vectors("binary-row"):
        for case in vector.case["cases"]:
            if "bytes" in case:
                types = tuple(parse_type(text) for text in case["types"])
                found.append((bytes.fromhex(case["bytes"]), types))
    for vector in _vectors("partition-path"):
        types = tuple(parse_type(text) for text in vector.case["types"])
        found += [(bytes.fromhex(c["partition"]), types) for c in vector.case["cases"]]
    return found


def _damage_row(rng: Random, row: tuple[bytes, tuple[Any, ...]]) -> tuple[bytes, tuple[Any, ...]]:
    return mutate.mutate_row(rng, row[0]), row[1]


def _decode_row(row: tuple[bytes, tuple[Any, ...]]) -> object:
    from tablestore.format.binary_row import decode_row

    return decode_row(*row)


# ---- deletion vectors ----------------------------------------------------------------------------


def _dv_files() -> list[tuple[bytes, int, int]]:
    found = []
    for vector in _vectors("deletion-vector"):
        for case in vector.case["cases"]:
            data = bytes.fromhex(case.get("file", vector.case.get("file", "")))
            if case["offset"] == 1:
                found.append((data, case["offset"], case["length"]))
    return found


def _damage_dv(rng: Random, place: tuple[bytes, int, int]) -> tuple[bytes, int, int]:
    data, offset, length = place
    if rng.random() < 0.1:
        return data, rng.choice((*mutate.INT32S, -1)), rng.choice(mutate.INT32S)
    return mutate.mutate_vector(rng, data), offset, length


def _decode_dv(place: tuple[bytes, int, int]) -> object:
    from tablestore.format.deletion_vector import decode_index_file
    from tablestore.format.index_manifest import DeletionVectorRange

    data, offset, length = place
    count = (None, None, 1, 3)[sum(data) % 4]
    return decode_index_file(data, [DeletionVectorRange("x", offset, length, count)], NAME)


# ---- indexes and small files ---------------------------------------------------------------------


def _damage_typed(rng: Random, index: tuple[bytes, str]) -> tuple[bytes, str]:
    """A file index: blind damage, or a number of four bytes somewhere that is another one."""
    data, kind = index
    if rng.random() < 0.02:
        return data, "ROW<a INT>" if kind else kind
    if rng.random() < 0.4:
        return mutate.mutate_bytes(rng, data), kind
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2))):
        at = rng.randrange(max(1, len(out) - 3))
        number = rng.choice((*mutate.INT32S, rng.randrange(64)))
        out[at : at + 4] = number.to_bytes(4, rng.choice(("big", "big", "little")))
    return bytes(out), kind


def _indexes(codec: str) -> Callable[[], list[tuple[bytes, str]]]:
    def inputs() -> list[tuple[bytes, str]]:
        cases = [c for v in _vectors(codec) for c in v.case["cases"]]
        return [(bytes.fromhex(c["bytes"]), c["type"]) for c in cases]

    return inputs


def _decode_bitmap(index: tuple[bytes, str]) -> object:
    from tablestore.format.file_index_bitmap import decode_bitmap_index
    from tablestore.format.index_values import values_to_arrow
    from tablestore.types.parse import parse_type

    kind = parse_type(index[1])
    found = decode_bitmap_index(index[0], kind)
    values_to_arrow(found.distinct, kind)
    found.null_rows()
    return [found.rows_of(i) for i in range(min(len(found.offsets), 50))]


def _decode_bsi(index: tuple[bytes, str]) -> object:
    from tablestore.format.file_index_bsi import decode_bsi

    return decode_bsi(index[0])


def _decode_range(index: tuple[bytes, str]) -> object:
    from tablestore.format.file_index_range import decode_range_bitmap
    from tablestore.format.index_values import values_to_arrow
    from tablestore.types.parse import parse_type

    kind = parse_type(index[1])
    found = decode_range_bitmap(index[0], kind)
    values_to_arrow(found.distinct, kind)
    return found.codes()


def _decode_bloom(index: tuple[bytes, str]) -> object:
    import numpy as np

    from tablestore.format.file_index_bloom import decode_bloom

    hashes = np.array([0, 1, -1, 2**63 - 1, -(2**63)])
    return decode_bloom(index[0]).may_contain(hashes)


def _containers() -> list[tuple[bytes, str]]:
    """The container of a real table, its giant filters cut short, and a small one."""
    found = [(v.input[:4000], "") for v in _vectors("file-index")]
    head = (
        "00054e4ed01a35ae000000010000004c000000020001760000000100066269746d61700000004c0000005500"
    )
    head += "016b00000001000c626c6f6f6d2d66696c746572000000a10000001000000000"
    small = bytes.fromhex(head) + bytes(0x65)
    return [*(f for f in found if len(f[0]) < 4000), (small, ""), (encode_sealed(small), "")]


def _decode_container(index: tuple[bytes, str]) -> object:
    from tablestore.format.file_index import decode_file_index

    return decode_file_index(index[0], NAME)


STATISTICS = b"""{ "snapshotId" : 1, "schemaId" : 0, "mergedRecordCount" : 3,
  "mergedRecordSize" : 99,
  "colStats" : { "a" : { "colId" : 0, "distinctCount" : 3, "min" : "1", "max" : "9",
    "nullCount" : 0, "avgLen" : 4, "maxLen" : 4 }, "b" : { "colId" : 1 } } }"""


def _small(what: str, inputs: Callable[[], list[bytes]]) -> Decoder:
    """A decoder of a small JSON file."""
    function = f"decode_{what}"
    decode = _call(what, function, name=NAME)
    entries = (f"format.{what}:{function}",)
    return Decoder(what, inputs, mutate.mutate_json, decode, entries, 4_000, placed=0.1)


# ---- sealed JSON of jobs -------------------------------------------------------------------------


def _damage_sealed(rng: Random, data: bytes) -> bytes:
    """The text damaged, or what it seals, with a checksum that fits again."""
    from tablestore.format.sealed_json import seal

    chance = rng.random()
    if chance < 0.1:  # what JSON has no word for, though Python reads it
        return data.replace(b'"body":{', b'"body":{"nan":NaN,', 1)
    if chance < 0.4:
        return mutate.mutate_json(rng, data)
    body = mutate.mutate_tree(rng, json.loads(data)["body"])
    try:
        return seal(body).encode()
    except (ValueError, TypeError, RecursionError):  # NaN cannot be written
        return mutate.mutate_bytes(rng, data)


def _job_states() -> list[bytes]:
    from tablestore.format.job import JobState, encode_job_state

    full = JobState(
        epoch=3,
        writer="w-3",
        checkpoint=7,
        snapshot=12,
        commit="c-7",
        time_millis=1795361715738,
        offsets={"orders": {"0": 5, "1": 17}, "file": "a.csv", "deep": [1, {"x": None}]},
    )
    return [encode_job_state(state).encode() for state in (full, JobState(epoch=1))]


def _job_markers() -> list[bytes]:
    from tablestore.format.job import JobMarker, encode_job_marker

    return [encode_job_marker(JobMarker(after)) for after in (0, 57)]


def _prepared_checkpoints() -> list[bytes]:
    from tablestore.commit.message import CommitMessage, CompactIncrement, DataIncrement
    from tablestore.commit.message_bytes import PreparedCheckpoint
    from tablestore.format.manifest import decode_manifest

    found = []
    for vector in _vectors("manifest"):
        with suppress(CorruptDataError, UnsupportedFormatError):
            entries = decode_manifest(vector.input)[:4]
            messages = tuple(
                CommitMessage(
                    entry.partition,
                    entry.bucket,
                    entry.total_buckets,
                    DataIncrement(new_files=(entry.file,)),
                    CompactIncrement(after=(entry.file,)),
                )
                for entry in entries
            )
            found.append(PreparedCheckpoint("orders", 7, messages, {"0": 5}, 1000).to_bytes())
    return [*found, PreparedCheckpoint("idle", 8, ()).to_bytes()]


def _decode_prepared(data: bytes) -> object:
    from tablestore.commit.message_bytes import decode_prepared

    return decode_prepared(data)


# ---- Parquet, ORC and Avro data files ------------------------------------------------------------


@cache
def _golden(suffix: str, small: int) -> tuple[tuple[bytes, Any], ...]:
    """A few small files of each writer, with the table schemas that they belong to."""
    from tablestore.format.schema import decode_schema

    found: list[tuple[bytes, Any]] = []
    folder = ROOT / "tests" / "conformance" / "golden"
    for path in sorted((folder if suffix == ".parquet" else folder / "data-formats").glob("*.xz")):
        schemas: dict[str, Any] = {}
        files: list[tuple[str, bytes]] = []
        with tarfile.open(path) as archive:
            for member in archive:
                table = "/".join(member.name.split("/")[:2])
                if member.name.endswith("schema/schema-0"):
                    schemas[table] = decode_schema(archive.extractfile(member).read())  # type: ignore[union-attr]
                elif member.name.endswith(suffix) and member.size < small:
                    files.append((table, archive.extractfile(member).read()))  # type: ignore[union-attr]
        usable = [(data, schemas[table]) for table, data in files if table in schemas]
        usable.sort(key=lambda f: -len(f[1].fields))
        found += usable[:5]
    return tuple(found)


def _parquet_inputs() -> list[tuple[bytes, Any]]:
    """Golden files, and the same rows again without compression and with page checksums."""
    import io

    import pyarrow.parquet as pq

    found = list(_golden(".parquet", 40_000))
    for data, schema in found[::2]:
        table = pq.read_table(io.BytesIO(data))
        out = io.BytesIO()
        pq.write_table(table, out, compression="none", write_page_checksum=True)
        found.append((out.getvalue(), schema))
    return [*found, *decoder_inputs.parquet_files()]


def _damage_parquet(rng: Random, file: tuple[bytes, Any]) -> tuple[bytes, Any]:
    return mutate_parquet(rng, file[0]), file[1]


def _decode_bitmap64(data: bytes) -> object:
    from tablestore.format.roaring64 import Bitmap64, decode_bitmap64

    made = Bitmap64([], {})
    for _ in range(2):  # taken in, as an aggregate does: once as new values, once as known ones
        made.update(decode_bitmap64(data))
    return made.values()


def _decode_parquet(file: tuple[bytes, Any]) -> object:
    import pyarrow as pa

    from tablestore.datafile.dictionaries import text_columns
    from tablestore.datafile.parquet_reader import ParquetReader

    data, schema = file
    reader = ParquetReader(pa.BufferReader(data), NAME)
    rows = reader.row_count if reader.has_ranges else len(reader.column_names)
    for group in range(min(reader.row_groups, 4)):
        reader.ranges(group, schema.fields)
        rows = max(rows, reader.group_rows(group))
    assert reader.held_bytes(schema.fields) >= 0
    texts = text_columns(schema.fields)
    for fields, dictionaries in ((schema.fields, ()), (schema.fields, texts), ((), ())):
        # a data file is read only where its rows are those of its manifest entry
        wanted = rows < MANY_ROWS and (not dictionaries or len(data) < FEW_BYTES)
        for batch in reader.batches(fields, dictionaries=dictionaries) if wanted else ():
            batch.validate()
    reader.close()
    return rows


def _orc_inputs() -> list[tuple[bytes, Any]]:
    """Golden files, and the same rows again without compression."""
    import io

    import pyarrow.orc as orc

    found = list(_golden(".orc", 40_000))
    for data, schema in found[::2]:
        out = io.BytesIO()
        orc.write_table(orc.ORCFile(io.BytesIO(data)).read(), out, compression="uncompressed")
        found.append((out.getvalue(), schema))
    return [*found, *decoder_inputs.orc_files()]


def _damage_orc(rng: Random, file: tuple[bytes, Any]) -> tuple[bytes, Any]:
    return mutate.mutate_orc(rng, file[0]), file[1]


def _decode_orc(file: tuple[bytes, Any]) -> object:
    import pyarrow as pa

    from tablestore.datafile.orc_reader import OrcReader

    data, schema = file
    reader = OrcReader(pa.BufferReader(data), NAME)
    rows = sum(map(reader.group_rows, range(reader.row_groups)))
    len(reader.column_names), reader.has_ranges, reader.ranges(0, ())
    assert reader.held_bytes(schema.fields) >= 0
    for fields in (schema.fields, ()):
        # a data file is read only where its rows are those of its manifest entry
        for batch in reader.batches(fields) if rows == reader.row_count < MANY_ROWS else ():
            batch.validate()
    reader.close()
    return rows


def _avro_rows() -> list[tuple[bytes, Any]]:
    """The Avro inputs as data files of a table with columns of their names."""
    from tablestore.types.model import DataField
    from tablestore.types.parse import parse_type

    columns = {"a": "STRING", "b": "BIGINT", "c": "ARRAY<BIGINT>", "u4": "DOUBLE", "u5": "BYTES"}
    columns |= {"u0": "BOOLEAN", "u3": "FLOAT", "u11": "MAP<STRING, BYTES>", "u16": "ROW<x INT>"}
    fields = [DataField(i, n, parse_type(t)) for i, (n, t) in enumerate(columns.items())]
    found = [(data, fields) for data in _avro_inputs(("u9", "u12", "u13", "u14", "u15"))]
    return found + [(data, list(schema.fields)) for data, schema in _golden(".avro", 9_000)]


def _damage_avro_rows(rng: Random, file: tuple[bytes, Any]) -> tuple[bytes, Any]:
    return mutate.mutate_avro(rng, file[0]), file[1]


def _decode_avro_rows(file: tuple[bytes, Any]) -> object:
    import pyarrow as pa

    from tablestore.datafile.avro_reader import AvroReader

    reader = AvroReader(pa.BufferReader(file[0]), NAME)
    rows = reader.row_count or reader.has_ranges or reader.ranges(0, ()) or reader.group_rows(0)
    for fields in (file[1], ()):
        for batch in reader.batches(fields):
            batch.validate()
    len(reader.column_names), reader.row_groups
    assert reader.held_bytes(file[1]) >= 0
    reader.close()
    return rows


DECODERS = {
    d.name: d
    for d in (
        Decoder(
            "snapshot",
            _files("snapshot", "tag"),
            mutate.mutate_json,
            _call("snapshot", "decode_snapshot", name=NAME),
            ("format.snapshot:decode_snapshot",),
            14_000,
            placed=0.1,
        ),
        Decoder(
            "schema",
            _files("schema"),
            mutate.mutate_json,
            _call("schema", "decode_schema", name=NAME),
            ("format.schema:decode_schema",),
            14_000,
            placed=0.1,
        ),
        Decoder(
            "manifest",
            _files("manifest"),
            mutate.mutate_avro,
            _call("manifest", "decode_manifest", name=NAME),
            ("format.manifest:decode_manifest",),
            14_000,
            budget=16 << 20,
            placed=0.7,
        ),
        Decoder(
            "manifest-columns",
            _long_manifests,
            mutate.mutate_avro,
            _decode_manifest_columns,
            ("format.manifest:decode_manifest_columns", "format.manifest:decode_manifest"),
            1_000,
            named=False,
            budget=16 << 20,
            placed=0.7,
        ),
        Decoder(
            "manifest-list",
            _files("manifest-list"),
            mutate.mutate_avro,
            _call("manifest_list", "decode_manifest_list", name=NAME),
            ("format.manifest_list:decode_manifest_list",),
            12_000,
            budget=16 << 20,
            placed=0.7,
        ),
        Decoder(
            "index-manifest",
            _files("index-manifest"),
            mutate.mutate_avro,
            _call("index_manifest", "decode_index_manifest", name=NAME),
            ("format.index_manifest:decode_index_manifest",),
            8_000,
            budget=16 << 20,
            placed=0.7,
        ),
        Decoder(
            "avro",
            _avro_inputs,
            mutate.mutate_avro,
            _decode_avro,
            ("format.avro:decode_container",),
            14_000,
            budget=4 << 20,
            placed=0.7,
        ),
        Decoder(
            "binary-row",
            _rows,
            _damage_row,
            _decode_row,
            ("format.binary_row:decode_row",),
            14_000,
            named=False,
        ),
        Decoder(
            "deletion-vector",
            _dv_files,
            _damage_dv,
            _decode_dv,
            ("format.deletion_vector:decode_index_file", "format.deletion_vector:read_vector"),
            8_000,
        ),
        Decoder(
            "hash-index",
            lambda: [
                bytes.fromhex(v.case["file"]) for v in _vectors("hash-index") if "keys" in v.case
            ],
            mutate.mutate_bytes,
            _call("hash_index", "decode_hash_index", row_count=3, name=NAME),
            ("format.hash_index:decode_hash_index",),
            1_000,
        ),
        Decoder(
            "roaring64",
            decoder_inputs.bitmaps64,
            mutate.mutate_bytes,
            _decode_bitmap64,
            ("format.roaring64:decode_bitmap64", "format.roaring64:Bitmap64"),
            3_000,
            named=False,
            budget=4 << 20,
        ),
        Decoder(
            "bitmap-index",
            lambda: [*_indexes("bitmap")(), *decoder_inputs.bitmap_indexes()],
            _damage_typed,
            _decode_bitmap,
            ("format.file_index_bitmap:decode_bitmap_index",),
            4_000,
            named=False,
        ),
        Decoder(
            "bsi-index",
            _indexes("bsi"),
            _damage_typed,
            _decode_bsi,
            ("format.file_index_bsi:decode_bsi",),
            4_000,
            named=False,
            budget=32 << 20,  # 9 bytes for each row that it claims, up to ROWS_MAX
        ),
        Decoder(
            "range-index",
            _indexes("range-bitmap"),
            _damage_typed,
            _decode_range,
            ("format.file_index_range:decode_range_bitmap",),
            4_000,
            named=False,
        ),
        Decoder(
            "bloom-index",
            _indexes("bloom-filter"),
            _damage_typed,
            _decode_bloom,
            ("format.file_index_bloom:decode_bloom",),
            2_000,
            named=False,
        ),
        Decoder(
            "index-container",
            _containers,
            _damage_typed,
            _decode_container,
            ("format.file_index:decode_file_index",),
            2_000,
        ),
        _small("tag", _files("tag")),
        _small("consumer", _files("consumer")),
        _small("changelog", _files("snapshot")),
        _small("statistics", lambda: [STATISTICS]),
        Decoder(
            "job-state",
            _job_states,
            _damage_sealed,
            _call("job", "decode_job_state", name=NAME),
            ("format.job:decode_job_state",),
            3_000,
            placed=0,
        ),
        Decoder(
            "job-marker",
            _job_markers,
            _damage_sealed,
            _call("job", "decode_job_marker", name=NAME),
            ("format.job:decode_job_marker",),
            2_000,
            placed=0,
        ),
        Decoder(
            "prepared-checkpoint",
            _prepared_checkpoints,
            _damage_sealed,
            _decode_prepared,
            ("commit.message_bytes:decode_prepared",),
            4_000,
            named=False,
            placed=0,
        ),
        Decoder(
            "avro-rows",
            _avro_rows,
            _damage_avro_rows,
            _decode_avro_rows,
            ("datafile.avro_reader:AvroReader",),
            2_000,
            budget=64 << 20,
            placed=0.2,
        ),
        Decoder(
            "orc",
            _orc_inputs,
            _damage_orc,
            _decode_orc,
            ("datafile.orc_reader:OrcReader",),
            3_000,
            placed=0.6,
            seconds=60,  # pyarrow: a damaged scale of a decimal costs it seconds for each value
        ),
        Decoder(
            "parquet",
            _parquet_inputs,
            _damage_parquet,
            _decode_parquet,
            ("datafile.parquet_reader:ParquetReader",),
            2_000,
            placed=0,
        ),
    )
}


def complaint(decoder: Decoder, error: BaseException) -> str | None:
    """What is wrong with how a decoder failed; None where it is as it must be."""
    if isinstance(error, UnsupportedFormatError):
        return None if len(str(error)) > 10 else "it does not say what is not supported"
    if not isinstance(error, CorruptDataError):
        return f"{type(error).__name__}: {str(error)[:300]}"
    if error.expected is None or error.found is None:
        return f"expected or found is missing: {error}"
    if decoder.named and (not error.what or error.name != NAME):
        return f"it does not name the object: {error}"
    return f"it is {len(str(error))} characters long" if len(str(error)) > 1200 else None


def damaged(decoder: Decoder, inputs: Sequence[Any], seed: int, number: int) -> Any:
    """The n-th damaged input of a seed."""
    rng = Random(f"{seed}/{decoder.name}/{number}")
    return decoder.damage(rng, inputs[number % len(inputs)])


def _warm_up(decoder: Decoder, valid: Any) -> None:
    """Valid inputs are read, or hold what is not supported; libraries are loaded meanwhile."""
    asked_otherwise = decoder.name == "deletion-vector"  # for another count than it has
    with suppress(UnsupportedFormatError, *[CorruptDataError] * asked_otherwise):
        decoder.decode(valid)


def run(decoder: Decoder, count: int, seed: int, progress: int | None = None) -> dict[str, Any]:
    """Decodes damaged inputs; what came of it, as JSON."""
    inputs = decoder.inputs()
    for each in inputs:
        _warm_up(decoder, each)
    for number in range(WARM):  # kernels are compiled where they pay
        _failure(decoder, damaged(decoder, inputs, seed, number))
    outcomes: Counter[str] = Counter()
    bad: list[str] = []
    slowest = (0.0, -1)
    largest = (0.0, -1)
    placed = 0
    started = time.perf_counter()
    for number in range(count):
        victim = damaged(decoder, inputs, seed, number)
        if progress is not None:
            os.pwrite(progress, b"%12d" % number, 0)
        signal.setitimer(signal.ITIMER_REAL, HANGS)
        measured = number % MEASURED == 0
        if measured:
            tracemalloc.start()
        before = time.process_time()
        error = _failure(decoder, victim)
        seconds = time.process_time() - before
        signal.setitimer(signal.ITIMER_REAL, 0)
        wrong = None if error is None else complaint(decoder, error)
        if measured:
            used = tracemalloc.get_traced_memory()[1] / (decoder.budget + PER_BYTE * _size(victim))
            tracemalloc.stop()
            largest = max(largest, (used, number))
            if used > 1:
                wrong = f"it took {used:.1f} times its budget"
        elif seconds > decoder.seconds:
            wrong = f"it took {seconds:.1f} seconds"
        slowest = max(slowest, (seconds, number))
        outcomes["read" if error is None else type(error).__name__] += 1
        placed += isinstance(error, CorruptDataError) and error.offset is not None
        if wrong is not None:
            bad.append(f"input {number}: {wrong}")
    return {
        "decoder": decoder.name,
        "inputs": count,
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 2),
        "slowest_seconds": round(slowest[0], 3),
        "slowest_input": slowest[1],
        "largest_of_budget": round(largest[0], 3),
        "largest_input": largest[1],
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "outcomes": dict(outcomes),
        "with_offset": round(placed / max(1, outcomes["CorruptDataError"]), 3),
        "bad_count": len(bad),
        "bad": bad[:10],
    }


def _failure(decoder: Decoder, victim: Any) -> BaseException | None:
    try:
        decoder.decode(victim)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is told
        return error
    return None


def _size(victim: Any) -> int:
    return len(victim if isinstance(victim, bytes) else victim[0])


def limit_memory() -> None:
    """No more than `MEMORY` on top of what this process has mapped now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def run_apart(name: str, count: int, seed: int, timeout: float) -> dict[str, Any]:
    """The same in a process of its own; a crash is told with the number of its input."""
    with tempfile.NamedTemporaryFile() as progress:
        command = [sys.executable, "-m", "tests.support.decoders", name, str(count), str(seed)]
        done = subprocess.run(
            [*command, progress.name],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode == 0:
            found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
            return found
        number = Path(progress.name).read_text().strip()
        return {
            "decoder": name,
            "inputs": count,
            "seed": seed,
            "bad_count": 1,
            "bad": [f"input {number}: exit code {done.returncode}: {done.stderr[-1500:]}"],
        }


def _alarm(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlowError(f"more than {HANGS} seconds")


def main(arguments: Sequence[str]) -> None:
    """The process of one decoder."""
    name, count, seed, *progress = arguments
    signal.signal(signal.SIGALRM, _alarm)
    decoder = DECODERS[name]
    read_records.warm_up()  # not in the middle, where it would count for an input
    for each in decoder.inputs():  # load libraries before the limit counts
        _warm_up(decoder, each)
    limit_memory()
    file = os.open(progress[0], os.O_WRONLY) if progress else None
    sys.stdout.write(json.dumps(run(decoder, int(count), int(seed), file)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
