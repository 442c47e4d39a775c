"""Small tables for tests: in memory by default, on a disk where the test looks at files."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

import tablestore as ts
from tablestore.commit.message import CommitMessage
from tablestore.format.manifest import ManifestEntry
from tablestore.store.metered import Metered, Requests

KEYED = {"id": "BIGINT NOT NULL", "v": "STRING"}


def new_lake(folder: Path | None = None) -> ts.Lake:
    """An empty lake, in memory without a folder."""
    return ts.connect(str(folder) if folder else f"memory://{uuid.uuid4()}")


def keyed_table(folder: Path | None = None, columns=None, *, key=("id",), by=(), **options):
    """`shop.t` with a primary key; options as keywords with `_` for `-` and `__` for `.`."""
    return new_lake(folder).create_table(
        "shop.t", columns or KEYED, primary_key=key, partition_by=by, options=spelled(options)
    )


def append_table(folder: Path | None = None, columns=None, *, by=(), **options):
    """`shop.t` without a primary key."""
    return new_lake(folder).create_table(
        "shop.t", columns or KEYED, partition_by=by, options=spelled(options)
    )


def spelled(options: dict[str, Any]) -> dict[str, Any]:
    return {k.replace("__", ".").replace("_", "-"): v for k, v in options.items()}


def rows(ids, v=None) -> pa.Table:
    """Rows of `KEYED`; `v` is one text for all, a list, or by default the id as text."""
    ids = list(ids)
    if v is None:
        texts = [str(i) for i in ids]
    else:
        texts = [v] * len(ids) if isinstance(v, str) else list(v)
    return pa.table({"id": pa.array(ids, pa.int64()), "v": pa.array(texts, pa.string())})


def stored(table: ts.Table, **read) -> dict[int, str]:
    """What a table of `KEYED` holds; fails where an id comes twice."""
    found = table.to_arrow(**read)
    ids = found["id"].to_pylist()
    assert len(set(ids)) == len(ids), "a key came twice"
    return dict(zip(ids, found["v"].to_pylist(), strict=True))


# -- below the surface ----------------------------------------------------------------------------


def store_of(table: ts.Table) -> Metered:
    return table._parts.store


def state_of(table: ts.Table):
    return table._parts.state


@contextmanager
def metered(table: ts.Table):
    """The requests of the block: a list that gets one item when it ends."""
    found: list[Requests] = []
    mark = store_of(table).snapshot()
    yield found
    found.append(store_of(table).since(mark))


def live_entries(table: ts.Table) -> list[ManifestEntry]:
    state = state_of(table)
    return list(state.manifests.live(state.snapshots.latest()).entries)


def commit_messages(table: ts.Table, messages: list[CommitMessage], **how):
    """Commit messages made by hand under a fresh user."""
    parts = table._parts
    return parts.committer(parts.write_context()).commit(messages, **how)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, to see that nothing changed."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
