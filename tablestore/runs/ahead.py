"""Let one thread produce what another consumes: decoding and merging beside encoding."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_POLL_SECONDS: Final = 0.2


class _End:
    """The end of the items, or what went wrong."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Ahead(Generic[T]):
    def __init__(self, items: Iterable[T], depth: int) -> None:
        self._items = items
        self._ready: queue.Queue[T | _End] = queue.Queue(depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="tablestore-ahead", daemon=True)
        self._thread.start()

    def _produce(self) -> None:
        error: BaseException | None = None
        try:
            for item in self._items:
                if not self._hand_over(item):
                    return
        except BaseException as raised:  # noqa: BLE001 (a thread's edge: raised to who waits)
            error = raised
        self._hand_over(_End(error))

    def _hand_over(self, item: T | _End) -> bool:
        while not self._stop.is_set():
            try:
                self._ready.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def items(self) -> Iterator[T]:
        while True:
            item = self._ready.get()
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                return

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def made_ahead(items: Iterable[T], depth: int) -> Iterator[Iterator[T]]:
    """The items, made by another thread while the caller works on those before.

    Args:
        items: consumed by one thread only; its errors are raised to the caller.
        depth: finished items that may wait; 0 makes them in the caller's thread.
    """
    if depth <= 0:
        yield iter(items)
        return
    ahead = _Ahead(items, depth)
    try:
        yield ahead.items()
    finally:
        ahead.close()
