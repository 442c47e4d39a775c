"""Whoever replaces a bucket's deletion vectors knew all of them, and the files that they are of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tablestore.commit.changes import Changes
from tablestore.commit.vector_conflict import find_bucket_vector_conflict
from tablestore.format.index_manifest import (
    DELETION_VECTORS_INDEX,
    HASH_INDEX,
    DeletionVectorRange,
    IndexManifestEntry,
)
from tablestore.format.manifest import KIND_ADD, KIND_DELETE
from tests.support.builders import keyed_table, live_entries, rows, state_of


@pytest.fixture(scope="module")
def table():
    table = keyed_table(bucket="1", write_only="true")
    for n in range(3):
        table.upsert(rows([n]))
    return table


@pytest.fixture
def live(table):
    state = state_of(table)
    return state.base.live(state.snapshots.latest())


@pytest.fixture
def files(table):
    return sorted(live_entries(table), key=lambda entry: entry.file.min_sequence_number)


def index(name, entries, kind=DELETION_VECTORS_INDEX):
    first = entries[0]
    ranges = tuple(DeletionVectorRange(entry.file.file_name, 1, 1, 1) for entry in entries)
    return IndexManifestEntry(KIND_ADD, first.partition, 0, kind, name, 1, len(ranges), ranges)


def removed(entry):
    return replace(entry, kind=KIND_DELETE)


def moved(entry):
    return [removed(entry), replace(entry, kind=KIND_ADD, file=replace(entry.file, level=5))]


def reason(before, live, *, entries=(), new=(), gone=()):
    changes = Changes(tuple(entries), (), tuple(new), tuple(gone))
    found = find_bucket_vector_conflict(before, changes, live)
    return None if found is None else found.reason


def test_vectors_that_were_known_may_be_replaced(live, files):
    a, b, c = files
    old, new = index("i1", [a, b]), index("i2", [b, c])
    assert reason([old], live, entries=[removed(a)], new=[new], gone=[old]) is None
    assert reason([], live, new=[new]) is None
    assert reason([old], live, entries=[removed(a), removed(b)], gone=[old]) is None


def test_vectors_that_another_commit_replaced_are_not_replaced_again(live, files):
    old, other, new = (index(name, files[:1]) for name in ("i1", "i2", "i3"))
    for before, gone in (([other], [old]), ([], [old]), ([other], [])):
        assert "replaced meanwhile" in reason(before, live, new=[new], gone=gone)


def test_a_vector_of_a_file_that_is_gone_is_refused(live, files):
    a, b, _ = files
    stranger = replace(a, file=replace(a.file, file_name="data-gone.parquet"))
    assert "not there" in reason([], live, new=[index("i1", [stranger])])
    assert "not there" in reason([], live, entries=[removed(b)], new=[index("i1", [b])])


def test_a_file_with_vectors_that_nobody_applied_is_not_taken_away(live, files):
    a, b, _ = files
    old = index("i1", [a])
    assert "not there" in reason([old], live, entries=[removed(a)])
    assert reason([old], live, entries=[removed(b)]) is None


def test_a_file_that_moves_up_keeps_its_vector(live, files):
    a, b, _ = files
    old = index("i1", [a])
    assert reason([old], live, entries=moved(a)) is None
    assert reason([old], live, entries=moved(a), new=[index("i2", [a, b])], gone=[old]) is None


def test_indexes_of_another_kind_have_no_say(live, files):
    assert reason([index("h1", files, HASH_INDEX)], live, entries=[removed(files[0])]) is None
