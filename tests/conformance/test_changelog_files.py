"""Changelog files of Java tables hold the changes that Java streams: rows, kinds, order."""

from __future__ import annotations

from collections import defaultdict

import pyarrow as pa
import pytest

import tablestore as ts
from tablestore.format.changelog import decode_changelog
from tablestore.read.changes import changelog_files, read_changes
from tablestore.types.row_kind import SHORT_STRINGS
from tests.support import golden
from tests.support.builders import state_of, store_of
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_values import in_order

FOLDERS = ("changelogs", "data-formats", "deletion-vectors", "side-files")
WRITERS = [writer for folder in FOLDERS for writer in golden.writers(folder)]
TABLES = 72
"""Golden tables with a changelog producer."""


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    root = tmp_path_factory.mktemp("golden")
    return [
        table
        for writer in WRITERS
        for table in golden.unpack(writer, root / writer)
        if golden.scope(table.expected["options"]) == "changelog"
    ]


def view_of(table):
    """The newest columns; the merge engine does not matter to changes."""
    return table._parts.view()


def changes(table, snapshot, columns):
    """[kind, row] of each change of a snapshot, in the order of its files."""
    view = view_of(table)
    found = []
    for entry in changelog_files(view, snapshot):
        batches = list(read_changes(view, entry))
        rows = pa.Table.from_batches(batches)
        assert rows.num_rows == entry.file.row_count
        kinds = [SHORT_STRINGS[kind] for kind in rows["_VALUE_KIND"].to_pylist()]
        values = canonical_rows(rows.drop_columns(["_VALUE_KIND"]), columns)
        found += [[kind, row] for kind, row in zip(kinds, values, strict=True)]
    return found


def test_every_changelog_is_what_java_streams(tables, figures):
    for table in tables:
        said = table.expected["changes"]
        opened = ts.open_table(str(table.path))
        for snapshot in state_of(opened).snapshots.history():
            found = changes(opened, snapshot, said["columns"])
            wanted = said["by_snapshot"].get(str(snapshot.id), [])
            assert in_order(found) == in_order(wanted), (table.writer, table.name, snapshot.id)
            assert by_key(found, table, said["columns"]) == by_key(wanted, table, said["columns"])
            figures["changes read from changelog files"] += len(found)
    assert len(tables) == TABLES


def by_key(rows, table, columns):
    """The changes of each key in their order."""
    names = [name for name, _ in columns]
    places = [names.index(name) for name in table.expected["primary_key"]]
    found = defaultdict(list)
    for kind, row in rows:
        found[str([row[place] for place in places])].append([kind, str(row)])
    return found


def test_the_changes_of_an_expired_snapshot_are_read(tables):
    read = 0
    for table in tables:
        if table.name != "expired_changelog":
            continue
        opened = ts.open_table(str(table.path))
        for info in store_of(opened).list("changelog"):
            if not info.name.startswith("changelog-"):
                continue
            snapshot = decode_changelog(store_of(opened).get(info.key))
            columns = table.expected["changes"]["columns"]
            found = changes(opened, snapshot, columns)
            assert len(found) == (snapshot.changelog_record_count or 0)
            read += len(found)
    assert read >= 3


def test_the_changelog_manifests_are_listed(tables):
    listed = 0
    for table in tables:
        opened = ts.open_table(str(table.path))
        for snapshot in table.snapshots:
            pinned = opened.at(snapshot=snapshot["id"])
            try:
                manifests = pinned.manifests()
            except ts.UnsupportedFormatError:
                break  # a merge engine that is not read yet
            files = sum(item.added for item in manifests if item.list == "changelog")
            known = state_of(opened).snapshots.load(snapshot["id"])
            assert files == len(changelog_files(view_of(opened), known))
            listed += files
    assert listed > 20
