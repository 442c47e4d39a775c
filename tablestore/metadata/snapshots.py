"""Snapshots: find the latest without a listing, load by id, travel in time.

The hints ``LATEST`` and ``EARLIEST`` may be stale, missing or garbage; they are never believed
without a look at the snapshot files themselves. A listing is made only where no hint is usable.

Source: ``org.apache.paimon.utils.SnapshotManager``, ``HintFileUtils``.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, NotFoundError, TablestoreError
from tablestore.format.paths import (
    EARLIEST_HINT,
    LATEST_HINT,
    SNAPSHOT_FOLDER,
    SNAPSHOT_PREFIX,
    numbered,
    snapshot_path,
)
from tablestore.format.snapshot import decode_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tablestore.format.snapshot import Snapshot
    from tablestore.store.base import Store

# A hint this far behind is slower to walk than the folder is to list.
_WALK_MAX: Final = 64
_LISTINGS_MAX: Final = 3
_KEPT_MAX: Final = 1024
_NO_WATERMARK: Final = -(2**63)
"""What engines without watermarks write for one."""


class Snapshots:
    """The snapshots of one table; may be shared between threads.

    Args:
        store: rooted at the table.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[bytes, Snapshot]] = {}

    def latest(self) -> Snapshot | None:
        """The newest snapshot, or None for a table without commits.

        Cost:
            LATEST, EARLIEST, the snapshot, and a look for its successor.

        Raises:
            CorruptDataError: its file is damaged.
            UnsupportedFormatError: a newer version wrote it.
        """
        hint = self.read_hint(LATEST_HINT)
        found = (self._from_hint(hint) if hint else None) or self._from_listing()
        self._forget_above(0 if found is None else found.id)
        return found

    def load(self, snapshot_id: int) -> Snapshot:
        """The snapshot of an id; a snapshot once read is not read again.

        Raises:
            NotFoundError: there is none, or it was expired.
            CorruptDataError: its file is damaged.
        """
        found = self.find(snapshot_id)
        if found is None:
            raise NotFoundError(
                f"snapshot {snapshot_id} does not exist (never written, or expired)",
                snapshot_id=snapshot_id,
            )
        return found

    def find(self, snapshot_id: int, *, fresh: bool = False) -> Snapshot | None:
        """The snapshot of an id, or None.

        Args:
            snapshot_id: the id.
            fresh: True reads the file even when the snapshot is known, as a rollback may have
                given the id to another one.
        """
        kept = self._kept.get(snapshot_id)
        if kept is not None and not fresh:
            return kept[1]
        data = self._read(snapshot_id)
        return None if data is None else self.remember(snapshot_id, data)

    def exists(self, snapshot_id: int) -> bool:
        """True when the snapshot's file is there now."""
        return self._store.head(snapshot_path(snapshot_id)) is not None

    def remember(self, snapshot_id: int, data: bytes) -> Snapshot:
        """Decodes and keeps the bytes of a snapshot file.

        Raises:
            CorruptDataError: the bytes are damaged, or hold another id.
        """
        kept = self._kept.get(snapshot_id)
        if kept is not None and kept[0] == data:
            return kept[1]
        name = snapshot_path(snapshot_id)
        snapshot = decode_snapshot(data, name=name)
        if snapshot.id != snapshot_id:
            raise CorruptDataError(
                "snapshot", name=name, expected=f"id {snapshot_id}", found=f"id {snapshot.id}"
            )
        with self._lock:
            if kept is not None or len(self._kept) >= _KEPT_MAX:
                # An id with other bytes than before: a rollback. What else was kept may be gone.
                self._kept.clear()
            self._kept[snapshot_id] = (data, snapshot)
        return snapshot

    def earliest_id(self) -> int | None:
        """The oldest snapshot that exists, or None for a table without commits."""
        hint = self.read_hint(EARLIEST_HINT)
        for candidate in (hint, 1):
            if candidate and self.exists(candidate):
                return candidate
        return min(self._listed_ids(), default=None)

    def is_expired(self, snapshot_id: int) -> bool:
        """Whether a snapshot that once was is gone, or about to go."""
        return snapshot_id < self._oldest() or not self.exists(snapshot_id)

    def _oldest(self) -> int:
        """The hint EARLIEST where a snapshot stands behind it, else 1.

        An expiry sets it before it deletes anything: what lies below is not whole any more.
        """
        hint = self.read_hint(EARLIEST_HINT) or 1
        return hint if hint == 1 or self.exists(hint) else 1

    def history(self) -> Iterator[Snapshot]:
        """All snapshots from the newest to the oldest one that is kept."""
        snapshot, oldest = self.latest(), self._oldest()
        while snapshot is not None:
            yield snapshot
            snapshot = self.find(snapshot.id - 1) if snapshot.id > oldest else None

    def at_watermark(self, millis: int) -> Snapshot | None:
        """The first snapshot whose watermark has reached a time, or None.

        A snapshot without one counts with that of the nearest before it.

        Args:
            millis: event time, epoch milliseconds.

        Cost:
            a binary search over the ids that exist, and the snapshots without a watermark.
        """
        latest = self.latest()
        low = self.earliest_id()
        if latest is None or low is None:
            return None
        high, found = latest.id, None
        while low <= high:
            middle = (low + high) // 2
            place, snapshot = self._marked(middle, low)
            if snapshot is None or snapshot.watermark is None:
                low = middle + 1  # none has a watermark up to here
            elif snapshot.watermark >= millis:
                found, high = snapshot, place - 1
            else:
                low = middle + 1
        return found

    def _marked(self, snapshot_id: int, lowest: int) -> tuple[int, Snapshot | None]:
        """The nearest snapshot with a watermark, from an id down to another."""
        for place in range(snapshot_id, lowest - 1, -1):
            snapshot = self.find(place)
            if snapshot is not None and snapshot.watermark not in (None, _NO_WATERMARK):
                return place, snapshot
        return lowest, None

    def at_timestamp(self, millis: int) -> Snapshot | None:
        """The newest snapshot that was committed at or before a time, or None.

        Args:
            millis: epoch milliseconds.

        Cost:
            a binary search over the ids that exist.
        """
        latest = self.latest()
        if latest is None or latest.time_millis <= millis:
            return latest
        low, high = self.earliest_id() or latest.id, latest.id - 1
        found: Snapshot | None = None
        while low <= high:
            middle = (low + high) // 2
            snapshot = self.find(middle)
            if snapshot is None:
                low = middle + 1  # expired since the search began
            elif snapshot.time_millis <= millis:
                found, low = snapshot, middle + 1
            else:
                high = middle - 1
        return found

    def read_hint(self, key: str) -> int | None:
        """The number in a hint file, or None where it is missing, garbage or not positive."""
        try:
            text = self._store.get(key)
        except NotFoundError:
            return None
        # Java joins the lines of the file before it parses the number.
        digits = b"".join(text.split())
        if not digits.isdigit() or len(digits) > 18:
            return None
        return int(digits) or None

    def advance_latest(self, snapshot_id: int) -> None:
        """Writes the hint LATEST, never backwards; a failure is ignored, as the hint is one."""
        try:
            if (self.read_hint(LATEST_HINT) or 0) < snapshot_id:
                self._store.put(LATEST_HINT, str(snapshot_id).encode())
        except TablestoreError:
            return

    def forget_below(self, oldest: int) -> None:
        """Drops what was expired."""
        with self._lock:
            for snapshot_id in [kept for kept in self._kept if kept < oldest]:
                del self._kept[snapshot_id]

    def _forget_above(self, newest: int) -> None:
        """Drops what a rollback took back: its ids will be given to others."""
        with self._lock:
            for snapshot_id in [kept for kept in self._kept if kept > newest]:
                del self._kept[snapshot_id]

    def _read(self, snapshot_id: int) -> bytes | None:
        try:
            return self._store.get(snapshot_path(snapshot_id))
        except NotFoundError:
            return None

    def _from_hint(self, hint: int) -> Snapshot | None:
        """The newest snapshot by walking up from a hint; None where the hint leads nowhere."""
        data = self._read(hint)
        # Below EARLIEST there may stand what a writer left that slept through an expiry.
        if data is None or hint < (self.read_hint(EARLIEST_HINT) or 0):
            return None
        for newest in range(hint, hint + _WALK_MAX):
            if not self.exists(newest + 1):
                return self.remember(newest, data)
            data = self._read(newest + 1)
            if data is None:
                return None
        return None

    def _from_listing(self) -> Snapshot | None:
        for _ in range(_LISTINGS_MAX):
            newest = max(self._listed_ids(), default=None)
            if newest is None:
                return None
            data = self._read(newest)
            if data is not None:
                return self.remember(newest, data)
        raise NotFoundError(f"the snapshots of {self._store.uri} vanish while they are looked for")

    def _listed_ids(self) -> list[int]:
        listed = self._store.list(SNAPSHOT_FOLDER)
        ids = (numbered(info.name, SNAPSHOT_PREFIX) for info in listed)
        return [snapshot_id for snapshot_id in ids if snapshot_id is not None]
