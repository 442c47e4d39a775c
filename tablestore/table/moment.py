"""Which snapshot a point in time means."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING

from tablestore.errors import InvalidInputError, NotFoundError
from tablestore.options.units import parse_duration_ms
from tablestore.table.expired import expired_error

if TYPE_CHECKING:
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.base import CommittedState
    from tablestore.metadata.snapshots import Snapshots


def find_snapshot(
    state: CommittedState,
    table: str,
    *,
    snapshot: int | None = None,
    tag: str | None = None,
    timestamp: str | dt.datetime | None = None,
    ago: str | dt.timedelta | None = None,
    watermark: int | dt.datetime | str | None = None,
) -> Snapshot:
    """The snapshot that exactly one of the arguments names.

    Args:
        state: of the table.
        table: its name, for messages.
        snapshot: an id.
        tag: a tag's name; it only counts as given, as tags are no snapshots.
        timestamp: the newest snapshot that is not younger; ISO text or a datetime, UTC where it
            names no zone.
        ago: the same, counted back from now: "2h", "1 d" or a timedelta.
        watermark: the first snapshot whose watermark has reached an event time: epoch
            milliseconds, ISO text or a datetime.

    Raises:
        InvalidInputError: not exactly one is given, or it cannot be understood.
        NotFoundError: there is no such snapshot (any more).
    """
    asked = (snapshot, tag, timestamp, ago, watermark)
    given = [value for value in asked if value is not None]
    if len(given) != 1:
        raise InvalidInputError(
            f"table {table}: give exactly one of snapshot=, tag=, timestamp=, ago=, watermark=; "
            f"found {len(given)}"
        )
    snapshots = state.snapshots
    if snapshot is not None:
        return _by_id(state, table, snapshot)
    if watermark is not None:
        return _by_watermark(snapshots, table, watermark)
    if timestamp is not None:
        millis, shown = _millis(timestamp), str(timestamp)
    else:
        millis, shown = int(time.time() * 1000) - _span(ago), f"{ago} ago"
    found = snapshots.at_timestamp(millis)
    if found is None:
        raise NotFoundError(
            f"table {table} has no snapshot from {shown} or before; its first one is "
            f"{_first(snapshots)}"
        )
    return found


def _by_watermark(snapshots: Snapshots, table: str, watermark: int | dt.datetime | str) -> Snapshot:
    if isinstance(watermark, bool):
        raise InvalidInputError(f"a watermark is a time, found {watermark!r}")
    millis = watermark if isinstance(watermark, int) else _millis(watermark)
    found = snapshots.at_watermark(millis)
    if found is None:
        raise NotFoundError(
            f"table {table} has no snapshot whose watermark has reached {watermark}",
            watermark=millis,
        )
    return found


def _by_id(state: CommittedState, table: str, snapshot: int) -> Snapshot:
    """The snapshot of an id.

    Raises:
        InvalidInputError: that is no id.
        NotFoundError: there is none.
        SnapshotExpiredError: it is not kept any longer.
    """
    if isinstance(snapshot, bool) or not isinstance(snapshot, int):
        raise InvalidInputError(
            f"table {table}: a snapshot id is a whole number, found {snapshot!r}"
        )
    snapshots = state.snapshots
    found = snapshots.find(snapshot, fresh=True) if snapshot > 0 else None
    if found is None or snapshots.is_expired(snapshot):
        latest = snapshots.latest()
        if snapshot > 0 and latest is not None and snapshot < latest.id:
            gone = expired_error(state, table, snapshot)
            raise gone
        held = "it has no snapshots" if latest is None else f"its latest snapshot is {latest.id}"
        raise NotFoundError(f"table {table} has no snapshot {snapshot}; {held}", snapshot=snapshot)
    return found


def _first(snapshots: Snapshots) -> str:
    earliest = snapshots.earliest_id()
    first = None if earliest is None else snapshots.find(earliest)
    if first is None:
        return "still to come"
    moment = dt.datetime.fromtimestamp(first.time_millis / 1000, dt.UTC)
    return f"{first.id} of {moment.isoformat(timespec='milliseconds')}"


def _millis(timestamp: str | dt.datetime) -> int:
    moment = timestamp
    if isinstance(moment, str):
        try:
            moment = dt.datetime.fromisoformat(moment.strip())
        except ValueError:
            raise InvalidInputError(
                f"expected an ISO timestamp such as 2026-11-01T00:00:00Z, found {timestamp!r}"
            ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return int(moment.timestamp() * 1000)


def _span(ago: str | dt.timedelta | None) -> int:
    if isinstance(ago, dt.timedelta):
        return int(ago.total_seconds() * 1000)
    return parse_duration_ms(str(ago))
