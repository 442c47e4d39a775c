"""A folder on a local disk, with the durability that a commit needs.

Objects appear complete or not at all: bytes go to ``.<name>.<uuid>.tmp`` beside the target, are
synced, and get their final name by ``link`` (fails when the name exists) or ``rename`` (replaces).
The leading dot keeps Java's listings, which parse every ``snapshot-*`` name, from seeing them.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from tablestore.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from tablestore.store.base import ObjectInfo, check_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from tablestore.errors import TablestoreError

_WRITE_BUFFER_BYTES = 1 << 20
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR})
_WAY_OUT = {
    errno.EACCES: "give this user the right to do so",
    errno.EPERM: "give this user the right to do so",
    errno.EROFS: "the disk is read-only: mount it writable or use another path",
    errno.ENOSPC: "the disk is full: free some space",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.EMFILE: "this process has too many open files: raise its limit (ulimit -n)",
    errno.ENFILE: "the system has too many open files: raise its limit",
    errno.EIO: "the disk reports an error: check it",
    errno.ENOTSUP: "this file system has no hard links, which commits need: use another one",
    errno.ENOSYS: "this file system has no hard links, which commits need: use another one",
}


def local_error(
    error: OSError, path: Path, action: str, *, landed: bool | None = None
) -> TablestoreError:
    """The project's error for one of the operating system.

    Args:
        error: what the system call raised.
        path: the file or folder it was about.
        action: the verb of the sentence, e.g. ``"write"``.
        landed: False when the call certainly changed nothing.
    """
    if error.errno in _ABSENT:
        return NotFoundError(f"{path} does not exist", path=str(path))
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno == errno.ENAMETOOLONG:
        return InvalidInputError(f"cannot {action} {path}: the name is too long", path=str(path))
    advice = _WAY_OUT.get(error.errno or 0)
    tail = f" ({advice})" if advice else ""
    detail = {} if landed is None else {"landed": landed}
    return StorageUnavailableError(
        f"cannot {action} {path}: {reason}{tail}", path=str(path), **detail
    )


class LocalStore:
    """The objects below one folder of a local disk.

    Args:
        root: the folder; created by the first write.
    """

    # A look costs a system call: nobody need trust for a while what was seen last.
    near = True

    def __init__(self, root: str) -> None:
        expanded = Path(root).expanduser()
        self._root = Path(os.path.abspath(expanded))  # noqa: PTH100 (resolve() follows links)

    def __repr__(self) -> str:
        return f"LocalStore({str(self._root)!r})"

    @property
    def uri(self) -> str:
        return str(self._root)

    def _path(self, key: str) -> Path:
        return self._root / check_key(key)

    def _folder(self, folder: str) -> Path:
        return self._root / check_key(folder, folder=True)

    def get(self, key: str) -> bytes:
        path = self._path(key)
        try:
            with io.FileIO(path) as file:
                return file.readall()
        except OSError as error:
            raise local_error(error, path, "read") from error

    def get_range(self, key: str, start: int, length: int) -> bytes:
        path = self._path(key)
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise local_error(error, path, "read") from error

    def head(self, key: str) -> ObjectInfo | None:
        path = self._path(key)
        try:
            found = path.stat()
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            raise local_error(error, path, "look at") from error
        if stat.S_ISDIR(found.st_mode):
            return None
        return ObjectInfo(key, found.st_size, found.st_mtime_ns // 1_000_000)

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        # Not a memory map: a file cut short under a map kills the process with SIGBUS.
        import pyarrow as pa

        path = self._path(key)
        try:
            return pa.OSFile(str(path), "rb")
        except OSError as error:
            raise local_error(error, path, "read") from error

    def open_write(self, key: str) -> LocalWriteStream:
        path = self._path(key)
        return LocalWriteStream(path, _create(path))

    def put(self, key: str, data: bytes) -> None:
        path = self._path(key)
        temporary = _write_temporary(path, data)
        try:
            temporary.replace(path)
            _sync_folder(path.parent)
        except OSError as error:
            _remove_quietly(temporary)
            raise local_error(error, path, "write") from error

    def put_if_absent(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        if os.path.lexists(path):
            return False
        temporary = _write_temporary(path, data)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return False
        except OSError as error:
            raise local_error(error, path, "create", landed=False) from error
        finally:
            _remove_quietly(temporary)
        try:
            _sync_folder(path.parent)
        except OSError as error:
            raise local_error(error, path, "make durable") from error
        return True

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        prefix = check_key(folder, folder=True)
        return _list(self._folder(folder), f"{prefix}/" if prefix else "", recursive=recursive)

    def delete(self, key: str) -> None:
        path = self._path(key)
        try:
            path.unlink()
        except OSError as error:
            if error.errno not in _ABSENT:
                raise local_error(error, path, "delete") from error

    def has_folder(self, folder: str) -> bool:
        return self._folder(folder).is_dir()

    def make_folder(self, folder: str) -> None:
        path = self._folder(folder)
        try:
            _make_folders(path)
        except OSError as error:
            raise local_error(error, path, "create") from error

    def rename_folder(self, old: str, new: str) -> None:
        source, target = self._folder(old), self._folder(new)
        try:
            _make_folders(target.parent)
            source.rename(target)
            _sync_folder(source.parent)
            _sync_folder(target.parent)
        except OSError as error:
            raise local_error(error, source, "rename") from error

    def delete_folder(self, folder: str) -> None:
        path = self._folder(folder)
        try:
            shutil.rmtree(path)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise local_error(error, path, "delete") from error

    def delete_empty_folder(self, folder: str) -> bool:
        try:
            self._folder(folder).rmdir()
        except OSError:
            return False
        return True


class LocalWriteStream:
    """A new file under its final name, synced when it is closed."""

    def __init__(self, path: Path, file: io.BufferedWriter) -> None:
        self._path = path
        self._file = file

    @property
    def closed(self) -> bool:
        return self._file.closed

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise local_error(error, self._path, "write") from error

    def flush(self) -> None:
        """Does nothing: only :meth:`close` promises durability, and pyarrow flushes often."""

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            _sync_folder(self._path.parent)
        except OSError as error:
            _close_without_flush(self._file)
            _remove_quietly(self._path)
            raise local_error(error, self._path, "write") from error

    def abort(self) -> None:
        if not self._file.closed:
            _close_without_flush(self._file)
            _remove_quietly(self._path)


def _create(path: Path) -> io.BufferedWriter:
    try:
        try:
            return io.BufferedWriter(io.FileIO(path, "x"), _WRITE_BUFFER_BYTES)
        except FileNotFoundError:
            _make_folders(path.parent)
            return io.BufferedWriter(io.FileIO(path, "x"), _WRITE_BUFFER_BYTES)
    except OSError as error:
        raise local_error(error, path, "write", landed=False) from error


def _write_temporary(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4()}.tmp")
    file = _create(temporary)
    try:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        file.close()
    except OSError as error:
        _close_without_flush(file)
        _remove_quietly(temporary)
        raise local_error(error, path, "write", landed=False) from error
    return temporary


def _close_without_flush(file: io.BufferedWriter) -> None:
    """Closes the descriptor even where the buffered rest cannot be written."""
    with contextlib.suppress(OSError):
        file.raw.close()
    with contextlib.suppress(OSError, ValueError):
        file.close()


def _remove_quietly(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _make_folders(folder: Path) -> None:
    """Creates a folder and its parents; each new name is made durable in its parent."""
    missing: list[Path] = []
    probe = folder
    while not probe.is_dir() and probe != probe.parent:
        missing.append(probe)
        probe = probe.parent
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):
            path.mkdir()
            _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _list(path: Path, prefix: str, *, recursive: bool) -> Iterator[ObjectInfo]:
    try:
        entries = list(os.scandir(path))
    except OSError as error:
        if error.errno in _ABSENT:
            return
        raise local_error(error, path, "list") from error
    for entry in entries:
        key = prefix + entry.name
        if not entry.is_dir():
            try:
                found = entry.stat()
            except FileNotFoundError:
                continue  # removed since the folder was read
            yield ObjectInfo(key, found.st_size, found.st_mtime_ns // 1_000_000)
        elif recursive:
            yield from _list(path / entry.name, f"{key}/", recursive=True)
        else:
            yield ObjectInfo(key, 0, 0, is_folder=True)
