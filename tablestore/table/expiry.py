"""The expiry of snapshots as a user asks for it, and after each commit."""

from __future__ import annotations

import datetime as dt
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from tablestore.commit.clock import SystemClock
from tablestore.errors import InvalidInputError, TablestoreError
from tablestore.format.paths import EARLIEST_HINT, snapshot_path
from tablestore.maintain.changelogs import ChangelogExpirer
from tablestore.maintain.expire import Expirer, Expiry
from tablestore.maintain.lines import own_line
from tablestore.maintain.removal import store_time
from tablestore.options.retention import RetentionOptions
from tablestore.options.table import POSTPONE_BUCKET
from tablestore.options.units import parse_duration_ms
from tablestore.runs.bucket_files import BucketFolders
from tablestore.types.html import HtmlFields

if TYPE_CHECKING:
    from tablestore.commit.clock import Clock
    from tablestore.commit.committer import CommitResult
    from tablestore.options.table import TableOptions
    from tablestore.table.components import Components

_CLOCK: Final = SystemClock()


@dataclass(frozen=True, repr=False)
class ExpireResult(HtmlFields):
    """What an expiry did, or would do.

    Attributes:
        snapshots: ids of the snapshots that went, oldest first.
        earliest: the oldest snapshot kept; None for a table without snapshots.
        latest: the newest one.
        kept_by: what keeps the oldest one: an option, a consumer or a job.
        data_files: data files and changelog files deleted, with their indexes.
        metadata_files: manifests, their lists, index files and statistics deleted.
        bytes: of these files, as far as the table records their sizes.
        files: their keys below the table's folder.
        skipped: what was left because nobody could say whether it is needed, and why.
        seconds: how long it took.
        dry_run: True where it only planned.
    """

    snapshots: tuple[int, ...]
    earliest: int | None
    latest: int | None
    kept_by: str
    data_files: int
    metadata_files: int
    bytes: int
    files: tuple[str, ...]
    skipped: tuple[str, ...]
    seconds: float
    dry_run: bool

    def __repr__(self) -> str:
        if not self.snapshots:
            return f"ExpireResult(nothing to expire: {self.kept_by})"
        would = "would expire" if self.dry_run else "expired"
        left = f", {len(self.skipped)} left with a reason" if self.skipped else ""
        return (
            f"ExpireResult({would} {len(self.snapshots)} snapshots up to {self.snapshots[-1]}, "
            f"kept {self.earliest}..{self.latest} ({self.kept_by}); {self.data_files} data files, "
            f"{self.metadata_files} of metadata, {self.bytes} bytes{left})"
        )

    @classmethod
    def of(cls, expiry: Expiry, *, seconds: float, dry_run: bool) -> ExpireResult:
        """The public view of a run."""
        doomed = expiry.doomed
        metadata = {**doomed.metadata, **doomed.lists}
        sizes = (*doomed.data.values(), *metadata.values())
        kept = expiry.earliest if expiry.end is None else expiry.end.id
        return cls(
            snapshots=tuple(snapshot.id for snapshot in expiry.going),
            earliest=kept or None,
            latest=expiry.latest or None,
            kept_by=expiry.cut.reason,
            data_files=len(doomed.data),
            metadata_files=len(metadata),
            bytes=sum(sizes),
            files=(*doomed.data, *metadata),
            skipped=tuple(doomed.skipped),
            seconds=seconds,
            dry_run=dry_run,
        )


def expire_table(
    parts: Components,
    *,
    older_than: str | dt.timedelta | None = None,
    keep_last: int | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    clock: Clock = _CLOCK,
) -> ExpireResult:
    """Expire the snapshots of a table; see ``Table.expire``."""
    began = time.monotonic()
    options = _chosen(_options(parts), older_than, keep_last, limit)
    line = own_line(parts.store, parts.state)
    expirer = Expirer(line, _folders(parts), options)
    live = parts.state.base.newest
    if dry_run:
        planned = expirer.plan(clock.now_ms(), limit=limit, live=live)
        return ExpireResult.of(planned, seconds=time.monotonic() - began, dry_run=True)
    now_ms = store_time(parts.store, clock)
    done = expirer.run(expirer.plan(now_ms, limit=limit, live=live))
    if options.decoupled:
        ChangelogExpirer(line, _folders(parts), options).run(now_ms)
    parts.expiry.saw(done)
    return ExpireResult.of(done, seconds=time.monotonic() - began, dry_run=False)


def _options(parts: Components) -> RetentionOptions:
    schema = parts.latest_schema(parts.state.snapshots.latest())
    return RetentionOptions.of(schema.options)


def _folders(parts: Components) -> BucketFolders:
    schema = parts.latest_schema(parts.state.snapshots.latest())
    return BucketFolders.of(schema, parts.options(schema))


def _chosen(
    options: RetentionOptions,
    older_than: str | dt.timedelta | None,
    keep_last: int | None,
    limit: int | None,
) -> RetentionOptions:
    """The options with what the user asks for in their place.

    Raises:
        InvalidInputError: that makes no sense.
    """
    kept = options.snapshots
    if older_than is not None:
        kept = replace(kept, time_ms=duration_ms(older_than, "older_than"))
    for name, number in (("keep_last", keep_last), ("limit", limit)):
        if number is not None and (isinstance(number, bool) or number < 1):
            raise InvalidInputError(f"{name} is a number of snapshots above 0, found {number!r}")
    if keep_last is not None:
        kept = replace(kept, keep_min=keep_last, keep_max=max(kept.keep_max, keep_last))
    # what is asked for by hand leaves the changes that outlive their snapshots as they are
    return replace(options, snapshots=kept)


def duration_ms(span: str | dt.timedelta, name: str) -> int:
    """Milliseconds of a text such as ``7d`` or of a timedelta.

    Raises:
        InvalidInputError: it is neither, or negative.
    """
    if isinstance(span, dt.timedelta):
        millis = int(span.total_seconds() * 1000)
        if millis < 0:
            raise InvalidInputError(f"{name} is a length of time, found {span}")
        return millis
    if not isinstance(span, str):
        raise InvalidInputError(f"{name} is a text such as '7d' or a timedelta, found {span!r}")
    return parse_duration_ms(span)


# -- after a commit ------------------------------------------------------------------------------


def expire_after(parts: Components, options: TableOptions, result: CommitResult) -> CommitResult:
    """What a writer does once its rows are committed: the expiry that its table's options ask for.

    The rows are there whatever becomes of it; the result says what failed. With
    ``snapshot.expire.execution-mode`` = async nobody waits for it, and the next commit tries again.

    Args:
        parts: the table.
        options: of the table; with ``write-only`` nothing expires.
        result: of the commit.

    Cost:
        no request where nothing is due.
    """
    if options.write_only:
        return result
    began = time.monotonic()
    expired, error = expire_due(parts, options, result.snapshot_id)
    if not expired and error is None:
        return result
    spent = round((time.monotonic() - began) * 1000)
    milliseconds = result.milliseconds + spent
    return replace(result, expired=expired, expire_error=error, milliseconds=milliseconds)


def expire_due(
    parts: Components, options: TableOptions, latest: int | None
) -> tuple[int, str | None]:
    """Expire what a table's options ask for; how many snapshots went, and what failed.

    Args:
        parts: the table.
        options: of the table.
        latest: the snapshot that was just committed, or None.
    """
    if latest is None or options.bucket == POSTPONE_BUCKET:
        return 0, None
    try:
        chosen = RetentionOptions.of(options.raw)
        now_ms = _CLOCK.now_ms()
        if not parts.expiry.due(latest, chosen, now_ms):
            return 0, None
        if not parts.expiry.has_looked:
            # a process that has just begun need not list a folder to learn that nothing is old
            _look(parts)
            if not parts.expiry.due(latest, chosen, now_ms):
                return 0, None
        if chosen.in_background:
            _background().submit(_expire_quietly, parts, chosen, latest)
            return 0, None
        return _expire_due(parts, chosen, latest), None
    except TablestoreError as error:
        return 0, str(error)


def _look(parts: Components) -> None:
    """Tell the gate of the oldest snapshot, by its hint; a hint that is wrong tells nothing."""
    snapshots = parts.state.snapshots
    earliest = snapshots.read_hint(EARLIEST_HINT) or 1
    following = snapshots.find(earliest + 1)
    parts.expiry.saw_young(earliest, None if following is None else following.time_millis)


def _expire_due(parts: Components, options: RetentionOptions, latest: int) -> int:
    """One run; how many snapshots went.

    Raises:
        TablestoreError: it failed; the next run goes on with it.
    """
    gate = parts.expiry.alone()
    if not gate.acquire(blocking=False):
        return 0  # another thread of this process does it
    try:
        committed = parts.store.head(snapshot_path(latest))
        # the commit was made right now, by the clock of the store
        now_ms = committed.modified_ms if committed is not None else 0
        now_ms = now_ms or _CLOCK.now_ms()
        line = own_line(parts.store, parts.state)
        folders = _known_folders(parts, latest)
        expirer = Expirer(line, folders, options)
        expirer.expire_consumers(now_ms)
        planned = expirer.plan(now_ms, limit=options.limit, live=parts.state.base.newest)
        done = expirer.run(planned)
        if options.decoupled:
            ChangelogExpirer(line, folders, options).run(now_ms)
        kept = done.earliest if done.end is None else done.end.id
        following = parts.state.snapshots.find(kept + 1)
        made = None if following is None else following.time_millis
        parts.expiry.saw(done, made, _CLOCK.now_ms())
        return len(done.going)
    finally:
        gate.release()


def _known_folders(parts: Components, latest: int) -> BucketFolders:
    """The folders of the table as the snapshot that was just committed has them; no request."""
    snapshot = parts.state.snapshots.load(latest)
    schema = parts.state.schemas.load(snapshot.schema_id)
    return BucketFolders.of(schema, parts.options(schema))


def _expire_quietly(parts: Components, options: RetentionOptions, latest: int) -> None:
    try:
        _expire_due(parts, options, latest)
    except TablestoreError:
        return  # the next commit tries again, and a run by hand says what is wrong


@cache
def _background() -> ThreadPoolExecutor:
    """One thread for all tables; a process that ends waits for what it has begun."""
    return ThreadPoolExecutor(1, "tablestore-expire")
