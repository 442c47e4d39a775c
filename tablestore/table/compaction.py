"""The compaction of a table as a user asks for it: what to take, what came of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from tablestore.commit.phases import Phases
from tablestore.compact.append import plan_append
from tablestore.compact.context import CompactContext
from tablestore.compact.curve import SortOrder, Strategy
from tablestore.compact.expire import RecordExpire
from tablestore.compact.job import CompactionJob, Tally, UnitDone
from tablestore.compact.sort import check_sortable, plan_sort, replaced
from tablestore.compact.unit import Unit, check_compactable, is_compactable, plan_bucket
from tablestore.errors import (
    CommitUnknownError,
    InvalidInputError,
    NotFoundError,
    TablestoreError,
    UnsupportedFormatError,
)
from tablestore.lsm.levels import Levels
from tablestore.options.compaction import AppendOptions
from tablestore.options.units import parse_bytes
from tablestore.read.view import TableView
from tablestore.table.compact_result import CompactionStep, CompactResult
from tablestore.table.expiry import expire_due
from tablestore.table.merging import merge_rules
from tablestore.table.partitions import partition_filter

if TYPE_CHECKING:
    from tablestore.commit.committer import CommitResult, Committer, CompactionOutcome
    from tablestore.commit.message import CommitMessage
    from tablestore.format.manifest import ManifestEntry
    from tablestore.metadata.base import LiveFiles
    from tablestore.table.components import Components
    from tablestore.write.context import WriteContext

_ROUNDS_MAX: Final = 16
"""Picks of one bucket that may follow one another; each makes fewer runs of it."""

_LOOKUP_ROUNDS_MAX: Final = 5
"""Tries of a writer to compact what is only read then, where other compactions come first."""

Stop = Callable[[], bool]


@dataclass(frozen=True)
class CompactRequest:
    """What a user asks for.

    Attributes:
        full: everything into one run, or what the table's options ask for.
        partition: values of partition columns; None takes all partitions.
        buckets: bucket numbers; None takes all.
        budget_bytes: bytes to rewrite at most; picks that do not fit are left.
        memory: bytes that decoded rows may take at a time, or None.
        workers: threads; None takes the machine's cores, four at most.
        dry_run: plan only.
        planned: told of the plan before the work begins, as of a dry run.
        stop: asked between batches; True ends the work cleanly.
        progress: told of every pick that is done.
        order: how to sort rows; None only puts files together.
    """

    full: bool = False
    partition: Mapping[str, object] | None = None
    buckets: Sequence[int] | None = None
    budget_bytes: int | None = None
    memory: int | None = None
    workers: int | None = None
    dry_run: bool = False
    planned: Callable[[CompactResult], None] | None = None
    stop: Stop | None = None
    progress: Callable[[CompactionStep], None] | None = None
    order: SortOrder | None = None


def compact_table(parts: Components, request: CompactRequest) -> CompactResult:
    """Compact a table; see ``Table.compact``."""
    done = _Run(parts, request).run()
    newest = max(done.snapshot_ids, default=None)
    expired, error = expire_due(parts, parts.view().options, newest) if newest else (0, None)
    return replace(done, expired=expired, expire_error=error)


def parse_size(size: str | int | None, name: str) -> int | None:
    """Bytes of a number or a text like ``256 MB``.

    Raises:
        InvalidInputError: it is neither, or not positive.
    """
    try:
        value = parse_bytes(size) if isinstance(size, str) else size
    except InvalidInputError as error:
        raise InvalidInputError(f"{name}: {error}") from None
    if value is not None and (isinstance(value, bool) or value <= 0):
        raise InvalidInputError(f"{name} is a number of bytes above 0, found {size!r}")
    return value


def sort_order(
    view: TableView, order_by: Sequence[str] | str | None, *, zorder: bool, hilbert: bool
) -> SortOrder | None:
    """The order that a user asks for.

    Raises:
        InvalidInputError: it makes no sense.
    """
    if order_by is None:
        if zorder or hilbert:
            raise InvalidInputError("zorder and hilbert need order_by: the columns of the curve")
        return None
    if isinstance(order_by, str):
        raise InvalidInputError(f"order_by is a list of names, found the text {order_by!r}")
    if zorder and hilbert:
        raise InvalidInputError("give zorder or hilbert, not both")
    strategy: Strategy = "zorder" if zorder else "hilbert" if hilbert else "order"
    text_bytes = AppendOptions.of(view.options).text_bytes
    return SortOrder(strategy, tuple(order_by), text_bytes)


def compact_after(
    parts: Components,
    context: WriteContext,
    committer: Committer,
    places: Collection[tuple[bytes, int]],
    result: CommitResult,
) -> CommitResult:
    """What a writer does once its rows are committed: the compactions that they made due.

    The rows are there whatever becomes of it; what another commit stands against is left for the
    next writer.

    Args:
        parts: the table.
        context: the table as the rows were written.
        committer: of the rows; the COMPACT snapshot gets its user.
        places: partition and bucket of each message.
        result: of the commit of the rows.

    Cost:
        no request where nothing is due.
    """
    if context.options.write_only or not is_compactable(context.schema, context.options):
        return result
    began = time.monotonic()
    live = parts.state.base.newest
    tallies: list[Tally] = []
    try:
        for _ in range(_LOOKUP_ROUNDS_MAX if context.options.needs_lookup else 1):
            tally = _compact_places(parts, context, committer, places, live)
            if tally is None:
                break
            tallies.append(tally)
            if not tally.given_up:
                break
            # these rows are read once they are compacted: try again on what came between
            live = parts.state.base.live(parts.state.snapshots.latest())
    except TablestoreError as error:
        doubt = isinstance(error, CommitUnknownError)
        outcome: CompactionOutcome = "unknown" if doubt else "not committed"
        return replace(result, compaction=outcome, compaction_error=str(error))
    if not tallies:
        return result
    spent = (time.monotonic() - began) * 1000
    made = [made for tally in tallies for made in tally.snapshot_ids]
    return replace(
        result,
        snapshot_ids=(*result.snapshot_ids, *made),
        retries=result.retries + sum(tally.retries for tally in tallies),
        compaction="committed" if made else "none",
        milliseconds=result.milliseconds + round(spent),
        phases=result.phases + Phases(compact=round(spent, 1)),
    )


def _writer_context(parts: Components, context: WriteContext, live: LiveFiles) -> CompactContext:
    view = TableView(parts.name, context.schema, context.options, live.snapshot, parts.state)
    return replace(_context_of(parts, view), memory=context.options.write_buffer_size)


def _compact_places(
    parts: Components,
    written: WriteContext,
    committer: Committer,
    places: Collection[tuple[bytes, int]],
    live: LiveFiles,
) -> Tally | None:
    """Run what is due in some buckets; None where nothing is."""
    context = _writer_context(parts, written, live)
    units: list[Unit] = []
    for place in places:
        entries = live.buckets.get(place)
        if entries:
            files = [entry.file for entry in entries]
            if context.key:
                unit, parts.picks[place] = plan_bucket(
                    context,
                    place,
                    entries[-1].total_buckets,
                    files,
                    full=False,
                    state=parts.picks.get(place),
                )
                units += [] if unit is None else [unit]
            else:
                total = entries[-1].total_buckets
                units += plan_append(context, place, total, files, full=False)[:1]
    if not units:
        return None
    job = CompactionJob(committer.commit, workers=min(os.cpu_count() or 1, 2))
    job.run(context, units)
    return job.tally


class _Run:
    """One call of ``compact``."""

    def __init__(self, parts: Components, request: CompactRequest) -> None:
        self._parts = parts
        self._request = request
        self._workers = request.workers or min(os.cpu_count() or 1, 4)
        if request.workers is not None and request.workers < 1:
            raise InvalidInputError(f"workers is at least 1, found {request.workers}")
        # a dry run is no trigger
        self._states = dict(parts.picks) if request.dry_run else parts.picks
        self._selects = partition_filter(parts, request.partition)
        self._budget = request.budget_bytes
        self._over_budget = 0

    def run(self) -> CompactResult:
        began = time.monotonic()
        context = self._context()
        self._check_buckets(context)
        before = self._amplification(context)
        job = CompactionJob(
            self._commit,
            workers=self._workers,
            progress=self._tell(context),
        )
        planned: list[Unit] = []
        for turn in range(self._rounds(context)):
            planned = self._plan(context)
            if turn == 0 and self._request.planned is not None:
                self._request.planned(self._foreseen(context, planned, before))
            if not planned or self._request.dry_run:
                break
            given_up = len(job.tally.given_up)
            job.run(context, planned)
            context = self._context()
            # what lost a race once may lose it again: the next call tries with fresh eyes
            if job.tally.stopped or len(job.tally.given_up) > given_up:
                break
        if self._request.dry_run:
            foreseen = self._foreseen(context, planned, before)
            return replace(foreseen, seconds=time.monotonic() - began)
        steps = [_done(context, done) for done in job.tally.done]
        return CompactResult(
            snapshot_ids=tuple(job.tally.snapshot_ids),
            steps=tuple(steps),
            given_up=len(job.tally.given_up),
            over_budget=self._over_budget,
            files_before=sum(step.files_before for step in steps),
            files_after=sum(step.files_after or 0 for step in steps),
            bytes_read=sum(step.bytes_read for step in steps),
            bytes_written=sum(step.bytes_written or 0 for step in steps),
            read_amplification_before=before,
            read_amplification_after=self._amplification(context),
            seconds=time.monotonic() - began,
            retries=job.tally.retries,
            stopped=job.tally.stopped,
            dry_run=False,
        )

    def _foreseen(
        self, context: CompactContext, planned: Sequence[Unit], amplification: float
    ) -> CompactResult:
        """What a plan would do; the runs that it would leave are told with each of its steps."""
        steps = tuple(_planned(context, unit) for unit in planned)
        return CompactResult(
            snapshot_ids=(),
            steps=steps,
            given_up=0,
            over_budget=self._over_budget,
            files_before=sum(step.files_before for step in steps),
            files_after=0,
            bytes_read=sum(step.bytes_read for step in steps),
            bytes_written=0,
            read_amplification_before=amplification,
            read_amplification_after=amplification,
            seconds=0.0,
            retries=0,
            stopped=False,
            dry_run=True,
        )

    def _check_buckets(self, context: CompactContext) -> None:
        """Refuse bucket numbers that the table cannot have.

        Raises:
            InvalidInputError: names the first one.
        """
        asked = self._request.buckets
        if asked is None:
            return
        if not isinstance(asked, Sequence) or isinstance(asked, str):
            raise InvalidInputError(
                f"table {context.table}: buckets is a list of numbers, found {asked!r}"
            )
        count = max(context.options.bucket, 1)
        live = context.state.base.live(context.snapshot)
        known = {place[1] for place in live.buckets} | set(range(count))
        for number in asked:
            if number not in known:
                raise InvalidInputError(
                    f"table {context.table} has no bucket {number}; its buckets are 0 to "
                    f"{max(known)}"
                )

    def _rounds(self, context: CompactContext) -> int:
        """Plans that may follow one another."""
        once = self._request.full or self._request.dry_run or self._request.order is not None
        unordered = not context.key and context.options.bucket <= 0
        return 1 if once or unordered else _ROUNDS_MAX

    def _context(self) -> CompactContext:
        request = self._request
        context = _whole_context(self._parts)
        if request.order is not None:
            if request.buckets is not None:
                raise InvalidInputError("order_by sorts whole partitions; leave buckets out")
            check_sortable(context.table, context.schema, context.options.bucket, request.order)
        return replace(context, memory=request.memory, stop=request.stop or context.stop)

    def _commit(self, messages: list[CommitMessage]) -> CommitResult:
        context = self._parts.write_context(compacts=True)
        if self._request.order is not None:
            messages = [replaced(message) for message in messages]
        return self._parts.committer(context).commit(messages)

    def _tell(self, context: CompactContext) -> Callable[[UnitDone], None]:
        told = self._request.progress
        return lambda done: None if told is None else told(_done(context, done))

    def _selected(self, live: LiveFiles) -> list[tuple[bytes, int]]:
        wanted = self._request.buckets
        return [
            place
            for place in live.buckets
            if self._selects(place[0]) and (wanted is None or place[1] in wanted)
        ]

    def _amplification(self, context: CompactContext) -> float:
        live = context.state.base.live(context.snapshot)
        places = self._selected(live)
        runs = [runs_of(context, live.buckets[place]) for place in places]
        return sum(runs) / len(runs) if runs else 0.0

    def _plan(self, context: CompactContext) -> list[Unit]:
        live = context.state.base.live(context.snapshot)
        units: list[Unit] = []
        for place in self._selected(live):
            units += self._plan_bucket(context, place, live.buckets[place])
        return self._within_budget(units)

    def _plan_bucket(
        self,
        context: CompactContext,
        place: tuple[bytes, int],
        entries: Sequence[ManifestEntry],
    ) -> list[Unit]:
        total, files = entries[-1].total_buckets, [entry.file for entry in entries]
        if self._request.order is not None:
            return [plan_sort(context, place, total, files, self._request.order)]
        if not context.key:
            return [*plan_append(context, place, total, files, full=self._request.full)]
        unit, state = plan_bucket(
            context,
            place,
            total,
            files,
            full=self._request.full,
            state=self._states.get(place),
        )
        self._states[place] = state
        return [] if unit is None else [unit]

    def _within_budget(self, units: list[Unit]) -> list[Unit]:
        """The picks that fit, those first that take most runs away for a byte."""
        if self._budget is None:
            return units
        ordered = sorted(units, key=lambda unit: (unit.runs[1] - unit.runs[0]) / (unit.size + 1))
        kept: list[Unit] = []
        left = self._budget
        for unit in ordered:
            if unit.size <= left:
                kept.append(unit)
                left -= unit.size
        self._over_budget = len(units) - len(kept)
        if not self._request.dry_run:
            self._budget = left
        return kept


def compact_context(parts: Components) -> CompactContext:
    """A table's latest state for its compaction.

    Raises:
        UnsupportedFormatError: it cannot be compacted without losing something.
    """
    view = parts.view()
    view.check()
    context = _context_of(parts, view)
    check_compactable(context)
    try:
        RecordExpire.of(context.schema, context.options)
    except InvalidInputError as error:
        raise UnsupportedFormatError(f"table {parts.name}: {error}", **error.detail) from None
    return context


def _whole_context(parts: Components) -> CompactContext:
    """The latest state with its files read, so that no expiry can come in between.

    Raises:
        NotFoundError: the latest snapshot lacks what it refers to.
    """
    while True:
        context = compact_context(parts)
        try:
            context.state.base.live(context.snapshot)
        except NotFoundError:
            if parts.state.snapshots.latest() == context.snapshot:
                raise
            continue
        return context


def _context_of(parts: Components, view: TableView) -> CompactContext:
    rules = merge_rules(view.schema, view.options) if view.schema.primary_keys else None
    return CompactContext(
        parts.name, view.schema, view.options, parts.state, rules, view.deletions, view.snapshot
    )


def runs_of(context: CompactContext, entries: Sequence[ManifestEntry]) -> int:
    """Sorted runs of a bucket; every file of an append table is one."""
    if not context.key:
        return len(entries)
    files = [entry.file for entry in entries]
    return Levels.of(files, context.tree.num_levels, context.keys).run_count


def _planned(context: CompactContext, unit: Unit) -> CompactionStep:
    return CompactionStep(
        partition=context.folders.partition(unit.partition),
        bucket=unit.bucket,
        reason=unit.reason,
        files_before=len(unit.before),
        files_after=None,
        bytes_read=unit.size,
        bytes_written=None,
        runs_before=unit.runs[0],
        runs_after=unit.runs[1],
        seconds=None,
    )


def _done(context: CompactContext, done: UnitDone) -> CompactionStep:
    return replace(
        _planned(context, done.unit),
        files_after=done.files_after,
        bytes_written=done.bytes_written,
        seconds=done.seconds,
    )
