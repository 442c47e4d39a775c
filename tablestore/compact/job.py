"""A compaction of a table beside running writers: plan, run, commit, and yield where one must.

Every unit is committed when it is done or soon after, so that what is killed loses little; a unit
whose files were taken meanwhile is given up, the others are kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from tablestore.commit.changes import compact_changes
from tablestore.commit.committer import CommitResult
from tablestore.commit.conflict import find_vector_conflict
from tablestore.commit.vector_conflict import find_bucket_vector_conflict
from tablestore.compact.context import Stopped
from tablestore.compact.unit import Unit, message
from tablestore.errors import (
    CommitConflictError,
    CommitUnknownError,
    CorruptDataError,
    NotFoundError,
    is_missing,
)
from tablestore.runs.crew import Crew

if TYPE_CHECKING:
    from tablestore.commit.message import CommitMessage
    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta

_COMMIT_EVERY_SECONDS: Final = 20.0
"""Finished units wait at most about so long for others before they are committed."""

Commit = Callable[[list["CommitMessage"]], CommitResult]
Progress = Callable[["UnitDone"], None]


@dataclass(frozen=True)
class UnitDone:
    """A unit that has run.

    Attributes:
        unit: what was asked.
        files_after: files that stand for those before.
        bytes_written: in new files.
        seconds: how long it took.
    """

    unit: Unit
    files_after: int
    bytes_written: int
    seconds: float


@dataclass
class Tally:
    """What came of the units of a job."""

    snapshot_ids: list[int] = field(default_factory=list)
    retries: int = 0
    done: list[UnitDone] = field(default_factory=list)
    given_up: list[Unit] = field(default_factory=list)
    stopped: bool = False


@dataclass
class _Finished:
    unit: Unit
    message: CommitMessage
    done: UnitDone


class CompactionJob:
    """Runs units and commits them.

    Args:
        commit: commits compaction halves.
        workers: threads: units that run at a time, or what works on one where there is one only.
        progress: told of every unit that is done.
    """

    def __init__(
        self,
        commit: Commit,
        *,
        workers: int = 1,
        progress: Progress | None = None,
    ) -> None:
        self._commit = commit
        self._workers = workers
        self._progress = progress or (lambda _: None)
        self.tally = Tally()

    def run(self, context: CompactContext, units: Sequence[Unit]) -> None:
        """Run and commit the units; the largest first, so that none is left to run alone.

        Args:
            context: the table as the units were planned.
            units: no two of one bucket share a file.

        Raises:
            TablestoreError: a unit failed, or a commit; what was committed before stays.
        """
        if not units:
            return
        ordered = sorted(units, key=lambda unit: -unit.size)
        finished: list[_Finished] = []
        committed = time.monotonic()
        try:
            for item in self._finished(context, ordered):
                finished.append(item)
                if time.monotonic() - committed >= _COMMIT_EVERY_SECONDS:
                    batch, finished = finished, []
                    self._publish(context, batch)
                    committed = time.monotonic()
        except Stopped:
            self.tally.stopped = True
        except BaseException:
            _drop(context, finished)
            raise
        self._publish(context, finished)

    def _finished(self, context: CompactContext, units: Sequence[Unit]) -> Iterator[_Finished]:
        """The units as they end; those that run at a time share the threads and the memory."""
        at_a_time = min(self._workers, len(units))
        memory = context.memory and max(context.memory // at_a_time, 1)
        context = replace(context, memory=memory)
        # threads that no unit keeps busy help all of them
        with Crew(self._workers - at_a_time + 1) as crew:
            yield from self._in_threads(replace(context, crew=crew), units, at_a_time)

    def _in_threads(
        self, context: CompactContext, units: Sequence[Unit], at_a_time: int
    ) -> Iterator[_Finished]:
        if at_a_time == 1:
            for unit in units:
                yield from self._attempt(context, unit)
            return
        with ThreadPoolExecutor(at_a_time, "tablestore-compact") as pool:
            waiting: set[Future[list[_Finished]]] = set()
            left = list(units)
            failed: BaseException | None = None
            while left or waiting:
                # no more than can run: what is not begun can be left when asked to stop
                while left and failed is None and len(waiting) < at_a_time:
                    waiting.add(pool.submit(self._attempt, context, left.pop(0)))
                if failed is not None and not waiting:
                    raise failed
                ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ended:
                    error = future.exception()
                    if error is not None:
                        failed = failed or error
                    else:
                        yield from future.result()
            if failed is not None:
                raise failed

    def _attempt(self, context: CompactContext, unit: Unit) -> list[_Finished]:
        """Run a unit; nothing where its files were expired, as another compaction replaced them.

        Raises:
            NotFoundError: something is missing for another reason.
            CorruptDataError: something is damaged, or missing for another reason.
        """
        try:
            return [_run(context, unit)]
        except (NotFoundError, CorruptDataError) as error:
            snapshot = context.snapshot
            if snapshot is None or not is_missing(error):
                raise
            if not context.state.snapshots.is_expired(snapshot.id):
                raise
            self.tally.given_up.append(unit)
            return []

    def _publish(self, context: CompactContext, finished: list[_Finished]) -> None:
        """Commit units; those that another commit stands against are given up."""
        while finished:
            try:
                result = self._commit([item.message for item in finished])
            except CommitConflictError:
                kept = _still_valid(context, finished)
                if len(kept) == len(finished):  # e.g. overlapping keys: nothing says whose
                    kept = kept[:-1] if len(kept) > 1 else []
                gone = [item for item in finished if item not in kept]
                _drop(context, gone)
                self.tally.given_up += [item.unit for item in gone]
                finished = kept
                continue
            except BaseException as error:
                if not isinstance(error, CommitUnknownError):
                    _drop(context, finished)
                raise
            self.tally.snapshot_ids += result.snapshot_ids
            self.tally.retries += result.retries
            for item in finished:
                self.tally.done.append(item.done)
                self._progress(item.done)
            return


def _still_valid(context: CompactContext, finished: list[_Finished]) -> list[_Finished]:
    """The units whose files are all live still, with the deletion vectors they had."""
    state = context.state
    latest = state.snapshots.latest()
    live = state.base.live(latest)
    index = state.manifests.read_index(None if latest is None else latest.index_manifest)
    kept = []
    for item in finished:
        place = (item.unit.partition, item.unit.bucket)
        there = {(entry.file.level, entry.file.file_name) for entry in live.files(*place)}
        taken = {(meta.level, meta.file_name) for meta in item.message.compact.before}
        changes = compact_changes([item.message])
        replaced = (
            find_bucket_vector_conflict(index, changes, live)
            if context.key
            else find_vector_conflict(index, changes)
        )
        if taken <= there and replaced is None:
            kept.append(item)
    return kept


def _drop(context: CompactContext, finished: list[_Finished]) -> None:
    for item in finished:
        context.discard(item.unit.partition, item.unit.bucket, new_files(item.message))
        context.discard_indexes(item.message.compact.new_index_files)


def new_files(done: CommitMessage) -> list[DataFileMeta]:
    """Files that a compaction wrote; one that only moved up is not among them."""
    moved = {meta.file_name for meta in done.compact.before}
    return [meta for meta in done.compact.after if meta.file_name not in moved]


def _run(context: CompactContext, unit: Unit) -> _Finished:
    context.go_on()
    began = time.monotonic()
    done = message(unit, unit.run(context))
    written = sum(meta.file_size for meta in new_files(done))
    seconds = time.monotonic() - began
    return _Finished(unit, done, UnitDone(unit, len(done.compact.after), written, seconds))
