"""Which snapshots go: a pure decision over ids, times and who still needs them.

Source: ``org.apache.paimon.table.ExpireSnapshotsImpl``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tablestore.metadata.jobs import holds_jobs, is_ours

if TYPE_CHECKING:
    from tablestore.format.snapshot import Snapshot
    from tablestore.options.retention import Retention


@dataclass(frozen=True, slots=True)
class Cut:
    """Where the kept snapshots begin.

    Attributes:
        first_kept: all snapshots below it go.
        reason: what keeps that one.
    """

    first_kept: int
    reason: str


def first_kept(
    earliest: int,
    latest: int,
    retention: Retention,
    now_ms: int,
    time_of: Callable[[int], int | None],
    *,
    limit: int | None = None,
    consumers: Mapping[str, int] | None = None,
) -> Cut:
    """The first snapshot that stays.

    The age of a snapshot is the time since the next one was made: until then it was the latest.
    ``keep_max`` goes before the age; ``keep_min``, consumers and the limit before both.

    Args:
        earliest: the oldest snapshot.
        latest: the newest one.
        retention: what is kept.
        now_ms: the time of day, epoch milliseconds.
        time_of: when a snapshot was made; None where it is gone.
        limit: snapshots to expire at most.
        consumers: the first snapshot that each consumer has not read.
    """
    cut = Cut(latest - retention.keep_min + 1, "snapshot.num-retained.min")
    for name, following in (consumers or {}).items():
        if following < cut.first_kept:
            cut = Cut(following, f"consumer {name}")
    if limit is not None and earliest + limit < cut.first_kept:
        cut = Cut(earliest + limit, "snapshot.expire.limit")
    for snapshot_id in range(max(latest - retention.keep_max + 1, earliest), cut.first_kept):
        made = time_of(snapshot_id + 1)
        if made is not None and now_ms - retention.time_ms <= made:
            return Cut(max(snapshot_id, earliest), "snapshot.time-retained")
    return cut if cut.first_kept > earliest else Cut(earliest, cut.reason)


def first_change_kept(
    ids: Sequence[int],
    latest: int,
    retention: Retention,
    now_ms: int,
    time_of: Callable[[int], int | None],
    *,
    limit: int,
    consumers: Mapping[str, int],
) -> int:
    """The first of the expired snapshots whose changes stay.

    Here a snapshot's own time counts, and the newest one always stays.

    Args:
        ids: of these snapshots, ascending.
        latest: the newest snapshot of all.
        retention: what is kept.
        now_ms: the time of day, epoch milliseconds.
        time_of: when a snapshot was made; None where its changes are gone.
        limit: snapshots to take at most.
        consumers: the first snapshot that each consumer has not read.

    Source: ``org.apache.paimon.table.ExpireChangelogImpl``.
    """
    earliest = ids[0]
    end = min(latest - retention.keep_min + 1, earliest + limit, ids[-1], *consumers.values())
    if end <= earliest:
        return earliest
    for snapshot_id in range(max(latest - retention.keep_max + 1, earliest), end + 1):
        made = time_of(snapshot_id)
        if made is not None and now_ms - retention.time_ms <= made:
            return snapshot_id
    return end


def kept_for_jobs(
    cut: Cut, going: Iterable[Snapshot], staying: Callable[[], Iterable[Snapshot]]
) -> Cut:
    """The cut moved down to the newest snapshot that says how far the jobs have come.

    Each snapshot of ours holds the states of all jobs, so that the newest one of ours is what a
    restarted writer goes on from. Only where another engine has committed all that stay can it be
    among those that go.

    Args:
        cut: as found without jobs.
        going: the snapshots below the cut, newest first.
        staying: those from the cut on, newest first.
    """
    if any(is_ours(snapshot) for snapshot in staying()):
        return cut
    newest = next((snapshot for snapshot in going if is_ours(snapshot)), None)
    if newest is None or not holds_jobs(newest):
        return cut
    return Cut(newest.id, "jobs, whose offsets it holds")
