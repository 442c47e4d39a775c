"""Storage options of S3 in the words of several libraries, as one frozen value.

The words of s3fs are the canonical ones; those of Paimon (Java and pypaimon), pyiceberg, delta-rs
and pyarrow mean the same and are taken, too, so that a user's settings need no translation.
Nothing is ignored silently: an unknown word, or two words for one setting with different values,
is an error. Messages name options, never their values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tablestore.errors import InvalidInputError, nearest
from tablestore.store.secret import Secret

Credentials = Callable[[], Mapping[str, Any]]

# canonical word -> the other words for it; all are compared in lower case
_ALIASES: Final[Mapping[str, tuple[str, ...]]] = {
    "key": (
        *("username", "access_key", "access_key_id", "aws_access_key_id", "access-key"),
        *("s3.access-key", "s3.access-key-id", "s3.access.key", "s3a.access-key", "s3a.access.key"),
        *("fs.s3.accesskeyid", "fs.s3.access-key", "fs.s3a.access-key", "fs.s3a.access.key"),
        *("client.access-key-id", "fs.s3.access.key"),
    ),
    "secret": (
        *("password", "secret_key", "secret_access_key", "aws_secret_access_key", "secret-key"),
        *("s3.secret-key", "s3.secret-access-key", "s3.secret.key", "s3a.secret-key"),
        *("s3a.secret.key", "fs.s3.accesskeysecret", "fs.s3.secret-key", "fs.s3a.secret-key"),
        *("fs.s3a.secret.key", "client.secret-access-key", "fs.s3.secret.key"),
    ),
    "token": (
        *("session_token", "aws_session_token", "s3.session-token", "s3.session.token"),
        *("s3.security-token", "fs.s3.securitytoken", "fs.s3a.session.token", "aws_token"),
        "client.session-token",
    ),
    "anon": ("anonymous", "s3.anonymous", "aws_skip_signature", "skip_signature"),
    "profile": ("aws_profile", "s3.profile-name", "client.profile-name"),
    "endpoint_url": (
        *("endpoint", "endpoint_override", "aws_endpoint", "aws_endpoint_url", "s3.endpoint"),
        *("aws_endpoint_url_s3", "s3a.endpoint", "fs.s3.endpoint", "fs.s3a.endpoint"),
    ),
    "region": (
        *("region_name", "aws_region", "aws_default_region", "default_region", "s3.region"),
        *("s3.endpoint.region", "fs.s3.region", "fs.s3a.endpoint.region", "client.region"),
    ),
    "use_ssl": ("s3.ssl.enabled", "fs.s3a.connection.ssl.enabled"),
    "allow_http": ("aws_allow_http",),
    "path_style": (
        *("force_path_style", "s3.path-style-access", "s3.path.style.access"),
        *("s3.path-style.access", "fs.s3a.path.style.access", "fs.s3.path.style.access"),
    ),
    "virtual_hosted": (
        *("aws_virtual_hosted_style_request", "virtual_hosted_style_request"),
        *("s3.force-virtual-addressing", "force_virtual_addressing"),
    ),
    "requester_pays": ("aws_request_payer",),
    "connect_timeout": ("s3.connect-timeout",),
    "read_timeout": ("s3.request-timeout", "request_timeout"),
    "s3_additional_kwargs": (),
    "client_kwargs": (),
    "config_kwargs": (),
    "credentials": (),
}
# Words whose promise holds here whatever their value: locks and renames are not used, nothing is
# cached, and parts of a file are never read ahead.
_NO_EFFECT: Final = frozenset(
    {
        *("aws_s3_allow_unsafe_rename", "allow_unsafe_rename", "aws_conditional_put"),
        *("conditional_put", "aws_s3_locking_provider", "default_block_size", "default_cache_type"),
        *("default_fill_cache", "use_listings_cache", "listings_expiry_time", "max_paths"),
        *("skip_instance_cache", "cache_regions", "max_concurrency", "fixed_upload_size"),
        *("local_expiry_check", "asynchronous"),
    }
)
_CANONICAL: Final = {word: name for name, words in _ALIASES.items() for word in (name, *words)}
_SECRETS: Final = ("key", "secret", "token")
_FLAGS: Final = frozenset(
    {"anon", "use_ssl", "allow_http", "path_style", "virtual_hosted", "requester_pays"}
)
_SECONDS: Final = frozenset({"connect_timeout", "read_timeout"})
_MAPPINGS: Final = frozenset({"s3_additional_kwargs", "client_kwargs", "config_kwargs"})
_WORDS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}
# What boto calls the settings that have a word of their own here.
_BOXED: Final[Mapping[str, Mapping[str, str]]] = {
    "client_kwargs": {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "aws_session_token": "token",
        "endpoint_url": "endpoint_url",
        "region_name": "region",
        "use_ssl": "use_ssl",
    },
    "config_kwargs": {
        "connect_timeout": "connect_timeout",
        "read_timeout": "read_timeout",
        "region_name": "region",
    },
}


@dataclass(frozen=True)
class S3Options:
    """How to reach an S3 server. Shows no secret; two of equal settings are equal.

    Attributes:
        key: access key id.
        secret: secret access key.
        token: session token.
        credentials: gives ``key``, ``secret`` and optionally ``token`` and ``expires_at`` anew.
        anon: True signs nothing.
        profile: of the AWS configuration files.
        endpoint_url: address of a server that is not Amazon's.
        region: name of the region.
        path_style: True puts the bucket into the path, False into the host name.
        requester_pays: True pays for the requests.
        connect_timeout: seconds.
        read_timeout: seconds.
        request: more parameters of the single requests, e.g. ``ServerSideEncryption``.
        client: more parameters of boto's client.
        config: more parameters of boto's ``Config``.
    """

    key: Secret | None = None
    secret: Secret | None = None
    token: Secret | None = None
    credentials: Credentials | None = field(default=None, repr=False)
    anon: bool = False
    profile: str | None = None
    endpoint_url: str | None = None
    region: str | None = None
    path_style: bool | None = None
    requester_pays: bool = False
    connect_timeout: float | None = None
    read_timeout: float | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    client: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be shown; the access key id, a name, counts too."""
        more = [value for value in self.request.values() if isinstance(value, Secret)]
        found = (self.key, self.secret, self.token, *more)
        return tuple(value for value in found if value is not None)

    @classmethod
    def parse(
        cls, options: Mapping[str, Any], of_uri: Mapping[str, Secret] | None = None
    ) -> S3Options:
        """The settings that options mean.

        Args:
            options: in the words of any of the libraries.
            of_uri: what the URI held of them.

        Raises:
            InvalidInputError: one is unknown or wrong, or two contradict each other.
        """
        given = _canonical(options, of_uri or {})
        for box, words in _BOXED.items():
            _lift(given, box, words)
        values = {name: _value(name, value, word) for name, (value, word) in given.items()}
        _check(values)
        return cls(
            key=values.get("key"),
            secret=values.get("secret"),
            token=values.get("token"),
            credentials=values.get("credentials"),
            anon=values.get("anon", False),
            profile=values.get("profile"),
            endpoint_url=_endpoint(values),
            region=values.get("region"),
            path_style=_path_style(values),
            requester_pays=values.get("requester_pays", False),
            connect_timeout=values.get("connect_timeout"),
            read_timeout=values.get("read_timeout"),
            request=_hidden(values.get("s3_additional_kwargs", {})),
            client=values.get("client_kwargs", {}),
            config=values.get("config_kwargs", {}),
        )

    def identity(self) -> object:
        """Equal for settings that may share a client."""
        parts = [getattr(self, name) for name in self.__dataclass_fields__]
        return tuple(_frozen(part) for part in parts)


def is_storage_option(word: str) -> bool:
    """Whether a word is one that reaches an S3 server, in any spelling."""
    lower = word.lower()
    spelled = "." in lower or lower.startswith("aws_")
    return spelled and lower in _CANONICAL


def _canonical(
    options: Mapping[str, Any], of_uri: Mapping[str, Secret]
) -> dict[str, tuple[Any, str]]:
    """Canonical word to value and the word that was used.

    Raises:
        InvalidInputError: a word is unknown, or two disagree.
    """
    given: dict[str, tuple[Any, str]] = {n: (value, "the URI") for n, value in of_uri.items()}
    for word, value in options.items():
        lower = str(word).lower()
        if lower in _NO_EFFECT or value is None:
            continue
        name = _CANONICAL.get(lower)
        if name is None:
            raise InvalidInputError(
                f"unknown storage option {str(word)!r} of s3://{nearest(lower, _CANONICAL)}",
                option=str(word),
            )
        _give(given, name, value, str(word))
    return given


def _give(given: dict[str, tuple[Any, str]], name: str, value: object, word: str) -> None:
    """Notes the value of a setting.

    Raises:
        InvalidInputError: another word gave it another value.
    """
    known = given.get(name)
    if known is not None and _value(name, known[0], known[1]) != _value(name, value, word):
        raise InvalidInputError(
            f"storage options contradict each other: {known[1]!r} and {word!r} are two words for "
            f"{name!r} and have different values",
            option=word,
        )
    given[name] = (value, word)


def _lift(given: dict[str, tuple[Any, str]], box: str, words: Mapping[str, str]) -> None:
    """Takes settings that have a word of their own out of a mapping for boto."""
    if box not in given:
        return
    inner = _value(box, *given[box])
    rest = dict(inner)
    for word, name in words.items():
        if rest.get(word) is not None:
            _give(given, name, rest.pop(word), f"{box}.{word}")
    given[box] = (rest, box)


def _value(name: str, value: Any, word: str) -> Any:  # noqa: ANN401  (a setting of any type)
    """The value of a setting in its type.

    Raises:
        InvalidInputError: it cannot be that.
    """
    if name in _SECRETS:
        return Secret(value if isinstance(value, Secret) else str(value))
    if name in _FLAGS:
        found = value if isinstance(value, bool) else _WORDS.get(str(value).strip().lower())
        if str(value).strip().lower() == "requester":  # the word of AWS_REQUEST_PAYER
            found = True
        return _typed(found, word, "true or false")
    if name in _SECONDS:
        return _typed(_number(value), word, "a positive number of seconds")
    if name in _MAPPINGS:
        return _typed(dict(value) if isinstance(value, Mapping) else None, word, "a mapping")
    if name == "credentials":
        return _typed(value if callable(value) else None, word, "something to call")
    return str(value)


def _typed(found: object, word: str, expected: str) -> object:
    if found is None:
        raise InvalidInputError(f"storage option {word!r} must be {expected}", option=word)
    return found


def _number(value: object) -> float | None:
    try:
        found = float(str(value))
    except ValueError:
        return None
    return found if 0 < found < float("inf") else None


def _check(values: Mapping[str, Any]) -> None:
    """Refuse settings that do not go together.

    Raises:
        InvalidInputError: names them.
    """
    fixed = [name for name in _SECRETS if name in values]
    if ("key" in values) != ("secret" in values):
        missing = "secret" if "key" in values else "key"
        raise InvalidInputError(f"storage options give {fixed[0]!r} but not {missing!r}: both")
    if "token" in values and "key" not in values:
        raise InvalidInputError("storage options give 'token' but neither 'key' nor 'secret'")
    ways = [*fixed[:1], *(name for name in ("credentials", "profile") if name in values)]
    ways += ["anon"] if values.get("anon") else []
    if len(ways) > 1:
        raise InvalidInputError(
            f"storage options contradict each other: {ways[0]!r} and {ways[1]!r} are two ways to "
            "get credentials; give one"
        )
    if values.get("path_style") is not None and values.get("path_style") == values.get(
        "virtual_hosted"
    ):
        raise InvalidInputError(
            "storage options contradict each other: 'path_style' and 'virtual_hosted'"
        )


def _endpoint(values: Mapping[str, Any]) -> str | None:
    """The address with its scheme.

    Raises:
        InvalidInputError: it is none, holds credentials, or contradicts ``use_ssl``.
    """
    given = values.get("endpoint_url")
    if given is None:
        return None
    plain = values.get("use_ssl") is False or (
        values.get("use_ssl") is None and values.get("allow_http") is True
    )
    scheme, separator, rest = given.rpartition("://")
    scheme = scheme.lower() if separator else ("http" if plain else "https")
    if scheme not in {"http", "https"} or not rest.strip("/"):
        raise InvalidInputError("storage option 'endpoint_url' is no http:// or https:// address")
    if "@" in rest.partition("/")[0]:
        raise InvalidInputError(
            "storage option 'endpoint_url' holds a user: give key and secret as their own options"
        )
    if values.get("use_ssl") is not None and values["use_ssl"] != (scheme == "https"):
        raise InvalidInputError(
            f"storage options contradict each other: 'use_ssl' and 'endpoint_url' ({scheme}://)"
        )
    return f"{scheme}://{rest.rstrip('/')}"


def _path_style(values: Mapping[str, Any]) -> bool | None:
    if values.get("path_style") is not None:
        return bool(values["path_style"])
    return None if values.get("virtual_hosted") is None else not values["virtual_hosted"]


def _hidden(request: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of requests, with customer keys of encryption as secrets."""
    return {
        n: Secret(v) if "CustomerKey" in n and "MD5" not in n else v for n, v in request.items()
    }


def _frozen(part: Any) -> object:  # noqa: ANN401  (a setting of any type)
    if isinstance(part, Mapping):
        return tuple(sorted((str(name), _frozen(value)) for name, value in part.items()))
    if isinstance(part, list | tuple | set):
        return tuple(_frozen(value) for value in part)
    if isinstance(part, Secret | Callable) or part is None:
        return part
    return (type(part).__name__, repr(part))
