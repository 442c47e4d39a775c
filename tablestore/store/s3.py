"""``s3://``: Amazon S3 and the servers that speak its protocol.

A commit is one conditional single-part PUT, made once. Nothing is cached, a look for an object
that is not there makes no listing, and reads that do not depend on each other go out together.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from tablestore.store.arbitration import require_arbitration
from tablestore.store.base import ObjectInfo, check_key
from tablestore.store.fsspec_store import open_ranged
from tablestore.store.s3_client import S3RequestError, shared_client
from tablestore.store.s3_write import S3WriteStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from tablestore.errors import TablestoreError
    from tablestore.store.s3_client import S3Client
    from tablestore.store.s3_failure import Failure
    from tablestore.store.s3_options import S3Options

_TOGETHER: Final = 16
_CONDITION_NOT_MET: Final = 412


class S3Store:
    """The objects below ``s3://<root>``.

    Args:
        root: ``bucket`` or ``bucket/path``.
        options: how to reach the server.
        client: by default the one that all stores with these options share.
    """

    # Every read is a request: Metered counts pieces, not files.
    ranged = True

    def __init__(self, root: str, options: S3Options, client: S3Client | None = None) -> None:
        self._bucket, _, prefix = root.strip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._options = options
        self._connected = client or shared_client(options)
        self._process = os.getpid()
        self._counters: list[Callable[[str], None]] = []

    def __repr__(self) -> str:
        return f"S3Store({self.uri!r})"

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @property
    def bucket(self) -> str:
        """The bucket of the root."""
        return self._bucket

    @property
    def client(self) -> S3Client:
        """The connections; a forked process makes its own."""
        if self._process != os.getpid():
            self._connected, self._process = shared_client(self._options), os.getpid()
        return self._connected

    def prove(self) -> None:
        """Refuses a server that cannot arbitrate, before anything is written to it.

        Cost:
            eight small requests, once in a process for each bucket.

        Raises:
            InvalidInputError: it lets two creations of one object succeed.
            StorageUnavailableError: it does not answer, or refuses.
        """
        identity = (os.getpid(), self._options.identity(), self._bucket)
        for _ in range(require_arbitration(self, identity)):
            self.count("probe")

    def listen(self, counter: Callable[[str], None]) -> None:
        """Has a function called for each request beyond the first of a verb."""
        self._counters.append(counter)

    def count(self, verb: str) -> None:
        """Tells of one more request."""
        for counter in self._counters:
            counter(verb)

    def _name(self, key: str) -> str:
        return self._prefix + check_key(key)

    def _folder(self, folder: str) -> str:
        checked = check_key(folder, folder=True)
        return f"{self._prefix}{checked}/" if checked else self._prefix

    def error(self, failure: Failure, name: str, action: str) -> TablestoreError:
        """The project's error for a failed request."""
        where = f"s3://{self._bucket}/{name}"
        if failure.is_absent:
            return NotFoundError(f"{where} does not exist", path=where)
        detail: dict[str, object] = {"path": where, "status": failure.status}
        if failure.landed is False:
            detail["landed"] = False
        reason = failure.message
        if failure.status == 404:
            reason = f"there is no bucket {self._bucket}: create it, or use another one"
        elif failure.is_denied:
            reason = f"wrong credentials, or no right to do so: {reason}"
        elif not failure.reached:
            endpoint = self._options.endpoint_url or "Amazon S3"
            reason = f"{endpoint} cannot be reached: {reason}"
        return StorageUnavailableError(f"cannot {action} {where}: {reason}", **detail)

    def call(self, method: str, key: str, action: str, verb: str, **more: Any) -> Any:  # noqa: ANN401
        """The answer to a request about one object.

        Args:
            method: of boto's client.
            key: of the object.
            action: the verb of an error's sentence.
            verb: what a further try counts as.
            more: further parameters.

        Raises:
            TablestoreError: there is none.
        """
        name = self._name(key)
        try:
            return self.client.run(
                lambda: self.client.request(
                    method, again=lambda: self.count(verb), Bucket=self._bucket, Key=name, **more
                )
            )
        except S3RequestError as error:
            raise self.error(error.failure, name, action) from error

    # -- reading ---------------------------------------------------------------------------------

    async def _body(self, key: str, verb: str, **more: object) -> bytes:
        name = self._name(key)
        try:
            return await self.client.body(
                again=lambda: self.count(verb), Bucket=self._bucket, Key=name, **more
            )
        except S3RequestError as error:
            if error.failure.status == 416:
                return b""  # the range begins at the end of the object
            raise self.error(error.failure, name, "read") from error

    def get(self, key: str) -> bytes:
        return self.client.run(lambda: self._body(key, "get"))

    def get_range(self, key: str, start: int, length: int) -> bytes:
        check_key(key)
        if length <= 0:
            return b""
        span = f"bytes={start}-{start + length - 1}"
        return self.client.run(lambda: self._body(key, "get_range", Range=span))

    def get_many(self, keys: Sequence[str]) -> list[bytes | None]:
        names = [check_key(key) for key in keys]
        gate = asyncio.Semaphore(_TOGETHER)

        async def one(key: str) -> bytes | None:
            async with gate:
                try:
                    return await self._body(key, "get")
                except NotFoundError:
                    return None

        async def every() -> list[bytes | None]:
            return list(await asyncio.gather(*(one(key) for key in names)))

        return self.client.run(every)

    def head(self, key: str) -> ObjectInfo | None:
        try:
            found = self.call("head_object", key, "look at", "head")
        except NotFoundError:
            return None
        return ObjectInfo(key, int(found["ContentLength"]), _modified_ms(found))

    def open_read(self, key: str, size: int | None = None) -> pa.NativeFile:
        return open_ranged(self, key, size)

    # -- writing ---------------------------------------------------------------------------------

    def open_write(self, key: str) -> S3WriteStream:
        return S3WriteStream(self, key, self._name(key))

    def put(self, key: str, data: bytes) -> None:
        self.call("put_object", key, "write", "put", Body=data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        name = self._name(key)
        try:
            self.client.call(
                "put_object",
                tries=1,
                Bucket=self._bucket,
                Key=name,
                Body=data,
                IfNoneMatch="*",
            )
        except S3RequestError as error:
            if error.failure.status == _CONDITION_NOT_MET:
                return False
            if error.failure.status == 501:
                raise InvalidInputError(
                    f"cannot commit to {self.uri}: the server does not know conditional writes "
                    "(If-None-Match)",
                    uri=self.uri,
                ) from error
            raise self.error(error.failure, name, "create") from error
        return True

    def delete(self, key: str) -> None:
        try:
            self.call("delete_object", key, "delete", "delete")
        except NotFoundError:
            return

    # -- folders ---------------------------------------------------------------------------------

    def list(self, folder: str = "", *, recursive: bool = False) -> Iterator[ObjectInfo]:
        prefix = self._folder(folder)
        first = True
        token: dict[str, Any] = {}
        while first or token:
            if not first:
                self.count("list")
            page = self._page(prefix, token, {} if recursive else {"Delimiter": "/"})
            first = False
            yield from self._of_page(page, prefix)
            more = page.get("NextContinuationToken") if page.get("IsTruncated") else None
            token = {"ContinuationToken": more} if more else {}

    def _page(self, prefix: str, token: dict[str, Any], more: dict[str, Any]) -> Any:  # noqa: ANN401
        try:
            return self.client.run(
                lambda: self.client.request(
                    "list_objects_v2",
                    again=lambda: self.count("list"),
                    Bucket=self._bucket,
                    Prefix=prefix,
                    **token,
                    **more,
                )
            )
        except S3RequestError as error:
            raise self.error(error.failure, prefix, "list") from error

    def _of_page(self, page: Any, prefix: str) -> Iterator[ObjectInfo]:  # noqa: ANN401
        base = len(self._prefix)
        for found in page.get("Contents", ()):
            name = found["Key"]
            # An object with a slash at its end is how some tools write an empty folder.
            if name != prefix and not name.endswith("/"):
                yield ObjectInfo(name[base:], int(found["Size"]), _modified_ms(found))
        for found in page.get("CommonPrefixes", ()):
            yield ObjectInfo(found["Prefix"][base:].rstrip("/"), 0, 0, is_folder=True)

    def has_folder(self, folder: str) -> bool:
        page = self._page(self._folder(folder), {}, {"MaxKeys": 1})
        return bool(page.get("Contents"))

    def make_folder(self, folder: str) -> None:
        # Object stores have no folders: a hidden empty object stands for one.
        self.put(f"{check_key(folder, folder=True)}/.folder", b"")

    def rename_folder(self, old: str, new: str) -> None:
        check_key(new)
        # A table is what has a schema: the new one gets it last, the old one loses it first.
        keys = sorted((info.key for info in self.list(old, recursive=True)), key=_schemas_last)
        targets = [f"{new}{key[len(old) :]}" for key in keys]
        for key, target in zip(keys, targets, strict=True):
            self.count("copy")
            source = {"Bucket": self._bucket, "Key": self._name(key)}
            self.call("copy_object", target, "rename", "copy", CopySource=source)
        self._delete_all(old, keys[::-1])

    def delete_folder(self, folder: str) -> None:
        keys = [info.key for info in self.list(folder, recursive=True)]
        self._delete_all(folder, keys)

    def delete_empty_folder(self, folder: str) -> bool:
        """Does nothing: there are no folders."""
        del folder
        return False

    def _delete_all(self, folder: str, keys: Sequence[str]) -> None:
        """Deletes all objects of a folder, the schemas of tables before all others.

        Some servers (SeaweedFS) and tools keep a folder as an object with a slash at its end:
        these go last.
        """
        schemas = [self._name(key) for key in keys if _schemas_last(key)[0]]
        others = [self._name(key) for key in keys if not _schemas_last(key)[0]]
        folders = _folders_of(folder, keys, self._prefix)
        for names in (schemas, others, *folders):
            for at in range(0, len(names), _TOGETHER):
                self.client.run(partial(self._delete_some, names[at : at + _TOGETHER]))

    async def _delete_some(self, names: Sequence[str]) -> None:
        async def one(name: str) -> None:
            self.count("delete")
            try:
                await self.client.request("delete_object", Bucket=self._bucket, Key=name)
            except S3RequestError as error:
                if not error.failure.is_absent:
                    raise self.error(error.failure, name, "delete") from error

        await asyncio.gather(*(one(name) for name in names))


def _folders_of(top: str, keys: Sequence[str], prefix: str) -> list[list[str]]:
    """The names of a folder and of those in it that keys lie in, those furthest down first."""
    found = {key.rsplit("/", depth)[0] for key in keys for depth in range(1, key.count("/") + 1)}
    by_depth: dict[int, list[str]] = {}
    for folder in sorted(found):
        if f"{folder}/".startswith(f"{top.rstrip('/')}/"):
            by_depth.setdefault(folder.count("/"), []).append(f"{prefix}{folder}/")
    return [by_depth[depth] for depth in sorted(by_depth, reverse=True)]


def _schemas_last(key: str) -> tuple[bool, str]:
    return ("/schema/" in f"/{key}", key)


def _modified_ms(found: Any) -> int:  # noqa: ANN401  (boto has no types)
    modified = found.get("LastModified")
    return 0 if modified is None else int(modified.timestamp() * 1000)
