from __future__ import annotations

import io
import json
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import fastavro
import pytest

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.avro_codec import decompressor
from tablestore.format.manifest import (
    EMPTY_ROW,
    EMPTY_STATS,
    DataFileMeta,
    ManifestEntry,
    SimpleStats,
    decode_manifest,
    encode_manifest,
    merge_entries,
)
from tablestore.format.manifest_list import decode_manifest_list, encode_manifest_list

DATA = Path(__file__).parent / "data"
WRITERS = ["java-2.1", "java-1.4", "java-0.9", "pypaimon-2.1", "rust-0.4"]
KEY = bytes.fromhex("0000000100000000000000000100000000000000")
FILE = DataFileMeta("data-a-0.parquet", 10, 3, KEY, KEY, EMPTY_STATS, EMPTY_STATS, 0, 2, 0, 0)
FULL = DataFileMeta(
    file_name="data-é-0.parquet",
    file_size=2**40,
    row_count=7,
    min_key=KEY,
    max_key=KEY,
    key_stats=SimpleStats(KEY, KEY, (0,)),
    value_stats=SimpleStats(KEY, KEY, (None,)),
    min_sequence_number=-1,
    max_sequence_number=2**63 - 1,
    schema_id=3,
    level=5,
    extra_files=("data-é-0.parquet.index",),
    creation_time_ms=1_700_000_000_000,
    delete_row_count=2,
    embedded_index=b"\0\1",
    file_source=1,
    value_stats_cols=("a", "b"),
    external_path="s3://x/y",
    first_row_id=0,
    write_cols=("a",),
    write_cols_sequences=(4,),
)


def add(file: DataFileMeta = FILE, **keys: Any) -> ManifestEntry:
    return ManifestEntry(0, EMPTY_ROW, 0, 1, replace(file, **keys))


def delete(file: DataFileMeta = FILE, **keys: Any) -> ManifestEntry:
    return replace(add(file, **keys), kind=1)


def fastavro_records(data: bytes) -> tuple[Any, list[Any]]:
    """The writer's schema and the records, decoded by fastavro but for the block codec."""
    stream = io.BytesIO(data)
    header = fastavro.schemaless_reader(stream, fastavro.schema.parse_schema(HEADER), None)
    schema = json.loads(header["meta"]["avro.schema"])
    unpack = decompressor(header["meta"]["avro.codec"])
    records: list[Any] = []
    while stream.tell() < len(data):
        count = fastavro.schemaless_reader(stream, "long", None)
        body = unpack(fastavro.schemaless_reader(stream, "bytes", None), 1 << 20, 0)
        block = io.BytesIO(body)
        records += [fastavro.schemaless_reader(block, schema, None) for _ in range(count)]
        assert stream.read(16) == header["sync"]
    return schema, records


HEADER = {
    "type": "record",
    "name": "header",
    "fields": [
        {"name": "magic", "type": {"type": "fixed", "name": "magic", "size": 4}},
        {"name": "meta", "type": {"type": "map", "values": "bytes"}},
        {"name": "sync", "type": {"type": "fixed", "name": "sync", "size": 16}},
    ],
}
FILE_FIELDS = [
    "_FILE_NAME",
    "_FILE_SIZE",
    "_ROW_COUNT",
    "_MIN_KEY",
    "_MAX_KEY",
    "_KEY_STATS",
    "_VALUE_STATS",
    "_MIN_SEQUENCE_NUMBER",
    "_MAX_SEQUENCE_NUMBER",
    "_SCHEMA_ID",
    "_LEVEL",
    "_EXTRA_FILES",
    "_CREATION_TIME",
    "_DELETE_ROW_COUNT",
    "_EMBEDDED_FILE_INDEX",
    "_FILE_SOURCE",
    "_VALUE_STATS_COLS",
    "_EXTERNAL_PATH",
    "_FIRST_ROW_ID",
    "_WRITE_COLS",
    "_WRITE_COLS_SEQUENCES",
]
LIST_FIELDS = [
    "_FILE_NAME",
    "_FILE_SIZE",
    "_NUM_ADDED_FILES",
    "_NUM_DELETED_FILES",
    "_PARTITION_STATS",
    "_SCHEMA_ID",
    "_MIN_BUCKET",
    "_MAX_BUCKET",
    "_MIN_LEVEL",
    "_MAX_LEVEL",
    "_MIN_ROW_ID",
    "_MAX_ROW_ID",
]


def frozen(value: Any) -> Any:
    if isinstance(value, dict):  # a record of statistics
        return tuple(frozen(v) for v in value.values())
    if hasattr(value, "timestamp"):
        return round(value.timestamp() * 1000)
    return tuple(map(frozen, value)) if isinstance(value, list) else value


@pytest.mark.parametrize(
    "name", [*(f"{w}.manifest.avro" for w in WRITERS), "codec-snappy.manifest.avro"]
)
def test_manifests_of_every_writer_decode_as_by_fastavro(name: str):
    data = (DATA / name).read_bytes()
    _, records = fastavro_records(data)
    entries = decode_manifest(data, name)
    assert len(entries) == len(records) > 0
    for entry, record in zip(entries, records, strict=True):
        wanted = [record[k] for k in ("_KIND", "_PARTITION", "_BUCKET", "_TOTAL_BUCKETS")]
        assert [entry.kind, entry.partition, entry.bucket, entry.total_buckets] == wanted
        assert astuple(entry.file) == tuple(frozen(record["_FILE"].get(k)) for k in FILE_FIELDS)


@pytest.mark.parametrize("writer", WRITERS)
def test_manifest_lists_of_every_writer_decode_as_by_fastavro(writer: str):
    data = (DATA / f"{writer}.manifest-list.avro").read_bytes()
    _, records = fastavro_records(data)
    manifests = decode_manifest_list(data)
    assert len(manifests) == len(records) > 0
    for found, record in zip(manifests, records, strict=True):
        assert astuple(found) == tuple(frozen(record.get(k)) for k in LIST_FIELDS)


def test_the_schemas_written_are_those_of_java():
    for kind, encode in (("manifest", encode_manifest), ("manifest-list", encode_manifest_list)):
        java, _ = fastavro_records((DATA / f"java-2.1.{kind}.avro").read_bytes())
        ours = encode([])
        text = ours[ours.index(b'{"type"') : ours.index(b"\x14avro.codec")]
        assert text.decode() == json.dumps(java, separators=(",", ":"))


def test_what_is_written_decodes_by_fastavro():
    entry = ManifestEntry(1, KEY, -2, -1, FULL)
    _, (record,) = fastavro_records(encode_manifest([entry]))
    assert [record[k] for k in record if k != "_FILE"] == [2, 1, KEY, -2, -1]
    assert list(record["_FILE"]) == FILE_FIELDS
    assert tuple(frozen(v) for v in record["_FILE"].values()) == astuple(FULL)


def test_every_field_survives_a_round_trip():
    entries = [ManifestEntry(1, KEY, -2, -1, FULL), add()]
    assert decode_manifest(encode_manifest(entries)) == entries


@pytest.mark.parametrize("version", [1, 3])
def test_other_entry_versions_are_refused(version: int):
    schema, (record, *_) = fastavro_records((DATA / "java-2.1.manifest.avro").read_bytes())
    with pytest.raises(UnsupportedFormatError, match=f"manifest m: .* version {version}"):
        decode_manifest(repacked(schema, {**record, "_VERSION": version}), "m")


def test_an_unknown_kind_is_refused():
    schema, (record, *_) = fastavro_records((DATA / "java-2.1.manifest.avro").read_bytes())
    with pytest.raises(CorruptDataError, match=r"manifest m .*_KIND 0 or 1"):
        decode_manifest(repacked(schema, {**record, "_KIND": 2}), "m")


def test_a_manifest_list_is_not_a_manifest():
    data = (DATA / "java-2.1.manifest-list.avro").read_bytes()
    with pytest.raises(CorruptDataError, match="manifest m is damaged: expected field '_KIND'"):
        decode_manifest(data, "m")


def repacked(schema: Any, record: Any) -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, fastavro.parse_schema(schema), [record], codec="null")
    return out.getvalue()


def test_a_delete_cancels_its_add_and_order_is_kept():
    one, two = add(), add(file_name="data-b-0.parquet")
    assert merge_entries([[one, two], [delete()]]) == [two]
    assert merge_entries([[one], [two]]) == [one, two]


def test_a_level_move_keeps_the_file():
    moved = add(level=5)
    assert merge_entries([[add()], [delete(), moved]]) == [moved]


@pytest.mark.parametrize(
    "change",
    [
        {"level": 1},
        {"extra_files": ("x",)},
        {"embedded_index": b"x"},
        {"external_path": "x"},
        {"file_name": "x"},
    ],
)
def test_a_delete_of_another_identity_cancels_nothing(change: dict[str, Any]):
    with pytest.raises(CorruptDataError, match="a DELETE without its ADD"):
        merge_entries([[add()], [delete(**change)]])


def test_partition_and_bucket_are_part_of_the_identity():
    for change in ({"partition": KEY}, {"bucket": 1}):
        with pytest.raises(CorruptDataError, match="a DELETE without its ADD"):
            merge_entries([[add()], [replace(delete(), **change)]])


def test_an_unmatched_delete_is_kept_when_older_manifests_are_missing():
    assert merge_entries([[delete()]], strict=False) == [delete()]


def test_two_adds_or_two_deletes_of_a_file_are_refused():
    with pytest.raises(CorruptDataError, match=r"a second ADD of data-a-0\.parquet"):
        merge_entries([[add()], [add()]])
    with pytest.raises(CorruptDataError, match=r"a second DELETE of data-a-0\.parquet"):
        merge_entries([[delete()], [delete()]], strict=False)


def test_blocks_are_zstandard_with_the_header_keys_of_java_and_a_checksum():
    header = fastavro.schemaless_reader(io.BytesIO(encode_manifest([add()])), HEADER, None)
    assert list(header["meta"]) == ["avro.schema", "avro.codec", "tablestore.header.crc32"]
    assert header["meta"]["avro.codec"] == b"zstandard"
