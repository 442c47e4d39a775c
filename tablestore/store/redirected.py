"""A store in which some folders lie elsewhere, as the metadata of a branch does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tablestore.store.base import get_together

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tablestore.store.base import FolderStore, ObjectInfo, WriteStream


class Redirected:
    """Another store with some of its top folders replaced by folders further down.

    Args:
        inner: the store.
        folders: name of a top folder to the folder to use in its place.
    """

    def __init__(self, inner: FolderStore, folders: Mapping[str, str]) -> None:
        self.inner = inner
        self.folders = dict(folders)
        self.ranged = getattr(inner, "ranged", False)
        self.near = getattr(inner, "near", False)

    @property
    def uri(self) -> str:
        return self.inner.uri

    def prove(self) -> None:
        """Refuses a storage that cannot arbitrate."""
        prove = getattr(self.inner, "prove", None)
        if prove is not None:
            prove()

    def _key(self, key: str) -> str:
        top, slash, rest = key.partition("/")
        return f"{self.folders.get(top, top)}{slash}{rest}"

    def _back(self, info: ObjectInfo) -> ObjectInfo:
        for top, folder in self.folders.items():
            if info.key.startswith(f"{folder}/"):
                return replace(info, key=top + info.key[len(folder) :])
        return info

    def get(self, key: str) -> bytes:
        return self.inner.get(self._key(key))

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        """The bytes of several objects, None for those that do not exist."""
        return get_together(self.inner, [self._key(key) for key in keys])

    def get_range(self, key: str, start: int, length: int) -> bytes:
        return self.inner.get_range(self._key(key), start, length)

    def head(self, key: str) -> ObjectInfo | None:
        info = self.inner.head(self._key(key))
        return None if info is None else self._back(info)

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        return self.inner.open_read(self._key(key), size)

    def open_write(self, key: str) -> WriteStream:
        return self.inner.open_write(self._key(key))

    def put(self, key: str, data: bytes) -> None:
        self.inner.put(self._key(key), data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        return self.inner.put_if_absent(self._key(key), data)

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        return map(self._back, self.inner.list(self._key(folder), recursive=recursive))

    def delete(self, key: str) -> None:
        self.inner.delete(self._key(key))

    def has_folder(self, folder: str) -> bool:
        return self.inner.has_folder(self._key(folder))

    def make_folder(self, folder: str) -> None:
        self.inner.make_folder(self._key(folder))

    def rename_folder(self, old: str, new: str) -> None:
        self.inner.rename_folder(self._key(old), self._key(new))

    def delete_folder(self, folder: str) -> None:
        self.inner.delete_folder(self._key(folder))

    def delete_empty_folder(self, folder: str) -> bool:
        return self.inner.delete_empty_folder(self._key(folder))
