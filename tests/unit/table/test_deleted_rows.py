"""An append table whose rows another engine deleted by vectors."""

from __future__ import annotations

import pytest

from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.errors import CorruptDataError
from tablestore.format.index_manifest import DeletionVectorRange, IndexManifestEntry
from tests.support.builders import (
    append_table,
    commit_messages,
    live_entries,
    metered,
    rows,
    store_of,
    stored,
)

# Java Paimon 2.1-SNAPSHOT: an index file with the vector {1, 3, 5}
FILE = bytes.fromhex("010000001a5e43f2d03a300000010000000000020010000000010003000500f39291eb")


def delete_rows(table, data=FILE, *, length=26, cardinality=3, data_file=None):
    """Commit a vector for the first data file, as an engine with DELETE does."""
    entry = live_entries(table)[0]
    store_of(table).put("index/index-a-0", data)
    vector = DeletionVectorRange(data_file or entry.file.file_name, 1, length, cardinality)
    index = IndexManifestEntry(
        0, entry.partition, entry.bucket, "DELETION_VECTORS", "index-a-0", len(FILE), 1, (vector,)
    )
    message = CommitMessage(
        entry.partition, entry.bucket, entry.total_buckets, DataIncrement(new_index_files=(index,))
    )
    commit_messages(table, [message])


@pytest.fixture
def table():
    made = append_table()
    made.append(rows(range(10)))
    made.append(rows(range(10, 20)))
    delete_rows(made)
    return made


LEFT = [0, 2, 4, *range(6, 20)]


def test_deleted_rows_are_not_read(table):
    assert sorted(stored(table)) == LEFT


def test_the_snapshot_before_still_has_them(table):
    assert sorted(stored(table.at(snapshot=2))) == list(range(20))


def test_filters_and_limits_see_the_rows_that_are_left(table):
    assert sorted(stored(table, where="id < 6")) == [0, 2, 4]
    assert stored(table, where="id = 3") == {}
    assert len(stored(table, limit=5)) == 5
    assert table.to_arrow(columns=["v"]).num_rows == len(LEFT)


def test_a_pinned_table_reads_its_vectors_once(table):
    pinned = table.at(snapshot=3)
    pinned.to_arrow()
    with metered(table) as found:
        assert sorted(stored(pinned)) == LEFT
    assert found[0].verbs == {"open_read": 2}


def test_a_missing_index_file_is_damage_and_no_silent_return_of_rows(table):
    store_of(table).delete("index/index-a-0")
    with pytest.raises(CorruptDataError, match="index/index-a-0"):
        table.to_arrow()


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"data": FILE[:-1]}, "35 bytes"),
        ({"data": FILE[:-1] + b"\x00"}, "CRC"),
        ({"length": 27}, "27 bytes"),
        ({"cardinality": 4}, "4 positions"),
    ],
)
def test_a_vector_that_is_not_what_the_manifest_says_is_damage(how, message):
    table = append_table()
    table.append(rows(range(10)))
    delete_rows(table, **how)
    with pytest.raises(CorruptDataError, match=message):
        table.to_arrow()


def test_a_vector_for_rows_that_the_file_does_not_have_is_damage():
    table = append_table()
    table.append(rows(range(5)))
    delete_rows(table)
    with pytest.raises(CorruptDataError, match="rows below 5"):
        table.to_arrow()
