"""Random entries of manifests, manifest lists and index manifests: every field at its edges, every
optional field there and not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from random import Random
from typing import Any, TypeVar

from tablestore.format.binary_row import encode_row
from tablestore.format.index_manifest import (
    DELETION_VECTORS_INDEX,
    HASH_INDEX,
    DeletionVectorRange,
    GlobalIndexMeta,
    IndexManifestEntry,
    decode_index_manifest,
    encode_index_manifest,
)
from tablestore.format.manifest import (
    EMPTY_ROW,
    EMPTY_STATS,
    DataFileMeta,
    ManifestEntry,
    SimpleStats,
    decode_manifest,
    encode_manifest,
)
from tablestore.format.manifest_list import (
    ManifestFileMeta,
    decode_manifest_list,
    encode_manifest_list,
)
from tests.support import differential as d

T = TypeVar("T")
PARTITION = ("INT", "STRING")
PARTITION_TYPES = [d.our_type(t) for t in PARTITION]
LONG = 2**63 - 1


def maybe(r: Random, value: T) -> T | None:
    return value if r.random() < 0.6 else None


def number(r: Random, top: int = LONG) -> int:
    return r.choice([0, 1, 63, 64, 127, 128, 8191, 8192, top, r.randint(0, top)])


def name(r: Random, tail: str = "") -> str:
    return (d.text(r, 60) or "x") + tail


def names(r: Random) -> tuple[str, ...]:
    return tuple(name(r, str(i)) for i in range(r.choice([0, 1, 2, 9])))


def partition(r: Random) -> bytes:
    return encode_row([d.ours_of(d.any_value(r, t), t) for t in PARTITION], PARTITION_TYPES)


def some_types(r: Random) -> list[str]:
    return [d.atomic_type(r) for _ in range(r.choice([1, 1, 2, 5, 5, 5, 60]))]


def binary_row(r: Random, types: list[str], nulls: float = 0) -> bytes:
    values = [d.ours_of(d.any_value(r, t, nulls), t) for t in types]
    return encode_row(values, [d.our_type(t) for t in types])


def stats(r: Random) -> SimpleStats:
    if r.random() < 0.2:
        return EMPTY_STATS
    types = some_types(r)
    counts = tuple(maybe(r, number(r)) for _ in types)
    return SimpleStats(binary_row(r, types, 0.4), binary_row(r, types, 0.4), counts)


def data_file(r: Random) -> DataFileMeta:
    keyed, key = r.random() < 0.7, some_types(r)
    return DataFileMeta(
        file_name=name(r, ".parquet"),
        file_size=number(r),
        row_count=number(r, 1 << 40),
        min_key=binary_row(r, key) if keyed else EMPTY_ROW,
        max_key=binary_row(r, key) if keyed else EMPTY_ROW,
        key_stats=stats(r) if keyed else EMPTY_STATS,
        value_stats=stats(r),
        min_sequence_number=r.choice([-1, number(r)]),
        max_sequence_number=r.choice([-LONG - 1, number(r)]),
        schema_id=number(r),
        level=r.choice([0, 1, 5, number(r, 2**31 - 1)]),
        extra_files=names(r),
        creation_time_ms=r.choice([0, -1, 1_700_000_000_123, d.YEAR_1]),
        delete_row_count=maybe(r, number(r)),
        embedded_index=maybe(r, r.randbytes(r.choice([0, 1, 100, 1000]))),
        file_source=maybe(r, r.choice([0, 1])),
        value_stats_cols=maybe(r, names(r)),
        external_path=maybe(r, "s3://b/" + name(r)),
        first_row_id=maybe(r, number(r, 1 << 50)),
        write_cols=maybe(r, names(r)),
        write_cols_sequences=maybe(r, tuple(number(r) for _ in range(r.choice([0, 1, 9])))),
    )


def manifest_entry(r: Random) -> ManifestEntry:
    bucket = r.choice([-2, -1, 0, 1, number(r, 2**31 - 1)])
    total = r.choice([-2, -1, 1, number(r, 2**31 - 1)])
    return ManifestEntry(r.choice([0, 1]), partition(r), bucket, total, data_file(r))


def manifest_file(r: Random) -> ManifestFileMeta:
    return ManifestFileMeta(
        name(r),
        *(number(r) for _ in range(3)),
        stats(r),
        number(r),
        *(maybe(r, r.choice([-2, -1, number(r, 2**31 - 1)])) for _ in range(4)),
        *(maybe(r, number(r)) for _ in range(2)),
    )


def index_file(r: Random) -> IndexManifestEntry:
    ranges, places = None, None
    kind = r.choice([HASH_INDEX, DELETION_VECTORS_INDEX, "btree"])
    if kind == DELETION_VECTORS_INDEX:
        ranges = tuple(
            DeletionVectorRange(
                f"{i}{name(r)}", number(r, 2**31 - 1), number(r, 2**31 - 1), maybe(r, number(r))
            )
            for i in range(r.choice([0, 1, 2, 20]))
        )
    elif kind == "btree":
        ids = tuple(number(r, 2**31 - 1) for _ in range(r.randrange(4)))
        blobs = [maybe(r, r.randbytes(r.randrange(40))) for _ in range(2)]
        low, high, field = number(r), number(r), number(r, 2**31 - 1)
        places = GlobalIndexMeta(low, high, field, maybe(r, ids), *blobs)
    bucket = r.choice([-1, 0, number(r, 2**31 - 1)])
    path = maybe(r, "s3://b/" + name(r))
    numbers = (number(r), number(r))
    return IndexManifestEntry(
        r.choice([0, 1]), partition(r), bucket, kind, name(r), *numbers, ranges, path, places
    )


PAGES: dict[str, tuple[int, Callable[..., Any], Callable[..., bytes], Callable[..., list[Any]]]] = {
    "manifest": (2, manifest_entry, encode_manifest, decode_manifest),
    "manifest-list": (2, manifest_file, encode_manifest_list, decode_manifest_list),
    "index-manifest": (1, index_file, encode_index_manifest, decode_index_manifest),
}


def json_page(value: Any, t: Any) -> Any:
    """An entry, or a part of it, as the JSON value of a row of Java's type.

    Fields that this Java does not know yet are left out.
    """
    if value is None:
        return None
    kind, _ = d.base(t)
    if kind == "TIMESTAMP":
        return [value, 0]
    if is_dataclass(value):
        parts = [getattr(value, f.name) for f in fields(value)][: len(t["fields"])]
        return [json_page(v, f["type"]) for v, f in zip(parts, t["fields"], strict=True)]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [json_page(v, t["element"]) for v in value]
    return value


def json_entry(entry: Any, version: int, types: list[Any]) -> list[Any]:
    parts = [version, *(getattr(entry, f.name) for f in fields(entry))][: len(types)]
    return [json_page(v, t) for v, t in zip(parts, types, strict=True)]
