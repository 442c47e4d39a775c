from __future__ import annotations

import json

import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.json_object import check_spelling
from tablestore.format.snapshot import Snapshot, decode_snapshot, encode_snapshot

SNAPSHOT = Snapshot(
    id=1,
    schema_id=0,
    base_manifest_list="b",
    delta_manifest_list="d",
    commit_user="u",
    commit_identifier=1,
    commit_kind="APPEND",
    time_millis=1,
    total_record_count=1,
    delta_record_count=1,
    index_manifest="index-manifest-1",
)


def test_a_flipped_bit_in_a_key_that_may_be_absent_is_found():
    data = encode_snapshot(SNAPSHOT).replace(b"indexManifest", b"indexManifesu")
    with pytest.raises(CorruptDataError, match="expected key 'indexManifest', found 'indexManifes"):
        decode_snapshot(data, name="s")


def test_unknown_keys_of_later_releases_are_kept():
    document = json.loads(encode_snapshot(SNAPSHOT)) | {"indexManifests": 1, "watermork9": 2}
    assert decode_snapshot(json.dumps(document).encode()).extra == {
        "indexManifests": 1,
        "watermork9": 2,
    }


@pytest.mark.parametrize(
    ("unknown", "absent"),
    [("commenT", "comment"), ("\u00e9", "e")],
    ids=["case", "length"],
)
def test_one_bit_makes_another_key_only_at_the_same_length(unknown, absent):
    if len(unknown.encode()) == len(absent.encode()):
        with pytest.raises(CorruptDataError):
            check_spelling([unknown], [absent], "file", "f")
    else:
        check_spelling([unknown], [absent], "file", "f")
    check_spelling(["xomment"], ["comment"], "file", "f")  # more bits than one
