"""One snapshot made ready to be published: checked, rebased, its manifests written.

Everything here may be repeated against a newer snapshot after a lost race; what is still right
(delta manifests, merged manifests) is used again.

Source: ``org.apache.paimon.operation.FileStoreCommitImpl.tryCommitOnce``.
"""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tablestore.commit.changes import deletes_of, row_count
from tablestore.commit.conflict import (
    find_bucket_mismatch,
    find_file_conflict,
    find_vector_conflict,
)
from tablestore.commit.index_changes import combine_indexes
from tablestore.commit.manifest_merge import merge_manifests
from tablestore.commit.manifest_writer import ManifestWriter
from tablestore.commit.vector_conflict import find_bucket_vector_conflict
from tablestore.errors import CommitConflictError, InvalidInputError, NotFoundError
from tablestore.format.manifest import KIND_ADD, KIND_DELETE
from tablestore.format.paths import STATISTICS_FOLDER
from tablestore.format.snapshot import Snapshot, encode_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tablestore.commit.changes import Changes
    from tablestore.commit.clock import Clock
    from tablestore.commit.conflict import Conflict
    from tablestore.commit.job import JobCommit
    from tablestore.commit.manifest_merge import MergePolicy
    from tablestore.commit.message import CommitMessage
    from tablestore.format.job import JobState
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.format.schema import TableSchema
    from tablestore.metadata.base import BucketId, CommittedState, LiveFiles

    Resequence = Callable[[list[CommitMessage], dict[BucketId, int]], list[CommitMessage]]

APPEND: Final = "APPEND"
COMPACT: Final = "COMPACT"
OVERWRITE: Final = "OVERWRITE"


@dataclass(frozen=True, slots=True)
class Intent:
    """What a snapshot says about itself, the same in every attempt.

    Attributes:
        user: the commit user.
        identifier: grows with each commit of a user.
        kind: APPEND, OVERWRITE or COMPACT.
        operation: one of Java's words for the verb behind the commit, or None.
        watermark: event time up to which data is complete, epoch milliseconds.
        properties: text to text, kept in this snapshot only.
        overwrites: partitions whose live files are replaced; None replaces nothing.
        check: True looks for file conflicts where an APPEND would not.
        job: what becomes of the state of the job that commits; None for other commits.
    """

    user: str
    identifier: int
    kind: str
    operation: str | None = None
    watermark: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    overwrites: Callable[[bytes], bool] | None = None
    check: bool = False
    job: JobCommit | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """One attempt: all it refers to is durable, only the snapshot file is missing.

    Attributes:
        snapshot: the snapshot to be created.
        data: the bytes of its file.
        entries: the changes of data files.
        live: the live files it builds on, where they were needed.
    """

    snapshot: Snapshot
    data: bytes
    entries: tuple[ManifestEntry, ...]
    live: LiveFiles | None


@dataclass(slots=True)
class _Delta:
    """Manifests of changes, to be used again while the changes stay the same."""

    entries: tuple[ManifestEntry, ...]
    schema_id: int
    name: str
    size: int
    names: tuple[str, ...]


@dataclass(slots=True)
class _Merge:
    """The outcome of the one manifest merge of a commit."""

    before: tuple[str, ...]
    after: tuple[ManifestFileMeta, ...]


class Preparation:
    """Makes the attempts of one snapshot ready.

    Args:
        state: of the table.
        schema: of the table; gives the types of keys and partitions.
        policy: when manifests are merged.
        intent: what the snapshot says about itself.
        messages: the changes.
        select: the half of the messages that is meant.
        clock: gives the time of the snapshot.
        resequence: gives messages whose sequence numbers others have reached higher ones.
    """

    def __init__(
        self,
        state: CommittedState,
        schema: TableSchema,
        policy: MergePolicy,
        intent: Intent,
        messages: list[CommitMessage],
        select: Callable[[Sequence[CommitMessage]], Changes],
        clock: Clock,
        resequence: Resequence | None = None,
    ) -> None:
        self.intent = intent
        self.messages = messages
        self._state = state
        self._schema = schema
        self._policy = policy
        self._select = select
        self._clock = clock
        self._resequence = resequence
        types = {name: schema.field(name).type for name in schema.partition_keys}
        self._partition_types = list(types.values())
        self._key_types = [schema.field(name).type for name in schema.trimmed_primary_key]
        self._writer = ManifestWriter(state, self._partition_types, policy.target_size)
        self._deltas: dict[str, _Delta] = {}
        self._merge: _Merge | None = None
        self._used: set[str] = set()

    def prepare(self, latest: Snapshot | None) -> Prepared:
        """The next attempt, on top of a snapshot.

        Raises:
            CommitConflictError: the changes do not fit on top of it.
            InvalidInputError: a file lies outside of what is overwritten.
            CorruptDataError: what is committed is damaged.
            StorageUnavailableError: the storage failed; nothing was published.
        """
        schema_id = self._schema_id(latest)
        live = self._state.base.live(latest) if self._needs_live() else None
        if live is not None:
            self._raise_sequences(live)
        changes = self._select(self.messages)
        entries = self._entries(changes, live)
        if live is not None:
            self._check(live, entries)
            self._check_vectors(latest, changes)
            self._check_bucket_vectors(latest, live, changes)
        snapshot = self._snapshot(latest, schema_id, changes, entries)
        return Prepared(snapshot, encode_snapshot(snapshot), entries, live)

    def done(self, latest: Snapshot | None) -> JobState | None:
        """The state of the job, where its checkpoint is committed already.

        Raises:
            WriterFencedError: another writer of the job took over.
            JobStateExpiredError: how far the job came is not known any more.
        """
        job = self.intent.job
        return None if job is None else job.done(self._state.jobs.at(latest))

    def landed(self, latest: Snapshot | None) -> bool:
        """Whether the job's state shows that an attempt of this commit is part of the table."""
        job = self.intent.job
        state = None if job is None else self._state.jobs.at(latest).find(job.job)
        return state is not None and job is not None and state.commit == job.identity

    def added_files(self, most: int) -> tuple[str, ...]:
        """Names of some files that the commit adds."""
        entries = self._select(self.messages).entries
        return tuple(e.file.file_name for e in entries if e.kind == KIND_ADD)[:most]

    def discard_unused(self) -> None:
        """Deletes what was written for attempts that lost, after the last one was published."""
        self._writer.discard(keep=self._used)

    def discard(self) -> None:
        """Deletes all that was written; only when no attempt may have been published."""
        self._writer.discard()

    def _snapshot(
        self,
        latest: Snapshot | None,
        schema_id: int,
        changes: Changes,
        entries: tuple[ManifestEntry, ...],
    ) -> Snapshot:
        """Writes all manifests of an attempt; the snapshot that names them."""
        intent = self.intent
        delta = self._write_delta("delta", entries, schema_id)
        changelog = None
        if changes.changelog and intent.kind != OVERWRITE:
            changelog = self._write_delta("changelog", changes.changelog, schema_id)
        base_name, base_size = self._write_base(latest, schema_id)
        index = self._index(latest, changes)
        snapshot_id, now = 1 if latest is None else latest.id + 1, self._clock.now_ms()
        self._used |= {base_name, *delta.names, *(changelog.names if changelog else ())}
        self._used |= {index} if index else set()
        return Snapshot(
            id=snapshot_id,
            schema_id=schema_id,
            base_manifest_list=base_name,
            base_manifest_list_size=base_size,
            delta_manifest_list=delta.name,
            delta_manifest_list_size=delta.size,
            changelog_manifest_list=changelog.name if changelog else None,
            changelog_manifest_list_size=changelog.size if changelog else None,
            changelog_record_count=row_count(changelog.entries) if changelog else None,
            index_manifest=index,
            commit_user=intent.user,
            commit_identifier=intent.identifier,
            commit_kind=intent.kind,
            operation=intent.operation,
            properties=self._properties(latest, snapshot_id, now),
            time_millis=now,
            total_record_count=(latest.total_record_count if latest else 0) + row_count(entries),
            delta_record_count=row_count(entries),
            watermark=_later(intent.watermark, latest.watermark if latest else None),
            statistics=self._statistics(latest, schema_id),
            next_row_id=(latest.next_row_id or 0) if latest else 0,
            uuid=str(uuid.uuid4()),
            writer_version=_writer_version(),
        )

    def _properties(self, latest: Snapshot | None, snapshot_id: int, now: int) -> dict[str, str]:
        """Those of this commit, and the states of all jobs, which every snapshot carries on."""
        job = self.intent.job
        states = self._state.jobs.at(latest)
        changes = {} if job is None else {job.job: job.following(states, snapshot_id, now)}
        return {**self.intent.properties, **states.following(changes)}

    def _schema_id(self, latest: Snapshot | None) -> int:
        """The latest schema of the table, which may be newer than every file.

        Raises:
            NotFoundError: there is none: not a table, or one that was dropped.
        """
        newest = self._state.schemas.latest(latest.schema_id if latest else self._schema.id)
        if newest is None:
            raise NotFoundError(f"{self._state.store.uri} is not a table: it has no schema")
        return newest.id

    def _needs_live(self) -> bool:
        """False for blind appends to tables without buckets: nothing there can overlap."""
        blind = (
            self.intent.kind == APPEND
            and not self.intent.check
            and not self._schema.primary_keys
            and all(message.total_buckets <= 0 for message in self.messages)
        )
        return not blind

    def _raise_sequences(self, live: LiveFiles) -> None:
        """Has the new files of a bucket rewritten when others reached their sequence numbers.

        The order of commits must be the order of values: without this a row that is acknowledged
        later could lose to one that was acknowledged earlier.
        """
        if self._resequence is None or self.intent.kind == COMPACT or not self._key_types:
            return
        late: list[int] = []
        reached: dict[BucketId, int] = {}
        for at, message in enumerate(self.messages):
            lowest = message.min_sequence_number
            highest = live.max_sequence(message.partition, message.bucket)
            if lowest is not None and lowest <= highest and not self._replaces(message.partition):
                late.append(at)
                reached[message.partition, message.bucket] = highest
        if late:
            fresh = self._resequence([self.messages[at] for at in late], reached)
            for at, message in zip(late, fresh, strict=True):
                self.messages[at] = message

    def _replaces(self, partition: bytes) -> bool:
        return self.intent.overwrites is not None and self.intent.overwrites(partition)

    def _entries(self, changes: Changes, live: LiveFiles | None) -> tuple[ManifestEntry, ...]:
        if self.intent.overwrites is None or live is None:
            return changes.entries
        for entry in changes.entries:
            if entry.kind == KIND_ADD and not self.intent.overwrites(entry.partition):
                raise InvalidInputError(
                    f"{entry.file.file_name} lies outside of the partitions that are overwritten"
                )
        postponed = self._schema.options.get("bucket") == "-2"
        deletes = deletes_of(live, self.intent.overwrites, postponed=postponed)
        return (*deletes, *changes.entries)

    def _check(self, live: LiveFiles, entries: tuple[ManifestEntry, ...]) -> None:
        found = None
        if self.intent.kind != OVERWRITE:
            found = find_bucket_mismatch(live, entries)
        if found is None and (self.intent.kind != APPEND or self.intent.check):
            found = find_file_conflict(live, entries, self._key_types)
        if found is not None:
            raise _conflict_error(found, self.intent, live.snapshot)

    def _check_vectors(self, latest: Snapshot | None, changes: Changes) -> None:
        # rows of an append table may have been deleted while their files were rewritten
        if latest is None or self._schema.primary_keys or self.intent.overwrites is not None:
            return
        if not (changes.deleted_index or any(e.kind == KIND_DELETE for e in changes.entries)):
            return
        before = self._state.manifests.read_index(latest.index_manifest)
        found = find_vector_conflict(before, changes)
        if found is not None:
            raise _conflict_error(found, self.intent, latest)

    def _check_bucket_vectors(
        self, latest: Snapshot | None, live: LiveFiles, changes: Changes
    ) -> None:
        # the vectors of a bucket may have been replaced since the compaction read them
        if not self._schema.primary_keys or self.intent.kind != COMPACT:
            return
        index = self._state.manifests.read_index(latest.index_manifest if latest else None)
        found = find_bucket_vector_conflict(index, changes, live)
        if found is not None:
            raise _conflict_error(found, self.intent, live.snapshot)

    @property
    def _bucketed(self) -> bool:
        """Whether a bucket has one file of deletion vectors."""
        keyed = bool(self._schema.primary_keys)
        return keyed or self._schema.options.get("bucket", "-1") != "-1"

    def _write_delta(self, what: str, entries: tuple[ManifestEntry, ...], schema_id: int) -> _Delta:
        known = self._deltas.get(what)
        if known and known.schema_id == schema_id and known.entries == entries:
            return known
        metas = self._writer.write(entries, schema_id)
        name, size = self._writer.write_list(metas)
        names = (name, *(meta.file_name for meta in metas))
        self._deltas[what] = _Delta(entries, schema_id, name, size, names)
        return self._deltas[what]

    def _write_base(self, latest: Snapshot | None, schema_id: int) -> tuple[str, int]:
        metas = self._merged(self._state.manifests.of(latest), schema_id)
        self._used = {meta.file_name for meta in metas}
        return self._writer.write_list(metas)

    def _merged(
        self, before: tuple[ManifestFileMeta, ...], schema_id: int
    ) -> tuple[ManifestFileMeta, ...]:
        """The manifests of the latest snapshot, merged; a merge is done once in all attempts."""
        names = tuple(meta.file_name for meta in before)
        if self._merge is None:
            after = merge_manifests(
                before,
                self._policy,
                self._state.manifests.read,
                lambda entries: self._writer.write(entries, schema_id),
                self._partition_types,
            )
            self._merge = _Merge(names, after)
            return after
        count = len(self._merge.before)
        for at in range(len(names) - count + 1):
            if names[at : at + count] == self._merge.before:
                return (*before[:at], *self._merge.after, *before[at + count :])
        return before  # another writer merged them too

    def _index(self, latest: Snapshot | None, changes: Changes) -> str | None:
        """The index manifest of the next snapshot; that of the last one where nothing changes."""
        name = latest.index_manifest if latest else None
        overwrites = self.intent.overwrites
        if not (changes.new_index or changes.deleted_index or (name and overwrites)):
            return name
        before = self._state.manifests.read_index(name)
        after = combine_indexes(before, changes, overwrites=overwrites, bucketed=self._bucketed)
        return name if after == before else self._writer.write_index(after)

    def _statistics(self, latest: Snapshot | None, schema_id: int) -> str | None:
        """The statistics of the last snapshot, while the schema they were made for is in force."""
        if latest is None or latest.statistics is None:
            return None
        try:
            data = self._state.store.get(f"{STATISTICS_FOLDER}/{latest.statistics}")
            made_for = json.loads(data)["schemaId"]
        except (NotFoundError, ValueError, KeyError, TypeError):
            return None  # statistics are a help for planners; a commit does not fail for them
        return latest.statistics if made_for == schema_id else None


def _later(first: int | None, second: int | None) -> int | None:
    return max((mark for mark in (first, second) if mark is not None), default=None)


def _writer_version() -> str:
    # Importing the package for its version would let this floor reach all floors above it.
    return f"tablestore-{getattr(sys.modules['tablestore'], '__version__', 'unknown')}"


def _conflict_error(
    conflict: Conflict, intent: Intent, winner: Snapshot | None
) -> CommitConflictError:
    where = "" if conflict.bucket is None else f" in bucket {conflict.bucket}"
    against = "itself" if winner is None else f"snapshot {winner.id} ({winner.commit_kind})"
    files = ", ".join(conflict.files)
    return CommitConflictError(
        f"{intent.kind} commit conflicts with {against}{where}: {conflict.reason} ({files})",
        snapshot_id=winner.id if winner else None,
        commit_user=winner.commit_user if winner else None,
        commit_kind=winner.commit_kind if winner else None,
        partition=conflict.partition.hex(),
        bucket=conflict.bucket,
        files=conflict.files,
    )
