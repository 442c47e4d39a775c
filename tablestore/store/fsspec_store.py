"""Any storage that fsspec reaches, where it has no store of its own.

Listings are never cached. What can be read can be committed to only where the file system itself
creates an object if it is absent: what fsspec does in its place, to ask first and then to write,
lets two commits both win.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

from tablestore.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from tablestore.store.arbitration import require_arbitration
from tablestore.store.base import ObjectInfo, check_key
from tablestore.store.ranged import RangedFile
from tablestore.store.secret import Secret, without

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa
    from fsspec.spec import AbstractBufferedFile, AbstractFileSystem  # type: ignore[import-untyped]

    from tablestore.errors import TablestoreError
    from tablestore.store.base import Store

# Where fsspec keeps the methods that file systems inherit.
_WITHOUT = ("fsspec.spec", "fsspec.asyn")
_REMOTE_ERRORS = (
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("aiohttp", "ClientError"),
)


def _failures() -> tuple[type[BaseException], ...]:
    """What a file system may raise, by the client libraries that are loaded."""
    found: list[type[BaseException]] = [OSError]
    for module, name in _REMOTE_ERRORS:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type):
            found.append(kind)
    return tuple(found)


def open_filesystem(protocol: str, options: Mapping[str, Any]) -> AbstractFileSystem:
    """The fsspec file system of a scheme, without any caching of listings.

    Raises:
        InvalidInputError: the scheme is not known, its package is missing, or an option is wrong.
    """
    import fsspec  # type: ignore[import-untyped]

    settings = {"use_listings_cache": False, "skip_instance_cache": True}
    plain = {n: v.reveal() if isinstance(v, Secret) else v for n, v in options.items()}
    secrets = [value for value in options.values() if isinstance(value, Secret)]
    try:
        return fsspec.filesystem(protocol, **settings, **plain)
    except (ImportError, ValueError, TypeError) as error:
        # Not chained: the message of what came from below may hold an option's value.
        reason = without(str(error), secrets)
        problem = InvalidInputError(f"cannot open {protocol}:// storage: {reason}")
    raise problem


def creates_if_absent(filesystem: AbstractFileSystem) -> bool:
    """Whether a file system has a way of its own to create an object only if it is absent."""
    for name in ("_pipe_file", "pipe_file"):
        method = getattr(type(filesystem), name, None)
        if method is not None and not method.__module__.startswith(_WITHOUT):
            return "mode" in inspect.signature(method).parameters
    return False


class FsspecStore:
    """The objects below one URI of an fsspec file system.

    Args:
        filesystem: an ``fsspec.AbstractFileSystem``.
        root: the path of the root within it, e.g. ``bucket/warehouse``.
        protocol: the scheme of the URI.
    """

    # Every read is a request: Metered counts pieces, not files.
    ranged = True

    def __init__(self, filesystem: AbstractFileSystem, root: str, protocol: str) -> None:
        self._fs = filesystem
        self._root = root.rstrip("/")
        self._protocol = protocol

    def __repr__(self) -> str:
        return f"FsspecStore({self.uri!r})"

    @property
    def uri(self) -> str:
        return f"{self._protocol}://{self._root.lstrip('/')}"

    def prove(self) -> None:
        """Refuses a storage that cannot arbitrate, before anything is written to it.

        Raises:
            InvalidInputError: it cannot create an object only if it is absent.
        """
        root = self._root.lstrip("/").partition("/")[0]
        require_arbitration(self, (os.getpid(), id(type(self._fs)), self._protocol, root))

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    def _folder(self, folder: str) -> str:
        checked = check_key(folder, folder=True)
        return f"{self._root}/{checked}" if checked else self._root

    def _error(self, error: BaseException, path: str, action: str) -> TablestoreError:
        where = f"{self._protocol}://{path.lstrip('/')}"
        if isinstance(error, FileNotFoundError):
            return NotFoundError(f"{where} does not exist", path=where)
        # A refusal is an answer: the object was not created. Anything else leaves that open.
        detail = {"landed": False} if isinstance(error, PermissionError) else {}
        reason = str(error) or type(error).__name__
        return StorageUnavailableError(f"cannot {action} {where}: {reason}", path=where, **detail)

    def get(self, key: str) -> bytes:
        path = self._path(key)
        try:
            return bytes(self._fs.cat_file(path))
        except _failures() as error:
            raise self._error(error, path, "read") from error

    def get_range(self, key: str, start: int, length: int) -> bytes:
        path = self._path(key)
        try:
            return bytes(self._fs.cat_file(path, start=start, end=start + length))
        except _failures() as error:
            raise self._error(error, path, "read") from error

    def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        try:
            found = self._fs.info(path)
        except FileNotFoundError:
            return None
        except _failures() as error:
            raise self._error(error, path, "look at") from error
        if found.get("type") == "directory":
            return None
        return ObjectInfo(key, int(found.get("size") or 0), _modified_ms(found))

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        return open_ranged(self, key, size)

    def open_write(self, key: str) -> FsspecWriteStream:
        path = self._path(key)
        try:
            return FsspecWriteStream(self, path, self._fs.open(path, "wb"))
        except _failures() as error:
            raise self._error(error, path, "write") from error

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        try:
            self._fs.pipe_file(path, data)
        except _failures() as error:
            raise self._error(error, path, "write") from error

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if not creates_if_absent(self._fs):
            raise InvalidInputError(
                f"cannot commit to {self._protocol}:// storage: it has no way to create an object "
                "only if it is absent",
                uri=self.uri,
            )
        path = self._path(key)
        try:
            self._fs.pipe_file(path, data, mode="create")
        except FileExistsError:
            return False
        except _failures() as error:
            raise self._error(error, path, "create") from error
        return True

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        path = self._folder(folder)
        try:
            found = (
                list(self._fs.find(path, detail=True).values())
                if recursive
                else self._fs.ls(path, detail=True, refresh=True)
            )
        except FileNotFoundError:
            return
        except _failures() as error:
            raise self._error(error, path, "list") from error
        base = len(self._root.lstrip("/")) + 1
        for info in found:
            key = str(info["name"]).strip("/")[base:]
            is_folder = info.get("type") == "directory"
            if key and key != check_key(folder, folder=True):
                size = 0 if is_folder else int(info.get("size") or 0)
                yield ObjectInfo(key, size, _modified_ms(info), is_folder=is_folder)

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            self._fs.rm_file(path)
        except FileNotFoundError:
            return
        except _failures() as error:
            raise self._error(error, path, "delete") from error

    def has_folder(self, folder: str) -> bool:
        path = self._folder(folder)
        try:
            return bool(self._fs.exists(f"{path}/.folder") or self._fs.exists(path))
        except _failures() as error:
            raise self._error(error, path, "look at") from error

    def make_folder(self, folder: str) -> None:
        # Object stores have no folders: a hidden empty object stands for one.
        self.put(f"{check_key(folder, folder=True)}/.folder", b"")

    def rename_folder(self, old: str, new: str) -> None:
        source, target = self._folder(old), self._folder(new)
        try:
            self._fs.mv(source, target, recursive=True)
        except _failures() as error:
            raise self._error(error, source, "rename") from error

    def delete_folder(self, folder: str) -> None:
        path = self._folder(folder)
        try:
            self._fs.rm(path, recursive=True)
        except FileNotFoundError:
            return
        except _failures() as error:
            raise self._error(error, path, "delete") from error

    def delete_empty_folder(self, folder: str) -> bool:
        """Does nothing: object stores have no folders, and others cannot say that one is empty."""
        del folder
        return False


class FsspecWriteStream:
    """An upload in parts, completed by :meth:`close`."""

    def __init__(self, store: FsspecStore, path: str, file: AbstractBufferedFile) -> None:
        self._store = store
        self._path = path
        self._file = file
        self._closed = False

    @property
    def closed(self) -> bool:
        return self._closed

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        try:
            return int(self._file.write(data))
        except _failures() as error:
            raise self._store._error(error, self._path, "write") from error

    def flush(self) -> None:
        """Does nothing: a part has a minimum size, and only :meth:`close` promises anything."""

    def tell(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        if self._closed:
            return
        try:
            self._file.close()
        except _failures() as error:
            self.abort()
            raise self._store._error(error, self._path, "write") from error
        self._closed = True

    def abort(self) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(*_failures(), AttributeError):
            self._file.discard()
        # A closed flag keeps fsspec from completing the upload when the object is collected.
        with contextlib.suppress(AttributeError):
            self._file.closed = True
        # Some file systems show the object from the start on.
        with contextlib.suppress(*_failures()):
            self._store._fs.rm_file(self._path)


def open_ranged(store: Store, key: str, size: int | None) -> pa.NativeFile:
    """A file for pyarrow that reads through ``store.get_range``.

    Raises:
        NotFoundError: there is no such object.
    """
    import pyarrow as pa

    if size is None:
        found = store.head(key)
        if found is None:
            raise NotFoundError(f"{store.uri}/{key} does not exist", path=f"{store.uri}/{key}")
        size = found.size
    return pa.PythonFile(RangedFile(store, key, size), mode="r")


def _modified_ms(info: Mapping[str, Any]) -> int:
    """The time of the last change; file systems use several names and types for it."""
    for name in ("LastModified", "mtime", "modified", "last_modified", "created"):
        value = info.get(name)
        if isinstance(value, dt.datetime):
            return int(value.timestamp() * 1000)
        if isinstance(value, int | float):
            return int(value * 1000)
    return 0
