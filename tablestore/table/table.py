"""The table as a user sees it: each verb wires the parts and calls one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tablestore.commit.committer import CommitResult
from tablestore.commit.token import CommitToken, Resolution, resolve
from tablestore.errors import InvalidInputError
from tablestore.format.job import check_job_name
from tablestore.table.batch import Batch
from tablestore.table.cleanup import OrphanResult, remove_orphans
from tablestore.table.compact_result import CompactionStep, CompactResult
from tablestore.table.compaction import (
    CompactRequest,
    compact_after,
    compact_table,
    parse_size,
    sort_order,
)
from tablestore.table.components import Components
from tablestore.table.expiry import ExpireResult, expire_after, expire_table
from tablestore.table.job import JobHold, JobInfo, forget_job, jobs_of
from tablestore.table.job_committer import JobCommitter
from tablestore.table.job_writer import FlushPolicy, JobWriter, open_writer
from tablestore.table.merging import merge_rules
from tablestore.table.overwrite import overwrite_table
from tablestore.table.readable import ReadableTable
from tablestore.table.row_changes import Assignments, delete_where, update_where

if TYPE_CHECKING:
    from tablestore.commit.message import CommitMessage
    from tablestore.predicate.coerce import Where
    from tablestore.write.conform import Missing


class Table(ReadableTable):
    """One table, at its latest snapshot or pinned to one by ``at``.

    Get it from ``tablestore.connect(...)`` or ``tablestore.open_table(...)``. May be shared between
    threads; a ``Batch`` and a ``JobWriter`` may not.
    """

    def upsert(
        self, data: object, *, row_kind: str | None = None, missing: Missing = "error"
    ) -> CommitResult:
        """Insert rows, replacing those of the same primary key; one commit.

        A writer compacts the buckets that it made due. With the option ``write-only`` it does not:
        then the rows of tables with deletion vectors, and of first-row, are seen after the next
        compaction, as in Java.

        Args:
            data: anything with ``__arrow_c_stream__`` or ``__arrow_c_array__`` (pyarrow, polars,
                pandas, duckdb), or a list of dicts. It is consumed as a stream.
            row_kind: a column with "+I", "-U", "+U" or "-D"; it is not stored. -U and -D delete.
            missing: "null" fills columns that the input lacks with null. Tables that merge by
                partial-update or aggregation need no word: a column that is not there is null,
                which changes nothing.

        Raises:
            InvalidInputError: the rows do not fit the table; nothing was changed.
            CommitUnknownError: whether the commit took effect is not known.
        """
        with self.batch() as batch:
            batch.upsert(data, row_kind=row_kind, missing=missing)
        return _result(batch)

    def append(self, data: object, *, missing: Missing = "error") -> CommitResult:
        """Append rows to a table without primary key; one commit. See ``upsert``."""
        with self.batch() as batch:
            batch.append(data, missing=missing)
        return _result(batch)

    def delete(self, *, keys: object = None, where: Where = None) -> CommitResult:
        """Delete rows by primary key or by a filter; one commit.

        Args:
            keys: a list of values (tuples for a key of several columns), a list of dicts, or Arrow
                data with the key columns; keys that are not there change nothing.
            where: deletes the rows that it selects now (see ``to_batches``). In append tables the
                files that hold such a row are written again.

        Raises:
            InvalidInputError: neither or both are given.
            CommitConflictError: another commit replaced a file of an append table meanwhile.
        """
        if (keys is None) == (where is None):
            raise InvalidInputError(f"table {self.name}: delete takes keys= or where=, one of them")
        if where is not None:
            self._writable()
            return delete_where(self._parts, self._scan(None, where, None, None), self.batch)
        with self.batch() as batch:
            batch.delete(keys=keys)
        return _result(batch)

    def update(self, *, set: Mapping[str, object], where: Where) -> CommitResult:
        """Give columns of the rows that a filter selects new values; one commit.

        In partial-update tables only the columns that are set are written, so that what another
        writer sets meanwhile stays. A new value that the table's options would pass over (null in
        a partial update, an older ``sequence.field``) is refused.

        Args:
            set: column names to SQL text such as ``"amount * 2"`` or ``"'a text'"``, worked out
                from the old values of the row. Columns that place a row cannot be set.
            where: the rows (see ``to_batches``); ``"true"`` takes all.

        Raises:
            InvalidInputError: an expression does not fit its column, or would change nothing.
            UnsupportedFormatError: the table's merge engine does not replace values.
            CommitConflictError: another commit replaced a file of an append table meanwhile.
        """
        if where is None:
            raise InvalidInputError(f"table {self.name}: update needs where=; 'true' takes all")
        assignments = Assignments.of(self._writable(), set)
        scan = self._scan(None, where, None, None)
        return update_where(self._parts, scan, self.batch, assignments)

    def overwrite(
        self,
        data: object,
        *,
        partition: Mapping[str, object] | None = None,
        dynamic: bool = False,
        missing: Missing = "error",
    ) -> CommitResult:
        """Replace the table, a partition, or the partitions that the rows fall into.

        Args:
            data: the new rows (see ``upsert``).
            partition: replace only the partitions with these values; all rows must fall into them.
                A partition column that the input lacks is filled from here.
            dynamic: replace only the partitions that the rows fall into.
            missing: "null" fills columns that the input lacks with null.
        """
        return overwrite_table(
            self._writable(), data, partition=partition, dynamic=dynamic, missing=missing
        )

    def compact(
        self,
        *,
        full: bool = False,
        partition: Mapping[str, object] | None = None,
        buckets: Sequence[int] | None = None,
        order_by: Sequence[str] | None = None,
        zorder: bool = False,
        hilbert: bool = False,
        budget_bytes: int | str | None = None,
        memory: int | str | None = None,
        workers: int | None = None,
        dry_run: bool = False,
        planned: Callable[[CompactResult], None] | None = None,
        progress: Callable[[CompactionStep], None] | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> CompactResult:
        """Merge sorted runs into fewer, and small files of append tables into large ones.

        Runs beside writers: what another commit stands against is given up and left for the next
        call; rows never change.

        Args:
            full: merge every bucket into one run, in append tables let no small file wait; by
                default what the table's options ask for.
            partition: values of partition columns; all partitions by default.
            buckets: bucket numbers; all by default.
            order_by: sort all rows of each partition by these columns, so that filters on them
                pass over files; append tables without buckets only. Makes an OVERWRITE snapshot.
            zorder: with ``order_by``, along a z-order: filters on any of the columns profit.
            hilbert: the same along a Hilbert curve.
            budget_bytes: rewrite at most so many bytes ("10 GB"), most useful picks first.
            memory: bytes for rows on their way ("256 MB"), all threads together; runs whose open
                files would take too much are put aside in the local temporary folder (TMPDIR).
            workers: threads; the machine's cores by default, four at most. What is written does
                not depend on it.
            dry_run: say what would be done, and do nothing.
            planned: called with the plan before the work begins, as ``dry_run`` would give it.
            progress: called with each pick that is done and committed.
            stop: asked between batches; once it gives True, what is done is committed and the
                rest is left.

        Raises:
            UnsupportedFormatError: a compaction would lose something, e.g. a changelog.
            InvalidInputError: rows of the table cannot be sorted as asked.
        """
        self._writable()
        request = CompactRequest(
            full=full,
            partition=partition,
            buckets=buckets,
            budget_bytes=parse_size(budget_bytes, "budget_bytes"),
            memory=parse_size(memory, "memory"),
            workers=workers,
            dry_run=dry_run,
            planned=planned,
            progress=progress,
            stop=stop,
            order=sort_order(self._view, order_by, zorder=zorder, hilbert=hilbert),
        )
        return compact_table(self._parts, request)

    def resume(self, earlier: Table) -> None:
        """Go on where an earlier object of this table stood: what its pickers remember is kept.

        With ``lookup-compact`` = ``gentle`` level 0 is compacted at every n-th trigger only; each
        object counts by itself.
        """
        self._parts.picks.update(earlier._parts.picks)

    def truncate(self) -> CommitResult:
        """Remove all rows; older snapshots keep them."""
        parts = self._writable()
        context = parts.write_context(replaces=True)
        committer = parts.committer(context)
        result = committer.commit([], overwrite_filter=lambda _: True, operation="TRUNCATE")
        return expire_after(parts, context.options, result)

    def expire(
        self,
        *,
        older_than: str | dt.timedelta | None = None,
        keep_last: int | None = None,
        limit: int | None = None,
        dry_run: bool = False,
    ) -> ExpireResult:
        """Take old snapshots away, and the files that only they need.

        Writers do this after each commit as the table's options say (not with ``write-only``); by
        hand it goes on to the end. What a tag, a branch or a consumer needs stays, and so does the
        state of every job. Safe beside writers, compactions and readers: a reader of a snapshot
        that goes gets a ``SnapshotExpiredError``.

        Args:
            older_than: a snapshot goes once the next one is older ("7d"); by default
                ``snapshot.time-retained``.
            keep_last: that many stay whatever their age; by default ``snapshot.num-retained.min``.
            limit: expire at most so many.
            dry_run: say what would go, and do nothing.

        Raises:
            CorruptDataError: what stays is damaged; no file was deleted.
            StorageUnavailableError: the storage failed; the next run takes the rest.
        """
        return expire_table(
            self._writable(),
            older_than=older_than,
            keep_last=keep_last,
            limit=limit,
            dry_run=dry_run,
        )

    def remove_orphans(
        self,
        *,
        older_than: str | dt.timedelta = "1d",
        dry_run: bool = False,
        force: bool = False,
    ) -> OrphanResult:
        """Delete files that no snapshot, tag, branch or kept change refers to.

        Killed writers and failed commits leave such files. Files of writers that have not committed
        yet look the same, which is why only old ones go: a writer that takes longer than
        ``older_than`` from its first file to its commit would lose files. An expiry that was killed
        is finished, whatever its age. Files outside of the table's folder stay.

        Args:
            older_than: the age of a file by the store's clock.
            dry_run: say what would go, and do nothing.
            force: allow an age below one hour; for tables that nobody writes to.

        Raises:
            InvalidInputError: a low age without ``force``.
            CorruptDataError: something that is needed is damaged or gone; nothing was deleted.
        """
        return remove_orphans(self._writable(), older_than=older_than, dry_run=dry_run, force=force)

    def batch(self) -> Batch:
        """A ``with`` block whose writes become one commit, all or nothing."""
        parts = self._writable()
        context = parts.write_context()
        keyed = bool(context.schema.primary_keys)
        rules = merge_rules(context.schema, context.options) if keyed else None
        committer = parts.committer(context)

        def commit(messages: list[CommitMessage]) -> CommitResult:
            places = {(message.partition, message.bucket) for message in messages}
            result = committer.commit(messages)
            # tables without buckets are compacted by a job of its own, as in Java
            due = keyed or context.options.bucket > 0
            if due:
                result = compact_after(parts, context, committer, places, result)
            return expire_after(parts, context.options, result)

        return Batch(context, rules, commit)

    def writer(
        self,
        job: str,
        *,
        flush_rows: int | None = None,
        flush_bytes: int | str | None = None,
        flush_interval: float | str | None = None,
        restart_from: Mapping[str, object] | None = None,
        prepare_only: bool = False,
        handle_sigterm: bool = True,
    ) -> JobWriter:
        """The writer of a streaming job: rows and the source's offsets in one snapshot.

        Opening it takes the job over with an empty snapshot: a writer of the job that was opened
        before gets ``WriterFencedError`` at its next checkpoint.

        Args:
            job: its name; the table keeps the job's offsets under it for ever.
            flush_rows: rows in memory that become files between checkpoints. The write buffer of
                the table's options is a limit in every case.
            flush_bytes: the same in bytes ("64 mb").
            flush_interval: seconds (or "10 s") after which they do.
            restart_from: offsets in place of those stored, or lost with ``JobStateExpiredError``.
            prepare_only: for the parallel tasks of an engine: it takes nothing over and only
                prepares what ``committer`` commits.
            handle_sigterm: in a ``with`` block in the main thread, where the program has no handler
                of its own: commit what has offsets, then end with exit code 143.

        Raises:
            JobStateExpiredError: the job has written here, and another engine has expired all that
                said how far it came.
        """
        return open_writer(
            self._writable(),
            check_job_name(job),
            flush=FlushPolicy.of(flush_rows, flush_bytes, flush_interval),
            restart_from=restart_from,
            prepare_only=prepare_only,
            handle_sigterm=handle_sigterm,
        )

    def committer(self, job: str) -> JobCommitter:
        """Commits what writers of a job have prepared; see ``JobWriter.prepare``."""
        return JobCommitter(JobHold.mark(self._writable(), check_job_name(job)))

    def jobs(self) -> list[JobInfo]:
        """The jobs that write to the table, by name, and how far they came."""
        return jobs_of(self._parts)

    def forget_job(self, job: str) -> None:
        """End a job for good; opened again it starts anew."""
        forget_job(self._writable(), check_job_name(job))

    def resolve(self, token: str) -> Resolution:
        """What became of the commit of a ``CommitUnknownError``; changes nothing.

        Args:
            token: the error's ``token``.

        Returns:
            committed, with the snapshot; not committed: its files may be deleted, which a clean-up
            of orphans does; or still unknown: then ask again after another commit to the table.
        """
        return resolve(self._parts.state, CommitToken.parse(token))

    def _writable(self) -> Components:
        if self._pinned is not None:
            raise InvalidInputError(
                f"table {self.name} is pinned to snapshot {self._pinned.id} and cannot be written; "
                "write to the table that at() was called on"
            )
        return self._parts


def _result(batch: Batch) -> CommitResult:
    assert batch.result is not None  # the block was left without an error
    return batch.result
