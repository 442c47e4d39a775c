from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.snapshot import MAX_BYTES, Snapshot, decode_snapshot, encode_snapshot

DATA = Path(__file__).parent / "data"
MINIMAL = Snapshot(
    id=1,
    schema_id=0,
    base_manifest_list="manifest-list-a-0",
    delta_manifest_list="manifest-list-a-1",
    commit_user="u",
    commit_identifier=2**63 - 1,
    commit_kind="APPEND",
    time_millis=1_700_000_000_000,
    total_record_count=3,
    delta_record_count=3,
)


def changed(**keys: object) -> bytes:
    document = {**json.loads(encode_snapshot(MINIMAL)), **keys}
    return json.dumps({k: v for k, v in document.items() if v is not ...}).encode()


def test_bytes_are_those_of_java():
    data = (DATA / "java-2.1.snapshot.json").read_bytes()
    assert encode_snapshot(decode_snapshot(data)) == data


@pytest.mark.parametrize("writer", ["java-0.9", "java-2.1", "pypaimon-2.1", "rust-0.4"])
def test_snapshots_of_every_writer_keep_all_values(writer: str):
    data = (DATA / f"{writer}.snapshot.json").read_bytes()
    before = {k: v for k, v in json.loads(data).items() if v is not None}
    assert json.loads(encode_snapshot(decode_snapshot(data))) == before


def test_old_java_snapshot_is_understood():
    snapshot = decode_snapshot((DATA / "java-0.9.snapshot.json").read_bytes())
    assert (snapshot.id, snapshot.version, snapshot.uuid) == (5, 3, None)
    assert snapshot.base_manifest_list_size is None
    assert snapshot.extra == {"logOffsets": {}}


def test_unknown_keys_survive_a_round_trip():
    snapshot = decode_snapshot(changed(future={"a": [1]}))
    assert snapshot.extra == {"future": {"a": [1]}}
    assert decode_snapshot(encode_snapshot(snapshot)) == snapshot


def test_empty_values_are_not_written():
    keys = json.loads(encode_snapshot(MINIMAL)).keys()
    assert {"properties", "watermark", "changelogManifestList"}.isdisjoint(keys)


def test_every_field_survives_a_round_trip():
    full = replace(
        MINIMAL,
        base_manifest_list_size=1,
        delta_manifest_list_size=2,
        changelog_manifest_list="c",
        changelog_manifest_list_size=3,
        index_manifest="i",
        changelog_record_count=0,
        watermark=-(2**63),
        statistics="s",
        properties={"k": "é"},
        next_row_id=0,
        uuid="x",
        writer_version="w",
        operation="MERGE",
    )
    assert decode_snapshot(encode_snapshot(full)) == full


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "expected JSON, found the end of the file"),
        (b"{", "at byte 1"),
        (b"\xff", "expected UTF-8, found 0xff"),
        (b"[]", "expected a JSON object, found list"),
        (b"[" * 100_000, "expected JSON, found RecursionError"),
        (b'{"version":' + b"9" * 5000 + b"}", "expected JSON"),
        (changed(id=...), "expected key 'id'"),
        (changed(id=None), "expected key 'id'"),
        (changed(id="1"), "an integer for 'id', found '1'"),
        (changed(id=True), "an integer for 'id', found True"),
        (changed(id=2**63), "an integer for 'id'"),
        (changed(commitUser=7), "a string for 'commitUser', found 7"),
        (changed(properties={"a": 1}), "an object for 'properties'"),
        (changed(version="3"), "an integer for 'version'"),
    ],
)
def test_damaged_snapshots_are_named(data: bytes, words: str):
    with pytest.raises(CorruptDataError) as caught:
        decode_snapshot(data, name="snapshot-9")
    assert "snapshot snapshot-9 is damaged" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"version": 4}, "has version 4, written by a newer release"),
        ({"version": 2}, "has version 2, written by a release before 0.4"),
        ({"version": ...}, "has version 1, written by a release before 0.4"),
        ({"commitKind": "MAGIC"}, "has commitKind 'MAGIC'"),
    ],
)
def test_snapshots_of_other_releases_are_refused(keys: dict[str, object], words: str):
    with pytest.raises(UnsupportedFormatError, match=words):
        decode_snapshot(changed(**keys), name="snapshot-9")


def test_a_giant_snapshot_is_not_parsed():
    with pytest.raises(CorruptDataError, match="at most 16777216 bytes"):
        decode_snapshot(b" " * (MAX_BYTES + 1))


def test_every_finding_says_what_was_found():
    for data in (b"{}", b'{"version": 3}', b"\xff", b"[]", b"{"):
        with pytest.raises((CorruptDataError, UnsupportedFormatError)) as caught:
            decode_snapshot(data, name="s")
        if isinstance(caught.value, CorruptDataError):
            assert caught.value.found is not None


def test_a_long_version_is_cut_in_the_message():
    with pytest.raises(CorruptDataError) as caught:
        decode_snapshot(b'{"version": "%s"}' % (b"x" * 3000), name="s")
    assert len(str(caught.value)) < 300
