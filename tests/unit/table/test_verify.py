"""Damage of every kind is found by name, and a sound table has no findings."""

from __future__ import annotations

import datetime as dt
import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.errors import InvalidInputError
from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import decode_manifest, encode_manifest
from tablestore.format.manifest_list import decode_manifest_list, encode_manifest_list
from tablestore.runs.data_file import FileRequest
from tablestore.table.report import Notes
from tablestore.table.second_decoder import SecondDecoder
from tablestore.types.parse import parse_type
from tests.support.builders import append_table, keyed_table, rows, tree

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


TYPES = {
    "i": "INT",
    "s": "STRING",
    "d": "DECIMAL(9, 2)",
    "t": "TIMESTAMP(6)",
    "f": "DOUBLE",
    "l": "ARRAY<DATE>",
    "m": "MAP<STRING, INT>",
    "r": "ROW<a INT, b ROW<c STRING>>",
    "x": "ARRAY<ARRAY<INT>>",
}
VALUES = [
    {"i": 0, "s": "a", "d": Decimal("1.20"), "t": dt.datetime(2026, 1, 1), "f": 0.5,
     "l": [dt.date(2026, 1, 1), None], "m": {"k": 1, "n": None}, "r": {"a": 1, "b": {"c": "z"}},
     "x": [[1]]},
    {"i": 1, "s": None, "d": Decimal("2.00"), "t": dt.datetime(1969, 1, 1), "f": float("nan"),
     "l": [], "m": {}, "r": {"a": None, "b": None}, "x": None},
    {"i": None, "s": "c", "d": Decimal("-3.14"), "t": dt.datetime(2030, 1, 1), "f": None,
     "l": [dt.date(1960, 2, 3)], "m": {"o": 7}, "r": {"a": 3, "b": {"c": "y"}}, "x": [[], None]},
]  # fmt: skip


class Turned:
    """A reader of other rows than those of the file."""

    def __init__(self, reader, turn):
        self._reader, self._turn = reader, turn

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def batches(self, fields, groups=None):
        for batch in self._reader.batches(fields, groups):
            yield self._turn(batch)


def second(table, turn=lambda batch: batch, fields=None):
    """What the second decoder finds of the only file of a table, read with a mistake."""
    (info,) = table.files()
    parts = table._parts
    (entry,) = parts.state.base.live(parts.state.snapshots.latest()).entries()
    schema = parts.latest_schema(None)
    request = FileRequest(parts.store, info.path, entry.file, schema, False, ())

    class Mistaken:
        key, store = request.key, request.store

        @contextmanager
        def open(self):
            with request.open() as reader:
                yield Turned(reader, turn)

    notes = Notes()
    decoder = SecondDecoder(notes)
    decoder.compare(Mistaken(), fields or schema.fields, "parquet")
    decoder.tell(table.name)
    return [f.problem for f in notes.findings], [f.problem for f in notes.skipped], decoder


@pytest.fixture
def typed(tmp_path):
    made = ts.connect(str(tmp_path)).create_table("a.b", TYPES, options={"bucket": "-1"})
    made.append(VALUES)
    return made


def test_the_second_decoder_reads_nested_columns_and_names_those_that_it_cannot(typed):
    wrong, skipped, decoder = second(typed)
    assert (wrong, decoder.compared, decoder.left_out) == ([], 8, 1)
    assert skipped == [
        "column x (ARRAY<ARRAY<INT>>) was not compared in 1 file: fastparquet does not decode a "
        "nested column of this depth"
    ]
    report = typed.verify(deep=True)
    assert (report.columns_compared, report.columns_not_compared) == (8, 1)
    assert "8 columns decoded twice and alike, 1 not decoded twice" in repr(report)


def test_the_second_decoder_finds_other_values(typed):
    wrong, _, _ = second(typed, lambda batch: batch.take([2, 1, 0]))
    names = [name for name in TYPES if name not in ("r", "x")] + ["r.a"]
    assert [problem.partition(":")[0] for problem in wrong] == [f"column {n}, row 0" for n in names]


def test_the_second_decoder_finds_lost_rows(typed):
    wrong, _, _ = second(typed, lambda batch: batch.slice(1))
    assert wrong[0] == "column i: read 2 rows, fastparquet 3"


def test_the_second_decoder_counts_files_of_other_formats(tmp_path):
    made = append_table(tmp_path, bucket="-1", file__format="orc")
    made.append(rows([1]))
    made.append(rows([2]))
    report = made.verify(deep=True)
    assert (report.ok, report.columns_compared, report.columns_not_compared) == (True, 0, 4)
    assert [f.problem for f in report.skipped] == [
        "columns id (BIGINT), v (STRING) were not compared in 2 files: there is no second decoder "
        "for orc"
    ]


def test_deep_without_the_second_decoder_says_what_to_install(table, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastparquet", None)
    with pytest.raises(InvalidInputError, match="pip install fastparquet"):
        table.verify(deep=True)
