from __future__ import annotations

from pathlib import Path

import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.index_manifest import (
    DeletionVectorRange,
    GlobalIndexMeta,
    IndexManifestEntry,
    decode_index_manifest,
    encode_index_manifest,
)
from tablestore.format.manifest import EMPTY_ROW

DATA = Path(__file__).parent / "data"


def load(writer: str) -> list[IndexManifestEntry]:
    return decode_index_manifest((DATA / f"{writer}.index-manifest.avro").read_bytes())


def test_hash_indexes_of_old_java_are_read():
    entries = load("java-0.9")
    assert entries
    for entry in entries:
        assert (entry.kind, entry.index_type) == (0, "HASH")
        assert entry.file_size == 4 * entry.row_count
        assert entry.file_name.startswith("index-")
        assert (entry.dv_ranges, entry.global_index) == (None, None)


def test_hash_indexes_of_rust_are_read():
    assert {(e.index_type, e.file_size - 4 * e.row_count) for e in load("rust-0.4")} == {
        ("HASH", 0)
    }


def test_deletion_vectors_of_java_are_read():
    entries = [e for e in load("java-2.1") if e.index_type == "DELETION_VECTORS"]
    assert entries
    for entry in entries:
        assert entry.dv_ranges is not None
        assert len(entry.dv_ranges) == entry.row_count
        offset = 1  # behind the version byte; each vector has 8 bytes of framing
        for found in sorted(entry.dv_ranges, key=lambda r: r.offset):
            assert found.offset == offset
            assert found.data_file.startswith("data-")
            assert found.cardinality
            offset += found.length + 8
        assert offset == entry.file_size


def test_every_field_survives_a_round_trip():
    ranges = (DeletionVectorRange("data-a", 1, 22, 3), DeletionVectorRange("data-b", 31, 22))
    everything = GlobalIndexMeta(0, 2**62, 5, (6, 7), b"m", b"s")
    entries = [
        IndexManifestEntry(0, EMPTY_ROW, 3, "DELETION_VECTORS", "index-1", 61, 2, ranges, "s3://x"),
        IndexManifestEntry(1, EMPTY_ROW, 0, "btree", "index-2", 9, 9, None, None, everything),
        IndexManifestEntry(
            0, EMPTY_ROW, 0, "btree", "i", 9, 9, global_index=GlobalIndexMeta(0, 1, 2)
        ),
    ]
    assert decode_index_manifest(encode_index_manifest(entries)) == entries


def test_the_schema_written_is_that_of_java():
    java = (DATA / "java-2.1.index-manifest.avro").read_bytes()
    ours = encode_index_manifest([])
    start, end = java.index(b"avro.schema"), java.index(b"avro.codec")
    assert ours[start : ours.index(b"avro.codec")] == java[start:end]


def test_a_manifest_is_not_an_index_manifest():
    with pytest.raises(CorruptDataError, match="index manifest i is damaged: expected field"):
        decode_index_manifest((DATA / "java-2.1.manifest.avro").read_bytes(), "i")
