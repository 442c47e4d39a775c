"""Requests to an S3 server through s3fs: one try each below, the retries and time limits here.

A retried conditional PUT that had landed is answered 412, as if another had won; so boto and s3fs
try every request once, and only what may safely be done twice is tried again, by this module.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
import weakref
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tablestore.errors import InvalidInputError
from tablestore.store.s3_credentials import open_session
from tablestore.store.s3_failure import Failure
from tablestore.store.secret import Secret, without

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from concurrent.futures import Future

    from aiobotocore.session import AioSession
    from s3fs import S3FileSystem  # type: ignore[import-untyped]

    from tablestore.store.s3_options import S3Options

T = TypeVar("T")

_OLDEST_S3FS: Final = 2026


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for, and how often a request is made.

    Attributes:
        first_seconds: limit of everything until the server has answered once.
        connect_seconds: limit of a connection.
        read_seconds: limit of a silence while an answer is awaited.
        tries: of a request that may be made twice.
        wait_seconds: before the second try; doubles.
    """

    first_seconds: float = 3.0
    connect_seconds: float = 3.0
    read_seconds: float = 20.0
    tries: int = 4
    wait_seconds: float = 0.1


class S3RequestError(Exception):
    """A request that has no result.

    Args:
        failure: why.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class S3Client:
    """Connections to one server with one set of credentials; shared between threads.

    Args:
        options: how to reach it.
        patience: limits of time.
    """

    def __init__(self, options: S3Options, patience: Patience | None = None) -> None:
        self.options = options
        self._patience = patience or Patience()
        self._session, self._renewing = open_session(options)
        self._fs = _filesystem(options, self._session, self._patience)
        self._reached = False
        # When the session was made, which takes a second of work and asks no server.
        self._ready: float | None = None

    def __repr__(self) -> str:
        return f"S3Client({self.options.endpoint_url or 'Amazon S3'})"

    # -- in a thread -----------------------------------------------------------------------------

    def run(self, make: Callable[[], Awaitable[T]]) -> T:
        """Waits for a coroutine of this client."""
        from fsspec.asyn import sync  # type: ignore[import-untyped]

        result: T = sync(self._fs.loop, make)
        return result

    def start(self, make: Callable[[], Any]) -> Future[Any]:
        """Begins a coroutine of this client without waiting for it."""
        return asyncio.run_coroutine_threadsafe(make(), self._fs.loop)

    def call(self, method: str, *, tries: int | None = None, **parameters: Any) -> Any:  # noqa: ANN401
        """The answer to one request; see :meth:`request`."""
        return self.run(lambda: self.request(method, tries=tries, **parameters))

    # -- in the loop -----------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        *,
        tries: int | None = None,
        again: Callable[[], None] | None = None,
        **parameters: object,
    ) -> Any:  # noqa: ANN401  (boto has no types)
        """The answer to one request.

        Args:
            method: of boto's client, e.g. ``head_object``.
            tries: how often it may be made; by default as patience says.
            again: called before each further try.
            parameters: of the method.

        Raises:
            S3RequestError: there is none.
        """

        async def once() -> Any:  # noqa: ANN401
            return await self._fs._call_s3(method, **parameters)

        return await self._tried(once, tries, again)

    async def body(self, *, again: Callable[[], None] | None = None, **parameters: object) -> bytes:
        """The bytes of an object, or of a part of it.

        Raises:
            S3RequestError: it is not there, or could not be read to its end.
        """

        async def once() -> bytes:
            answer = await self._fs._call_s3("get_object", **parameters)
            async with answer["Body"] as stream:
                return bytes(await stream.read())

        return await self._tried(once, None, again)

    async def _tried(
        self,
        once: Callable[[], Awaitable[T]],
        tries: int | None,
        again: Callable[[], None] | None,
    ) -> T:
        left = self._patience.tries if tries is None else tries
        began, wait = time.monotonic(), self._patience.wait_seconds
        while True:
            try:
                return await self._limited(once, began)
            except _failures() as error:
                failure = self._failure(error)
            left -= 1
            if not self._may_repeat(failure, left, began):
                # Outside of the handler: the frames below it hold signed headers, and tracebacks
                # with variables are printed and sent around.
                raise S3RequestError(failure)
            await asyncio.sleep(random.uniform(wait / 2, wait))
            wait *= 2
            if again is not None:
                again()

    async def _limited(self, once: Callable[[], Awaitable[T]], began: float) -> T:
        """One try; until the server has answered once within the time of the first contact."""
        if self._renewing is not None:
            await self._renewing.get_frozen_credentials()  # the user's function takes its own time
        if self._reached:
            return await once()
        if self._ready is None:
            await asyncio.wait_for(self._fs.set_session(), self._patience.first_seconds)
            self._ready = time.monotonic()
        left = self._patience.first_seconds - (time.monotonic() - max(began, self._ready))
        result = await asyncio.wait_for(once(), max(left, 0.1))
        self._reached = True
        return result

    def _failure(self, error: Exception) -> Failure:
        found = Failure.of(error)
        # After a silence the next request is a first contact again: it does not wait long.
        self._reached = found.reached
        hidden = without(found.message, self._secrets())
        return Failure(found.status, found.code, hidden, found.landed, found.transient)

    def _may_repeat(self, failure: Failure, left: int, began: float) -> bool:
        if self._renewing is not None and (failure.is_expired or failure.is_denied):
            return left > 0 and self._renewing.forget()
        if left <= 0 or not failure.transient:
            return False
        return failure.reached or time.monotonic() - began < self._patience.first_seconds / 2

    def _secrets(self) -> tuple[Secret, ...]:
        return (*self.options.secrets, *(self._renewing.secrets if self._renewing else ()))


_CLIENTS: weakref.WeakValueDictionary[object, S3Client] = weakref.WeakValueDictionary()
_LOCK = threading.Lock()


def shared_client(options: S3Options) -> S3Client:
    """The client for these options; all stores of a process with equal ones use the same."""
    with _LOCK:
        identity = options.identity()
        client = _CLIENTS.get(identity)
        if client is None:
            client = S3Client(options)
            _CLIENTS[identity] = client
        return client


def _filesystem(options: S3Options, session: AioSession, patience: Patience) -> S3FileSystem:
    """s3fs, set up to make each request once.

    Raises:
        InvalidInputError: s3fs is too old, or boto does not know a setting.
    """
    import s3fs

    if int(s3fs.__version__.split(".")[0]) < _OLDEST_S3FS:
        raise InvalidInputError(
            f"s3fs {s3fs.__version__} overwrites where it should create: install s3fs>=2026"
        )
    client: dict[str, object] = dict(options.client)
    region = options.region
    if region is None and options.endpoint_url and not session.get_config_variable("region"):
        region = "us-east-1"  # what servers that know no regions expect in a signature
    if region is not None:
        client["region_name"] = region
    filesystem = s3fs.S3FileSystem(
        session=session,
        anon=options.anon,
        endpoint_url=options.endpoint_url,
        client_kwargs=client,
        config_kwargs=_config(options, patience),
        requester_pays=options.requester_pays,
        s3_additional_kwargs={n: _plain(value) for n, value in options.request.items()},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    filesystem.retries = 1
    return filesystem


@cache
def _failures() -> tuple[type[Exception], ...]:
    """What a request may raise that has no result."""
    import aiohttp
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, TimeoutError, BotoCoreError, ClientError, aiohttp.ClientError)


def _session_class() -> type:
    """The HTTP session of aiobotocore, but one that sends each request once.

    aiohttp sends a PUT again when the server ends a kept connection without an answer: one that
    had landed is then answered 412, as if another commit had won.
    """
    from aiobotocore.httpsession import AIOHTTPSession

    class OnceSession(AIOHTTPSession):  # type: ignore[misc]
        async def _get_session(self, proxy_url: str | None) -> Any:  # noqa: ANN401
            session = await super()._get_session(proxy_url)
            session._retry_connection = False
            return session

    return OnceSession


def _config(options: S3Options, patience: Patience) -> Mapping[str, object]:
    config: dict[str, object] = {
        # What S3 needs no checksum for is sent without one: not every server takes it.
        "request_checksum_calculation": "when_required",
        "response_checksum_validation": "when_required",
        "connect_timeout": options.connect_timeout or patience.connect_seconds,
        "read_timeout": options.read_timeout or patience.read_seconds,
        "max_pool_connections": 32,
        "http_session_cls": _session_class(),
        **options.config,
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }
    if options.path_style is not None:
        style = "path" if options.path_style else "virtual"
        inner = config.get("s3")
        config["s3"] = {**(inner if isinstance(inner, dict) else {}), "addressing_style": style}
    return config


def _plain(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value
