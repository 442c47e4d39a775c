"""Deletes objects, and asks the store what time it is."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from tablestore.format.paths import SNAPSHOT_FOLDER
from tablestore.store.redirected import Redirected

if TYPE_CHECKING:
    from tablestore.commit.clock import Clock
    from tablestore.store.base import Store
    from tablestore.store.metered import Metered

_THREADS: Final = 16
"""Requests at a time where each one waits for a network."""


def delete_all(store: Metered, keys: Collection[str]) -> None:
    """Delete objects; those that are gone are no error.

    Raises:
        StorageUnavailableError: the storage failed; some may be deleted.
    """
    if len(keys) < 2 or not _is_remote(store):
        for key in keys:
            store.delete(key)
        return
    with ThreadPoolExecutor(min(_THREADS, len(keys)), "tablestore-delete") as pool:
        for _ in pool.map(store.delete, keys):
            pass


def _is_remote(store: Metered) -> bool:
    inner = store.inner
    while isinstance(inner, Redirected) or hasattr(inner, "inner"):
        inner = inner.inner
    return bool(getattr(inner, "ranged", False))


def store_time(store: Store, clock: Clock) -> int:
    """The time of day by the store's clock, by which it dates its objects; epoch milliseconds.

    An object is made for it and deleted again. A store that dates nothing has this machine's time.
    """
    key = f"{SNAPSHOT_FOLDER}/.clock-{uuid.uuid4()}"
    store.put(key, b"")
    try:
        info = store.head(key)
    finally:
        store.delete(key)
    return clock.now_ms() if info is None or not info.modified_ms else info.modified_ms
