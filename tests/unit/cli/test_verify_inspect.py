"""``tablestore verify`` and ``tablestore inspect``."""

from __future__ import annotations

import json

import pytest

import tablestore as ts
from tablestore.cli.main import run
from tablestore.errors import CorruptDataError
from tablestore.format.deletion_vector import encode_index_file
from tablestore.format.hash_index import encode_hash_index
from tablestore.table.inspect import inspect_file
from tests.support.builders import append_table, keyed_table, rows


@pytest.fixture
def table(tmp_path):
    made = keyed_table(
        tmp_path, {"p": "STRING", "id": "BIGINT NOT NULL", "v": "STRING"}, key=("id", "p"),
        by=("p",), bucket=1,
    )  # fmt: skip
    made.upsert([{"p": "x", "id": 1, "v": "a"}, {"p": "y", "id": 2, "v": None}])
    return made


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "shop.db" / "t"


def out(capsys, *arguments):
    code = run([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def manifest(folder, which="deltaManifestList"):
    return json.loads((folder / "snapshot/snapshot-1").read_text())[which]


def test_verify_of_a_sound_table_exits_with_0(table, folder, capsys):
    code, said, told = out(capsys, "verify", folder)
    assert (code, said) == (0, "")
    assert "all well" in told
    code, said, _ = out(capsys, "verify", folder, "--deep", "--json")
    report = json.loads(said)
    assert (code, report["ok"], report["deep"], report["files"]) == (0, True, True, 2)


def test_verify_of_a_damaged_table_exits_with_1_and_names_the_file(table, folder, tmp_path, capsys):
    (lost,) = [info.path for info in table.files() if info.partition == {"p": "x"}]
    (folder / lost).unlink()
    code, said, told = out(capsys, "verify", folder)
    assert code == 1
    assert lost in said
    assert "1 finding;" in told
    code, said, _ = out(capsys, "--lake", tmp_path, "verify", "shop.t", "--json")
    report = json.loads(said)
    assert (code, report["ok"]) == (1, False)
    assert [finding["object"] for finding in report["findings"]] == [lost]


def test_verify_of_no_table_is_an_error_in_words(tmp_path, capsys):
    code, _, told = out(capsys, "verify", tmp_path / "none.db" / "t")
    assert code == 1
    assert "there is no table" in told


@pytest.mark.parametrize("name", ["snapshot/snapshot-1", "schema/schema-0"])
def test_inspect_shows_json_files_as_they_are(table, folder, capsys, name):
    code, said, _ = out(capsys, "inspect", folder / name, "--json")
    found = json.loads(said)
    assert code == 0
    assert found["kind"] == name.partition("/")[0]
    assert found["content"] == json.loads((folder / name).read_text())
    code, said, _ = out(capsys, "inspect", folder / name)
    assert said.startswith(f"{found['kind']} {found['name']}: {found['size']} bytes\n")


def test_inspect_decodes_manifest_lists_and_manifests(table, folder, capsys):
    code, said, _ = out(capsys, "inspect", folder / "manifest" / manifest(folder), "--json")
    (row,) = json.loads(said)["rows"]
    assert (code, row["num_added_files"]) == (0, 2)
    assert row["partition_stats"] == {"min": ["x"], "max": ["y"], "null_counts": [0]}
    code, said, _ = out(capsys, "inspect", folder / "manifest" / row["file_name"], "--json")
    found = json.loads(said)
    assert found["content"] == {"added": 2, "deleted": 0}
    first, second = found["rows"]
    assert (first["kind"], first["partition"], first["min_key"]) == ("ADD", ["x"], [1])
    assert second["value_stats"]["null_counts"][-1] == 1
    code, said, _ = out(capsys, "inspect", folder / "manifest" / row["file_name"])
    assert "file_name" in said


def test_a_manifest_away_from_its_table_shows_rows_as_hex(table, folder, tmp_path):
    name = manifest(folder)
    away = tmp_path / "away" / "x"
    away.mkdir(parents=True)
    (away / name).write_bytes((folder / "manifest" / name).read_bytes())
    (row,) = inspect_file(str(away / name)).rows
    assert bytes.fromhex(row["partition_stats"]["min"])[:4] == b"\0\0\0\1"


def test_inspect_shows_the_footer_and_row_groups_of_a_data_file(table, folder):
    info = table.files()[0]
    found = inspect_file(str(folder / info.path))
    assert (found.kind, found.content["rows"], found.size) == ("data file", 1, info.bytes)
    assert [column["name"] for column in found.content["columns"]][:2] == [
        "_KEY_id",
        "_SEQUENCE_NUMBER",
    ]
    (group,) = found.rows
    assert (group["rows"], {c["codec"] for c in group["columns"]}) == (1, {"ZSTD"})


def test_inspect_shows_small_files(tmp_path):
    for name, text, kind, content in (
        ("consumer-c", '{"nextSnapshot":3}', "consumer", {"nextSnapshot": 3}),
        ("LATEST", "12", "hint", {"snapshot": 12}),
        (
            "stat-u-0",
            '{"snapshotId":1,"schemaId":0}',
            "statistics",
            {"snapshotId": 1, "schemaId": 0},
        ),
    ):
        (tmp_path / name).write_text(text)
        found = inspect_file(str(tmp_path / name))
        assert (found.kind, found.content, found.rows) == (kind, content, ())


def test_inspect_shows_tags_and_changelogs(table, folder):
    data = (folder / "snapshot/snapshot-1").read_bytes()
    for name, kind in (("tag-v1", "tag"), ("changelog-1", "changelog")):
        (folder / name).write_bytes(data)
        assert inspect_file(str(folder / name)).kind == kind


def test_inspect_of_damage_or_of_another_file_is_an_error_in_words(table, folder, capsys):
    path = folder / "snapshot/snapshot-1"
    path.write_text("{")
    code, _, told = out(capsys, "inspect", path)
    assert code == 1
    assert "snapshot snapshot-1 is damaged" in told
    (folder / "notes.txt").write_text("x")
    code, _, told = out(capsys, "inspect", folder / "notes.txt")
    assert code == 1
    assert "no name of a table's file" in told
    code, _, told = out(capsys, "inspect", folder / "snapshot/snapshot-9")
    assert code == 1
    for name, bad in (("LATEST", "x"), ("data-1.parquet", "PAR1")):
        (folder / name).write_text(bad)
        with pytest.raises(ts.CorruptDataError, match="is damaged"):
            inspect_file(str(folder / name))


def test_verify_takes_a_branch(tmp_path, capsys):
    table = append_table(tmp_path)
    table.append(rows([1]))
    home = tmp_path / "shop.db/t"
    for name in ("schema", "snapshot"):
        (home / "branch/branch-b" / name).mkdir(parents=True)
    for name in ("schema/schema-0", "snapshot/snapshot-1"):
        (home / "branch/branch-b" / name).write_bytes((home / name).read_bytes())
    code, said, _ = out(capsys, "verify", home, "--branch", "b", "--json")
    assert (code, json.loads(said)["table"]) == (0, "shop.t$branch_b")
    (home / "branch/branch-b/snapshot/snapshot-2").write_text("{")
    code, _, told = out(capsys, "verify", home, "--branch", "b")
    assert code == 1
    assert "snapshot" in told
    code, said, _ = out(capsys, "verify", home)
    assert (code, "branch/branch-b/snapshot/snapshot-2" in said) == (1, True)


def test_inspect_shows_the_pages_of_a_column_chunk(table, folder):
    (info, _) = table.files()
    (group,) = inspect_file(str(folder / info.path)).rows
    pages = [page for chunk in group["columns"] for page in chunk["pages"]]
    assert {page["page"] for page in pages} == {"data"}
    assert all(page["checksum"] for page in pages)
    data = (folder / info.path).read_bytes()
    assert all(page["offset"] + page["bytes"] < len(data) for page in pages)


def test_inspect_of_a_damaged_page_header_names_the_file(table, folder):
    (info, _) = table.files()
    path = folder / info.path
    (group,) = inspect_file(str(path)).rows
    at = group["columns"][0]["pages"][0]["offset"]
    data = bytearray(path.read_bytes())
    data[at : at + 8] = bytes(8)
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptDataError, match=f"{path.name} is damaged at byte {at}"):
        inspect_file(str(path))


@pytest.mark.parametrize("name", ["orc", "avro"])
def test_inspect_shows_data_files_of_other_formats(tmp_path, name):
    made = append_table(tmp_path, bucket="-1", file__format=name)
    made.append(rows(range(5)))
    (info,) = made.files()
    found = inspect_file(str(tmp_path / "shop.db/t" / info.path))
    assert (found.content["format"], found.content["rows"]) == (name, 5)
    assert [column["name"] for column in found.content["columns"]] == ["id", "v"]
    assert sum(row["rows"] for row in found.rows) == 5


def test_inspect_shows_index_files(tmp_path):
    data, _ = encode_index_file({"a.parquet": [1, 5], "b.parquet": range(1000)})
    (tmp_path / "index-1f-0").write_bytes(data)
    found = inspect_file(str(tmp_path / "index-1f-0"))
    assert found.content == {"type": "deletion vectors", "vectors": 2, "deleted": 1002}
    assert [row["rows"][:3] for row in found.rows] == [[1, 5], [0, 1, 2]]
    (tmp_path / "index-1f-1").write_bytes(encode_hash_index([7, -3]))
    found = inspect_file(str(tmp_path / "index-1f-1"))
    assert found.content == {"type": "key hashes", "hashes": 2, "first": [7, -3]}


def test_inspect_of_a_file_that_is_not_there(tmp_path, capsys):
    for name in ("x.parquet", "snapshot-3"):
        code, _, told = out(capsys, "inspect", tmp_path / name)
        assert code == 1
        assert name in told


def test_inspect_of_a_folder_says_so(table, folder, capsys):
    code, _, told = out(capsys, "inspect", folder)
    assert code == 1
    assert "is a folder: expected one file of a table" in told


def test_logical_types_are_short(tmp_path):
    made = append_table(tmp_path, {"t": "TIMESTAMP(3)"}, bucket="-1")
    made.append([{"t": None}])
    found = inspect_file(str(tmp_path / "shop.db/t" / made.files()[0].path))
    (column,) = found.content["columns"]
    assert column["logical"] == "Timestamp(isAdjustedToUTC=false, timeUnit=milliseconds)"
