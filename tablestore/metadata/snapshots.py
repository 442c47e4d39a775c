"""Snapshots: find the latest without a listing, load by id, travel in time.

The hints ``LATEST`` and ``EARLIEST`` may be stale, missing or garbage; they are never believed
without a look at the snapshot files themselves. A listing is made only where no hint is usable.

Source: ``org.apache.paimon.utils.SnapshotManager``, ``HintFileUtils``.
"""

from __future__ import annotations

import contextlib
import threading
import time
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
from tablestore.store.base import get_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tablestore.format.snapshot import Snapshot
    from tablestore.store.base import Store

# A hint this far behind is slower to walk than the folder is to list.
_WALK_MAX: Final = 64
# From a snapshot this far behind, the hint is the shorter way.
_STEPS_MAX: Final = 4
# A writer that sleeps through an expiry sleeps longer than this.
_YOUNG_MS: Final = 60_000
# A rollback and commits that reach the same number again take longer than this.
_RECENT_SECONDS: Final = 1.0
_LISTINGS_MAX: Final = 3
_KEPT_MAX: Final = 1024
_NO_WATERMARK: Final = -(2**63)
"""What engines without watermarks write for one."""


class Snapshots:
    """The snapshots of one table; may be shared between threads.

    Args:
        store: rooted at the table.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._proven_at = 0.0
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[bytes, Snapshot]] = {}
        self._highest = 0  # no id that is kept is above it
        self._tip: Snapshot | None = None
        self._proven = False
        self._hint: int | None = None

    def latest(self, *, proven: bool = False) -> Snapshot | None:
        """The newest snapshot, or None for a table without commits.

        Args:
            proven: True never takes for the latest one what a writer left that slept through an
                expiry and died: a commit on top of it would be lost. Otherwise that is believed
                only of a snapshot younger than a minute, which saves a reader one request.

        Cost:
            the snapshot seen last and a look for its successor, in one round; the first time, and
            after a rollback, LATEST and perhaps EARLIEST before.

        Raises:
            CorruptDataError: its file is damaged.
            UnsupportedFormatError: a newer version wrote it.
        """
        began = self._clock()
        found = self._from_known(proven=proven)
        known = found is not None
        if found is None:
            found = self._from_hints(proven=proven) or self._from_listing()
            # A listing shows the chain's end above whatever stands in its holes.
        self._forget_above(0 if found is None else found.id)
        with self._lock:
            self._proven = proven or (known and self._proven)
            self._tip = found
            self._proven_at = began
        return found

    def tip(self) -> Snapshot | None:
        """The newest snapshot known to be part of the table, without asking; None if unknown.

        A commit may build on it: that its successor can be created proves that it is the latest.
        """
        return self._tip if self._proven else None

    @property
    def proven_at(self) -> float:
        """When :meth:`tip` was last known to be the latest snapshot, by the clock given."""
        return self._proven_at

    def is_recent(self, moment: float) -> bool:
        """Whether a moment was just now: too short a time ago for a rollback and new commits."""
        return self._clock() - moment <= _RECENT_SECONDS

    def built(self, snapshot_id: int, data: bytes, *, contended: bool) -> Snapshot:
        """Keeps a snapshot that this process added to the table.

        Args:
            snapshot_id: its id.
            data: the bytes of its file.
            contended: True where others commit, too: then the next commit had better ask first.
        """
        snapshot = self.remember(snapshot_id, data)
        with self._lock:
            self._tip, self._proven = snapshot, not contended
            self._proven_at = self._clock()
        return snapshot

    def forget(self) -> None:
        """Has the latest snapshot looked for anew: what was known of it is wrong."""
        with self._lock:
            self._tip, self._proven, self._hint = None, False, None

    def note_hint(self, data: bytes | None) -> None:
        """Keeps the bytes of LATEST that were just read, for the next look."""
        self._hint = None if data is None else _number(data)

    def bytes_of(self, snapshot_id: int) -> bytes | None:
        """The bytes of a snapshot's file as this process knows them, without asking."""
        kept = self._kept.get(snapshot_id)
        return None if kept is None else kept[0]

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
        data = self.read(snapshot_id)
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
            self._highest = max(self._highest, snapshot_id)
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
            return _number(self._store.get(key))
        except NotFoundError:
            return None

    def read_hints(self) -> tuple[int | None, int | None]:
        """The numbers in LATEST and EARLIEST, read in one round."""
        latest, earliest = get_together(self._store, (LATEST_HINT, EARLIEST_HINT))
        return _number(latest), _number(earliest)

    def advance_latest(self, snapshot_id: int) -> None:
        """Writes the hint LATEST, never backwards; a failure is ignored, as the hint is one."""
        try:
            if (self.read_hint(LATEST_HINT) or 0) < snapshot_id:
                self._store.put(LATEST_HINT, str(snapshot_id).encode())
        except TablestoreError:
            return

    def read_latest(self) -> int | None:
        """The number in LATEST, or None where it cannot be had."""
        try:
            return self.read_hint(LATEST_HINT)
        except TablestoreError:
            return None

    def write_latest(self, snapshot_id: int) -> None:
        """Writes the hint LATEST, which the caller has found to be lower; may fail silently."""
        with contextlib.suppress(TablestoreError):
            self._store.put(LATEST_HINT, str(snapshot_id).encode())

    def forget_below(self, oldest: int) -> None:
        """Drops what was expired."""
        with self._lock:
            for snapshot_id in [kept for kept in self._kept if kept < oldest]:
                del self._kept[snapshot_id]

    def _forget_above(self, newest: int) -> None:
        """Drops what a rollback took back: its ids will be given to others."""
        with self._lock:
            if newest >= self._highest:
                return
            self._highest = newest
            for snapshot_id in [kept for kept in self._kept if kept > newest]:
                del self._kept[snapshot_id]

    def read(self, snapshot_id: int) -> bytes | None:
        """The bytes of a snapshot's file now, or None."""
        try:
            return self._store.get(snapshot_path(snapshot_id))
        except NotFoundError:
            return None

    def _from_known(self, *, proven: bool) -> Snapshot | None:
        """The newest snapshot by the one seen last; None where that one is not there any more."""
        tip = self._tip
        known = None if tip is None else self.bytes_of(tip.id)
        if tip is None or known is None or (proven and not self._proven):
            return None
        return self._walk(tip.id, _STEPS_MAX, known)

    def _from_hints(self, *, proven: bool) -> Snapshot | None:
        """The newest snapshot by the hints; None where they lead nowhere."""
        earliest: int | None = None
        if proven:
            hint, earliest = self.read_hints()
        else:
            hint, self._hint = self._hint or self.read_hint(LATEST_HINT), None
        found = None if hint is None else self._walk(hint, _WALK_MAX)
        if found is None or hint is None:
            return None
        if not proven and not _is_young(found):
            earliest = self.read_hint(EARLIEST_HINT)
        # Below EARLIEST there may stand what a writer left that slept through an expiry.
        return None if hint < (earliest or 0) else found

    def _walk(self, start: int, most: int, expected: bytes | None = None) -> Snapshot | None:
        """The last of the snapshots that follow each other without a gap.

        Args:
            start: id of the first.
            most: how far.
            expected: the bytes that the first must have.
        """
        keys = (snapshot_path(start), snapshot_path(start + 1))
        data, after = get_together(self._store, keys)
        if data is None or (expected is not None and data != expected):
            return None
        for newest in range(start, start + most):
            if after is None:
                return self.remember(newest, data)
            data, after = after, self.read(newest + 2)
        return None

    def _from_listing(self) -> Snapshot | None:
        for _ in range(_LISTINGS_MAX):
            newest = max(self._listed_ids(), default=None)
            if newest is None:
                return None
            data = self.read(newest)
            if data is not None:
                return self.remember(newest, data)
        raise NotFoundError(f"the snapshots of {self._store.uri} vanish while they are looked for")

    def _listed_ids(self) -> list[int]:
        listed = self._store.list(SNAPSHOT_FOLDER)
        ids = (numbered(info.name, SNAPSHOT_PREFIX) for info in listed)
        return [snapshot_id for snapshot_id in ids if snapshot_id is not None]


def _number(text: bytes | None) -> int | None:
    """The number in a hint file, or None where it is missing, garbage or not positive."""
    # Java joins the lines of the file before it parses the number.
    digits = b"".join((text or b"").split())
    if not digits.isdigit() or len(digits) > 18:
        return None
    return int(digits) or None


def _is_young(snapshot: Snapshot) -> bool:
    return abs(time.time() * 1000 - snapshot.time_millis) < _YOUNG_MS
