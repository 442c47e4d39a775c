"""The storage as one process of a simulated deployment sees it: each call may fail by the script.

Faults, by what the caller sees and what really happened::

    refused      an error that says that nothing happened (disk full, no right, too many files)
    reset        an error that says nothing (reset, 500, 503, 429, time-out); nothing happened
    lost         the same error; it happened
    late:N       the same error; it happens N steps from now
    twice:N      success; the request arrives once more N steps from now
    dies-before, dies-after   the process ends, without or with the effect
    412-mine     put_if_absent says "exists" of what it has just created (a client that retried)
    409          put_if_absent says "exists", and nothing is there (two requests met)
    away, lost-away   as reset and lost, and the storage does not answer for three minutes
    torn         the process ends; half of an object written in parts is there, under its name
    half         an error; half of an object written in parts is there, under its name
    missing, garbage, empty, old, ahead   what a hint file says
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from tablestore.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from tablestore.store.base import ObjectInfo, check_key
from tests.support.faulty_world import Process, World

# a read has no effect, so that "before" and "after" are one
READS = ("reset", "dies-before")
WRITES = ("refused", "reset", "lost", "late:3", "late:999", "dies-before", "dies-after")
HINTS = ("missing", "garbage", "empty", "old", "ahead")
AWAY_MS = 180_000


def kinds_of(verb: str, key: str) -> tuple[str, ...]:
    """The faults that a call can suffer."""
    if verb == "get" and key.endswith(("/LATEST", "/EARLIEST")):
        return (*READS, *HINTS)
    if verb == "put":
        return (*WRITES, "twice:3", "twice:999")
    if verb == "put_if_absent":
        return (*WRITES, "412-mine", "409", "twice:3", "away", "lost-away")
    if verb == "close":
        return (*WRITES, "torn", "half")
    return WRITES if verb == "delete" else READS


class FaultyStore:
    """A store for one process.

    Args:
        world: the objects, the clock and the script.
        process: whose calls these are.
    """

    uri = "memory://simulated/db.db/t"
    ranged = False

    def __init__(self, world: World, process: Process) -> None:
        self.world = world
        self.process = process

    def _call(
        self,
        verb: str,
        key: str,
        effect: Callable[[], Any],
        partly: Callable[[], Any] | None = None,
    ) -> Any:
        fault = self.world.step(self.process, verb, key, kinds_of(verb, key))
        if self.world.now_ms < self.process.away_until_ms:
            raise StorageUnavailableError(f"cannot {verb} {key}: no answer")
        if fault is None:
            return effect()
        if fault in ("torn", "half") and partly is not None:
            partly()
        return self._suffer(fault, verb, key, effect)

    def _suffer(self, fault: str, verb: str, key: str, effect: Callable[[], Any]) -> Any:
        kind, _, steps = fault.partition(":")
        if kind == "dies-before":
            self.process.die()
        if kind == "refused":
            raise StorageUnavailableError(f"cannot {verb} {key}: disk full", landed=False)
        if kind == "twice":
            result = effect()
            self.world.later(int(steps), effect)
            return result
        if kind in ("lost", "lost-away", "dies-after", "412-mine"):
            effect()
        if kind in ("away", "lost-away"):
            self.process.away_until_ms = self.world.now_ms + AWAY_MS
        if kind in ("dies-after", "torn"):
            self.process.die()
        if kind in ("412-mine", "409"):
            return False
        if kind == "late":
            self.world.later(int(steps), effect)
        return self._answer(kind, verb, key)

    def _answer(self, kind: str, verb: str, key: str) -> bytes:
        """What a hint file says, or an error."""
        if kind == "missing":
            raise NotFoundError(f"{key} does not exist", path=key)
        if kind == "garbage":
            return b"\xff7x\n"
        if kind == "empty":
            return b""
        if kind == "old":
            return self.world.old_hint(key) or b"1"
        if kind == "ahead":
            return b"4000000"
        raise StorageUnavailableError(f"cannot {verb} {key}: no answer")

    # -- reads ------------------------------------------------------------------------------------

    def _found(self, key: str) -> bytes:
        found = self.world.objects.get(check_key(key))
        if found is None:
            raise NotFoundError(f"{self.uri}/{key} does not exist", path=key)
        return found[0]

    def get(self, key: str) -> bytes:
        return self._call("get", key, lambda: self._found(key))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self._call("get_range", key, lambda: self._found(key)[start : start + length])

    def head(self, key: str) -> ObjectInfo | None:
        return self._call("head", key, lambda: self._info(key))

    def _info(self, key: str) -> ObjectInfo | None:
        found = self.world.objects.get(check_key(key))
        return None if found is None else ObjectInfo(key, len(found[0]), found[1])

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        return self._call("open_read", key, lambda: pa.BufferReader(self._found(key)))

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        """Two pages, so that what changes between them is seen in part."""
        prefix = f"{check_key(folder, folder=True)}/" if folder.strip("/") else ""
        first = self._call("list", folder, lambda: self._page(prefix, "", recursive=recursive))
        first = first[: (len(first) + 1) // 2]
        yield from first
        if first:
            mark = first[-1].key
            yield from self._call(
                "list", folder, lambda: self._page(prefix, mark, recursive=recursive)
            )

    def _page(self, prefix: str, after: str, *, recursive: bool) -> list[ObjectInfo]:
        found: dict[str, ObjectInfo] = {}
        for key, (data, modified) in self.world.objects.items():
            if not key.startswith(prefix):
                continue
            name, slash, _ = key[len(prefix) :].partition("/")
            if slash and not recursive:
                found[prefix + name] = ObjectInfo(prefix + name, 0, 0, is_folder=True)
            else:
                found[key] = ObjectInfo(key, len(data), modified)
        return [found[key] for key in sorted(found) if key > after]

    # -- writes -----------------------------------------------------------------------------------

    def put(self, key: str, data: bytes) -> None:
        check_key(key)
        self._call("put", key, lambda: self.world.put(key, bytes(data)))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        check_key(key)
        return self._call("put_if_absent", key, lambda: self.world.put_if_absent(key, bytes(data)))

    def delete(self, key: str) -> None:
        check_key(key)
        self._call("delete", key, lambda: self.world.objects.pop(key, None) and None)

    def open_write(self, key: str) -> FaultyStream:
        def effect() -> FaultyStream:
            if check_key(key) in self.world.objects:
                raise InvalidInputError(f"{key} exists already", key=key)
            return FaultyStream(self, key)

        return self._call("open_write", key, effect)

    # -- folders ----------------------------------------------------------------------------------

    def has_folder(self, folder: str) -> bool:
        prefix = f"{folder}/" if folder else ""
        return self._call(
            "has_folder", folder, lambda: any(key.startswith(prefix) for key in self.world.objects)
        )

    def make_folder(self, folder: str) -> None:
        raise NotImplementedError

    def rename_folder(self, old: str, new: str) -> None:
        raise NotImplementedError

    def delete_folder(self, folder: str) -> None:
        raise NotImplementedError

    def delete_empty_folder(self, folder: str) -> bool:
        return False  # as in an object store: there are no folders


class FaultyStream:
    """An object written in parts; what was written may be seen, or not, until it is closed."""

    def __init__(self, store: FaultyStore, key: str) -> None:
        self._store = store
        self._key = key
        self._data = bytearray()
        self.closed = False

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        view = memoryview(data)
        self._data += view.cast("B")
        return view.nbytes

    def flush(self) -> None:
        pass

    def tell(self) -> int:
        return len(self._data)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        world, data = self._store.world, bytes(self._data)
        half = data[: len(data) // 2]
        self._store._call(
            "close",
            self._key,
            lambda: world.put(self._key, data),
            partly=lambda: world.put(self._key, half),
        )

    def abort(self) -> None:
        self.closed = True
        self._data.clear()
