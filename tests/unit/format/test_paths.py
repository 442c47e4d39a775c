from __future__ import annotations

import pytest

from tablestore.errors import UnsupportedFormatError
from tablestore.format import paths


def test_metadata_lies_in_its_folders():
    assert paths.snapshot_path(7) == "snapshot/snapshot-7"
    assert paths.schema_path(0) == "schema/schema-0"
    assert paths.manifest_path("manifest-list-u-0") == "manifest/manifest-list-u-0"
    assert paths.index_path("index-u-0") == "index/index-u-0"
    assert paths.changelog_path(3) == "changelog/changelog-3"
    assert paths.tag_path("t") == "tag/tag-t"
    assert paths.consumer_path("c") == "consumer/consumer-c"
    assert paths.LATEST_HINT == "snapshot/LATEST"


def test_only_branches_beside_main_have_a_folder():
    assert paths.branch_folder("main") == ""
    assert paths.branch_folder("b") == "branch/branch-b"


def test_the_postponed_bucket_is_spelled_out():
    assert [paths.bucket_folder(b) for b in (0, 12, -2)] == [
        "bucket-0",
        "bucket-12",
        "bucket-postpone",
    ]


def test_new_names_carry_a_uuid_and_a_number():
    assert paths.new_file_name("data-", "u", 3, "parquet") == "data-u-3.parquet"
    assert paths.manifest_name("u", 0) == "manifest-u-0"
    assert paths.manifest_list_name("u", 1) == "manifest-list-u-1"
    assert paths.index_manifest_name("u", 2) == "index-manifest-u-2"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("snapshot-12", 12),
        ("snapshot-", None),
        ("snapshot-x", None),
        ("snapshot-1.tmp", None),
        ("snapshot--1", None),
        ("snapshot-" + "9" * 30, None),
        ("schema-1", None),
        ("12", None),
        ("snapshot-²", None),
    ],
)
def test_only_numbers_behind_the_prefix_count(name: str, number: int | None):
    assert paths.numbered(name, "snapshot-") == number


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("data-u-0.parquet", "parquet"),
        ("data-u-0.zst.parquet", "parquet"),
        ("data-u-0.json.gz", "json"),
        ("data--u-x-s-1-w-u-0.avro", "avro"),
        ("data-u-0.vector.orc", "orc"),
    ],
)
def test_the_format_is_the_last_extension_that_is_no_codec(name: str, kind: str):
    assert paths.file_format(name) == kind


@pytest.mark.parametrize("name", ["data-u-0", "data-u-0.gz"])
def test_a_name_without_format_is_refused(name: str):
    with pytest.raises(UnsupportedFormatError, match=name):
        paths.file_format(name)
