"""Commits what writers of a job have prepared: the second half of an engine's checkpoint."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tablestore.commit.message_bytes import PreparedCheckpoint
from tablestore.commit.offsets import check_offsets
from tablestore.errors import (
    CommitUnknownError,
    InvalidInputError,
    NotFoundError,
    TablestoreError,
)
from tablestore.table.job import JobHold, check_checkpoint_id, check_watermark

if TYPE_CHECKING:
    from tablestore.commit.committer import CommitResult
    from tablestore.commit.job import JobCommit
    from tablestore.commit.message import CommitMessage
    from tablestore.write.context import WriteContext


class JobCommitter:
    """The one committer of a job; see ``Table.committer``. Belongs to one thread at a time.

    Checkpoints are committed in the order of their ids: one whose id is not greater than the last
    committed one counts as committed. With its first commit it takes the job over, and a committer
    or writer that held it before commits nothing any more.

    Args:
        hold: of the job.
    """

    def __init__(self, hold: JobHold) -> None:
        self._hold = hold
        self._held = False

    @property
    def offsets(self) -> dict[str, Any] | None:
        """The positions of the last committed checkpoint; None for a job that never made one."""
        state = self._hold.state()
        found = None if state is None else state.offsets
        return None if found is None else dict(found)

    def __repr__(self) -> str:
        return f"JobCommitter({self._hold.parts.name}, job {self._hold.job})"

    def filter_committed(self, checkpoint_ids: Iterable[int]) -> list[int]:
        """Those of the checkpoints that are not committed yet, in the order given.

        Raises:
            JobStateExpiredError: that is not known any more.
        """
        job = self._hold.job
        given = [check_checkpoint_id(one, job) for one in checkpoint_ids]
        state = self._hold.state()
        last = -1 if state is None or state.checkpoint is None else state.checkpoint
        return [one for one in given if one > last]

    def commit(
        self,
        checkpoint_id: int,
        messages: PreparedCheckpoint | Sequence[PreparedCheckpoint],
        *,
        offsets: Mapping[str, Any] | None = None,
        watermark: object = None,
    ) -> CommitResult:
        """Make a checkpoint visible, once however often it is committed.

        An error leaves the files where they are, so that the same call can be made again.

        Args:
            checkpoint_id: of the messages.
            messages: what ``prepare`` gave, of all writers.
            offsets: where the source goes on, beside what the messages say of it.
            watermark: event time up to which the data is complete; the lowest of those that the
                messages say, where it is left out.

        Returns:
            the result; ``replayed`` says that the checkpoint was committed before.

        Raises:
            InvalidInputError: the messages are of another checkpoint, or disagree.
            WriterFencedError: another committer or writer took the job over.
            NotFoundError: a file of the messages is gone.
        """
        hold = self._hold
        number = check_checkpoint_id(checkpoint_id, hold.job)
        prepared = _prepared(messages)
        for one in prepared:
            if (one.job, one.checkpoint_id) != (hold.job, number):
                raise InvalidInputError(
                    f"job {hold.job!r}: expected messages of checkpoint {number}, found those of "
                    f"checkpoint {one.checkpoint_id} of job {one.job!r}"
                )
        marks = [one.watermark for one in prepared if one.watermark is not None]
        mark = check_watermark(watermark, hold.job)
        if mark is None:
            mark = min(marks, default=None)
        context = hold.parts.write_context()
        changes = [message for one in prepared for message in one.messages]
        if not self._held and self.filter_committed([number]):
            _check_files(context, changes, number)
        commit = hold.commit_of(
            claims=not self._held,
            checkpoint=number,
            offsets=_joined(hold.job, [one.offsets for one in prepared], offsets),
        )
        result = _publish(hold, context, changes, commit, mark)
        self._held = self._held or not result.replayed
        return result

    def abort(self, messages: PreparedCheckpoint | Sequence[PreparedCheckpoint]) -> None:
        """Remove the files of a checkpoint that will never be committed.

        Raises:
            InvalidInputError: it is committed.
        """
        prepared = _prepared(messages)
        ids = [one.checkpoint_id for one in prepared]
        if self.filter_committed(ids) != ids:
            raise InvalidInputError(
                f"job {self._hold.job!r}: one of the checkpoints {sorted(set(ids))} is committed; "
                "its files are part of the table"
            )
        context = self._hold.parts.write_context()
        for message in (message for one in prepared for message in one.messages):
            context.discard(message.partition, message.bucket, message.data.new_files)


def _publish(
    hold: JobHold,
    context: WriteContext,
    changes: list[CommitMessage],
    commit: JobCommit,
    watermark: int | None,
) -> CommitResult:
    """Commit, and leave the files that the engine knows of until it is sure that it has worked.

    Raises:
        CommitUnknownError: whether it has is not known; no file is removed.
        TablestoreError: it has not; only copies are removed.
    """
    given = list(changes)
    names = frozenset(_names(given))
    try:
        result = hold.publish(context, changes, commit, watermark, keep=names)
    except CommitUnknownError:
        raise
    except TablestoreError:
        _discard(context, changes, names)
        raise
    if result.replayed:
        _discard(context, changes, names)
    else:
        _discard(context, given, frozenset(_names(changes)))
    return result


def _names(messages: Iterable[CommitMessage]) -> Iterator[str]:
    return (meta.file_name for message in messages for meta in message.data.new_files)


def _discard(
    context: WriteContext, messages: Iterable[CommitMessage], keep: frozenset[str]
) -> None:
    for message in messages:
        gone = [meta for meta in message.data.new_files if meta.file_name not in keep]
        context.discard(message.partition, message.bucket, gone)


def _prepared(
    messages: PreparedCheckpoint | Sequence[PreparedCheckpoint],
) -> list[PreparedCheckpoint]:
    found = [messages] if isinstance(messages, PreparedCheckpoint) else list(messages)
    for one in found:
        if not isinstance(one, PreparedCheckpoint):
            raise InvalidInputError(
                f"expected what prepare() gave, found {type(one).__name__}; bytes are read by "
                "PreparedCheckpoint.from_bytes"
            )
    return found


def _joined(
    job: str, parts: Sequence[Mapping[str, Any] | None], given: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The offsets of all writers.

    Raises:
        InvalidInputError: two of them disagree.
    """
    joined: dict[str, Any] = {}
    for part in parts:
        for name, value in (part or {}).items():
            if joined.setdefault(name, value) != value:
                raise InvalidInputError(
                    f"job {job!r}: two writers give different offsets for {name!r}"
                )
    if given is not None:
        joined.update(check_offsets(given, job))
    return joined or None


def _check_files(context: WriteContext, messages: list[CommitMessage], number: int) -> None:
    """Look for the files of messages that come from an earlier process.

    Raises:
        NotFoundError: one is gone.
    """
    for message in messages:
        folder = context.folders.folder(message.partition, message.bucket)
        for meta in message.data.new_files:
            key = posixpath.join(folder, meta.file_name)
            if context.store.head(key) is None:
                raise NotFoundError(
                    f"table {context.table}: {key} of checkpoint {number} is gone; the messages "
                    "are older than what a clean-up keeps, so go back to an earlier checkpoint "
                    "and read the source again"
                )
