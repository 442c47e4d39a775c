"""A job's hold on a table: who writes for it, and how far it came."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tablestore.commit.job import JobCommit
from tablestore.errors import InvalidInputError
from tablestore.format.job import CHECKPOINT_MAX, job_user
from tablestore.table.compaction import compact_after
from tablestore.table.expiry import expire_after
from tablestore.types.html import HtmlFields

if TYPE_CHECKING:
    from tablestore.commit.committer import CommitResult
    from tablestore.commit.message import CommitMessage
    from tablestore.format.job import JobMarker, JobState
    from tablestore.table.components import Components
    from tablestore.write.context import WriteContext


@dataclass(frozen=True, repr=False)
class JobInfo(HtmlFields):
    """How far a job has come.

    Attributes:
        name: of the job.
        checkpoint_id: its last committed checkpoint; None before the first.
        snapshot_id: the snapshot of that checkpoint.
        time_millis: when it was committed.
        offsets: where the source goes on.
        writers: how many writers have taken it over.
    """

    name: str
    checkpoint_id: int | None
    snapshot_id: int | None
    time_millis: int
    offsets: Mapping[str, Any] | None
    writers: int

    def __repr__(self) -> str:
        at = "no checkpoint" if self.checkpoint_id is None else f"checkpoint {self.checkpoint_id}"
        return f"JobInfo({self.name}: {at}, offsets {self.offsets!r:.80})"


@dataclass(frozen=True)
class JobHold:
    """One writer, or committer, of a job.

    Attributes:
        parts: the table.
        job: its name.
        marker: that the job was opened.
        writer: the identity of this writer.
    """

    parts: Components
    job: str
    marker: JobMarker
    writer: str

    @classmethod
    def mark(cls, parts: Components, job: str) -> JobHold:
        """A hold that claims nothing yet; that the job was opened is durable."""
        latest = parts.state.snapshots.latest(proven=True)
        return cls(parts, job, parts.state.jobs.mark(job, latest), str(uuid.uuid4()))

    def claim(self, restart_from: Mapping[str, Any] | None) -> JobState:
        """Take the job over: a writer that was opened before commits nothing any more.

        Args:
            restart_from: positions in place of those stored; None keeps these.

        Returns:
            how far the job came.

        Raises:
            JobStateExpiredError: that is not known any more.
            CommitUnknownError: whether it was taken over is not known; open it again.
            InvalidInputError: the job was ended for good at the same moment.
        """
        commit = self.commit_of(
            claims=True, offsets=restart_from, restarts=restart_from is not None
        )
        context = self.parts.write_context()
        # not under the job's own user, whose commit identifiers are checkpoints
        committer = self.parts.committer(context, f"{job_user(self.job)}-{self.writer}")
        result = committer.commit([], allow_empty=True, job=commit)
        state = self.parts.state
        made = state.snapshots.find(result.snapshot_ids[0]) if result.snapshot_ids else None
        found = state.jobs.at(made or state.snapshots.latest(proven=True)).find(self.job)
        if found is None:
            raise InvalidInputError(f"job {self.job!r} was ended while its writer was opened")
        return found

    def commit_of(
        self,
        *,
        claims: bool = False,
        checkpoint: int | None = None,
        offsets: Mapping[str, Any] | None = None,
        restarts: bool = False,
    ) -> JobCommit:
        """The part of the job in a commit of this writer."""
        return JobCommit(
            self.job,
            self.marker,
            self.writer,
            claims=claims,
            checkpoint=checkpoint,
            offsets=offsets,
            restarts=restarts,
        )

    def publish(
        self,
        context: WriteContext,
        messages: list[CommitMessage],
        commit: JobCommit,
        watermark: int | None,
        *,
        keep: frozenset[str] = frozenset(),
    ) -> CommitResult:
        """Commit a checkpoint, compact what it made due, and expire what is old.

        Args:
            context: the table as the files were written.
            messages: the changes; see ``Committer.commit``.
            commit: the part of the job.
            watermark: epoch milliseconds.
            keep: names of files that stay where others come to stand for them.
        """
        committer = self.parts.committer(context, job_user(self.job), keep=keep)
        identifier = commit.checkpoint or 0
        result = committer.commit(
            messages, identifier=identifier, watermark=watermark, allow_empty=True, job=commit
        )
        keyed = bool(context.schema.primary_keys)
        if result.replayed:
            return result
        if messages and (keyed or context.options.bucket > 0):
            places = {(message.partition, message.bucket) for message in messages}
            other = self.parts.committer(context)
            result = compact_after(self.parts, context, other, places, result)
        return expire_after(self.parts, context.options, result)

    def check_held(self) -> None:
        """Look whether this writer still holds the job.

        Raises:
            WriterFencedError: another one took it over.
        """
        state = self.parts.state
        self.commit_of().done(state.jobs.at(state.snapshots.latest(proven=True)))

    def state(self) -> JobState | None:
        """How far the job came, as of the latest snapshot.

        Raises:
            JobStateExpiredError: that is not known any more.
        """
        state = self.parts.state
        return state.jobs.at(state.snapshots.latest(proven=True)).after(self.marker, self.job)


def check_checkpoint_id(checkpoint_id: object, job: str) -> int:
    """A checkpoint id that a user gives.

    Raises:
        InvalidInputError: it is none.
    """
    number = type(checkpoint_id) is int
    if not number or not 0 <= checkpoint_id <= CHECKPOINT_MAX:  # type: ignore[operator]
        raise InvalidInputError(
            f"job {job!r}: a checkpoint id is a whole number from 0 to 2^63 - 2 that grows with "
            f"each checkpoint, found {checkpoint_id!r}"
        )
    return checkpoint_id  # type: ignore[return-value]


def check_watermark(watermark: object, job: str) -> int | None:
    """A watermark that a user gives: epoch milliseconds or an aware datetime.

    Raises:
        InvalidInputError: it is neither.
    """
    if watermark is None or (type(watermark) is int and -(2**63) <= watermark < 2**63):
        return watermark
    if isinstance(watermark, dt.datetime) and watermark.tzinfo is not None:
        epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
        return (watermark - epoch) // dt.timedelta(milliseconds=1)
    raise InvalidInputError(
        f"job {job!r}: a watermark is epoch milliseconds, or a datetime with a time zone; found "
        f"{watermark!r}"
    )


def jobs_of(parts: Components) -> list[JobInfo]:
    """The jobs that a table knows of, by name."""
    states = parts.state.jobs.at(parts.state.snapshots.latest(proven=True))
    found = ((name, states.find(name)) for name in states.names)
    return [
        JobInfo(
            name,
            state.checkpoint,
            state.snapshot,
            state.time_millis,
            state.offsets,
            state.epoch,
        )
        for name, state in found
        if state is not None
    ]


def forget_job(parts: Components, job: str) -> CommitResult | None:
    """End a job for good; see ``Table.forget_job``."""
    states = parts.state.jobs.at(parts.state.snapshots.latest(proven=True))
    result = None
    if job in states.names:
        commit = JobCommit(job, None, str(uuid.uuid4()), claims=True, forgets=True)
        committer = parts.committer(parts.write_context())
        result = committer.commit([], allow_empty=True, job=commit)
    # last: without it and with a state the job goes on as it was
    parts.state.jobs.unmark(job)
    return result
