"""The store of a path or URI, chosen by its scheme."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import InvalidInputError
from tablestore.store.local import LocalStore
from tablestore.store.location import LOCAL, S3, Location
from tablestore.store.metered import Metered
from tablestore.store.s3_options import S3Options
from tablestore.store.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tablestore.store.base import FolderStore

_MEMORY: Final = "memory"


def open_store(uri: str, storage_options: Mapping[str, Any] | None = None) -> Metered:
    """A metered store rooted at a path or URI; nothing is read or created yet.

    Args:
        uri: a local path, ``file://``, ``memory://``, ``s3://`` or any scheme of fsspec.
        storage_options: how to reach a remote one; see :class:`Storage`.

    Raises:
        InvalidInputError: the scheme is not known or an option is wrong.
    """
    return Storage(uri, storage_options).store()


class Storage:
    """A place and how to reach it; shows the place only.

    Args:
        uri: a local path, ``file://``, ``memory://``, ``s3://`` or any scheme of fsspec. A user
            and a password in it become options and are not shown.
        storage_options: for ``s3://`` in the words of s3fs, Paimon, pyiceberg or delta-rs; for
            other schemes those of their fsspec file system.

    Raises:
        InvalidInputError: the URI or an option is wrong.
    """

    def __init__(self, uri: str, storage_options: Mapping[str, Any] | None = None) -> None:
        self._location = Location.parse(uri)
        self._open = _opener(self._location, dict(storage_options or {}))

    def __repr__(self) -> str:
        return f"Storage({self.uri!r})"

    @property
    def uri(self) -> str:
        """The place, without secrets."""
        return self._location.uri

    def store(self, folder: str = "") -> Metered:
        """A metered store of the place, or of a folder in it."""
        path = self._location.path
        root = f"{path.rstrip('/')}/{folder}" if folder else path
        return Metered(self._open(root), self._elsewhere())

    def _elsewhere(self) -> Callable[[str], FolderStore]:
        """Opens folders outside the place; the options are for their own scheme only."""

        @cache
        def opened(uri: str) -> FolderStore:
            there = Location.parse(uri)
            if there.scheme == self._location.scheme and not there.credentials:
                return self._open(there.path)
            return _opener(there, {})(there.path)

        return opened


def _opener(location: Location, options: Mapping[str, Any]) -> Callable[[str], FolderStore]:
    """Opens the store of a path of one scheme.

    Raises:
        InvalidInputError: an option is wrong.
    """
    if location.scheme == S3:
        settings = S3Options.parse(options, location.credentials)
        return lambda root: _open_s3(root, settings)
    if location.scheme in {LOCAL, _MEMORY}:
        if options:
            raise InvalidInputError(
                f"{location.uri} is reached without storage options: found "
                + ", ".join(repr(name) for name in options),
                uri=location.uri,
            )
        return LocalStore if location.scheme == LOCAL else _open_memory
    hidden = {name: _hidden(value) for name, value in {**options, **location.credentials}.items()}
    return lambda root: _open_fsspec(location.scheme, root, hidden)


def _hidden(value: object) -> object:
    return Secret(value) if isinstance(value, str) else value


def _open_memory(root: str) -> FolderStore:
    from tablestore.store.memory import MemoryStore

    return MemoryStore(root)


def _open_s3(root: str, options: S3Options) -> FolderStore:
    from tablestore.store.s3 import S3Store

    return S3Store(root, options)


def _open_fsspec(scheme: str, root: str, options: Mapping[str, object]) -> FolderStore:
    from tablestore.store.fsspec_store import FsspecStore, open_filesystem

    return FsspecStore(open_filesystem(scheme, options), root, scheme)
