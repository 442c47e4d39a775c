"""Tags, consumers, long-lived changelogs and statistics files.

Origin of the texts: the tables `tags_branches` and `expired_changelog` that Java Paimon
2.1-SNAPSHOT (commit 5dacde5) wrote, and `org.apache.paimon.stats.Statistics.toJson` of 2.0.0.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.changelog import changes_list, decode_changelog, encode_changelog
from tablestore.format.consumer import Consumer, decode_consumer, encode_consumer
from tablestore.format.snapshot import decode_snapshot
from tablestore.format.statistics import ColumnStatistics, decode_statistics, encode_statistics
from tablestore.format.tag import decode_tag, encode_tag

SNAPSHOT = """{
  "version" : 3,
  "uuid" : "87b7182a-4822-4069-9f7a-8fbe18434be5",
  "id" : 1,
  "schemaId" : 0,
  "baseManifestList" : "manifest-list-d7cadf5f-1f3d-4aea-a7d5-1a1cad30030f-0",
  "baseManifestListSize" : 1006,
  "deltaManifestList" : "manifest-list-d7cadf5f-1f3d-4aea-a7d5-1a1cad30030f-1",
  "deltaManifestListSize" : 1108,
  "commitUser" : "java",
  "writerVersion" : "java-2.1-SNAPSHOT-UNKNOWN",
  "commitIdentifier" : 1,
  "commitKind" : "APPEND",
  "timeMillis" : 1795361688141,
  "totalRecordCount" : 1,
  "deltaRecordCount" : 1,
  "nextRowId" : 0"""
KEPT = """,
  "tagCreateTime" : [ 2026, 11, 22, 15, 34, 48, 148232047 ],
  "tagTimeRetained" : 90000.000000000"""
CONSUMER = b'{\n  "nextSnapshot" : 3\n}'
CHANGELOG = SNAPSHOT.replace(
    '"commitUser"', '"changelogManifestList" : "manifest-list-x-2",\n  "commitUser"'
)
STATISTICS = """{
  "snapshotId" : 5,
  "schemaId" : 1,
  "mergedRecordCount" : 3,
  "mergedRecordSize" : 99,
  "colStats" : {
    "a" : {
      "colId" : 0,
      "distinctCount" : 3,
      "min" : "1",
      "max" : "9",
      "nullCount" : 0,
      "avgLen" : 4,
      "maxLen" : 4
    },
    "b" : {
      "colId" : 1,
      "min" : "a'é",
      "nullCount" : 2
    }
  }
}"""


def tag(more=""):
    return f"{SNAPSHOT}{more}\n}}".encode()


def test_a_tag_without_retention_is_the_snapshot():
    found = decode_tag(tag())
    assert found.snapshot == decode_snapshot(tag())
    assert (found.created, found.retained) == (None, None)
    assert encode_tag(found) == tag()


def test_a_tag_keeps_its_creation_to_the_nanosecond_and_its_retention():
    found = decode_tag(tag(KEPT))
    assert found.created == 1795361688148232047
    assert found.retained == 25 * 3600 * 10**9
    assert found.snapshot == decode_snapshot(tag())
    assert decode_tag(encode_tag(found)) == found
    assert json.loads(encode_tag(found))["tagCreateTime"] == [2026, 11, 22, 15, 34, 48, 148232047]


def test_zero_ends_of_a_creation_time_are_cut_as_java_cuts_them():
    short = KEPT.replace(", 48, 148232047", "")
    found = decode_tag(tag(short))
    assert found.created == 1795361640 * 10**9
    assert json.loads(encode_tag(found))["tagCreateTime"] == [2026, 11, 22, 15, 34]


def test_unknown_keys_of_a_tag_survive():
    found = decode_tag(tag(KEPT + ',\n  "later" : [1]'))
    assert found.snapshot.extra == {"later": [1]}
    assert json.loads(encode_tag(found))["later"] == [1]


@pytest.mark.parametrize(
    "bad",
    [
        ',"tagCreateTime" : [2026, 13, 22, 15, 34]',
        ',"tagCreateTime" : [2026, 11]',
        ',"tagCreateTime" : "yesterday"',
        ',"tagCreateTime" : [2026, 11, 22, 15, 34, 48, -1]',
        ',"tagCreateTime" : [2026, 11, 22, 15, 34, 48.5]',
        ',"tagTimeRetained" : "P1D"',
        ',"tagTimeRetained" : NaN',
        ',"tagTimeRetained" : 1e999',
    ],
)
def test_a_damaged_tag_is_named(bad):
    with pytest.raises(CorruptDataError, match="tag tag/tag-t1 is damaged"):
        decode_tag(tag(bad), name="tag/tag-t1")


def test_a_consumer_reads_and_writes_as_java_does():
    assert decode_consumer(CONSUMER) == Consumer(3)
    assert encode_consumer(Consumer(3)) == CONSUMER


@pytest.mark.parametrize(
    "bad", [b"", b"[]", b"{}", b'{"nextSnapshot":"3"}', b'{"nextSnapshot":-1}']
)
def test_a_damaged_consumer_is_named(bad):
    with pytest.raises(CorruptDataError, match="consumer consumer/consumer-c is damaged"):
        decode_consumer(bad, name="consumer/consumer-c")


def test_a_changelog_is_a_snapshot_whose_changes_can_be_found():
    data = f"{CHANGELOG}\n}}".encode()
    found = decode_changelog(data)
    assert found == decode_snapshot(data)
    assert changes_list(found) == "manifest-list-x-2"
    without = replace(found, changelog_manifest_list=None)
    assert changes_list(without) == found.delta_manifest_list
    assert decode_changelog(encode_changelog(found)) == found


def test_a_damaged_changelog_is_named():
    with pytest.raises(CorruptDataError, match="changelog changelog/changelog-1 is damaged"):
        decode_changelog(b'{"version":3}', name="changelog/changelog-1")
    with pytest.raises(UnsupportedFormatError):
        decode_changelog(b'{"version":4}')


def test_statistics_read_and_write_as_java_does():
    found = decode_statistics(STATISTICS.encode())
    assert (found.snapshot_id, found.merged_record_count) == (5, 3)
    assert found.columns["b"] == ColumnStatistics(column_id=1, minimum="a'é", null_count=2)
    assert encode_statistics(found).decode() == STATISTICS
    later = decode_statistics(STATISTICS.replace('"schemaId"', '"new" : 1, "schemaId"').encode())
    assert json.loads(encode_statistics(later))["new"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        "{",
        "\xff",
        '{"snapshotId":5}',
        '{"snapshotId":5,"schemaId":1,"colStats":[]}',
        '{"snapshotId":5,"schemaId":1,"colStats":{"a":3}}',
        '{"snapshotId":5,"schemaId":1,"colStats":{"a":{"min":"1"}}}',
        '{"snapshotId":5,"schemaId":1,"colStats":{"a":{"colId":0,"min":1}}}',
    ],
)
def test_damaged_statistics_are_named(bad):
    with pytest.raises(CorruptDataError, match="statistics statistics/stat-0 is damaged"):
        decode_statistics(bad.encode("latin-1"), name="statistics/stat-0")
