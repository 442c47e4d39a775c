"""The store of a path or URI, chosen by its scheme."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from tablestore.store.local import LocalStore
from tablestore.store.metered import Metered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tablestore.store.base import FolderStore


def open_store(uri: str, storage_options: Mapping[str, Any] | None = None) -> Metered:
    """A metered store rooted at a path or URI; nothing is read or created yet.

    Args:
        uri: a local path, ``file://``, ``memory://``, ``s3://`` or any scheme of fsspec.
        storage_options: passed to fsspec for remote schemes.

    Raises:
        InvalidInputError: the scheme is not known or an option is wrong.
    """
    options = storage_options or {}
    return Metered(_open(uri, options), _elsewhere(_scheme(uri), options))


def _elsewhere(scheme: str, options: Mapping[str, Any]) -> Callable[[str], FolderStore]:
    """Opens folders outside the store; the options are for their own scheme only."""

    @cache
    def opened(uri: str) -> FolderStore:
        return _open(uri, options if _scheme(uri) == scheme else {})

    return opened


def _scheme(uri: str) -> str:
    scheme, colon, _ = uri.partition(":/")
    return scheme if colon else "file"


def _open(uri: str, options: Mapping[str, Any]) -> FolderStore:
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return LocalStore(uri.removeprefix("file:"))
    if scheme == "file":
        return LocalStore(rest)
    if scheme == "memory":
        from tablestore.store.memory import MemoryStore

        return MemoryStore(rest)
    from tablestore.store.fsspec_store import FsspecStore, open_filesystem

    protocol = "s3" if scheme == "s3a" else scheme
    # A user and password in the URI must not show up in messages: only the host part stays.
    host, slash, path = rest.partition("/")
    root = f"{host.rpartition('@')[2]}{slash}{path}" if protocol == "s3" else rest
    return FsspecStore(open_filesystem(protocol, options), root, protocol)
