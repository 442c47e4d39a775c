"""Damage of every kind is found by name, and a sound table has no findings."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError
from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import decode_manifest, encode_manifest
from tablestore.format.manifest_list import decode_manifest_list, encode_manifest_list
from tablestore.table.report import Notes
from tablestore.table.second_decoder import SecondDecoder
from tablestore.types.parse import parse_type
from tests.support.builders import keyed_table, rows, tree

BIGINT = [parse_type("BIGINT")]


@pytest.fixture
def table(tmp_path):
    """Two commits; the second deletes a key."""
    made = keyed_table(tmp_path, bucket=1)
    made.upsert(rows(range(100)))
    with made.batch() as batch:
        batch.upsert(rows(range(50, 60), v="new"))
        batch.delete(keys=[7])
    return made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop.db" / "t"


def findings(table, **how):
    """Found problems by object."""
    fresh = ts.open_table(table.path)
    report = fresh.verify(**how)
    assert report.ok == (not report.findings)
    return {finding.object: finding.problem for finding in report.findings}


def snapshot(folder, number=2):
    return json.loads((folder / f"snapshot/snapshot-{number}").read_text())


def store_snapshot(folder, number, **changes):
    path = folder / f"snapshot/snapshot-{number}"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def forge(folder, change_entry=None, change_meta=None):
    """Rewrite the delta manifest of the newest snapshot with sizes that agree."""
    name = snapshot(folder)["deltaManifestList"]
    (meta,) = decode_manifest_list((folder / "manifest" / name).read_bytes())
    path = folder / "manifest" / meta.file_name
    if change_entry is not None:
        path.write_bytes(encode_manifest(map(change_entry, decode_manifest(path.read_bytes()))))
        meta = replace(meta, file_size=path.stat().st_size)
    if change_meta is not None:
        meta = change_meta(meta)
    data = encode_manifest_list([meta])
    (folder / "manifest" / name).write_bytes(data)
    store_snapshot(folder, 2, deltaManifestListSize=len(data))
    return f"manifest/{meta.file_name}"


def forge_file(folder, **changes):
    """Rewrite what the delta manifest says of its file; the file's key."""

    def change(entry):
        return replace(entry, file=replace(entry.file, **changes))

    name = forge(folder, change_entry=change)
    (entry,) = decode_manifest((folder / name).read_bytes())
    return f"bucket-0/{entry.file.file_name}"


def data_file(folder):
    """Key and path of the newest data file."""
    (entry,) = decode_manifest((folder / delta_manifest(folder)).read_bytes())
    key = f"bucket-0/{entry.file.file_name}"
    return key, folder / key


def delta_manifest(folder):
    name = snapshot(folder)["deltaManifestList"]
    (meta,) = decode_manifest_list((folder / "manifest" / name).read_bytes())
    return f"manifest/{meta.file_name}"


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(bytes(data))


def test_a_sound_table_has_no_findings_and_is_not_changed(table, folder):
    before = tree(folder)
    report = table.verify()
    assert report.ok
    assert (report.snapshots, report.files, report.rows) == (2, 2, 111)
    assert repr(report).startswith("Report(shop.t: all well; 2 snapshots")
    deep = table.verify(deep=True)
    assert (deep.ok, deep.skipped, deep.columns_compared) == (True, (), 4)
    assert tree(folder) == before


def test_a_table_without_commits_is_sound(tmp_path):
    assert keyed_table(tmp_path, bucket=1).verify(deep=True).ok


def test_a_lost_data_file_is_named(table, folder):
    key, path = data_file(folder)
    path.unlink()
    assert findings(table) == {key: "it does not exist, though a manifest refers to it"}


def test_a_data_file_of_another_size_is_named(table, folder):
    key, path = data_file(folder)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"x")
    assert findings(table) == {key: f"size: expected {size}, found {size + 1}"}


@pytest.mark.parametrize("column", ["_KEY_id", "_SEQUENCE_NUMBER", "_VALUE_KIND", "id", "v"])
def test_a_flipped_byte_of_any_column_is_named(table, folder, column):
    key, path = data_file(folder)
    group = pq.read_metadata(path).row_group(0)
    chunks = [group.column(i) for i in range(group.num_columns)]
    (chunk,) = [chunk for chunk in chunks if chunk.path_in_schema == column]
    start = min(chunk.dictionary_page_offset or chunk.data_page_offset, chunk.data_page_offset)
    flip(path, start + chunk.total_compressed_size - 3)
    assert set(findings(table)) == {key}


def test_a_damaged_footer_is_named(table, folder):
    key, path = data_file(folder)
    flip(path, path.stat().st_size - 6)
    assert set(findings(table)) == {key}


def test_key_copies_that_differ_from_their_columns_are_named(table, folder):
    key, path = data_file(folder)
    file = pq.read_table(path)
    place = file.schema.get_field_index("_KEY_id")
    field = file.schema.field(place)
    pq.write_table(file.set_column(place, field, pa.array(range(len(file)), pa.int64())), path)
    forge_file(folder, file_size=path.stat().st_size)
    assert findings(table) == {key: "columns id and _KEY_id differ"}


@pytest.mark.parametrize("which", ["manifest", "list"])
def test_a_flipped_byte_of_metadata_is_named(table, folder, which):
    name = delta_manifest(folder)
    if which == "list":
        name = f"manifest/{snapshot(folder)['deltaManifestList']}"
    path = folder / name
    flip(path, path.stat().st_size - 5)
    found = findings(table)
    assert name in found
    assert "damaged" in found[name]


@pytest.mark.parametrize("which", ["manifest", "list", "schema"])
def test_lost_metadata_is_named(table, folder, which):
    name = {
        "manifest": delta_manifest(folder),
        "list": f"manifest/{snapshot(folder)['baseManifestList']}",
        "schema": "schema/schema-0",
    }[which]
    opened = ts.open_table(table.path)
    (folder / name).unlink()
    found = {f.object: f.problem for f in opened.verify().findings}
    assert found[name] == "it does not exist, though something refers to it"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("totalRecordCount", 999),
        ("deltaRecordCount", 999),
        ("baseManifestListSize", 1),
        ("deltaManifestListSize", 1),
    ],
)
def test_a_wrong_number_in_a_snapshot_is_named(table, folder, key, value):
    store_snapshot(folder, 2, **{key: value})
    found = findings(table)
    assert any("expected" in problem for problem in found.values())
    wanted = snapshot(folder)[key.removesuffix("Size")] if key.endswith("Size") else "snapshot-2"
    assert any(name.endswith(wanted) for name in found)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_added_files": 3}, "added files: expected 3, found 1"),
        ({"num_deleted_files": 1}, "deleted files: expected 1, found 0"),
        ({"file_size": 5}, "size: expected 5"),
        ({"max_bucket": 4}, "buckets: expected (0, 4), found (0, 0)"),
        ({"min_level": -1}, "levels: expected (-1, 0), found (0, 0)"),
    ],
)
def test_a_wrong_number_in_a_manifest_list_is_named(table, folder, change, said):
    name = forge(folder, change_meta=lambda meta: replace(meta, **change))
    found = findings(table)
    assert set(found) == {name}
    assert said in found[name]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"min_key": encode_row((8,), BIGINT)}, "lowest key: expected (8,), found (7,)"),
        ({"max_key": encode_row((58,), BIGINT)}, "highest key: expected (58,), found (59,)"),
        ({"max_sequence_number": 105}, "sequence numbers: expected 100 to 105"),
        ({"delete_row_count": 0}, "delete rows: expected 0, found 1"),
        ({"file_size": 7}, "size: expected 7"),
        ({"extra_files": ("x.index",)}, None),
    ],
)
def test_an_entry_that_disagrees_with_its_file_is_named(table, folder, change, said):
    key = forge_file(folder, **change)
    found = findings(table)
    if said is None:
        assert found == {"bucket-0/x.index": f"it does not exist; {key} needs it"}
    else:
        assert set(found) == {key}
        assert said in found[key]


def test_partitions_beyond_the_bounds_of_the_list_are_named(tmp_path):
    made = keyed_table(tmp_path, key=("id", "v"), by=("v",), bucket=1)
    made.upsert(rows([0]))
    made.upsert(rows([1, 2], v=["b", "d"]))
    types = [parse_type("STRING")]

    def narrow(meta):
        stats = replace(meta.partition_stats, max_values=encode_row(("c",), types))
        return replace(meta, partition_stats=stats)

    name = forge(tmp_path / "shop.db" / "t", change_meta=narrow)
    assert findings(made) == {name: "partition v: expected 'b' to 'c', found 'd'"}


def test_statistics_that_exclude_values_are_named(table, folder):
    (entry,) = decode_manifest((folder / delta_manifest(folder)).read_bytes())
    stats = entry.file.value_stats
    types = [parse_type("BIGINT"), parse_type("STRING")]
    for changed, said in (
        (replace(stats, null_counts=(0, 5)), "nulls in v: expected 5, found 1"),
        (replace(stats, max_values=encode_row((59, "mew"), types)), "largest v: expected 'mew'"),
        (replace(stats, min_values=encode_row((9, "new"), types)), "smallest id: expected 9"),
    ):
        key = forge_file(folder, value_stats=changed)
        found = findings(table)
        assert said in found[key]


def test_rows_out_of_order_are_named(table, folder):
    _, path = data_file(folder)
    turned = pq.read_table(path)
    pq.write_table(turned.take(list(range(len(turned) - 1, -1, -1))), path)
    forge_file(folder, file_size=path.stat().st_size)
    found = [f.problem for f in ts.open_table(table.path).verify().findings]
    assert "keys: expected each to be above the one before it" in found


def test_a_lost_row_is_named(table, folder):
    key, path = data_file(folder)
    pq.write_table(pq.read_table(path).slice(1), path)
    forge_file(folder, file_size=path.stat().st_size)
    assert "expected 11 rows, found 10" in findings(table)[key]


def test_a_snapshot_with_the_id_of_another_is_named(table, folder):
    store_snapshot(folder, 1, id=9)
    assert findings(table)["snapshot/snapshot-1"] == "id: expected 1, found 9"


def test_a_gap_between_snapshots_and_a_hint_ahead_are_named(table, folder):
    table.upsert(rows([1]))
    (folder / "snapshot/snapshot-2").unlink()
    (folder / "snapshot/LATEST").write_text("4")
    assert findings(table) == {
        "snapshot/snapshot-2": "it does not exist between others",
        "snapshot/LATEST": "it names snapshot 4; the newest is 3",
    }


def test_damaged_tags_and_consumers_are_named(table, folder):
    for name in ("tag/tag-t", "consumer/consumer-c", "changelog/changelog-1"):
        (folder / name).parent.mkdir()
        (folder / name).write_text("{")
    found = findings(table)
    assert set(found) == {"tag/tag-t", "consumer/consumer-c", "changelog/changelog-1"}


def test_what_only_a_tag_keeps_is_looked_at(table, folder):
    (folder / "tag").mkdir()
    (folder / "tag/tag-t").write_bytes((folder / "snapshot/snapshot-1").read_bytes())
    report = ts.open_table(table.path).verify()
    assert (report.ok, report.snapshots) == (True, 3)


def test_the_second_decoder_finds_other_values(tmp_path):
    """What was read differs from the file in one value of each column."""
    types = {"i": "INT", "s": "STRING", "d": "DECIMAL(9, 2)", "t": "TIMESTAMP(6)", "f": "DOUBLE"}
    made = ts.connect(str(tmp_path)).create_table("a.b", types, options={"bucket": "-1"})
    columns = {
        "i": pa.array([0, 1, None], pa.int32()),
        "s": pa.array(["a", None, "c"]),
        "d": pa.array([1, 2, 3]).cast(pa.decimal128(20, 0)).cast(pa.decimal128(9, 2)),
        "t": pa.array([0, 1, 2], pa.timestamp("us")),
        "f": pa.array([0.5, float("nan"), None]),
    }
    made.append(pa.table(columns))
    read = made.to_arrow()
    (key,) = [info.path for info in made.files()]
    fields = made._view.schema.fields
    notes = Notes()
    decoder = SecondDecoder(notes)
    decoder.compare(made._parts.store, key, fields, read, "parquet")
    assert (list(notes.findings), list(notes.skipped), decoder.compared) == ([], [], 5)
    turned = read.take([2, 1, 0])
    decoder.compare(made._parts.store, key, fields, turned, "parquet")
    assert [f.problem.partition(":")[0] for f in notes.findings] == [
        f"column {name}, row 0" for name in types
    ]
    decoder.compare(made._parts.store, key, fields, read.slice(1), "parquet")
    assert any("read 2 rows, fastparquet 3" in f.problem for f in notes.findings)
    decoder.compare(made._parts.store, key, fields, read, "orc")
    assert [f.problem for f in notes.skipped] == ["there is no second decoder for orc"]


def test_deep_without_the_second_decoder_says_what_to_install(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(InvalidInputError, match="pip install fastparquet"):
        table.verify(deep=True)
