"""Prepared checkpoints as JSON bytes: what an engine keeps between prepare and commit.

::

    sealed JSON {"job", "checkpoint", "offsets", "watermark", "messages": [
      {"partition": base64, "bucket", "totalBuckets",
       "data":    {"new": [file], "deleted": [file], "changelog": [file]},
       "compact": {"before": …, "after": …, "changelog": …}}]}
    a file: the fields of ``DataFileMeta``, bytes as base64, absent where null or default

Index files do not occur: a writer of a job makes none.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from tablestore.commit.message import CommitMessage, CompactIncrement, DataIncrement
from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.format.json_object import take
from tablestore.format.manifest import DataFileMeta, SimpleStats
from tablestore.format.sealed_json import read_sealed, seal

if TYPE_CHECKING:
    from collections.abc import Mapping

_WHAT: Final = "prepared checkpoint"
_BYTES_MAX: Final = 256 << 20
_FIELDS: Final = {one.name: one for one in fields(DataFileMeta)}
_PLAIN: Final[dict[str, type]] = {"int": int, "str": str}
_DATA: Final = {"new": "new_files", "deleted": "deleted_files", "changelog": "changelog_files"}
_COMPACT: Final = {"before": "before", "after": "after", "changelog": "changelog_files"}


@dataclass(frozen=True)
class PreparedCheckpoint:
    """The files of a checkpoint that is not committed yet. Plain values: it can be pickled.

    Attributes:
        job: the job that wrote them.
        checkpoint_id: the checkpoint.
        messages: the changes, one a bucket.
        offsets: where the source goes on after it; None where the engine keeps that.
        watermark: event time up to which data is complete, epoch milliseconds.
    """

    job: str
    checkpoint_id: int
    messages: tuple[CommitMessage, ...]
    offsets: Mapping[str, Any] | None = field(default=None)
    watermark: int | None = None

    def __repr__(self) -> str:
        files = sum(len(message.data.new_files) for message in self.messages)
        return f"PreparedCheckpoint({self.job} {self.checkpoint_id}: {files} files)"

    def to_bytes(self) -> bytes:
        """JSON text with a checksum, for ``from_bytes``.

        Raises:
            InvalidInputError: a message holds index files.
        """
        return seal(
            {
                "job": self.job,
                "checkpoint": self.checkpoint_id,
                "offsets": None if self.offsets is None else dict(self.offsets),
                "watermark": self.watermark,
                "messages": [_render_message(message) for message in self.messages],
            }
        ).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> PreparedCheckpoint:
        """What ``to_bytes`` was called on.

        Raises:
            InvalidInputError: not bytes.
            CorruptDataError: the bytes are damaged.
            UnsupportedFormatError: a newer version wrote them.
        """
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise InvalidInputError(f"expected bytes, found {type(data).__name__}")
        return decode_prepared(bytes(data))


def decode_prepared(data: bytes) -> PreparedCheckpoint:
    """The checkpoint that the bytes hold.

    Raises:
        CorruptDataError: the bytes are damaged.
        UnsupportedFormatError: a newer version wrote them.
    """
    body = read_sealed(data, _WHAT, None, bytes_max=_BYTES_MAX)
    return PreparedCheckpoint(
        job=_take(body, "job", str),
        checkpoint_id=_take(body, "checkpoint", int),
        offsets=take(body, "offsets", dict, _WHAT, None, needed=False),
        watermark=take(body, "watermark", int, _WHAT, None, needed=False),
        messages=tuple(_message(one) for one in _take(body, "messages", list)),
    )


def _render_message(message: CommitMessage) -> dict[str, Any]:
    halves = (message.data, message.compact)
    if any(half.new_index_files or half.deleted_index_files for half in halves):
        raise InvalidInputError("a prepared checkpoint with index files cannot be made bytes")
    return {
        "partition": _text(message.partition),
        "bucket": message.bucket,
        "totalBuckets": message.total_buckets,
        "data": {
            key: [_render_file(one) for one in getattr(message.data, name)]
            for key, name in _DATA.items()
        },
        "compact": {
            key: [_render_file(one) for one in getattr(message.compact, name)]
            for key, name in _COMPACT.items()
        },
    }


def _render_file(meta: DataFileMeta) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, one in _FIELDS.items():
        value = getattr(meta, name)
        if value == one.default:
            continue
        if isinstance(value, SimpleStats):
            nulls = value.null_counts
            value = [
                _text(value.min_values),
                _text(value.max_values),
                None if nulls is None else list(nulls),
            ]
        elif isinstance(value, bytes):
            value = _text(value)
        found[name] = list(value) if isinstance(value, tuple) else value
    return found


def _message(found: object) -> CommitMessage:
    message = _object(found)
    data, compact = _take(message, "data", dict), _take(message, "compact", dict)
    return CommitMessage(
        partition=_bytes(_take(message, "partition", str)),
        bucket=_take(message, "bucket", int),
        total_buckets=_take(message, "totalBuckets", int),
        data=DataIncrement(
            new_files=_files(data, "new"),
            deleted_files=_files(data, "deleted"),
            changelog_files=_files(data, "changelog"),
        ),
        compact=CompactIncrement(
            before=_files(compact, "before"),
            after=_files(compact, "after"),
            changelog_files=_files(compact, "changelog"),
        ),
    )


def _files(half: dict[str, Any], key: str) -> tuple[DataFileMeta, ...]:
    return tuple(_file(_object(one)) for one in _take(half, key, list))


def _file(found: dict[str, Any]) -> DataFileMeta:
    values: dict[str, Any] = {}
    for name, value in found.items():
        one = _FIELDS.get(name)
        if one is None:
            raise CorruptDataError(_WHAT, expected="a field of a data file", found=name)
        values[name] = _value(name, value, str(one.type))
    absent = [n for n, one in _FIELDS.items() if one.default is MISSING and n not in values]
    named = [values.get("file_name", ""), *values.get("extra_files", ())]
    if any("/" in name or name in ("..", ".") for name in named):
        raise CorruptDataError(_WHAT, expected="the name of a file", found=repr(named)[:80])
    if absent:
        raise CorruptDataError(_WHAT, expected=f"field {absent[0]!r} of a data file", found="none")
    return DataFileMeta(**values)


def _value(name: str, value: Any, kind: str) -> Any:  # noqa: ANN401
    """A field's value by its annotation.

    Raises:
        CorruptDataError: it has another type.
    """
    base = kind.removesuffix(" | None")
    good: object = None
    if base in _PLAIN and type(value) is _PLAIN[base]:
        good = value
    elif base == "bytes" and isinstance(value, str):
        good = _bytes(value)
    elif base == "SimpleStats":
        good = _stats(value)
    elif base.startswith("tuple[") and isinstance(value, list):
        of = str if "str" in base else int
        good = tuple(value) if all(type(one) is of for one in value) else None
    if good is None:
        raise CorruptDataError(_WHAT, expected=f"{kind} for {name!r}", found=repr(value)[:80])
    return good


def _stats(value: object) -> SimpleStats | None:
    if not isinstance(value, list) or len(value) != 3:
        return None
    low, high, nulls = value
    if not (isinstance(low, str) and isinstance(high, str)):
        return None
    if nulls is None:
        return SimpleStats(_bytes(low), _bytes(high), None)
    if not isinstance(nulls, list) or not all(one is None or type(one) is int for one in nulls):
        return None
    return SimpleStats(_bytes(low), _bytes(high), tuple(nulls))


def _object(found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise CorruptDataError(_WHAT, expected="a JSON object", found=type(found).__name__)
    return found


def _take(found: dict[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401
    return take(found, key, kind, _WHAT, None, needed=True)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CorruptDataError(_WHAT, expected="base64", found=text[:80]) from None
