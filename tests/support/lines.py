"""Tags, branches and consumers as Java makes them, and what of a table's files is referred to.

The references are worked out from the codecs alone, file by file, without the code that cleans up.
"""

from __future__ import annotations

import posixpath
from dataclasses import replace

import tablestore as ts
from tablestore.format.consumer import Consumer, encode_consumer
from tablestore.format.index_manifest import decode_index_manifest
from tablestore.format.manifest import KIND_ADD, decode_manifest, merge_entries
from tablestore.format.manifest_list import decode_manifest_list
from tablestore.format.snapshot import decode_snapshot
from tablestore.maintain.changelogs import ChangelogExpirer
from tablestore.maintain.expire import Expirer
from tablestore.maintain.lines import own_line
from tablestore.options.retention import Retention, RetentionOptions
from tablestore.runs.bucket_files import BucketFolders

FAR_MS = 2**50  # a moment by which every snapshot is old
FILES = ("manifest/", "index/", "statistics/")


def store_of(table: ts.Table):
    return table._parts.store


def make_tag(table: ts.Table, name: str, snapshot_id: int) -> None:
    store = store_of(table)
    store.put(f"tag/tag-{name}", store.get(f"snapshot/snapshot-{snapshot_id}"))


def drop_tag(table: ts.Table, name: str) -> None:
    store_of(table).delete(f"tag/tag-{name}")


def make_branch(table: ts.Table, name: str, tag: str) -> None:
    """A branch from a tag: its tag, its snapshot and the schemas up to its own."""
    store, home = store_of(table), f"branch/branch-{name}"
    data = store.get(f"tag/tag-{tag}")
    snapshot = decode_snapshot(data)
    store.put(f"{home}/tag/tag-{tag}", data)
    store.put(f"{home}/snapshot/snapshot-{snapshot.id}", data)
    for number in range(snapshot.schema_id + 1):
        store.put(f"{home}/schema/schema-{number}", store.get(f"schema/schema-{number}"))


def set_consumer(table: ts.Table, name: str, following: int) -> None:
    store_of(table).put(f"consumer/consumer-{name}", encode_consumer(Consumer(following)))


def open_branch(table: ts.Table, name: str) -> ts.Table:
    return ts.open_table(table.path, branch=name)


def on_disk(table: ts.Table) -> set[str]:
    """Names of the files that snapshots may refer to."""
    keys = [info.key for info in store_of(table).list("", recursive=True)]
    return {posixpath.basename(key) for key in keys if key.startswith(FILES) or "bucket-" in key}


def snapshot_ids(table: ts.Table, home: str = "") -> list[int]:
    listed = store_of(table).list(f"{home}snapshot")
    return sorted(int(i.name[9:]) for i in listed if i.name.startswith("snapshot-"))


def referenced(table: ts.Table) -> set[str]:
    """Names of the files that the snapshots and tags of a table and its branches refer to."""
    store = store_of(table)
    found: set[str] = set()
    branches = [info.key for info in store.list("branch") if info.is_folder]
    for home in ["", *(f"{key}/" for key in branches)]:
        for folder in ("snapshot", "tag"):
            for info in store.list(f"{home}{folder}"):
                if info.name.startswith(("snapshot-", "tag-")):
                    found |= _of_snapshot(store, decode_snapshot(store.get(info.key)), folder)
    return found


def _of_snapshot(store, snapshot, folder: str) -> set[str]:
    lists = [snapshot.base_manifest_list, snapshot.delta_manifest_list]
    found, entries = set(lists), []
    for name in lists:
        for meta in decode_manifest_list(store.get(f"manifest/{name}")):
            found.add(meta.file_name)
            entries.append(decode_manifest(store.get(f"manifest/{meta.file_name}")))
    live = list(merge_entries(entries))
    if folder == "snapshot" and snapshot.changelog_manifest_list is not None:
        found.add(snapshot.changelog_manifest_list)
        for meta in decode_manifest_list(store.get(f"manifest/{snapshot.changelog_manifest_list}")):
            found.add(meta.file_name)
            live += decode_manifest(store.get(f"manifest/{meta.file_name}"))
    for entry in live:
        assert entry.kind == KIND_ADD
        found |= {entry.file.file_name, *entry.file.extra_files}
    if snapshot.index_manifest is not None:
        found.add(snapshot.index_manifest)
        index = decode_index_manifest(store.get(f"manifest/{snapshot.index_manifest}"))
        found |= {entry.file_name for entry in index}
    if snapshot.statistics is not None:
        found.add(snapshot.statistics)
    return found


def expire_now(
    table: ts.Table,
    *,
    keep: tuple[int, int],
    limit: int | None = None,
    time_ms: int = 0,
    now_ms: int = FAR_MS,
    changes: tuple[int, int] | None = None,
):
    """Expire what `keep` (least and most) and the age allow; by default all snapshots are old.

    `changes`: the same for the changes of expired snapshots, which outlive them then.
    """
    parts = table._parts
    options = replace(
        RetentionOptions.of(table.options), snapshots=Retention(*keep, time_ms), limit=limit or 50
    )
    if changes is not None:
        options = replace(options, changelogs=Retention(*changes, time_ms), decoupled=True)
    schema = parts.latest_schema(parts.state.snapshots.latest())
    folders = BucketFolders.of(schema, parts.options(schema))
    line = own_line(parts.store, parts.state)
    expirer = Expirer(line, folders, options)
    done = expirer.run(expirer.plan(now_ms, limit=limit, live=parts.state.base.newest))
    if changes is not None:
        ChangelogExpirer(line, folders, options).run(FAR_MS)
    return done
