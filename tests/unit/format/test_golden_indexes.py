"""Every index file that other engines left in the golden tables is understood."""

from __future__ import annotations

import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

from tablestore.format.deletion_vector import decode_index_file, encode_index_file
from tablestore.format.hash_index import decode_hash_index
from tablestore.format.index_manifest import decode_index_manifest

ARCHIVE = Path(__file__).parent / "data" / "golden-indexes.tar.xz"


@pytest.fixture(scope="module")
def files():
    with tarfile.open(ARCHIVE) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive if m.isfile()}


@pytest.fixture(scope="module")
def indexes(files):
    """(writer, table, entry, bytes) of every index file that an index manifest names."""
    found = {}
    for name, data in files.items():
        path = PurePosixPath(name)
        if not path.name.startswith("index-manifest-"):
            continue
        table = path.parents[1]
        for entry in decode_index_manifest(data, name):
            # an index file that was replaced and expired is not in the archive
            content = files.get(str(table / "index" / entry.file_name))
            if content is not None:
                found[table, entry.file_name] = entry, content
    return [(key[0].parts[0], *value) for key, value in sorted(found.items())]


def test_every_deletion_vector_is_decoded_and_written_back_to_the_byte(indexes):
    seen = set()
    vectors = 0
    for writer, entry, data in indexes:
        if entry.index_type != "DELETION_VECTORS":
            continue
        ranges = sorted(entry.dv_ranges, key=lambda r: r.offset)
        found = decode_index_file(data, ranges, entry.file_name)
        assert len(found) == entry.row_count
        assert len(data) == entry.file_size
        wide = data[5:9].hex() == "d1d33964"
        again, places = encode_index_file(found, bitmap64=wide)
        assert again == data
        assert [(p.offset, p.length) for p in places] == [(r.offset, r.length) for r in ranges]
        for place in ranges:
            assert place.cardinality in {None, len(found[place.data_file])}
        if ranges:
            seen.add((writer, 2 if wide else 1))
            vectors += len(ranges)
    assert {("java-1.4", 1), ("java-1.4", 2), ("java-2.1", 1)} <= seen
    assert vectors > 20


def test_every_hash_index_is_decoded(indexes):
    seen = set()
    for writer, entry, data in indexes:
        if entry.index_type == "HASH":
            hashes = decode_hash_index(data, row_count=entry.row_count, name=entry.file_name)
            assert len(np.unique(hashes)) == len(hashes) == entry.row_count
            seen.add(writer)
    assert {"java-0.9", "java-1.4", "java-2.1", "rust-0.4"} <= seen
