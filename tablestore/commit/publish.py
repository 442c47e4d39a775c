"""Creates snapshot N+1 exactly once, whatever the storage answers.

1. Find the latest snapshot. 2. Prepare against it; all that the new snapshot refers to is durable.
3. Create ``snapshot-N`` only if absent. 4. An answer that is not a plain yes is settled by reading
the file back: mine, another's (lost the race: again from 1), or absent (unknown: again from 1, but
first look whether an earlier attempt landed after all). 5. Where LATEST is lower than what it was
built on, or that was last seen more than a second ago, read that back: gone or another means that
the history was rolled back, and nobody will read what was created. Advance LATEST. 6. Read
EARLIEST: beyond N means that this process slept through an expiry, and may have written into a hole
that nobody will read, or LATEST back to where the history was.

What ends it: published; not published, with an error, and everything written taken back; or
``CommitUnknownError``, and nothing deleted.
"""

from __future__ import annotations

import contextlib
import enum
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

from tablestore.commit.phases import Phases, PhaseWatch
from tablestore.commit.token import FILES_MAX, CommitToken
from tablestore.errors import (
    CommitConflictError,
    CommitUnknownError,
    NotFoundError,
    StorageUnavailableError,
    TablestoreError,
)
from tablestore.format.manifest import KIND_ADD
from tablestore.format.paths import EARLIEST_HINT, snapshot_path
from tablestore.format.snapshot import BATCH_COMMIT_IDENTIFIER

if TYPE_CHECKING:
    from collections.abc import Callable

    from tablestore.commit.clock import Clock
    from tablestore.commit.prepare import Preparation, Prepared
    from tablestore.commit.settings import CommitSettings
    from tablestore.format.job import JobState
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.base import CommittedState

T = TypeVar("T")

_BACKOFF_DOUBLINGS_MAX: Final = 16


class _Outcome(enum.Enum):
    """What became of one attempt to create a snapshot file."""

    MINE = enum.auto()
    LOST = enum.auto()
    UNKNOWN = enum.auto()


@dataclass(frozen=True, slots=True)
class Published:
    """A snapshot that is part of the table now.

    Attributes:
        snapshot: as its file says; None where the job's state alone tells that it was made.
        prepared: the attempt that made it, or None where an attempt of unknown outcome turned out
            to have landed.
        retries: attempts before the one that counted.
        done: the state of the job, where its checkpoint was committed before.
        phases: where the time went.
    """

    snapshot: Snapshot | None
    prepared: Prepared | None
    retries: int
    done: JobState | None = None
    phases: Phases = field(default_factory=Phases)


class Publisher:
    """Publishes one prepared change.

    Args:
        state: of the table.
        preparation: makes each attempt.
        settings: how long and how often.
        clock: measures and waits.
    """

    def __init__(
        self,
        state: CommittedState,
        preparation: Preparation,
        settings: CommitSettings,
        clock: Clock,
    ) -> None:
        self._state = state
        self._preparation = preparation
        self._settings = settings
        self._clock = clock
        self._watch = PhaseWatch(clock)
        self._deadline = clock.monotonic() + settings.timeout_ms / 1000
        self._retries = 0
        self._uuids: list[str] = []
        # Attempts whose file may yet appear: their snapshot ids.
        self._open: list[int] = []
        # True once an answer was missing: files of lost attempts may be referred to then.
        self._doubt = False
        # The bytes of the snapshot that the attempt builds on; None for the first one.
        self._base: bytes | None = None
        # When that was known to be the latest one.
        self._proven_at = 0.0
        # Snapshots up to here were searched for earlier attempts.
        self._searched: int | None = None

    def publish(self) -> Published:
        """Publishes the change, trying again after lost races.

        Raises:
            CommitConflictError: the change does not fit any more, or time ran out; nothing of it
                was published.
            CommitUnknownError: whether it was published cannot be told.
            StorageUnavailableError: the storage failed before anything was published.
            TablestoreError: what is committed is damaged, or gone; nothing was published.
        """
        try:
            published = self._until_published()
        except CommitUnknownError:
            raise
        except TablestoreError as error:
            if self._open:
                raise self._unknown() from error
            if not self._doubt:
                self._preparation.discard()
            raise
        if not self._doubt:
            if published.prepared is None:
                self._preparation.discard()
            else:
                self._preparation.discard_unused()
        return published

    def _until_published(self) -> Published:
        while True:
            published = self._attempt()
            if published is not None:
                return published
            self._retry()

    def _attempt(self) -> Published | None:
        """One round of the protocol; None asks for another.

        Raises:
            StorageUnavailableError: the storage failed, and no attempt is open.
        """
        try:
            with self._watch.phase("find"):
                latest = self._latest()
                landed = self._find_landed(latest)
                if landed is not None:
                    self._state.snapshots.advance_latest(landed.id)
                    return self._published(landed)
                done = self._preparation.done(latest)
                if done is not None:
                    self._open.clear()
                    return self._published(None, done=done)
            with self._watch.phase("prepare"):
                prepared = self._prepare(latest)
            if prepared is None:
                return None
        except StorageUnavailableError:
            if self._open:
                return None  # the storage may answer again before the time is up
            raise
        with self._watch.phase("publish"):
            outcome = self._create(prepared)
            if outcome is not _Outcome.MINE:
                return None
            if not self._stands(prepared):
                return None
            snapshots = self._state.snapshots
            snapshots.built(prepared.snapshot.id, prepared.data, contended=self._retries > 0)
        return self._published(prepared.snapshot, prepared)

    def _published(
        self,
        snapshot: Snapshot | None,
        prepared: Prepared | None = None,
        done: JobState | None = None,
    ) -> Published:
        return Published(snapshot, prepared, self._retries, done, self._watch.phases)

    def _latest(self) -> Snapshot | None:
        """What to build on: the tip that this process knows, or after a lost race the latest.

        A tip that is stale shows when its successor cannot be created.
        """
        snapshots = self._state.snapshots
        tip = snapshots.tip() if self._retries == 0 else None
        latest = tip or snapshots.latest(proven=True)
        self._base = None if latest is None else snapshots.bytes_of(latest.id)
        self._proven_at = snapshots.proven_at
        return latest

    def _prepare(self, latest: Snapshot | None) -> Prepared | None:
        """The next attempt; None when the snapshot it was to build on was expired meanwhile.

        Raises:
            NotFoundError: something that the latest snapshot needs is gone.
        """
        try:
            return self._preparation.prepare(latest)
        except NotFoundError:
            self._state.snapshots.forget()
            if latest is None or self._state.snapshots.latest(proven=True) == latest:
                raise
            return None

    def _create(self, prepared: Prepared) -> _Outcome:
        """Creates the snapshot file only if absent; settles every doubtful answer by its bytes.

        Raises:
            StorageUnavailableError: the storage refused; the file was not created.
        """
        snapshot = prepared.snapshot
        key = snapshot_path(snapshot.id)
        if self._searched is None:
            self._searched = snapshot.id - 1
        self._uuids.append(snapshot.uuid or "")
        self._open.append(snapshot.id)
        try:
            created = self._state.store.put_if_absent(key, prepared.data)
        except StorageUnavailableError as error:
            if error.detail.get("landed") is False:
                self._open.remove(snapshot.id)
                raise
            self._doubt = True
            created = False
        if created:
            return _Outcome.MINE
        return self._settle(snapshot, prepared.data)

    def _settle(self, snapshot: Snapshot, data: bytes) -> _Outcome:
        found = self._read_back(snapshot_path(snapshot.id))
        if found is None:
            return _Outcome.UNKNOWN
        if found == data:
            return _Outcome.MINE
        if self._is_expired(snapshot.id):
            return _Outcome.UNKNOWN
        # The name is taken by another, and names are taken for good: mine cannot land any more.
        self._open.remove(snapshot.id)
        self._state.snapshots.remember(snapshot.id, found)
        return _Outcome.LOST

    def _is_expired(self, snapshot_id: int) -> bool:
        """True for a hole that an expiry left: who stands there may have arrived late."""
        earliest = self._read_earliest()
        return earliest is not None and snapshot_id < earliest

    def _read_back(self, key: str) -> bytes | None:
        """The bytes of a snapshot file, or None when it is absent.

        Raises:
            StorageUnavailableError: the storage did not answer in time.
        """
        wait = self._settings.retry_wait_ms_min / 1000
        while True:
            try:
                return self._state.store.get(key)
            except NotFoundError:
                self._doubt = True
                return None
            except StorageUnavailableError:
                if self._clock.monotonic() >= self._deadline:
                    raise
                self._clock.sleep(wait)
                wait = min(wait * 2, self._settings.retry_wait_ms_max / 1000)

    def _find_landed(self, latest: Snapshot | None) -> Snapshot | None:
        """An earlier attempt of this commit among the snapshots that came since.

        Raises:
            CommitUnknownError: an attempt is open, and its snapshot was expired.
        """
        if self._searched is None or latest is None:
            return None
        for snapshot_id in range(self._searched + 1, latest.id + 1):
            snapshot = self._state.snapshots.find(snapshot_id)
            if snapshot_id in self._open and (snapshot is None or self._is_expired(snapshot_id)):
                if self._preparation.landed(latest):
                    return None
                raise self._unknown()
            if snapshot is not None and self._is_mine(snapshot):
                self._open.clear()
                return snapshot
            while snapshot_id in self._open:
                self._open.remove(snapshot_id)
        self._searched = max(self._searched, latest.id)
        return None

    def _is_mine(self, snapshot: Snapshot) -> bool:
        if snapshot.uuid in self._uuids:
            return True
        # All batch commits share one identifier; that of a job names one commit of its user.
        intent = self._preparation.intent
        if intent.job is not None:
            return False  # two writers of a job may use one identifier; its state tells whose it is
        return intent.identifier != BATCH_COMMIT_IDENTIFIER and (
            snapshot.commit_user,
            snapshot.commit_identifier,
            snapshot.commit_kind,
        ) == (intent.user, intent.identifier, intent.kind)

    def _stands(self, prepared: Prepared) -> bool:
        """True when the created snapshot is part of the chain; else it was taken back.

        On the way LATEST is moved to it.
        """
        snapshot_id, snapshots = prepared.snapshot.id, self._state.snapshots
        hint = snapshots.read_latest() or 0
        if not self._follows(snapshot_id, hint):
            self._take_back(prepared)
            return False
        if hint < snapshot_id:
            snapshots.write_latest(snapshot_id)
        earliest = self._read_earliest()
        if earliest is None or earliest <= snapshot_id:
            self._open.clear()
            return True
        if not self._is_zombie(prepared, earliest):
            self._open.clear()
            return True
        self._take_back(prepared)
        return False

    def _take_back(self, prepared: Prepared) -> None:
        """Deletes the snapshot file that was created where no reader finds it."""
        snapshot_id = prepared.snapshot.id
        key = snapshot_path(snapshot_id)
        with contextlib.suppress(NotFoundError):
            if self._state.store.get(key) == prepared.data:
                self._state.store.delete(key)
        self._state.snapshots.forget()
        self._open.remove(snapshot_id)
        self._uuids.remove(prepared.snapshot.uuid or "")
        if not self._open:
            self._searched = None  # nothing to look for in the history that was slept through

    def _follows(self, snapshot_id: int, hint: int) -> bool:
        """False where the history was rolled back below the snapshot that this one builds on.

        Args:
            snapshot_id: of the created one.
            hint: what LATEST says; 0 where that is not known.
        """
        snapshots, known = self._state.snapshots, self._base
        if known is None or (hint >= snapshot_id - 1 and snapshots.is_recent(self._proven_at)):
            return True
        base = self._settled(lambda: snapshots.read(snapshot_id - 1))
        if base == known or (self._read_earliest() or 0) >= snapshot_id:
            return True
        # A rollback takes LATEST down, an expiry does not (Java moves EARLIEST after it deleted);
        # other commits on top of a rollback leave other bytes.
        return base is None and hint >= snapshot_id - 1

    def _read_earliest(self) -> int | None:
        return self._settled(lambda: self._state.snapshots.read_hint(EARLIEST_HINT))

    def _settled(self, read: Callable[[], T]) -> T:
        """What a read gives, asked for until the storage answers.

        Raises:
            StorageUnavailableError: it did not answer in time.
        """
        wait = self._settings.retry_wait_ms_min / 1000
        while True:
            try:
                return read()
            except StorageUnavailableError:
                if self._clock.monotonic() >= self._deadline:
                    raise
                self._clock.sleep(wait)

    def _is_zombie(self, prepared: Prepared, earliest: int) -> bool:
        """True when the snapshot was created below a history that had moved on before.

        Its files being live in the latest snapshot proves that it is part of the chain. That a
        later snapshot is older by the clock of the store proves the contrary.

        Raises:
            CommitUnknownError: neither can be shown.
        """
        self._state.snapshots.forget()
        latest = self._state.snapshots.latest(proven=True)
        if latest is not None:
            if latest.id == prepared.snapshot.id:
                return False  # nothing follows, so that EARLIEST says nonsense
            # LATEST was looked at before, and may have been written back below the history
            self._state.snapshots.advance_latest(latest.id)
            if self._preparation.landed(latest):
                return False
            live = {entry.identifier for entry in self._state.base.live(latest).entries()}
            if any(e.identifier in live for e in prepared.entries if e.kind == KIND_ADD):
                return False
        mine = self._state.store.head(snapshot_path(prepared.snapshot.id))
        later = self._state.store.head(snapshot_path(earliest))
        if mine is not None and later is not None and later.modified_ms < mine.modified_ms:
            return True
        raise self._unknown()

    def _retry(self) -> None:
        """Waits before the next round, or gives up.

        Raises:
            CommitUnknownError: time or tries ran out while an attempt is open.
            CommitConflictError: they ran out, and nothing was published.
        """
        self._retries += 1
        limit = self._settings.max_retries
        late = self._clock.monotonic() >= self._deadline
        if late or (limit is not None and self._retries > limit):
            if self._open:
                raise self._unknown()
            raise self._given_up(late=late)
        doublings = min(self._retries, _BACKOFF_DOUBLINGS_MAX)
        longest = min(
            self._settings.retry_wait_ms_min * 2**doublings, self._settings.retry_wait_ms_max
        )
        # Waits of equal length would let the same racers meet again.
        with self._watch.phase("wait"):
            self._clock.sleep(random.uniform(0, longest) / 1000)

    def _given_up(self, *, late: bool) -> CommitConflictError:
        winner = self._state.snapshots.latest()
        why = (
            f"commit.timeout ({self._settings.timeout_ms} ms) is over"
            if late
            else f"commit.max-retries ({self._settings.max_retries}) are used up"
        )
        return CommitConflictError(
            f"nothing was committed: other commits won {self._retries} races and {why}",
            retries=self._retries,
            snapshot_id=winner.id if winner else None,
            commit_user=winner.commit_user if winner else None,
        )

    def _unknown(self) -> CommitUnknownError:
        intent = self._preparation.intent
        token = CommitToken(
            user=intent.user,
            identifier=intent.identifier,
            kind=intent.kind,
            open=tuple(sorted(set(self._open))),
            uuids=tuple(self._uuids),
            job=None if intent.job is None else intent.job.job,
            identity=None if intent.job is None else intent.job.identity,
            files=self._preparation.added_files(FILES_MAX),
        ).text
        return CommitUnknownError(
            f"the storage left open whether the {intent.kind} commit of {self._state.store.uri} "
            "took effect; no file was deleted",
            token=token,
        )
