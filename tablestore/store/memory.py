"""Objects in this process's memory, shared by name: for tests and trials."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tablestore.errors import InvalidInputError, NotFoundError
from tablestore.store.base import ObjectInfo, check_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_OBJECTS: dict[str, tuple[bytes, int]] = {}
_FOLDERS: set[str] = set()
_LOCK = threading.RLock()


class MemoryStore:
    """The objects below ``memory://<root>``; stores of nested roots see the same objects.

    Args:
        root: ``name`` or ``name/path``.
    """

    def __init__(self, root: str) -> None:
        self._root = root.strip("/")

    def __repr__(self) -> str:
        return f"MemoryStore({self._root!r})"

    @property
    def uri(self) -> str:
        return f"memory://{self._root}"

    def _name(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    def _prefix(self, folder: str) -> str:
        checked = check_key(folder, folder=True)
        return f"{self._root}/{checked}/" if checked else f"{self._root}/"

    def get(self, key: str) -> bytes:
        found = _OBJECTS.get(self._name(key))
        if found is None:
            raise NotFoundError(f"{self.uri}/{key} does not exist", path=f"{self.uri}/{key}")
        return found[0]

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.get(key)[start : start + length]

    def head(self, key: str) -> ObjectInfo | None:
        found = _OBJECTS.get(self._name(key))
        return None if found is None else ObjectInfo(key, len(found[0]), found[1])

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        import pyarrow as pa

        return pa.BufferReader(self.get(key))

    def open_write(self, key: str) -> MemoryWriteStream:
        if self.head(key) is not None:
            raise InvalidInputError(f"{self.uri}/{key} exists already", key=key)
        return MemoryWriteStream(self, key)

    def put(self, key: str, data: bytes) -> None:
        name = self._name(key)
        with _LOCK:  # a listing in another thread goes through all names
            _OBJECTS[name] = (bytes(data), time.time_ns() // 1_000_000)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        with _LOCK:
            if self._name(key) in _OBJECTS:
                return False
            self.put(key, data)
            return True

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        prefix = self._prefix(folder)
        base = len(self._root) + 1
        folders: set[str] = set()
        with _LOCK:
            found = [(n, v) for n, v in _OBJECTS.items() if n.startswith(prefix)]
            folders.update(
                f"{prefix}{name[len(prefix) :].partition('/')[0]}"
                for name in [*(n for n, _ in found), *(f"{f}/" for f in _FOLDERS)]
                if name.startswith(prefix) and "/" in name[len(prefix) :]
            )
        for name, (data, modified_ms) in found:
            if recursive or "/" not in name[len(prefix) :]:
                yield ObjectInfo(name[base:], len(data), modified_ms)
        if not recursive:
            for name in sorted(folders):
                yield ObjectInfo(name[base:], 0, 0, is_folder=True)

    def delete(self, key: str) -> None:
        name = self._name(key)
        with _LOCK:
            _OBJECTS.pop(name, None)

    def has_folder(self, folder: str) -> bool:
        prefix = self._prefix(folder)
        with _LOCK:
            return prefix[:-1] in _FOLDERS or any(
                name.startswith(prefix) for name in (*_OBJECTS, *_FOLDERS)
            )

    def make_folder(self, folder: str) -> None:
        name = self._prefix(folder)[:-1]
        with _LOCK:
            _FOLDERS.add(name)

    def rename_folder(self, old: str, new: str) -> None:
        source, target = self._prefix(old), self._prefix(new)
        with _LOCK:
            if not self.has_folder(old):
                raise NotFoundError(f"{self.uri}/{old} does not exist", path=old)
            for name in [n for n in _OBJECTS if n.startswith(source)]:
                _OBJECTS[target + name[len(source) :]] = _OBJECTS.pop(name)
            for name in [f for f in _FOLDERS if f"{f}/".startswith(source)]:
                _FOLDERS.discard(name)
                _FOLDERS.add(target[:-1] + name[len(source) - 1 :])

    def delete_folder(self, folder: str) -> None:
        prefix = self._prefix(folder)
        with _LOCK:
            for name in [n for n in _OBJECTS if n.startswith(prefix)]:
                del _OBJECTS[name]
            _FOLDERS.difference_update([f for f in _FOLDERS if f"{f}/".startswith(prefix)])

    def delete_empty_folder(self, folder: str) -> bool:
        name = self._prefix(folder)[:-1]
        with _LOCK:
            if name not in _FOLDERS or any(
                o.startswith(f"{name}/") for o in (*_OBJECTS, *_FOLDERS)
            ):
                return False
            _FOLDERS.discard(name)
            return True


class MemoryWriteStream:
    """Bytes that become an object when the stream is closed."""

    def __init__(self, store: MemoryStore, key: str) -> None:
        self._store = store
        self._key = key
        self._data = bytearray()
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        view = memoryview(data)
        self._data += view
        return view.nbytes

    def flush(self) -> None:
        """Does nothing: the object appears with :meth:`close`."""

    def tell(self) -> int:
        return len(self._data)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._store.put(self._key, bytes(self._data))

    def abort(self) -> None:
        self._closed = True
        self._data.clear()
