"""What lies in a storage, looked at without the product's ways of finding it.

The look-up of Java's reader is written here once more, literally: it believes the hint files.

Source: ``org.apache.paimon.utils.HintFileUtils``, ``SnapshotManager``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

from tablestore.format.index_manifest import decode_index_manifest
from tablestore.format.manifest import KIND_ADD, decode_manifest, merge_entries
from tablestore.format.manifest_list import decode_manifest_list
from tablestore.format.paths import manifest_path
from tablestore.format.schema import decode_schema
from tablestore.format.snapshot import Snapshot, decode_snapshot
from tablestore.format.tag import decode_tag
from tablestore.options.table import TableOptions
from tablestore.runs.bucket_files import BucketFolders
from tests.support.faulty_world import Objects

SNAPSHOT = "snapshot/snapshot-"
# no clean-up takes what lies here: "tablestore/" says which jobs there are
KEPT = ("schema/", "tag/", "consumer/", "tablestore/")


def snapshot_ids(objects: Objects) -> list[int]:
    return sorted(int(key[len(SNAPSHOT) :]) for key in objects if key.startswith(SNAPSHOT))


@lru_cache(4096)
def _snapshot(data: bytes) -> Snapshot:
    return decode_snapshot(data, name="snapshot")


@lru_cache(4096)
def _list(data: bytes):
    return tuple(decode_manifest_list(data))


@lru_cache(4096)
def _manifest(data: bytes):
    return tuple(decode_manifest(data))


@lru_cache(4096)
def _index(data: bytes):
    return tuple(decode_index_manifest(data))


@lru_cache(256)
def _schema(data: bytes):
    return decode_schema(data)


@lru_cache(256)
def _folders(data: bytes) -> BucketFolders:
    schema = _schema(data)
    options = TableOptions.parse(schema.options, has_primary_key=bool(schema.primary_keys))
    return BucketFolders.of(schema, options)


def snapshot(objects: Objects, snapshot_id: int) -> Snapshot:
    return _snapshot(objects[f"{SNAPSHOT}{snapshot_id}"][0])


class MissingError(AssertionError):
    """An object that is referred to is not there."""


def _get(objects: Objects, key: str, needed_by: str) -> bytes:
    found = objects.get(key)
    if found is None:
        raise MissingError(f"{needed_by} refers to {key}, which is gone")
    return found[0]


def needs(objects: Objects, of: Snapshot) -> set[str]:
    """The keys of all objects without which a snapshot cannot be read.

    Raises:
        MissingError: one of them is not there.
    """
    name = f"snapshot {of.id}"
    keys = {f"schema/schema-{of.schema_id}"}
    entries = []
    folders = _folders(_get(objects, f"schema/schema-{of.schema_id}", name))
    for listed in (of.base_manifest_list, of.delta_manifest_list):
        keys.add(manifest_path(listed))
        for meta in _list(_get(objects, manifest_path(listed), name)):
            keys.add(manifest_path(meta.file_name))
            entries.append(_manifest(_get(objects, manifest_path(meta.file_name), name)))
    for entry in merge_entries(entries):
        assert entry.kind == KIND_ADD, f"{name} deletes {entry.file.file_name}, which was not there"
        folder = folders.folder(entry.partition, entry.bucket)
        keys |= {f"{folder}/{file}" for file in (entry.file.file_name, *entry.file.extra_files)}
    if of.index_manifest:
        keys.add(manifest_path(of.index_manifest))
        for index in _index(_get(objects, manifest_path(of.index_manifest), name)):
            keys.add(f"index/{index.file_name}")
    for key in keys:
        _get(objects, key, name)
    return keys


def tags(objects: Objects) -> dict[str, Snapshot]:
    return {
        key: decode_tag(objects[key][0], name=key).snapshot
        for key in objects
        if key.startswith("tag/tag-")
    }


def first_kept(objects: Objects) -> int:
    """The oldest snapshot that counts: what lies below EARLIEST is being expired."""
    ids = snapshot_ids(objects)
    hint = _java_hint(objects, "EARLIEST")
    return hint if hint in ids else min(ids, default=0)


def referred(objects: Objects) -> set[str]:
    """All objects that some snapshot, tag or schema of the table is, or refers to.

    Raises:
        MissingError: one of them is not there.
    """
    keys = {key for key in objects if key.startswith(KEPT)}
    keys |= {key for key in objects if key.endswith(("/LATEST", "/EARLIEST"))}
    for snapshot_id in snapshot_ids(objects):
        if snapshot_id >= first_kept(objects):
            at = snapshot(objects, snapshot_id)
            keys |= needs(objects, at) | {f"{SNAPSHOT}{snapshot_id}"}
    for key, tagged in tags(objects).items():
        keys |= needs(objects, tagged) | {key}
    for next_needed in consumers(objects).values():
        newest = max(snapshot_ids(objects), default=0)
        for snapshot_id in range(next_needed, newest + 1):
            _get(objects, f"{SNAPSHOT}{snapshot_id}", f"consumer at {next_needed}")
    return keys


def changes(objects: Objects) -> set[str]:
    """Data files that the changes of snapshots name, whether they are live or not."""
    keys: set[str] = set()
    for snapshot_id in snapshot_ids(objects):
        at = snapshot(objects, snapshot_id)
        folders = _folders(_get(objects, f"schema/schema-{at.schema_id}", "a snapshot"))
        for meta in _list(_get(objects, manifest_path(at.delta_manifest_list), "a snapshot")):
            for entry in _manifest(_get(objects, manifest_path(meta.file_name), "a snapshot")):
                folder = folders.folder(entry.partition, entry.bucket)
                names = (entry.file.file_name, *entry.file.extra_files)
                keys |= {f"{folder}/{file}" for file in names}
    return keys


def has_changes(objects: Objects, snapshot_id: int) -> bool:
    """Whether a snapshot adds or removes files; the first one of a job's writer does not."""
    listed = snapshot(objects, snapshot_id).delta_manifest_list
    return bool(_list(_get(objects, manifest_path(listed), f"snapshot {snapshot_id}")))


def consumers(objects: Objects) -> dict[str, int]:
    return {
        key: json.loads(objects[key][0])["nextSnapshot"]
        for key in objects
        if key.startswith("consumer/consumer-")
    }


# -- as Java finds snapshots ----------------------------------------------------------------------


def _java_hint(objects: Mapping[str, tuple[bytes, int]], name: str) -> int | None:
    found = objects.get(f"snapshot/{name}")
    try:
        return None if found is None else int(found[0].decode())
    except ValueError:
        return None


def java_latest(objects: Objects) -> Snapshot | None:
    """The snapshot that Java reads.

    Raises:
        MissingError: it would read a snapshot that is not there.
    """
    hint = _java_hint(objects, "LATEST")
    if hint is not None and hint > 0 and f"{SNAPSHOT}{hint + 1}" not in objects:
        found = hint
    else:
        ids = snapshot_ids(objects)
        if not ids:
            return None
        found = max(ids)
    if f"{SNAPSHOT}{found}" not in objects:
        raise MissingError(f"LATEST says {found}, and snapshot-{found} is gone")
    return snapshot(objects, found)


def java_earliest(objects: Objects) -> int | None:
    hint = _java_hint(objects, "EARLIEST")
    if hint is not None and f"{SNAPSHOT}{hint}" in objects:
        return hint
    return min(snapshot_ids(objects), default=None)
