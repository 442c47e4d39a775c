"""Manifests decoded, and reads planned, of tables with 100,000 files that nobody ever wrote.

The manifests are real, written by commits; of the data files there are only the names. Decoding
and planning touch no others. A figure is the median of five in its process, behind a first that
does not count; kernels are compiled by then.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import statistics
import tempfile
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro

import tablestore as ts
from bench import data
from bench.measure import Report, check, cpu_seconds
from tablestore.commit.committer import Committer
from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.commit.settings import CommitSettings
from tablestore.format.avro import decode_columns
from tablestore.format.avro_codec import decompressor
from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import (
    ENTRY_SHAPE,
    DataFileMeta,
    ManifestEntry,
    SimpleStats,
    decode_manifest,
    encode_manifest,
)
from tablestore.kernels.avro_rows import read_records
from tablestore.read.plan import ReadPlan
from tablestore.types.model import DataType
from tablestore.types.parse import parse_type

ENTRIES = 20_000
_TIMES = 6
DECODE_BOUND_US = {3: 10.0, 26: 20.0}
FILES = 100_000
DAYS = 200
BUCKETS = 10
COMMITS = DAYS
PLAN_BOUND_S = 2.0
PRUNED_BOUND_S = 0.1
_FIRST_DAY = (dt.date(2026, 1, 1) - dt.date(1970, 1, 1)).days
_SMALL = "8 kb"
_KINDS = [
    parse_type(text)
    for text in ("BIGINT", "INT", "STRING", "DOUBLE", "DATE", "DECIMAL(12, 2)", "TIMESTAMP(3)")
]
_LONG = parse_type("BIGINT")
_DAY = parse_type("DATE")


def run(report: Report) -> None:
    """Microseconds of an entry, and seconds of a plan."""
    read_records.warm_up()
    for columns, bound in DECODE_BOUND_US.items():
        _decode(report, columns, bound)
    with tempfile.TemporaryDirectory(dir=data.cache_dir()) as folder:
        _plan(report, Path(folder) / "large", "100,000 files, manifests of 8 MB", {})
        small = {"manifest.target-file-size": _SMALL}
        _plan(report, Path(folder) / "small", f"100,000 files, manifests of {_SMALL}", small)


def _decode(report: Report, columns: int, bound: float) -> None:
    kinds = [_KINDS[index % len(_KINDS)] for index in range(columns)]
    entries = [_entry(index, kinds) for index in range(ENTRIES)]
    packed = encode_manifest(entries)
    name = f"decoding a manifest of {ENTRIES:,} entries, {columns} columns of statistics"
    check(f"{name}: entries", decode_manifest(packed) == entries)
    taken = {
        "columns": _usual(lambda: decode_columns(packed, ENTRY_SHAPE)),
        "objects": _usual(lambda: decode_manifest(packed)),
        "fastavro": _usual(lambda: _by_fastavro(packed)),
    }
    found = decode_columns(packed, ENTRY_SHAPE)
    check(f"{name}: columns", found is not None and found.values() == entries)
    check(f"{name}: fastavro", len(_by_fastavro(packed)) == ENTRIES)
    each = {whom: 1e6 * seconds / ENTRIES for whom, seconds in taken.items()}
    unit = {"unit": "CPU us an entry", "file_bytes": len(packed)}
    report.bound(f"{name}: into columns", each["columns"], None, bound, **unit)
    report.bound(f"{name}: into objects", each["objects"], None, bound, **unit)
    report.note(f"{name}: objects against fastavro", each["objects"], each["fastavro"], **unit)


def _usual(work: Any) -> float:
    seconds = []
    for _ in range(_TIMES):
        start = cpu_seconds()
        kept = work()
        seconds.append(cpu_seconds() - start)
        del kept
    return statistics.median(seconds[1:])


def _by_fastavro(packed: bytes) -> list[Any]:
    """The records as dictionaries; fastavro itself reads zstandard only with another package."""
    stream = io.BytesIO(packed)
    header = fastavro.schemaless_reader(stream, fastavro.schema.parse_schema(_HEADER), None)
    schema = fastavro.schema.parse_schema(json.loads(header["meta"]["avro.schema"]))
    unpack = decompressor(header["meta"]["avro.codec"])
    records: list[Any] = []
    while stream.tell() < len(packed):
        count = fastavro.schemaless_reader(stream, "long", None)
        block = io.BytesIO(unpack(fastavro.schemaless_reader(stream, "bytes", None), 1 << 30, 0))
        records += [fastavro.schemaless_reader(block, schema, None) for _ in range(count)]
        stream.seek(16, io.SEEK_CUR)
    return records


_HEADER = {
    "type": "record",
    "name": "org.apache.avro.file.Header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
        {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        {"name": "sync", "type": {"type": "fixed", "name": "sync", "size": 16}},
    ],
}


def _plan(report: Report, folder: Path, name: str, options: dict[str, str]) -> None:
    schema = {"dt": "DATE NOT NULL", "id": "BIGINT NOT NULL", "amount": "BIGINT", "name": "STRING"}
    lake = ts.connect(str(folder))
    table = lake.create_table(
        "bench.plan",
        schema,
        primary_key=["dt", "id"],
        partition_by=["dt"],
        options={"bucket": str(BUCKETS), **options},
    )
    _commit_files(table)
    total = len(table.manifests())
    day = dt.date(2026, 1, 1) + dt.timedelta(days=DAYS // 2)
    middle = FILES // DAYS // BUCKETS // 2 * 1000
    every = _planned(folder, None)
    check(f"{name}: all files", _count(every[0]) == FILES)
    more = {"unit": "CPU s", "manifests": total}
    report.bound(f"planning {name}", every[1], None, PLAN_BOUND_S, **more)
    value = _planned(folder, f"amount < {middle}")
    check(f"{name}: half of them", FILES * 0.45 < _count(value[0]) < FILES * 0.55)
    report.bound(f"planning {name}, by value statistics", value[1], None, PLAN_BOUND_S, **more)
    one = _planned(folder, f"dt = '{day}'")
    check(f"{name}: one day", _count(one[0]) == FILES // DAYS)
    more["manifests_read"] = one[0].funnel.manifests_read
    if total >= 200:
        check(f"{name}: manifests are left out", one[0].funnel.manifests_read <= total // 100)
        report.bound(f"planning {name}, one of {DAYS} days", one[1], None, PRUNED_BOUND_S, **more)
    else:
        report.bound(f"planning {name}, one of {DAYS} days", one[1], None, PLAN_BOUND_S, **more)


def _planned(folder: Path, where: str | None) -> tuple[ReadPlan, float]:
    """The plan, and the usual seconds of one without anything in memory."""
    seconds = []
    for _ in range(_TIMES):
        table = ts.connect(str(folder)).table("bench.plan")
        start = cpu_seconds()
        plan = table._scan(None, where, None, None).plan
        seconds.append(cpu_seconds() - start)
    return plan, statistics.median(seconds[1:])


def _count(plan: ReadPlan) -> int:
    return sum(len(bucket.files) for bucket in plan.buckets)


def _commit_files(table: ts.Table) -> None:
    """Fills the table by day, as time does."""
    parts = table._parts
    view = parts.view()
    settings = CommitSettings.of(view.options)
    committer = Committer(parts.state, view.schema, uuid.uuid4().hex, settings=settings)
    kinds = [field.type for field in view.schema.fields]
    per_bucket = FILES // DAYS // BUCKETS
    for first in range(0, DAYS, DAYS // COMMITS):
        messages = []
        for day in range(first, first + DAYS // COMMITS):
            partition = encode_row([_FIRST_DAY + day], [_DAY])
            for bucket in range(BUCKETS):
                files = [_file(index, _FIRST_DAY + day, kinds) for index in range(per_bucket)]
                new = DataIncrement(new_files=tuple(files))
                messages.append(CommitMessage(partition, bucket, BUCKETS, data=new))
        committer.commit(messages)


def _file(index: int, day: int, kinds: list[DataType]) -> DataFileMeta:
    low, high = 1000 * index, 1000 * index + 999
    bounds = [encode_row([day, number, number, f"name {number}"], kinds) for number in (low, high)]
    return _meta(index, low, high, SimpleStats(bounds[0], bounds[1], (0,) * 4), None)


def _entry(index: int, kinds: list[DataType]) -> ManifestEntry:
    low, high = 1000 * index, 1000 * index + 999
    bounds = [encode_row([_value(number, kind) for kind in kinds], kinds) for number in (low, high)]
    stats = SimpleStats(bounds[0], bounds[1], (0,) * len(kinds))
    names = tuple(f"column_{place}" for place in range(len(kinds)))
    partition = encode_row([_FIRST_DAY + index // 500], [_DAY])
    return ManifestEntry(0, partition, index % 16, 16, _meta(index, low, high, stats, names))


def _value(number: int, kind: DataType) -> object:
    match kind.sql():
        case "BIGINT" | "INT" | "DATE":
            return number
        case "STRING":
            return f"name {number}"
        case "DOUBLE":
            return number / 7
        case "DECIMAL(12, 2)":
            return Decimal(number).scaleb(-2)
    return (number, 0)


def _meta(
    index: int, low: int, high: int, stats: SimpleStats, names: tuple[str, ...] | None
) -> DataFileMeta:
    keys = encode_row([low], [_LONG]), encode_row([high], [_LONG])
    return DataFileMeta(
        file_name=f"data-{uuid.uuid4()}-{index}.parquet",
        file_size=1_000_000 + index,
        row_count=1000,
        min_key=keys[0],
        max_key=keys[1],
        key_stats=SimpleStats(*keys, (0,)),
        value_stats=stats,
        min_sequence_number=low,
        max_sequence_number=high,
        schema_id=0,
        level=5,
        creation_time_ms=1_767_225_600_000 + index,
        delete_row_count=0,
        file_source=1,
        value_stats_cols=names,
    )
