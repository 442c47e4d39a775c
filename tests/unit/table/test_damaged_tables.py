"""Damaged files are named, newer versions are refused; nothing is guessed and nothing changes."""

from __future__ import annotations

import json
import random

import pytest

import tablestore as ts
from tablestore.errors import CorruptDataError, TablestoreError, UnsupportedFormatError
from tests.support.builders import keyed_table, rows, stored, tree


@pytest.fixture
def home(tmp_path):
    table = keyed_table(tmp_path)
    for n in range(3):
        table.upsert(rows(range(50), str(n)))
    return tmp_path / "shop.db" / "t"


def the(home, pattern):
    """The newest file of a pattern."""
    return max(home.glob(pattern), key=lambda path: (path.stat().st_mtime_ns, path.name))


OBJECTS = {
    "snapshot": "snapshot/snapshot-3",
    "schema": "schema/schema-0",
    "manifest": "manifest/manifest-????????-*",
    "manifest list": "manifest/manifest-list-*",
    "data file": "bucket-0/*.parquet",
}


def damaged(home, kind, how):
    path = the(home, OBJECTS[kind])
    good = path.read_bytes()
    path.write_bytes(how(good))
    return path


def read(home):
    return ts.open_table(str(home)).to_arrow()


def write(home):
    return ts.open_table(str(home)).upsert(rows([1]))


DAMAGES = {
    "cut in half": lambda data: data[: len(data) // 2],
    "cut at the end": lambda data: data[:-5],
    "empty": lambda data: b"",
    "garbage": lambda data: random.Random(1).randbytes(len(data)),
    "other text": lambda data: b"<html>404</html>",
    "zeros": lambda data: bytes(len(data)),
}


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("kind", OBJECTS)
def test_a_damaged_object_is_named_in_one_sentence(home, kind, how):
    path = damaged(home, kind, DAMAGES[how])
    before = tree(home)
    with pytest.raises(CorruptDataError) as caught:
        read(home)
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text
    assert len(text) < 700
    assert caught.value.retryable is False
    if kind != "data file":
        with pytest.raises(CorruptDataError, match=path.name):
            write(home)
    assert tree(home) == before


@pytest.mark.parametrize("kind", ["manifest", "manifest list", "data file"])
def test_a_missing_object_is_named(home, kind):
    path = the(home, OBJECTS[kind])
    path.unlink()
    with pytest.raises(TablestoreError, match=path.name):
        read(home)


@pytest.mark.parametrize("kind", ["snapshot", "schema", "manifest", "manifest list", "data file"])
def test_flipped_bytes_never_crash_nor_hang(home, kind):
    r = random.Random(kind)
    path = the(home, OBJECTS[kind])
    good = path.read_bytes()
    expected = stored(ts.open_table(str(home)))
    for _ in range(60):
        bad = bytearray(good)
        for _ in range(r.randrange(1, 4)):
            bad[r.randrange(len(bad))] ^= 1 << r.randrange(8)
        path.write_bytes(bad)
        try:
            read(home)
        except TablestoreError as error:
            assert "\n" not in str(error)
    path.write_bytes(good)
    assert stored(ts.open_table(str(home))) == expected


def test_no_flipped_bit_of_a_data_file_changes_what_is_read(home):
    path = the(home, OBJECTS["data file"])
    good, table = path.read_bytes(), ts.open_table(str(home))
    expected, r = stored(table), random.Random(5)
    noticed = 0
    for _ in range(250):
        bad = bytearray(good)
        bad[r.randrange(len(bad))] ^= 1 << r.randrange(8)
        path.write_bytes(bad)
        try:
            found = stored(table)
            # a column whose name in the footer was hit reads as one that the file lacks
            assert found == expected or found == dict.fromkeys(expected)
        except CorruptDataError as error:
            assert path.name in str(error)
            noticed += 1
    assert noticed > 50


def test_a_file_with_another_number_of_rows_than_its_entry_is_refused(home):
    files = sorted(home.glob("bucket-0/*.parquet"))
    table = ts.open_table(str(home))
    table.upsert(rows([1]))
    (small,) = set(home.glob("bucket-0/*.parquet")) - set(files)
    small.write_bytes(files[0].read_bytes())
    with pytest.raises(CorruptDataError, match="1 rows"):
        read(home)


def test_a_snapshot_of_a_newer_version_is_refused(home):
    path = the(home, OBJECTS["snapshot"])
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"version": 4}))
    before = tree(home)
    for action in (read, write):
        with pytest.raises(UnsupportedFormatError, match=r"(?s)version.*4|4.*version") as caught:
            action(home)
        assert "snapshot-3" in str(caught.value)
    assert tree(home) == before


def test_a_schema_of_a_newer_version_is_refused(home):
    path = the(home, OBJECTS["schema"])
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"version": 9}))
    before = tree(home)
    for action in (read, write):
        with pytest.raises(UnsupportedFormatError, match="version") as caught:
            action(home)
        assert "schema-0" in str(caught.value)
        assert "9" in str(caught.value)
    assert tree(home) == before


def test_a_damaged_hint_is_only_a_hint(home):
    for name in ("LATEST", "EARLIEST"):
        for content in (b"", b"abc", b"99", b"-1", b"\xff\xfe"):
            (home / "snapshot" / name).write_bytes(content)
            assert stored(ts.open_table(str(home)))[1] == "2"
        (home / "snapshot" / name).unlink()
    assert stored(ts.open_table(str(home)))[1] == "2"


@pytest.mark.parametrize(
    ("option", "value"),
    [("merge-engine", "newest-of-all"), ("changelog-producer", "lookup"), ("bucket", "-2")],
)
def test_a_table_with_an_option_that_is_not_supported_yet_is_refused_by_name(home, option, value):
    path = the(home, OBJECTS["schema"])
    content = json.loads(path.read_text())
    content["options"][option] = value
    path.write_text(json.dumps(content))
    with pytest.raises(UnsupportedFormatError) as caught:
        write(home)
    assert option.split(".")[0].split("-")[0] in str(caught.value)


def test_a_name_that_leaves_the_table_is_not_followed(home):
    path = the(home, OBJECTS["snapshot"])
    content = json.loads(path.read_text())
    (home.parent / "secret").write_bytes(b"x")
    path.write_text(json.dumps(content | {"deltaManifestList": "../../secret"}))
    with pytest.raises(CorruptDataError, match="secret"):
        read(home)
