"""Counts what an operation asks of the storage."""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Self

from tablestore.errors import NotFoundError
from tablestore.store.base import get_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from tablestore.store.base import FolderStore, ObjectInfo, WriteStream


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests by verb, and bytes moved.

    Attributes:
        verbs: e.g. ``{"get": 2, "put": 3}``; verbs that were not used are absent.
        bytes_in: bytes read; a file of a local disk that pyarrow opened counts with its size.
        bytes_out: bytes written.
        rounds: how often requests were sent and waited for; those sent together are one round.
            Requests of several threads count as if they had followed each other.
    """

    verbs: Mapping[str, int] = field(default_factory=dict)
    bytes_in: int = 0
    bytes_out: int = 0
    rounds: int = 0

    @property
    def total(self) -> int:
        """All requests together."""
        return sum(self.verbs.values())

    def __getitem__(self, verb: str) -> int:
        return self.verbs.get(verb, 0)

    def __str__(self) -> str:
        verbs = ", ".join(f"{name} {count}" for name, count in sorted(self.verbs.items()))
        return (
            f"{self.total} requests in {self.rounds} rounds ({verbs}), {self.bytes_in} B in, "
            f"{self.bytes_out} B out"
        )

    def __add__(self, other: Requests) -> Requests:
        verbs = Counter(self.verbs)
        verbs.update(other.verbs)
        return Requests(
            dict(verbs),
            self.bytes_in + other.bytes_in,
            self.bytes_out + other.bytes_out,
            self.rounds + other.rounds,
        )


class Watch:
    """All that the stores of this process are asked for while it is open; a context."""

    _open: ClassVar[list[Watch]] = []

    def __init__(self) -> None:
        self._meters: list[Metered] = []

    def __enter__(self) -> Self:
        Watch._open.append(self)
        return self

    def __exit__(self, *problem: object) -> None:
        Watch._open.remove(self)

    @classmethod
    def tell(cls, meter: Metered) -> None:
        """Has a new store counted by those who watch."""
        for watch in cls._open:
            watch._meters.append(meter)

    @property
    def requests(self) -> Requests:
        """The sum so far."""
        # the store of a branch asks that of its table, which counts, too
        inner = [(meter, getattr(meter.inner, "inner", None)) for meter in self._meters]
        counted = [meter for meter, below in inner if not isinstance(below, Metered)]
        return sum((meter.snapshot() for meter in counted), Requests())


_PLACE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def is_place(key: str) -> bool:
    """Whether a key is a URI of its own, that of an object outside the store."""
    return _PLACE.match(key) is not None


class Metered:
    """A store that counts the requests of another; may be shared between threads.

    Objects elsewhere can be read and deleted, not written: their keys are URIs.

    Args:
        inner: the store.
        elsewhere: opens the store of a folder by its URI.
    """

    def __init__(
        self, inner: FolderStore, elsewhere: Callable[[str], FolderStore] | None = None
    ) -> None:
        self.inner = inner
        self.near = getattr(inner, "near", False)
        self._elsewhere = elsewhere
        self._lock = threading.Lock()
        self._verbs: Counter[str] = Counter()
        self._bytes_in = 0
        self._bytes_out = 0
        self._rounds = 0
        Watch.tell(self)
        listen = getattr(inner, "listen", None)
        if listen is not None:
            listen(self.count)

    def __repr__(self) -> str:
        return f"Metered({self.inner!r})"

    @property
    def uri(self) -> str:
        return self.inner.uri

    def prove(self) -> None:
        """Refuses a storage that cannot arbitrate, before anything is written to it.

        Raises:
            InvalidInputError: it lets two creations of one object succeed.
            StorageUnavailableError: it does not answer, or refuses.
        """
        prove = getattr(self.inner, "prove", None)
        if prove is not None:
            prove()

    def snapshot(self) -> Requests:
        """All that was counted so far."""
        with self._lock:
            return Requests(dict(self._verbs), self._bytes_in, self._bytes_out, self._rounds)

    def since(self, mark: Requests) -> Requests:
        """What was counted after an earlier :meth:`snapshot`."""
        now = self.snapshot()
        verbs = {v: n - mark[v] for v, n in now.verbs.items() if n > mark[v]}
        return Requests(
            verbs,
            now.bytes_in - mark.bytes_in,
            now.bytes_out - mark.bytes_out,
            now.rounds - mark.rounds,
        )

    def count(self, verb: str, *, bytes_in: int = 0, bytes_out: int = 0) -> None:
        """Adds one request."""
        with self._lock:
            self._verbs[verb] += 1
            self._rounds += 1
            self._bytes_in += bytes_in
            self._bytes_out += bytes_out

    def _moved(self, *, bytes_in: int = 0, bytes_out: int = 0) -> None:
        with self._lock:
            self._bytes_in += bytes_in
            self._bytes_out += bytes_out

    def _at(self, key: str) -> tuple[FolderStore, str]:
        """The store of an object and its key there."""
        if self._elsewhere is None or not is_place(key):
            return self.inner, key
        folder, _, name = key.rpartition("/")
        return self._elsewhere(folder), name

    def get(self, key: str) -> bytes:
        self.count("get")
        inner, key = self._at(key)
        data = inner.get(key)
        self._moved(bytes_in=len(data))
        return data

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """The bytes of several objects, None for those that do not exist; one round."""
        if any(self._at(key)[0] is not self.inner for key in keys):
            return [self._get_or_none(key) for key in keys]
        if keys:
            with self._lock:
                self._verbs["get"] += len(keys)
                self._rounds += 1
        found = get_together(self.inner, keys)
        self._moved(bytes_in=sum(len(data) for data in found if data is not None))
        return found

    def _get_or_none(self, key: str) -> bytes | None:
        try:
            return self.get(key)
        except NotFoundError:
            return None

    def get_range(self, key: str, start: int, length: int) -> bytes:
        self.count("get_range")
        inner, key = self._at(key)
        data = inner.get_range(key, start, length)
        self._moved(bytes_in=len(data))
        return data

    def head(self, key: str) -> ObjectInfo | None:
        self.count("head")
        inner, key = self._at(key)
        return inner.head(key)

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        inner, place = self._at(key)
        if getattr(inner, "ranged", False):
            from tablestore.store.fsspec_store import open_ranged

            return open_ranged(self, key, size)
        self.count("open_read")
        file = inner.open_read(place, size)
        self._moved(bytes_in=file.size())
        return file

    def open_write(self, key: str) -> WriteStream:
        self.count("open_write")
        return _MeteredStream(self, self.inner.open_write(key))

    def put(self, key: str, data: bytes) -> None:
        self.count("put", bytes_out=len(data))
        self.inner.put(key, data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self.count("put_if_absent", bytes_out=len(data))
        return self.inner.put_if_absent(key, data)

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        self.count("list")
        return self.inner.list(folder, recursive=recursive)

    def delete(self, key: str) -> None:
        self.count("delete")
        inner, key = self._at(key)
        inner.delete(key)

    def has_folder(self, folder: str) -> bool:
        self.count("has_folder")
        return self.inner.has_folder(folder)

    def make_folder(self, folder: str) -> None:
        self.count("make_folder")
        self.inner.make_folder(folder)

    def rename_folder(self, old: str, new: str) -> None:
        self.count("rename_folder")
        self.inner.rename_folder(old, new)

    def delete_folder(self, folder: str) -> None:
        self.count("delete_folder")
        self.inner.delete_folder(folder)

    def delete_empty_folder(self, folder: str) -> bool:
        self.count("delete_empty_folder")
        return self.inner.delete_empty_folder(folder)


class _MeteredStream:
    """Counts the bytes of one written object when it ends."""

    def __init__(self, meter: Metered, inner: WriteStream) -> None:
        self._meter = meter
        self._inner = inner

    @property
    def closed(self) -> bool:
        return self._inner.closed

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        return self._inner.write(data)

    def flush(self) -> None:
        self._inner.flush()

    def tell(self) -> int:
        return self._inner.tell()

    def close(self) -> None:
        if not self._inner.closed:
            written = self._inner.tell()
            self._inner.close()
            self._meter._moved(bytes_out=written)

    def abort(self) -> None:
        self._inner.abort()
