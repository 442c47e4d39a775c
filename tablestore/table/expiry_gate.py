"""Whether a writer has to look after old snapshots at all."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tablestore.maintain.expire import Expiry
    from tablestore.options.retention import RetentionOptions

_WAIT_MS: Final = 10_000
"""How long a writer leaves a consumer or a job that keeps old snapshots alone."""


class ExpiryGate:
    """What a process knows about the oldest snapshots, so that most commits ask nothing for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._earliest = 1
        self._next_made: int | None = None
        self._quiet_until = 0
        self._looked = False
        self._running = threading.Lock()

    def due(self, latest: int, options: RetentionOptions, now_ms: int) -> bool:
        """Whether something may have to go; no request is made."""
        kept = options.snapshots
        with self._lock:
            if latest - kept.keep_min + 1 <= self._earliest or now_ms < self._quiet_until:
                return False
            if latest - kept.keep_max + 1 > self._earliest or self._next_made is None:
                return True
            return now_ms - kept.time_ms > self._next_made

    def saw(self, expiry: Expiry, next_made: int | None = None, now_ms: int = 0) -> None:
        """Note what a run found: the oldest snapshot now, and when the one after it was made."""
        with self._lock:
            self._earliest = max(expiry.earliest if expiry.end is None else expiry.end.id, 1)
            self._next_made = next_made
            blocked = not expiry.cut.reason.startswith("snapshot.")
            self._quiet_until = now_ms + _WAIT_MS if blocked else 0

    @property
    def has_looked(self) -> bool:
        """Whether this process has looked at the oldest snapshots before."""
        return self._looked

    def saw_young(self, earliest: int, next_made: int | None) -> None:
        """Note the oldest snapshot and when the one after it was made, before any run."""
        with self._lock:
            self._looked = True
            if next_made is not None:
                self._earliest, self._next_made = earliest, next_made

    def alone(self) -> threading.Lock:
        """Held by the one run that goes on in this process."""
        return self._running
