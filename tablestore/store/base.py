"""The few verbs that everything else does its I/O with.

A key is a relative posix path below the root of the store, e.g. ``snapshot/LATEST``.
Bytes are durable when a call that wrote them returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tablestore.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store says about one object or folder without its bytes.

    Attributes:
        key: the key; a folder's has no slash at its end.
        size: bytes; 0 for a folder.
        modified_ms: last change by the clock of the store, epoch milliseconds; 0 if unknown.
        is_folder: True for a folder (only a listing that is not recursive shows folders).
    """

    key: str
    size: int
    modified_ms: int
    is_folder: bool = False

    @property
    def name(self) -> str:
        """The last segment of the key."""
        return self.key.rpartition("/")[2]


class WriteStream(Protocol):
    """A new object being written from front to back; pyarrow writes to it as to a file.

    The object may be seen before :meth:`close`, but only by those who know its name.
    """

    @property
    def closed(self) -> bool: ...

    def write(self, data: bytes | bytearray | memoryview, /) -> int: ...

    def flush(self) -> None: ...

    def tell(self) -> int: ...

    def close(self) -> None:
        """Makes the object complete and durable."""
        ...

    def abort(self) -> None:
        """Ends the writing and removes what was written; a second call does nothing."""
        ...


class Store(Protocol):
    """Where a table's objects lie.

    Every verb raises ``StorageUnavailableError`` when the storage refuses, fails or is full, and
    ``InvalidInputError`` for a key that could leave the root.
    """

    @property
    def uri(self) -> str:
        """The root, without secrets."""
        ...

    def get(self, key: str) -> bytes:
        """The bytes of an object; ``NotFoundError`` without it."""
        ...

    def get_range(self, key: str, start: int, length: int) -> bytes:
        """At most ``length`` bytes from ``start`` on; fewer only at the object's end."""
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Size and time of an object, or None."""
        ...

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        """A seekable file that pyarrow reads from; ``size``, where known, saves a request."""
        ...

    def open_write(self, key: str) -> WriteStream:
        """A stream that creates an object under a name nobody used before."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Creates or replaces an object in one step: readers see the old or the new bytes."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Creates an object in one step, or returns False because it exists.

        Exactly one of several racing callers gets True. An error leaves open whether the object
        was created, unless its ``detail["landed"]`` is False.
        """
        ...

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        """What a folder holds: objects and folders, or (recursive) all objects below it.

        A folder that does not exist is empty. The order is not defined.
        """
        ...

    def delete(self, key: str) -> None:
        """Removes an object; one that does not exist is no error."""
        ...


class FolderStore(Store, Protocol):
    """A store with the verbs on whole folders that a catalog needs."""

    def has_folder(self, folder: str) -> bool:
        """True when the folder, or anything below it, exists."""
        ...

    def make_folder(self, folder: str) -> None:
        """Creates an empty folder; one that exists is no error."""
        ...

    def rename_folder(self, old: str, new: str) -> None:
        """Moves a folder with everything below it; one step on a local disk only."""
        ...

    def delete_folder(self, folder: str) -> None:
        """Removes a folder with everything below it; one that does not exist is no error."""
        ...

    def delete_empty_folder(self, folder: str) -> bool:
        """Removes a folder that holds nothing; False where it cannot, or there are no folders."""
        ...


def get_together(store: Store, keys: Sequence[str]) -> list[bytes | None]:
    """The bytes of several objects, None for those that do not exist, asked for at once.

    A store that answers from afar has ``get_many``, which sends all requests before it waits for
    the first answer; the others are asked one by one.
    """
    many = getattr(store, "get_many", None)
    if many is not None:
        found: list[bytes | None] = many(keys)
        return found
    return [_get_or_none(store, key) for key in keys]


def _get_or_none(store: Store, key: str) -> bytes | None:
    try:
        return store.get(key)
    except NotFoundError:
        return None


def check_key(key: str, *, folder: bool = False) -> str:
    """The key itself when it stays below the root.

    Args:
        key: a relative posix path.
        folder: True accepts a slash at the end (dropped) and the empty key, the root.

    Raises:
        InvalidInputError: absolute, empty, with NUL, or with an empty, ``.`` or ``..`` segment.
    """
    if folder:
        key = key.removesuffix("/")
        if not key:
            return key
    if "\0" in key or any(segment in {"", ".", ".."} for segment in key.split("/")):
        raise InvalidInputError(f"object name {key!r} is not a plain relative path", key=key)
    return key
