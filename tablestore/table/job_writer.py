"""The writer of a job: rows between checkpoints, and checkpoints that happen once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from tablestore.commit.committer import CommitResult
from tablestore.commit.message_bytes import PreparedCheckpoint
from tablestore.commit.offsets import check_offsets, moved, progress
from tablestore.errors import InvalidInputError
from tablestore.options.units import parse_bytes, parse_duration_ms
from tablestore.table.batch import Batch
from tablestore.table.job import JobHold, check_checkpoint_id, check_watermark
from tablestore.table.merging import merge_rules
from tablestore.table.termination import TERMINATION

if TYPE_CHECKING:
    from tablestore.commit.job import JobCommit
    from tablestore.commit.message import CommitMessage
    from tablestore.format.job import JobState
    from tablestore.table.components import Components
    from tablestore.write.conform import Missing


@dataclass(frozen=True)
class FlushPolicy:
    """When rows become files before the checkpoint that makes them visible.

    Attributes:
        rows: so many rows in memory.
        bytes: so many bytes of rows in memory.
        seconds: so long after the last flush; looked at as rows come.
    """

    rows: int | None = None
    bytes: int | None = None
    seconds: float | None = None

    @classmethod
    def of(
        cls, rows: int | None, size: int | str | None, interval: float | str | None
    ) -> FlushPolicy:
        """The policy of ``Table.writer``.

        Raises:
            InvalidInputError: a limit is not positive.
        """
        limit = parse_bytes(size) if isinstance(size, str) else size
        pause = parse_duration_ms(interval) / 1000 if isinstance(interval, str) else interval
        named = {"flush_rows": rows, "flush_bytes": limit, "flush_interval": pause}
        for name, value in named.items():
            if value is not None and (isinstance(value, bool) or value <= 0):
                raise InvalidInputError(f"{name} must be positive, found {value!r}")
        return cls(rows, limit, pause)

    def due(self, rows: int, size: int, seconds: float) -> bool:
        """Whether it is time."""
        return (
            (self.rows is not None and rows >= self.rows)
            or (self.bytes is not None and size >= self.bytes)
            or (self.seconds is not None and seconds >= self.seconds)
        )


@dataclass
class _Pending:
    """What was written since the last checkpoint.

    Attributes:
        batch: its files and rows.
        rows: how many.
        uncovered: rows after the last position that was noted.
        buffered: rows that are in memory.
        size: their bytes.
        since: when the last flush was.
    """

    batch: Batch | None = None
    rows: int = 0
    uncovered: int = 0
    buffered: int = 0
    size: int = 0
    since: float = 0.0


class JobWriter:
    """Writes the rows of one job; see ``Table.writer``. Belongs to one thread at a time.

    Rows become visible with the checkpoint that follows them, in one snapshot with the source's
    offsets, or never. Any error but bad arguments ends the writer: open it again, and read the
    source from ``offsets`` on.

    Args:
        hold: of the job.
        state: how far it came; None for a writer that only prepares.
        flush: when rows become files.
        handle_sigterm: whether the ``with`` block ends well on SIGTERM.
    """

    def __init__(
        self, hold: JobHold, state: JobState | None, flush: FlushPolicy, *, handle_sigterm: bool
    ) -> None:
        self._hold = hold
        self._state = state
        self._flush_policy = flush
        self._handle_sigterm = handle_sigterm
        self._handles = False
        self._pending = _Pending()
        self._noted: dict[str, Any] | None = None
        self._floors: dict[tuple[bytes, int], int] = {}
        self._committing: tuple[JobCommit, int | None] | None = None
        self._ended: str | None = None

    # -- what is known -------------------------------------------------------------------------

    @property
    def job(self) -> str:
        """The job's name."""
        return self._hold.job

    @property
    def offsets(self) -> dict[str, Any] | None:
        """Where the source goes on: the positions of the last checkpoint.

        None only for a job that never made one.
        """
        found = None if self._state is None else self._state.offsets
        return None if found is None else dict(found)

    @property
    def checkpoint_id(self) -> int | None:
        """The last committed checkpoint, or None."""
        return None if self._state is None else self._state.checkpoint

    def __repr__(self) -> str:
        state = self._ended or f"{self._pending.rows} rows since checkpoint {self.checkpoint_id}"
        return f"JobWriter({self._hold.parts.name}, job {self.job}: {state})"

    # -- rows ----------------------------------------------------------------------------------

    def write(
        self,
        data: object,
        *,
        row_kind: str | None = None,
        missing: Missing = "error",
        offsets: Mapping[str, Any] | None = None,
    ) -> None:
        """Take rows; they are visible after the next checkpoint.

        Args:
            data: see ``Table.upsert``.
            row_kind: a column with "+I", "-U", "+U" or "-D"; not stored.
            missing: "null" fills columns that the input lacks.
            offsets: where the source goes on after these rows. They are kept with the next
                checkpoint, also the one that SIGTERM or the end of the block makes.
        """
        self._check_open()
        noted = None if offsets is None else check_offsets(offsets, self.job)
        with TERMINATION.busy():
            try:
                batch = self._pending.batch or self._open_batch()
                batch.write(data, row_kind=row_kind, missing=missing)
                self._flush_when_due()
            except BaseException as error:
                self._end(f"an error in write ({type(error).__name__})")
                raise
            if noted is not None:
                self._noted = moved(self._noted or {}, noted)
                self._pending.uncovered = 0

    def flush(self) -> None:
        """Make files of the rows in memory now; they stay invisible until the checkpoint."""
        self._check_open()
        with TERMINATION.busy():
            self._flush()

    # -- checkpoints -----------------------------------------------------------------------------

    def checkpoint(
        self,
        offsets: Mapping[str, Any] | None = None,
        watermark: object = None,
        *,
        checkpoint_id: int | None = None,
    ) -> CommitResult:
        """Commit the rows since the last checkpoint together with the source's offsets.

        A checkpoint that was committed before (its id is not greater, or its offsets are not ahead
        of those stored) is a replay: its rows are dropped and the result says ``replayed``.

        Args:
            offsets: where the source goes on, names to JSON values. Names that are left out keep
                what is stored; None as a value forgets one.
            watermark: event time up to which the data is complete: epoch milliseconds, or a
                datetime with a zone. The table's watermark never falls.
            checkpoint_id: grows with each checkpoint; counted by the writer where it is left out.

        Raises:
            WriterFencedError: a newer writer of the job was opened; nothing was committed.
            CommitUnknownError: see ``Table.resolve``; opening the writer again settles it, too.
            InvalidInputError: some offsets are ahead of those stored and others behind.
        """
        self._check_open()
        before = self._state
        if before is None:
            raise InvalidInputError(
                f"job {self.job!r}: this writer was opened with prepare_only=True; its checkpoints "
                "are committed by table.committer(...)"
            )
        mark = check_watermark(watermark, self.job)
        changes = self._changes(offsets)
        if checkpoint_id is not None:
            replayed = check_checkpoint_id(checkpoint_id, self.job) <= _last(before)
        else:
            replayed = bool(changes) and self._is_replay(before, changes or {})
        with TERMINATION.busy():
            try:
                if replayed:
                    return self._skip(before)
                number = _last(before) + 1 if checkpoint_id is None else checkpoint_id
                empty = not self._pending.rows and not changes and mark is None
                if empty and checkpoint_id is None:
                    self._hold.check_held()
                    return CommitResult()
                return self._commit(before, number, changes, mark)
            except BaseException as error:
                self._end(f"an error in checkpoint ({type(error).__name__})")
                raise

    def prepare(
        self,
        checkpoint_id: int,
        *,
        offsets: Mapping[str, Any] | None = None,
        watermark: object = None,
    ) -> PreparedCheckpoint:
        """Give the files of the rows since the last call, to be committed by ``Table.committer``.

        Args:
            checkpoint_id: the engine's checkpoint.
            offsets: where the source goes on; None where the engine keeps that itself.
            watermark: see ``checkpoint``.

        Returns:
            plain values: pickle them, or use ``to_bytes`` and ``from_bytes``.
        """
        self._check_open()
        number = check_checkpoint_id(checkpoint_id, self.job)
        mark = check_watermark(watermark, self.job)
        changes = self._changes(offsets)
        with TERMINATION.busy():
            try:
                batch = self._pending.batch
                messages = tuple(batch.prepare()) if batch is not None else ()
            except BaseException as error:
                self._end(f"an error in prepare ({type(error).__name__})")
                raise
            for message in messages:
                place = message.partition, message.bucket
                used = max(file.max_sequence_number for file in message.data.new_files)
                self._floors[place] = max(self._floors.get(place, 0), used + 1)
            self._pending, self._noted = _Pending(), None
        return PreparedCheckpoint(self.job, number, messages, changes, mark)

    # -- the end -----------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._check_open()
        self._handles = self._handle_sigterm and TERMINATION.enter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        terminated = self._handles and TERMINATION.asked and isinstance(error, SystemExit)
        try:
            if kind is None:
                self.close()
            elif terminated:
                self._end_well()
            else:
                self.abort()
        finally:
            if self._handles:
                self._handles = False
                TERMINATION.leave()

    def close(self) -> None:
        """End the writer; rows since the last checkpoint are committed with the noted offsets.

        Raises:
            InvalidInputError: the job has offsets, and none were given for these rows.
        """
        if self._ended is not None:
            return
        rows = self._pending.rows
        if self._state is not None and self._is_covered():
            if rows or self._noted:
                self.checkpoint()
        elif rows:
            self.abort()
            how = "checkpoint(offsets=…)" if self._state is not None else "prepare(…)"
            raise InvalidInputError(
                f"job {self.job!r}: {rows} rows since the last checkpoint were dropped, as nothing "
                f"says where the source goes on after them: call {how} before the block ends"
            )
        self._end("its end")

    def abort(self) -> None:
        """End the writer; rows since the last checkpoint are dropped."""
        if self._ended is None:
            self._end("its end")

    # -- inside ------------------------------------------------------------------------------------

    def _end_well(self) -> None:
        """What SIGTERM asks for; rows that no offsets are known of are read again another time."""
        if self._ended is None and self._state is not None and self._is_covered():
            self.close()
        self.abort()

    def _is_covered(self) -> bool:
        """Whether the rows since the last checkpoint may be committed as things stand."""
        uses_offsets = self._noted is not None or bool(self._state and self._state.offsets)
        return not self._pending.uncovered or not uses_offsets

    def _changes(self, offsets: Mapping[str, Any] | None) -> dict[str, Any] | None:
        given = None if offsets is None else check_offsets(offsets, self.job)
        if self._noted is None or given is None:
            return self._noted if given is None else given
        return moved(self._noted, given)

    def _is_replay(self, before: JobState, changes: Mapping[str, Any]) -> bool:
        found = progress(before.offsets or {}, changes)
        if found == "mixed":
            raise InvalidInputError(
                f"job {self.job!r}: some offsets are ahead of those stored and others behind; "
                f"stored are {dict(before.offsets or {})}, found {dict(changes)}; read the source "
                "from writer.offsets on"
            )
        return before.offsets is not None and found != "ahead"

    def _skip(self, before: JobState) -> CommitResult:
        self._hold.check_held()
        if self._pending.batch is not None:
            self._pending.batch.discard()
        self._pending, self._noted = _Pending(), None
        ids = () if before.snapshot is None else (before.snapshot,)
        return CommitResult(snapshot_ids=ids, replayed=True)

    def _commit(
        self, before: JobState, number: int, changes: dict[str, Any] | None, mark: int | None
    ) -> CommitResult:
        commit = self._hold.commit_of(checkpoint=number, offsets=changes)
        batch = self._pending.batch or self._open_batch()
        self._committing = commit, mark
        result = batch.commit()
        self._state = replace(
            before,
            checkpoint=number,
            snapshot=result.snapshot_ids[0] if result.snapshot_ids else None,
            commit=commit.identity,
            offsets=moved(before.offsets or {}, changes or {}),
        )
        self._pending, self._noted = _Pending(), None
        return result

    def _open_batch(self) -> Batch:
        parts = self._hold.parts
        context = replace(parts.write_context(), floors=dict(self._floors))
        keyed = bool(context.schema.primary_keys)
        rules = merge_rules(context.schema, context.options) if keyed else None

        def commit(messages: list[CommitMessage]) -> CommitResult:
            assert self._committing is not None  # _commit says what is committed
            return self._hold.publish(context, messages, *self._committing)

        self._pending.since = time.monotonic()
        self._pending.batch = Batch(context, rules, commit, self._count)
        return self._pending.batch

    def _count(self, rows: int, size: int) -> None:
        pending = self._pending
        pending.rows += rows
        pending.uncovered += rows
        pending.buffered += rows
        pending.size += size
        self._flush_when_due()

    def _flush_when_due(self) -> None:
        pending = self._pending
        waited = time.monotonic() - pending.since
        if pending.buffered and self._flush_policy.due(pending.buffered, pending.size, waited):
            self._flush()

    def _flush(self) -> None:
        pending = self._pending
        if pending.batch is not None:
            pending.batch.flush()
        pending.buffered = pending.size = 0
        pending.since = time.monotonic()

    def _end(self, why: str) -> None:
        if self._ended is None:
            self._ended = why
            if self._pending.batch is not None:
                self._pending.batch.discard()

    def _check_open(self) -> None:
        if self._ended is not None:
            raise InvalidInputError(
                f"job {self.job!r}: this writer was ended by {self._ended}; open a new one, and "
                "read the source from its offsets on"
            )


def _last(state: JobState) -> int:
    """The last checkpoint; ids that the writer counts begin with 1."""
    return state.checkpoint or 0


def open_writer(
    parts: Components,
    job: str,
    *,
    flush: FlushPolicy,
    restart_from: Mapping[str, Any] | None,
    prepare_only: bool,
    handle_sigterm: bool,
) -> JobWriter:
    """Open a writer; see ``Table.writer``.

    Raises:
        InvalidInputError: arguments that do not go together.
    """
    if prepare_only and restart_from is not None:
        raise InvalidInputError(f"job {job!r}: give restart_from or prepare_only=True, not both")
    restart = None if restart_from is None else check_offsets(restart_from, job)
    hold = JobHold.mark(parts, job)
    state = None if prepare_only else hold.claim(restart)
    return JobWriter(hold, state, flush, handle_sigterm=handle_sigterm)
