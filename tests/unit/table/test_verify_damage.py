"""One damaged table for each thing that `verify` looks at, and the sentence that it says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.cli.main import run
from tablestore.format.binary_row import encode_row
from tablestore.format.bucket import row_hashes
from tablestore.format.deletion_vector import encode_index_file
from tablestore.format.file_index import encode_file_index
from tablestore.format.file_index_bitmap import encode_bitmap_index
from tablestore.format.file_index_bloom import encode_bloom
from tablestore.format.file_index_bsi import encode_bsi
from tablestore.format.file_index_range import encode_range_bitmap
from tablestore.format.hash_index import encode_hash_index
from tablestore.format.index_manifest import IndexManifestEntry, encode_index_manifest
from tablestore.format.manifest import SimpleStats, decode_manifest, encode_manifest
from tablestore.format.manifest_list import decode_manifest_list, encode_manifest_list
from tablestore.types.parse import parse_type
from tests.support.builders import append_table, keyed_table, rows

BIGINT, TEXT = parse_type("BIGINT"), parse_type("STRING")


class Forge:
    """The newest snapshot of a table on a disk, to be changed so that all sizes agree."""

    def __init__(self, folder):
        self.folder = folder
        number = max(int(p.name[9:]) for p in (folder / "snapshot").glob("snapshot-*"))
        self.snapshot = folder / f"snapshot/snapshot-{number}"

    @property
    def document(self):
        return json.loads(self.snapshot.read_text())

    def write(self, **changes):
        self.snapshot.write_text(json.dumps({**self.document, **changes}))

    @property
    def metas(self):
        name = self.document["deltaManifestList"]
        return decode_manifest_list((self.folder / "manifest" / name).read_bytes())

    @property
    def entries(self):
        (meta,) = self.metas
        return decode_manifest((self.folder / "manifest" / meta.file_name).read_bytes())

    def entries_become(self, entries):
        """Rewrite the delta manifest, its list and its size in the snapshot."""
        (meta,) = self.metas
        path = self.folder / "manifest" / meta.file_name
        path.write_bytes(encode_manifest(entries))
        buckets, levels = [e.bucket for e in entries], [e.file.level for e in entries]
        meta = replace(
            meta, file_size=path.stat().st_size, num_added_files=len(entries),
            min_bucket=min(buckets), max_bucket=max(buckets),
            min_level=min(levels), max_level=max(levels),
        )  # fmt: skip
        data = encode_manifest_list([meta])
        (self.folder / "manifest" / self.document["deltaManifestList"]).write_bytes(data)
        self.write(deltaManifestListSize=len(data))

    def file_becomes(self, **changes):
        """Change what the manifest says of the only new file."""
        (entry,) = self.entries
        self.entries_become([replace(entry, file=replace(entry.file, **changes))])

    def index_becomes(self, kind, data, row_count, ranges=None, size=None):
        """Give the snapshot one index file for bucket 0."""
        (self.folder / "index").mkdir(exist_ok=True)
        (self.folder / "index/index-x-0").write_bytes(data)
        entry = IndexManifestEntry(
            0, encode_row((), ()), 0, kind, "index-x-0", size or len(data), row_count, ranges
        )
        name = "manifest/index-manifest-x-0"
        (self.folder / name).write_bytes(encode_index_manifest([entry]))
        self.write(indexManifest="index-manifest-x-0")


def said(table):
    """What is found, after the CLI has said by its exit code whether there is something."""
    report = ts.open_table(table.path).verify()
    assert run(["verify", table.path]) == (0 if report.ok else 1)
    return {finding.problem for finding in report.findings}


@pytest.fixture
def table(tmp_path):
    made = keyed_table(tmp_path, bucket=1)
    made.upsert(rows(range(10)))
    return made


@pytest.fixture
def forge(table, tmp_path):
    return Forge(tmp_path / "shop.db/t")


# -- places ---------------------------------------------------------------------------------------


def test_rows_of_another_bucket(tmp_path):
    made = keyed_table(tmp_path, bucket=2)
    made.upsert(rows([0]))
    forge = Forge(tmp_path / "shop.db/t")
    (entry,) = forge.entries
    wrong = 1 - entry.bucket
    old = forge.folder / f"bucket-{entry.bucket}"
    old.rename(forge.folder / f"bucket-{wrong}")
    forge.entries_become([replace(entry, bucket=wrong)])
    assert said(made) == {
        f"bucket: expected {wrong} of 2 for every row, found 1 rows of others; row 0 belongs into "
        f"bucket {entry.bucket}"
    }


def test_a_bucket_beyond_their_number(table, forge):
    (entry,) = forge.entries
    (forge.folder / "bucket-0").rename(forge.folder / "bucket-1")
    forge.entries_become([replace(entry, bucket=1)])
    assert f"file {entry.file.file_name}: bucket 1 of 1" in said(table)


def test_rows_of_another_partition(tmp_path):
    made = keyed_table(tmp_path, key=("id", "v"), by=("v",), bucket=1)
    made.upsert(rows([1], v="x"))
    forge = Forge(tmp_path / "shop.db/t")
    (entry,) = forge.entries
    (forge.folder / "v=x").rename(forge.folder / "v=y")
    forge.entries_become([replace(entry, partition=encode_row(("y",), (TEXT,)))])
    found = said(made)
    assert "partition v: expected 'y', found 'x'" in found
    assert "partition v: expected 'x' to 'x', found 'y'" in found  # by the manifest list


def test_files_of_a_partition_with_other_numbers_of_buckets(table, forge):
    (entry,) = forge.entries
    copy = replace(entry.file, file_name="data-copy-0.parquet")
    source = forge.folder / "bucket-0" / entry.file.file_name
    (forge.folder / "bucket-0/data-copy-0.parquet").write_bytes(source.read_bytes())
    forge.entries_become([entry, replace(entry, total_buckets=4, file=copy)])
    assert "one partition has files of [1, 4] buckets" in said(table)


def test_a_level_where_there_is_no_key(tmp_path):
    made = append_table(tmp_path)
    made.append(rows([1]))
    forge = Forge(tmp_path / "shop.db/t")
    forge.file_becomes(level=3)
    (entry,) = forge.entries
    assert said(made) == {
        f"file {entry.file.file_name}: expected level 0, as there is no primary key, found 3"
    }


def test_files_of_a_level_that_overlap(table, forge):
    (entry,) = forge.entries
    first = replace(entry.file, level=5)
    second = replace(first, file_name="data-copy-0.parquet")
    source = forge.folder / "bucket-0" / first.file_name
    (forge.folder / "bucket-0/data-copy-0.parquet").write_bytes(source.read_bytes())
    forge.entries_become([replace(entry, file=first), replace(entry, file=second)])
    names = sorted([first.file_name, second.file_name])
    assert f"bucket 0, level 5: the keys of files {names[0]} and {names[1]} overlap" in said(table)


def test_a_base_list_that_is_not_what_the_snapshot_before_left(table, tmp_path):
    table.upsert(rows([20]))
    table.upsert(rows([30]))
    forge = Forge(tmp_path / "shop.db/t")
    before = json.loads((forge.folder / "snapshot/snapshot-2").read_text())
    forge.write(
        baseManifestList=before["baseManifestList"],
        baseManifestListSize=before["baseManifestListSize"],
    )
    assert said(table) == {
        "its files are not those that snapshot 2 left",
        "totalRecordCount: expected 12, found 11",
    }


# -- what the entry says --------------------------------------------------------------------------


def test_bounds_of_the_key_statistics(table, forge):
    (entry,) = forge.entries
    stats = SimpleStats(encode_row((3,), (BIGINT,)), encode_row((9,), (BIGINT,)), (0,))
    forge.file_becomes(key_stats=stats)
    assert said(table) == {"smallest id by the key statistics: expected 3, found 0"}
    forge.file_becomes(key_stats=replace(entry.file.key_stats, null_counts=(2,)))
    assert said(table) == {"nulls in id by the key statistics: expected 2, found 0"}


def test_truncated_bounds_are_bounds_and_wrong_ones_are_not(tmp_path):
    made = keyed_table(tmp_path, bucket=1)
    made.upsert(rows([1, 2], v=["a" * 40, "b" * 40]))
    assert said(made) == set()
    forge = Forge(tmp_path / "shop.db/t")
    (entry,) = forge.entries
    low = encode_row((1, "a" * 16), (BIGINT, TEXT))
    assert entry.file.value_stats.min_values == low
    cut = encode_row((2, "b" * 16), (BIGINT, TEXT))  # not raised after it was cut
    forge.file_becomes(value_stats=replace(entry.file.value_stats, max_values=cut))
    long, short = "b" * 40, "b" * 16
    assert said(made) == {f"largest v: expected {short!r}, found {long!r}"}


def test_sequence_numbers_that_the_file_does_not_reach(table, forge):
    forge.file_becomes(max_sequence_number=90)
    assert said(table) == {"sequence numbers: expected 0 to 90, found 0 to 9"}


def test_a_lowest_key_that_is_not_there(table, forge):
    forge.file_becomes(min_key=encode_row((-5,), (BIGINT,)))
    assert said(table) == {"lowest key: expected (-5,), found (0,)"}


def test_a_newer_schema_than_the_list_says(table, forge):
    (meta,) = forge.metas
    (forge.folder / "schema/schema-1").write_text(
        (forge.folder / "schema/schema-0").read_text().replace('"id" : 0', '"id" : 1', 1)
    )
    forge.file_becomes(schema_id=1)
    assert f"schema: expected {meta.schema_id} at most, found 1" in said(table)


# -- indexes --------------------------------------------------------------------------------------


def hashes(ids):
    return row_hashes([pa.array(ids, pa.int64())], (BIGINT,))


def test_hash_indexes(table, forge):
    forge.index_becomes("HASH", encode_hash_index(hashes(range(10))), 10)
    assert said(table) == set()
    forge.index_becomes("HASH", encode_hash_index(hashes(range(2, 10))), 8)
    assert said(table) == {"hash index index-x-0: 2 keys of rows are not in it"}


def test_a_hash_index_of_another_length(table, forge):
    forge.index_becomes("HASH", encode_hash_index(hashes(range(10))), 11)
    assert {problem.partition(":")[2] for problem in said(table)} == {
        " expected 44 bytes, found 40 bytes"
    }
    forge.index_becomes("HASH", encode_hash_index(hashes(range(10))), 10, size=50)
    assert said(table) == {"size: expected 50, found 40"}


def vectors(forge, positions):
    (entry,) = forge.entries
    return encode_index_file({entry.file.file_name: positions})


def test_deletion_vectors(table, forge):
    data, ranges = vectors(forge, [1, 3])
    forge.index_becomes("DELETION_VECTORS", data, 1, ranges)
    assert said(table) == set()
    forge.index_becomes("DELETION_VECTORS", data, 2, ranges)
    assert said(table) == {"vectors: expected 2, found 1"}
    more = (replace(ranges[0], cardinality=3),)
    forge.index_becomes("DELETION_VECTORS", data, 1, more)
    assert any("expected 3 positions, found 2" in problem for problem in said(table))


def test_a_deletion_vector_of_rows_that_are_not_there(table, forge):
    data, ranges = vectors(forge, [1, 30])
    forge.index_becomes("DELETION_VECTORS", data, 1, ranges)
    assert any("expected rows below 10, found 30" in problem for problem in said(table))


def test_a_flipped_bit_of_a_deletion_vector(table, forge):
    data, ranges = vectors(forge, [1, 3])
    forge.index_becomes("DELETION_VECTORS", data[:-6] + b"\xff" + data[-5:], 1, ranges)
    assert any("expected CRC" in problem for problem in said(table))


def test_a_lost_index_file(table, forge):
    forge.index_becomes("HASH", encode_hash_index(hashes(range(10))), 10)
    (forge.folder / "index/index-x-0").unlink()
    assert said(table) == {"it does not exist, though a manifest refers to it"}


def test_an_index_of_an_unknown_type_is_named_and_no_damage(table, forge):
    forge.index_becomes("btree", b"x", 1)
    report = ts.open_table(table.path).verify()
    assert report.ok
    assert [f.problem for f in report.skipped] == ["indexes of the type 'btree' are not read"]


IDS = pa.array(range(10), pa.int64())
OTHERS = pa.array([*range(9), 99], pa.int64())
INDEXES = {
    "bitmap": (
        encode_bitmap_index, "bitmap index of id in {}: row 9 has 9, the index says 99",
    ),
    "bsi": (encode_bsi, "bsi index of id in {}: row 9 has 9, the index says 99"),
    "range-bitmap": (
        encode_range_bitmap, "range-bitmap index of id in {}: row 9 has 9, the index says 99",
    ),
    "bloom-filter": (
        lambda array, kind: encode_bloom(array, kind, items=100, fpp=0.001),
        "bloom-filter index of id in {}: 1 values of rows are not in it",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", INDEXES)
@pytest.mark.parametrize("beside", [False, True])
def test_file_indexes(table, forge, kind, beside):
    encode, sentence = INDEXES[kind]

    def store(array):
        data = encode_file_index({"id": {kind: encode(array, BIGINT)}})
        if beside:
            (forge.folder / "bucket-0/x.index").write_bytes(data)
            forge.file_becomes(extra_files=("x.index",))
        else:
            forge.file_becomes(embedded_index=data)

    store(IDS)
    assert said(table) == set()
    store(OTHERS)
    assert said(table) == {sentence.format("x.index" if beside else "the manifest entry")}


def test_file_indexes_of_nulls_of_fewer_rows_and_of_no_values(tmp_path):
    made = keyed_table(tmp_path, bucket=1)
    made.upsert(rows(range(3), v=["a", None, "b"]))
    forge = Forge(tmp_path / "shop.db/t")

    def store(**kinds):
        indexes = {k.replace("_", "-"): v for k, v in kinds.items()}
        forge.file_becomes(embedded_index=encode_file_index({"v": indexes}))
        return said(made)

    def text(*values):
        return pa.array(values, pa.string())

    label = "index of v in the manifest entry"
    assert store(bitmap=encode_bitmap_index(text("a", None, "b"), TEXT)) == set()
    assert store(bitmap=encode_bitmap_index(text("a", "b", "b"), TEXT)) == {
        f"bitmap {label}: row 1 has None, the index says 'b'"
    }
    assert store(bitmap=encode_bitmap_index(text("a"), TEXT)) == {
        f"bitmap {label}: index is damaged: expected 3 rows, found 1"
    }
    assert store(bitmap=None) == {f"bitmap {label}: row 0 has 'a', the index says None"}
    assert store(bitmap=b"\x02") != set()


def test_a_damaged_container_of_indexes(table, forge):
    forge.file_becomes(embedded_index=b"no index")
    assert any("magic" in problem for problem in said(table))


# -- files beside the snapshots -------------------------------------------------------------------


def test_statistics(table, forge):
    (forge.folder / "statistics").mkdir()
    path = forge.folder / "statistics/stat-x-0"
    forge.write(statistics="stat-x-0")
    assert said(table) == {"it does not exist, though something refers to it"}
    known = {"snapshotId": 1, "schemaId": 0, "colStats": {"v": {"colId": 1}}}
    path.write_text(json.dumps(known))
    assert said(table) == set()
    path.write_text(json.dumps({**known, "colStats": {"v": {"colId": 7}}}))
    assert said(table) == {"column v: schema 0 has no id 7"}
    path.write_text("{")
    assert any("statistics" in problem for problem in said(table))


@pytest.fixture
def changes(table, forge):
    """The table, with its rows as the changelog of its snapshot too."""
    name = forge.document["deltaManifestList"]
    (forge.folder / "manifest/changes").write_bytes((forge.folder / "manifest" / name).read_bytes())
    forge.write(changelogManifestList="changes", changelogRecordCount=10)
    return table


def test_changelog_files(changes, forge):
    assert said(changes) == set()
    forge.write(changelogRecordCount=11)
    assert said(changes) == {"changelogRecordCount: expected 11, found 10"}
    (forge.folder / "manifest/changes").unlink()
    assert said(changes) == {"it does not exist, though something refers to it"}


def test_a_long_lived_changelog_keeps_its_files(changes, forge):
    (forge.folder / "changelog").mkdir()
    kept = forge.folder / "changelog/changelog-1"
    kept.write_bytes(forge.snapshot.read_bytes())
    assert said(changes) == set()
    kept.write_text(json.dumps({**forge.document, "id": 4}))
    assert said(changes) == {"id: expected 1, found 4"}
    kept.write_text(json.dumps({**forge.document, "changelogManifestList": "gone"}))
    assert said(changes) == {"it does not exist, though something refers to it"}


@pytest.mark.parametrize("lost", ["schema/schema-0", "manifest"])
def test_what_only_a_branch_needs(table, forge, lost):
    home = forge.folder / "branch/branch-b"
    for name in ("schema/schema-0", "snapshot/snapshot-1"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_bytes((forge.folder / name).read_bytes())
    report = ts.open_table(table.path).verify()
    assert (report.ok, report.snapshots, report.files) == (True, 2, 1)
    if lost == "manifest":
        document = json.loads((home / "snapshot/snapshot-1").read_text())
        document["deltaManifestList"] = "gone"
        (home / "snapshot/snapshot-1").write_text(json.dumps(document))
        lost = "manifest/gone"
    else:
        (home / lost).write_text("{}")
        lost = f"branch/branch-b/{lost}"
    assert {f.object for f in ts.open_table(table.path).verify().findings} == {lost}


def test_what_only_a_tag_needs(table, forge):
    (forge.folder / "tag").mkdir()
    tag = {**forge.document, "deltaManifestList": "gone"}
    (forge.folder / "tag/tag-t").write_text(json.dumps(tag))
    found = ts.open_table(table.path).verify().findings
    assert [f.object for f in found] == ["manifest/gone"]


# -- memory ---------------------------------------------------------------------------------------


def test_a_file_goes_by_in_batches(tmp_path, monkeypatch):
    """Keys are compared across batches, and no more than a batch is decoded at a time."""
    made = keyed_table(tmp_path, bucket=1)
    count = 200_000
    made.upsert(pa.table({"id": np.arange(count), "v": pa.nulls(count, pa.string())}))
    from tablestore.table import verify_rows

    sizes = []
    add = verify_rows.KeyOrder.add
    monkeypatch.setattr(
        verify_rows.KeyOrder, "add", lambda self, b: sizes.append(b.num_rows) or add(self, b)
    )
    assert made.verify().ok
    assert sum(sizes) == count
    assert max(sizes) <= 65_536
