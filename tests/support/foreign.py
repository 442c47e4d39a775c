"""Another engine on one of our tables, as far as snapshots go: it knows no jobs, and expires."""

from __future__ import annotations

from dataclasses import replace

import tablestore as ts
from tablestore.format.paths import EARLIEST_HINT, LATEST_HINT, snapshot_path
from tablestore.format.snapshot import decode_snapshot, encode_snapshot
from tests.support.builders import store_of


def commit_elsewhere(table: ts.Table, count: int = 1) -> int:
    """Snapshots of another engine that change no row; the id of the last one."""
    store = store_of(table)
    latest = decode_snapshot(store.get(snapshot_path(table.snapshot_id)))
    for _ in range(count):
        latest = replace(
            latest,
            id=latest.id + 1,
            properties={},
            writer_version="2.0.0",
            commit_user="java",
            commit_identifier=latest.id,
            uuid=f"of-java-{latest.id}",
        )
        assert store.put_if_absent(snapshot_path(latest.id), encode_snapshot(latest))
        store.put(LATEST_HINT, str(latest.id).encode())
    return latest.id


def expire_elsewhere(table: ts.Table, first_kept: int) -> None:
    """The snapshots below an id go, as another engine lets them go."""
    store = store_of(table)
    earliest = int(store.get(EARLIEST_HINT)) if store.head(EARLIEST_HINT) else 1
    for snapshot_id in range(earliest, first_kept):
        store.delete(snapshot_path(snapshot_id))
    store.put(EARLIEST_HINT, str(first_kept).encode())
