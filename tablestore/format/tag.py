"""The tag file: a snapshot file that stays when its snapshot expires.

::

    { …all keys of the snapshot…,
      "tagCreateTime" : [ 2026, 11, 22, 15, 34, 48, 148232047 ],   local time; zero ends are cut
      "tagTimeRetained" : 90000.000000000 }                        seconds

The last two keys are there only for a tag with a retention.

Source: ``org.apache.paimon.tag.Tag``.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any, Final

from tablestore.errors import CorruptDataError
from tablestore.format.json_object import parse_object, render_object, take
from tablestore.format.snapshot import Snapshot, decode_snapshot, encode_snapshot

_CREATED: Final = "tagCreateTime"
_RETAINED: Final = "tagTimeRetained"
_EPOCH: Final = dt.datetime(1970, 1, 1)
_SECONDS_MAX: Final = 1e15
_WHAT: Final = "tag"


@dataclass(frozen=True, kw_only=True)
class Tag:
    """A snapshot under a name.

    Units:
        Nanoseconds; ``created`` counts the writer's local wall clock from 1970-01-01 on.

    Attributes:
        snapshot: what the tag keeps.
        created: when it was made; only with a retention.
        retained: for how long it is kept; None for ever.
    """

    snapshot: Snapshot
    created: int | None = None
    retained: int | None = None


def decode_tag(data: bytes, *, name: str | None = None) -> Tag:
    """The tag that the bytes hold.

    Args:
        data: the whole file.
        name: the file's name, for error messages.

    Raises:
        CorruptDataError: the bytes are not a tag.
        UnsupportedFormatError: a version that this library does not know.
    """
    snapshot = decode_snapshot(data, name=name)
    extra = dict(snapshot.extra)
    parts = take(extra, _CREATED, list, _WHAT, name, needed=False)
    seconds = take(extra, _RETAINED, float, _WHAT, name, needed=False)
    if seconds is not None and not abs(seconds) < _SECONDS_MAX:
        raise CorruptDataError(
            _WHAT, name=name, expected=f"seconds for {_RETAINED!r}", found=repr(seconds)
        )
    return Tag(
        snapshot=replace(snapshot, extra=extra),
        created=None if parts is None else _moment(parts, name),
        retained=None if seconds is None else round(seconds * 10**9),
    )


def encode_tag(tag: Tag) -> bytes:
    """The bytes of the tag file."""
    document = parse_object(encode_snapshot(tag.snapshot), _WHAT, None)
    if tag.created is not None:
        document[_CREATED] = _parts(tag.created)
    if tag.retained is not None:
        document[_RETAINED] = tag.retained / 10**9
    return render_object(document)


def _moment(parts: list[Any], name: str | None) -> int:
    nanos = parts[6] if len(parts) == 7 else 0
    good = all(type(part) is int for part in parts) and 5 <= len(parts) <= 7
    try:
        moment = dt.datetime(*parts[:6]) if good and 0 <= nanos < 10**9 else None
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise CorruptDataError(
            _WHAT, name=name, expected=f"a date and time for {_CREATED!r}", found=repr(parts)[:80]
        )
    return int((moment - _EPOCH).total_seconds()) * 10**9 + int(nanos)


def _parts(created: int) -> list[int]:
    seconds, nanos = divmod(created, 10**9)
    moment = _EPOCH + dt.timedelta(seconds=seconds)
    parts = [moment.year, moment.month, moment.day, moment.hour, moment.minute]
    if moment.second or nanos:
        parts.append(moment.second)
    return [*parts, nanos] if nanos else parts
