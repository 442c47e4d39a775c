"""SIGTERM, for blocks that want to end well: it becomes SystemExit where nothing is half done.

One handler serves all open writers of the process. It is set only where nobody else handles the
signal and only in the main thread, and taken away with the last writer.
"""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_CODE: Final = 128 + signal.SIGTERM


class Termination:
    """The handler and what it needs to know."""

    def __init__(self) -> None:
        self.asked = False
        self._users = 0
        self._busy = 0
        self._previous: Any = None
        self._lock = threading.RLock()

    def enter(self) -> bool:
        """Handles SIGTERM from now on, where that is ours to do.

        Returns:
            whether it is; then ``leave`` must follow.
        """
        if threading.current_thread() is not threading.main_thread():
            return False
        with self._lock:
            if self._users == 0:
                if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
                    return False
                self.asked = False
                self._previous = signal.signal(signal.SIGTERM, self._handle)
            self._users += 1
        return True

    def leave(self) -> None:
        """Ends what ``enter`` began; the last one restores the handler that was there before."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                signal.signal(signal.SIGTERM, self._previous)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A block that is not interrupted; where the signal came meanwhile, it ends with it.

        Raises:
            SystemExit: the signal came.
        """
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
        if self.asked and not self._busy:
            raise SystemExit(EXIT_CODE)

    def _handle(self, number: int, frame: object) -> None:
        first = not self.asked
        self.asked = True
        # while it unwinds the process, a second signal must not cut the last checkpoint short
        if first and not self._busy:
            raise SystemExit(EXIT_CODE)


TERMINATION: Final = Termination()
