"""Where a store lies: a path or URI taken apart, its credentials split off before it is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from tablestore.errors import InvalidInputError
from tablestore.store.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

# Other words for the protocol that s3fs speaks.
_S3_SCHEMES: Final = frozenset({"s3", "s3a", "s3n"})
LOCAL: Final = "file"
S3: Final = "s3"


@dataclass(frozen=True, slots=True)
class Location:
    """A path or URI without what must not be shown.

    Attributes:
        scheme: ``file``, ``memory``, ``s3`` (for ``s3a`` and ``s3n``, too) or one of fsspec.
        path: what follows the scheme, without user and password.
        credentials: what the URI held of them, as storage options.
    """

    scheme: str
    path: str
    credentials: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def uri(self) -> str:
        """The location to be shown; a local one as its path."""
        return self.path if self.scheme == LOCAL else f"{self.scheme}://{self.path}"

    @classmethod
    def parse(cls, uri: str) -> Location:
        """The parts of a path or URI.

        Raises:
            InvalidInputError: it names no bucket, or carries what belongs into storage options.
        """
        scheme, separator, rest = uri.partition("://")
        if not separator or "/" in scheme:
            return cls(LOCAL, uri.removeprefix("file:"))
        scheme = scheme.lower()
        if scheme == LOCAL:
            return cls(LOCAL, _local_path(rest))
        if scheme == "memory":
            return cls(scheme, rest)
        scheme = S3 if scheme in _S3_SCHEMES else scheme
        path, credentials = _split_user(scheme, rest)
        if scheme == S3:
            _check_bucket(path)
        return cls(scheme, path.rstrip("/"), credentials)


def _local_path(rest: str) -> str:
    """The path of ``file://host/path``.

    Raises:
        InvalidInputError: the host is another machine.
    """
    host, slash, path = rest.partition("/")
    if host in {"", "localhost"}:
        return f"{slash}{path}"
    if host in {".", "..", "~"}:
        return rest
    raise InvalidInputError(
        f"file://{host}/... names the host {host!r}: a local path has three slashes, file:///path"
    )


def _split_user(scheme: str, rest: str) -> tuple[str, dict[str, Secret]]:
    """The path without user and password, and these.

    ``container@account`` of Azure is no user: only what has a password, or stands before a
    bucket, is taken for one.
    """
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    name, colon, password = user.partition(":")
    if not at or not (colon or scheme == S3):
        return rest, {}
    words = ("key", "secret") if scheme == S3 else ("username", "password")
    found = dict(zip(words, (name, password), strict=True))
    return f"{place}{slash}{path}", {k: Secret(unquote(v)) for k, v in found.items() if v}


def _check_bucket(path: str) -> None:
    """Refuse a path of S3 that cannot be meant; the message shows no more than the bucket.

    Raises:
        InvalidInputError: there is no bucket, or a query hangs at the end.
    """
    bucket = path.partition("/")[0]
    if not bucket or ":" in bucket:
        raise InvalidInputError(
            f"s3://{bucket} names no bucket: expected s3://bucket/path, with the server's address "
            "in storage_options as endpoint_url"
        )
    if "?" in path:
        raise InvalidInputError(
            f"s3://{bucket}/... ends with a query (?...): give its settings as storage_options"
        )
