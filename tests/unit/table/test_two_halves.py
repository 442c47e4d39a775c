"""A commit message has a data half and a compaction half; one commit may publish both."""

from __future__ import annotations

import dataclasses

from tablestore.commit.message import CommitMessage, CompactIncrement, DataIncrement
from tests.support.builders import (
    commit_messages,
    keyed_table,
    live_entries,
    rows,
    state_of,
    stored,
)


def message(entry, data=None, compact=None):
    return CommitMessage(
        entry.partition,
        entry.bucket,
        entry.total_buckets,
        data or DataIncrement(),
        compact or CompactIncrement(),
    )


def raised(entry, level=5):
    """The compaction half that moves a file to another level, as Java's upgrade does."""
    return CompactIncrement(
        before=(entry.file,), after=(dataclasses.replace(entry.file, level=level),)
    )


def unpublished(table, data):
    """Messages of real files that were written and not committed."""
    batch = table.batch()
    batch.upsert(data)
    return batch.prepare()


def test_each_half_has_slots_for_changelog_and_index_files():
    for half in (DataIncrement, CompactIncrement):
        names = {field.name for field in dataclasses.fields(half)}
        assert {"changelog_files", "new_index_files", "deleted_index_files"} <= names


def test_one_commit_publishes_an_append_and_then_a_compact_snapshot():
    table = keyed_table()
    table.upsert(rows([1, 2], "old"))
    (first,) = live_entries(table)
    (new,) = unpublished(table, rows([2, 3], "new"))
    both = dataclasses.replace(new, compact=raised(first))
    result = commit_messages(table, [both])
    assert result.snapshot_ids == (2, 3)
    assert result.compaction == "committed"
    kinds = [info.kind for info in table.history()]
    assert kinds == ["COMPACT", "APPEND", "APPEND"]
    assert stored(table) == {1: "old", 2: "new", 3: "new"}
    assert sorted(info.level for info in table.files()) == [0, 5]
    assert table.at(snapshot=2).files()[0].level == 0


def test_a_file_may_come_and_be_compacted_in_one_commit():
    table = keyed_table()
    (new,) = unpublished(table, rows([1, 2]))
    up = tuple(dataclasses.replace(file, level=5) for file in new.data.new_files)
    compact = CompactIncrement(before=new.data.new_files, after=up)
    result = commit_messages(table, [dataclasses.replace(new, compact=compact)])
    assert result.snapshot_ids == (1, 2)
    assert [info.level for info in table.files()] == [5]
    assert stored(table) == stored(table.at(snapshot=1)) == {1: "1", 2: "2"}


def test_a_compaction_alone_is_one_compact_snapshot_that_changes_no_row():
    table = keyed_table()
    table.upsert(rows([1, 2]))
    before = stored(table)
    (entry,) = live_entries(table)
    result = commit_messages(table, [message(entry, compact=raised(entry))])
    assert result.snapshot_ids == (2,)
    assert table.history()[0].kind == "COMPACT"
    assert stored(table) == before
    table.upsert(rows([2], "newer"))
    assert stored(table) == {1: "1", 2: "newer"}


def test_upserts_after_a_compaction_number_on():
    table = keyed_table()
    table.upsert(rows([1, 2]))
    (entry,) = live_entries(table)
    commit_messages(table, [message(entry, compact=raised(entry))])
    table.upsert(rows([9]))
    assert sorted(info.min_sequence for info in table.files()) == [0, 2]


def test_the_base_follows_both_snapshots_without_reading():
    table = keyed_table()
    table.upsert(rows([1]))
    (entry,) = live_entries(table)
    (new,) = unpublished(table, rows([2]))
    commit_messages(table, [dataclasses.replace(new, compact=raised(entry))])
    state = state_of(table)
    live = state.base.peek(state.snapshots.latest())
    assert live is not None
    assert sorted(e.file.level for e in live.entries()) == [0, 5]
