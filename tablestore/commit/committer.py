"""Turns commit messages into snapshots: rows first, then their compaction.

Source: ``org.apache.paimon.operation.FileStoreCommitImpl``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from tablestore.commit.changes import compact_changes, data_changes
from tablestore.commit.clock import SystemClock
from tablestore.commit.phases import Phases
from tablestore.commit.prepare import APPEND, COMPACT, OVERWRITE, Intent, Preparation
from tablestore.commit.publish import Publisher
from tablestore.commit.settings import CommitSettings
from tablestore.errors import CommitUnknownError, InvalidInputError, TablestoreError
from tablestore.format.manifest import KIND_ADD
from tablestore.format.snapshot import BATCH_COMMIT_IDENTIFIER, OPERATIONS
from tablestore.store.metered import Metered, Requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tablestore.commit.changes import Changes
    from tablestore.commit.clock import Clock
    from tablestore.commit.job import JobCommit
    from tablestore.commit.message import CommitMessage
    from tablestore.commit.prepare import Resequence
    from tablestore.commit.publish import Published
    from tablestore.format.job import JobState
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.schema import TableSchema
    from tablestore.metadata.base import CommittedState

CompactionOutcome = Literal["none", "committed", "not committed", "unknown"]
_CLOCK: Final = SystemClock()


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What a commit did.

    Attributes:
        snapshot_ids: the snapshots it made, oldest first; empty when nothing changed.
        retries: races lost on the way.
        files_added: data files that came.
        files_deleted: data files that went.
        rows: physical rows in the added files minus those in the deleted ones.
        requests: what was asked of the storage.
        milliseconds: how long it took.
        phases: where that time went.
        bytes_added: bytes of the data files that came.
        bytes_deleted: bytes of the data files that went.
        replayed: True where the job's checkpoint was committed before: nothing was done.
        compaction: what became of the messages' compaction half. Where it is ``not committed``
            its files may be deleted; where ``unknown`` they may not. The rows are committed in
            every case.
        compaction_error: why it is not, or not surely, committed.
        expired: snapshots that the expiry after the commit took away.
        expire_error: why that failed; the next commit tries again.
    """

    snapshot_ids: tuple[int, ...] = ()
    retries: int = 0
    files_added: int = 0
    files_deleted: int = 0
    rows: int = 0
    requests: Requests = field(default_factory=Requests)
    milliseconds: int = 0
    compaction: CompactionOutcome = "none"
    compaction_error: str | None = None
    phases: Phases = field(default_factory=Phases)
    bytes_added: int = 0
    bytes_deleted: int = 0
    replayed: bool = False
    expired: int = 0
    expire_error: str | None = None

    @property
    def snapshot_id(self) -> int | None:
        """The newest snapshot of the commit, or None when nothing changed."""
        return self.snapshot_ids[-1] if self.snapshot_ids else None

    def after_flush(self, milliseconds: float) -> CommitResult:
        """The result with the time that was spent on files before the commit."""
        phases = self.phases + Phases(flush=milliseconds)
        return replace(self, milliseconds=self.milliseconds + round(milliseconds), phases=phases)

    def __repr__(self) -> str:
        ids = ", ".join(map(str, self.snapshot_ids)) or "none"
        if self.replayed:
            return f"CommitResult(replayed, nothing done: committed in snapshots {ids})"
        return (
            f"CommitResult(snapshots {ids}: +{self.files_added} -{self.files_deleted} files, "
            f"{self.rows:+d} rows, {self.retries} retries, {self.milliseconds} ms)"
        )


class Committer:
    """Commits the messages of one commit user to one table.

    Args:
        state: the table's committed state, shared with its readers and writers.
        schema: of the table.
        user: the commit user.
        settings: how commits behave.
        clock: gives time and waits.
        resequence: rewrites the level-0 files of messages with sequence numbers above those given
            for their buckets; without it such files are committed as they are, as Java does.
    """

    def __init__(
        self,
        state: CommittedState,
        schema: TableSchema,
        user: str,
        *,
        settings: CommitSettings | None = None,
        clock: Clock = _CLOCK,
        resequence: Resequence | None = None,
    ) -> None:
        self.user = user
        self._state = state
        self._schema = schema
        self._settings = settings or CommitSettings()
        self._clock = clock
        self._resequence = resequence

    def commit(
        self,
        messages: Sequence[CommitMessage],
        *,
        identifier: int = BATCH_COMMIT_IDENTIFIER,
        overwrite_filter: Callable[[bytes], bool] | None = None,
        operation: str | None = None,
        watermark: int | None = None,
        properties: Mapping[str, str] | None = None,
        check: bool = False,
        allow_empty: bool = False,
        job: JobCommit | None = None,
    ) -> CommitResult:
        """Makes the messages visible: one snapshot for their rows, one for their compaction.

        Args:
            messages: the changes, one for each bucket. In a list, messages whose files were
                rewritten with higher sequence numbers are replaced in place, so that after an
                error the caller knows which files to remove.
            identifier: grows with each commit of a job; batch commits share the default.
            overwrite_filter: makes it an overwrite: all live files of the partitions (serialized
                rows) for which it is True are deleted, as of the moment of the commit.
            operation: one of Java's words for the verb behind the commit.
            watermark: event time up to which data is complete, epoch milliseconds.
            properties: kept in the snapshot of the rows.
            check: True fails if a file is there already, also for a plain append.
            allow_empty: True makes a snapshot even when nothing changes.
            job: what becomes of the state of the job that commits.

        Raises:
            WriterFencedError: another writer of the job took over; nothing was committed.
            JobStateExpiredError: how far the job came is not known any more.
            CommitConflictError: another commit won and overlaps; nothing was committed.
            CommitUnknownError: whether it was committed cannot be told; nothing was deleted.
            InvalidInputError: the messages are not what an overwrite may write.
            StorageUnavailableError: the storage failed; nothing was committed.
        """
        if operation is not None and operation not in OPERATIONS:
            raise InvalidInputError(f"unknown operation {operation!r} of a commit")
        intent = Intent(
            self.user,
            identifier,
            OVERWRITE if overwrite_filter else APPEND,
            operation,
            watermark,
            dict(properties or {}),
            overwrite_filter,
            check,
            job,
        )
        changing = messages if isinstance(messages, list) else list(messages)
        return _Run(self, intent, changing).run(allow_empty=allow_empty)

    def publish(
        self,
        intent: Intent,
        messages: list[CommitMessage],
        select: Callable[[Sequence[CommitMessage]], Changes],
    ) -> Published:
        """Publishes one snapshot and keeps its live files for the next commit.

        Args:
            intent: what the snapshot says about itself.
            messages: the changes; those whose files are rewritten are replaced in place.
            select: the half of them that is meant.
        """
        preparation = Preparation(
            self._state,
            self._schema,
            self._settings.merge,
            intent,
            messages,
            select,
            self._clock,
            self._resequence,
        )
        published = Publisher(self._state, preparation, self._settings, self._clock).publish()
        prepared = published.prepared
        if prepared is not None:
            previous = prepared.live
            if previous is None:
                known = self._state.snapshots.find(prepared.snapshot.id - 1)
                previous = self._state.base.peek(known)
            if previous is not None:
                advanced = previous.advance(prepared.snapshot, prepared.entries)
                self._state.base.put(advanced)
        return published

    def finds(self, overwrites: Callable[[bytes], bool]) -> bool:
        """True when the latest snapshot has files in the partitions of an overwrite."""
        live = self._state.base.live(self._state.snapshots.latest())
        return any(overwrites(partition) for partition in {bucket[0] for bucket in live.buckets})

    def entries(self, published: Published) -> Sequence[ManifestEntry]:
        """The changes of data files in a snapshot that was just published."""
        if published.prepared is not None:
            return published.prepared.entries
        if published.snapshot is None:
            return ()
        return self._state.manifests.delta(published.snapshot)

    def mark(self) -> tuple[float, Requests]:
        """The moment and the requests so far, to be subtracted later."""
        store = self._state.store
        spent = store.snapshot() if isinstance(store, Metered) else Requests()
        return self._clock.monotonic(), spent

    def since(self, mark: tuple[float, Requests]) -> tuple[int, Requests]:
        """Milliseconds and requests after an earlier :meth:`mark`."""
        store = self._state.store
        spent = store.since(mark[1]) if isinstance(store, Metered) else Requests()
        return round((self._clock.monotonic() - mark[0]) * 1000), spent


class _Run:
    """One call of ``commit``: up to two snapshots, one result."""

    def __init__(self, committer: Committer, intent: Intent, messages: list[CommitMessage]) -> None:
        self._committer = committer
        self._intent = intent
        self._messages = messages
        self._result = CommitResult()

    def run(self, *, allow_empty: bool) -> CommitResult:
        mark = self._committer.mark()
        changes = data_changes(self._messages)
        intent = self._intent
        if intent.overwrites is None and changes.removes_rows:
            intent = replace(intent, kind=OVERWRITE)
        if allow_empty or not changes.is_empty or self._deletes_anything():
            published = self._committer.publish(intent, self._messages, data_changes)
            self._add(published)
            if published.done is not None:
                return self._settled(mark, published.done)
        if not compact_changes(self._messages).is_empty:
            self._compact()
        return self._measured(mark)

    def _settled(self, mark: tuple[float, Requests], state: JobState) -> CommitResult:
        """The result where the job's state shows that its checkpoint is committed."""
        job = self._intent.job
        mine = job is not None and job.identity == state.commit
        # the state holds its last checkpoint only: where an older one was committed is not known
        last = job is not None and state.checkpoint == job.checkpoint
        ids = (state.snapshot,) if state.snapshot is not None and last else ()
        if mine:
            files = [file for message in self._messages for file in message.data.new_files]
            self._result = replace(
                self._result,
                files_added=len(files),
                bytes_added=sum(file.file_size for file in files),
                rows=sum(file.row_count for file in files),
            )
        self._result = replace(self._result, snapshot_ids=ids, replayed=not mine)
        return self._measured(mark)

    def _measured(self, mark: tuple[float, Requests]) -> CommitResult:
        milliseconds, requests = self._committer.since(mark)
        return replace(self._result, milliseconds=milliseconds, requests=requests)

    def _deletes_anything(self) -> bool:
        """True when an overwrite without new files finds files to delete."""
        return self._intent.overwrites is not None and self._committer.finds(
            self._intent.overwrites
        )

    def _compact(self) -> None:
        """The second snapshot. Its failure does not undo the first, so it is reported, not raised.

        Raises:
            TablestoreError: there was no first snapshot, so nothing was committed, or (a
                ``CommitUnknownError``) nobody can tell.
        """
        intent = replace(
            self._intent, kind=COMPACT, overwrites=None, operation=None, properties={}, job=None
        )
        try:
            published = self._committer.publish(intent, self._messages, compact_changes)
        except TablestoreError as error:
            if not self._result.snapshot_ids:
                raise
            doubt = isinstance(error, CommitUnknownError)
            self._result = replace(
                self._result,
                compaction="unknown" if doubt else "not committed",
                compaction_error=str(error),
            )
            return
        self._add(published)
        self._result = replace(self._result, compaction="committed")

    def _add(self, published: Published) -> None:
        entries = self._committer.entries(published)
        sizes = [entry.file.file_size for entry in entries if entry.kind == KIND_ADD]
        so_far, snapshot = self._result, published.snapshot
        self._result = replace(
            so_far,
            snapshot_ids=(*so_far.snapshot_ids, *((snapshot.id,) if snapshot else ())),
            retries=so_far.retries + published.retries,
            files_added=so_far.files_added + len(sizes),
            files_deleted=so_far.files_deleted + len(entries) - len(sizes),
            bytes_added=so_far.bytes_added + sum(sizes),
            bytes_deleted=so_far.bytes_deleted
            + sum(entry.file.file_size for entry in entries if entry.kind != KIND_ADD),
            rows=so_far.rows + (snapshot.delta_record_count if snapshot else 0),
            phases=so_far.phases + published.phases,
        )
