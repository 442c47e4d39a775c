"""The session that signs requests, so that no other code holds a secret as plain text."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import re
import time
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import InvalidInputError, StorageUnavailableError
from tablestore.store.secret import HIDDEN, Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiobotocore.session import AioSession
    from botocore.credentials import ReadOnlyCredentials

    from tablestore.store.s3_options import Credentials, S3Options

_HEADER_LOGGERS: Final = ("botocore.auth", "botocore.endpoint", "aiobotocore.endpoint")
_SECRET_HEADER: Final = re.compile(
    r"(x-amz-(?:security-token|server-side-encryption-customer-key|copy-source-server-side-"
    r"encryption-customer-key)['\"]?\s*[:=]\s*b?['\"]?)[^\s'\",]+",
    re.IGNORECASE,
)
# Credentials without a moment of expiry are asked for again after this time.
_KEPT_SECONDS: Final = 300.0
# Those with one are renewed this long before, as a request may take its time.
_RENEWED_BEFORE_SECONDS: Final = 60.0


def open_session(options: S3Options) -> tuple[AioSession, Renewing | None]:
    """A session of aiobotocore, and its credentials where they can be asked for anew."""
    from aiobotocore.session import AioSession

    hide_tokens_in_logs()
    session = AioSession(profile=options.profile)
    if options.credentials is not None:
        renewing = Renewing(options.credentials)
        session._credentials = renewing
        return session, renewing
    if options.anon:
        # Without this boto looks for credentials in every place, the network included.
        session.set_credentials("", "")
    elif options.key is not None and options.secret is not None:
        token = None if options.token is None else options.token.reveal()
        session.set_credentials(options.key.reveal(), options.secret.reveal(), token)
    return session, None


class _HidesTokens(logging.Filter):
    """Takes tokens and keys of encryption out of what botocore tells of its requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _SECRET_HEADER.sub(r"\1" + HIDDEN, record.getMessage()), ()
        return True


def hide_tokens_in_logs() -> None:
    """Cleans the debug logs of botocore, which hold the headers of every request."""
    for name in _HEADER_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(found, _HidesTokens) for found in logger.filters):
            logger.addFilter(_HidesTokens())


class Renewing:
    """Credentials that a user's function gives, in the form that botocore signs with.

    Args:
        source: gives ``key`` and ``secret``, and where there are such ``token`` and ``expires_at``
            (a datetime, ISO text, or epoch seconds).
    """

    method = "callable"
    account_id = None

    def __init__(self, source: Credentials) -> None:
        self._source = source
        self._lock = asyncio.Lock()
        self._found: ReadOnlyCredentials | None = None
        self._until = 0.0
        self.secrets: tuple[Secret, ...] = ()

    def forget(self) -> bool:
        """Has them asked for anew by the next request; False when they were not used yet."""
        used = self._found is not None
        self._found = None
        return used

    def get_account_id(self) -> None:
        """The account, which these credentials do not name."""

    def get_deferred_property(self, name: str) -> Callable[[], None]:
        """What botocore asks for accounts with; these credentials name none."""
        return lambda: None

    async def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Those that hold now.

        Raises:
            StorageUnavailableError: the user's function failed.
            InvalidInputError: it gave something else.
        """
        async with self._lock:
            if self._found is None or time.time() >= self._until:
                try:
                    given = await asyncio.to_thread(self._source)
                except Exception as error:
                    raise StorageUnavailableError(
                        f"the function that gives credentials failed: {type(error).__name__}",
                        landed=False,
                    ) from error
                self._take(given)
            assert self._found is not None
            return self._found

    def _take(self, given: Mapping[str, Any]) -> None:
        from botocore.credentials import ReadOnlyCredentials

        try:
            texts = {n: _text(given.get(n)) for n in ("key", "secret", "token")}
            until = _moment(given.get("expires_at"))
        except (AttributeError, TypeError, ValueError) as error:
            raise _wrong() from error
        if not texts["key"] or not texts["secret"]:
            raise _wrong()
        self.secrets = tuple(Secret(text) for text in texts.values() if text)
        self._until = until
        self._found = ReadOnlyCredentials(texts["key"], texts["secret"], texts["token"], None)


def _wrong() -> InvalidInputError:
    return InvalidInputError(
        "the function that gives credentials must return a mapping with key and secret, and "
        "optionally token and expires_at (a datetime, ISO text, or epoch seconds)"
    )


def _text(value: object) -> str | None:
    if isinstance(value, Secret):
        return value.reveal()
    return None if value is None else str(value)


def _moment(value: object) -> float:
    """Until when credentials are used, epoch seconds."""
    if value is None:
        return time.time() + _KEPT_SECONDS
    if isinstance(value, str):
        value = dt.datetime.fromisoformat(value)
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        value = aware.timestamp()
    return float(value) - _RENEWED_BEFORE_SECONDS  # type: ignore[arg-type]
