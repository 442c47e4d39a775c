"""What an S3 server or the way to it answered in place of a result, put into few kinds."""

from __future__ import annotations

import asyncio
import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# The server looked at the request and refused it: nothing was done.
_REFUSED: Final = frozenset({400, 401, 403, 404, 405, 411, 413, 414, 416, 501, 505})
_TRANSIENT: Final = frozenset({408, 429, 500, 502, 503, 504})
# Answers with status 400 that speak of the way, not of the request.
_TRANSIENT_CODES: Final = frozenset({"RequestTimeout", "SlowDown", "XAmzContentSHA256Mismatch"})
# The answer to a HEAD has no body, so that its code is its status.
_EXPIRED_CODES: Final = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "400"})
# Names of botocore's errors that are raised before a request left.
_NEVER_SENT: Final = frozenset(
    {
        *("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError", "SSLError"),
        *("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError"),
        *("CredentialRetrievalError", "ParamValidationError", "InvalidEndpointConfigurationError"),
        *("TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError"),
    }
)
_PERMANENT: Final = frozenset(
    {
        *("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "NoRegionError"),
        *("CredentialRetrievalError", "ParamValidationError", "InvalidEndpointConfigurationError"),
        *("TokenRetrievalError", "UnauthorizedSSOTokenError", "SSOTokenLoadError", "SSLError"),
    }
)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no result.

    Attributes:
        status: of HTTP; None without an answer.
        code: the server's word for it, or the name of the exception.
        message: one sentence.
        landed: False when it certainly had no effect; None when it may have had one.
        transient: True where the same request may succeed a moment later.
        reached: True when the server answered at all.
    """

    status: int | None
    code: str
    message: str
    landed: bool | None
    transient: bool

    @property
    def reached(self) -> bool:
        """True when a server answered at all."""
        return self.status is not None

    @property
    def is_absent(self) -> bool:
        """True when the object is not there (but its bucket may be)."""
        return self.status == 404 and self.code != "NoSuchBucket"

    @property
    def is_denied(self) -> bool:
        """True when the credentials are wrong, or do not suffice."""
        return self.status in {401, 403} or "Credential" in self.code

    @property
    def is_expired(self) -> bool:
        """True when newer credentials may help."""
        return self.code in _EXPIRED_CODES

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """The kind of an exception of s3fs, botocore, aiohttp or asyncio."""
        response = _response(error)
        if response is not None:
            return cls._of_answer(error, response)
        name = type(error).__name__
        if isinstance(error, asyncio.TimeoutError | TimeoutError):
            return cls(None, "TimeOut", "no answer in time", None, transient=True)
        never = name in _NEVER_SENT or _refused_connection(error)
        return cls(
            None,
            name,
            str(error) or name,
            landed=False if never else None,
            transient=name not in _PERMANENT,
        )

    @classmethod
    def _of_answer(cls, error: BaseException, response: Mapping[str, Any]) -> Failure:
        said = response.get("Error", {})
        code = str(said.get("Code") or type(error).__name__)
        status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)
        transient = status in _TRANSIENT or code in _TRANSIENT_CODES
        refused = status in _REFUSED and not transient
        message = str(said.get("Message") or error)
        shown = f"{message.rstrip('.')} (HTTP {status}, {code})"
        return cls(status, code, shown, False if refused else None, transient)


def _response(error: BaseException) -> Mapping[str, Any] | None:
    """The server's answer that an exception, or the one it came from, carries."""
    seen: BaseException | None = error
    while seen is not None:
        response = getattr(seen, "response", None)
        if isinstance(response, dict) and "ResponseMetadata" in response:
            return response
        seen = seen.__cause__
    return None


def _refused_connection(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno == errno.ECONNREFUSED:
            return True
        seen = seen.__cause__ or seen.__context__
    return False
