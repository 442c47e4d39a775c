"""``tablestore compact``: fewer sorted runs, once or as a service beside writers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablestore.cli import connect, options, render

if TYPE_CHECKING:
    import tablestore
    from tablestore.table.compact_result import CompactionStep, CompactResult

STOPPED = 75  # worth a retry: asked to stop before everything was done


def compact(
    context: typer.Context,
    *,
    table: Annotated[
        str | None,
        typer.Argument(metavar="[TABLE]", help="db.name, or a path or URI to the table's folder."),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Merge every bucket into one sorted run; of append tables, every small file.",
        ),
    ] = False,
    partition: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Only this partition; repeat for more columns."),
    ] = None,
    bucket: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Only this bucket; repeatable.")
    ] = None,
    order_by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN,…",
            help="Sort the rows of append tables by these columns, so that filters skip files.",
        ),
    ] = None,
    zorder: Annotated[
        bool, typer.Option("--zorder", help="With --order-by: along a z-order.")
    ] = False,
    hilbert: Annotated[
        bool, typer.Option("--hilbert", help="With --order-by: along a Hilbert curve.")
    ] = False,
    budget_bytes: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Rewrite at most so many bytes, e.g. 10gb."),
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Memory for decoded rows, e.g. 256mb.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Threads; the cores by default, at most 4.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the plan and do nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until SIGTERM or Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", help="With --watch: time between looks.")
    ] = 10.0,
    every_table: Annotated[
        bool, typer.Option("--all", help="Every table of the lake instead of one.")
    ] = False,
    as_json: options.AsJson = False,
) -> None:
    """Compact a table: merge its sorted runs, or small files, into fewer. Rows never change.

    Without --full it does what the table's options ask for: nothing where no bucket has reached
    num-sorted-run.compaction-trigger or, in append tables, compaction.min.file-num. It runs beside
    writers; what another commit comes before is left for the next time. SIGTERM and Ctrl-C keep
    what is done and end.
    """
    if bool(table) == every_table:
        raise typer.BadParameter("give a TABLE, or --all for every table of the lake")
    if every_table and (partition or bucket or order_by):
        raise typer.BadParameter("--all goes with none of --partition, --bucket and --order-by")
    if interval <= 0:
        raise typer.BadParameter(f"--interval is a number of seconds above 0, found {interval}")
    if watch and (dry_run or full or order_by):
        raise typer.BadParameter("--watch goes with none of --full, --order-by and --dry-run")
    asked = {
        "full": full,
        "buckets": bucket or None,
        "order_by": None if order_by is None else [part.strip() for part in order_by.split(",")],
        "zorder": zorder,
        "hilbert": hilbert,
        "budget_bytes": budget_bytes,
        "memory": memory,
        "workers": workers,
    }
    output = _Output(as_json=as_json)
    tables = _Tables(context, table)
    with _stop_signals() as stop:
        while True:
            stopped = False
            for opened in tables.look():
                chosen = {**asked, "partition": _partition(opened, partition)}
                stopped |= _compact(opened, chosen, output, stop, dry_run=dry_run, quiet=watch)
                if stop.is_set():
                    break
            if not watch or stop.wait(interval):
                break
    if stopped and not watch:
        raise typer.Exit(STOPPED)


class _Tables:
    """The tables to compact; each stays open, since its picker counts the looks at it."""

    def __init__(self, context: typer.Context, table: str | None) -> None:
        self._context = context
        self._table = table
        self._open: dict[str, tablestore.Table] = {}

    def look(self) -> Iterator[tablestore.Table]:
        """The tables that are there now."""
        if self._table is not None:
            if self._table not in self._open:
                self._open[self._table] = connect.open_table(self._context, self._table)
            yield self._open[self._table]
            return
        lake = connect.open_lake(self._context)
        names = lake.tables()
        self._open = {name: table for name, table in self._open.items() if name in names}
        for name in names:
            if name not in self._open:
                self._open[name] = lake.table(name)
            yield self._open[name]


def _partition(table: tablestore.Table, texts: list[str] | None) -> dict[str, object] | None:
    """The values of partition columns that command-line texts name, in the columns' types."""
    if not texts:
        return None
    import pyarrow as pa

    from tablestore.cli import wire
    from tablestore.errors import InvalidInputError

    found: dict[str, object] = {}
    for name, text in connect.pairs(texts, "--partition").items():
        index = table.schema.get_field_index(name)
        if index < 0:
            found[name] = text  # refused by name where it is looked at
            continue
        try:
            typed = wire.from_text(pa.array([text]), table.schema.field(index).type)
        except (pa.ArrowInvalid, InvalidInputError) as error:
            raise InvalidInputError(f"--partition {name}={text}: {error}") from None
        found[name] = typed[0].as_py()
    return found


def _compact(
    table: tablestore.Table,
    asked: Mapping[str, object],
    output: _Output,
    stop: threading.Event,
    *,
    dry_run: bool,
    quiet: bool,
) -> bool:
    """Compact one table; True where it was stopped before everything was done."""
    from tablestore.errors import UnsupportedFormatError

    told = output.of(table.name)
    try:
        result = table.compact(
            **asked,  # type: ignore[arg-type]
            dry_run=dry_run,
            planned=None if dry_run else told.plan,
            progress=told.step,
            stop=stop.is_set,
        )
    except UnsupportedFormatError as error:
        if not quiet:
            raise
        output.refused(table.name, str(error))
        return False
    if dry_run:
        told.foreseen(result)
    elif result.steps or result.given_up or not quiet:
        told.result(result)
    return result.stopped


class _Output:
    """Lines for people on standard error and out, or JSON lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._refused: set[str] = set()

    def of(self, table: str) -> _TableOutput:
        """The lines of one look at a table."""
        return _TableOutput(table, as_json=self._json)

    def refused(self, table: str, reason: str) -> None:
        """A table that --watch passes over; said once."""
        if table not in self._refused:
            self._refused.add(table)
            render.say(f"passed over: {reason}")


class _TableOutput:
    """What is said of one compaction of one table."""

    def __init__(self, table: str, *, as_json: bool) -> None:
        self._table = table
        self._json = as_json
        self._planned = 0
        self._done = 0

    def foreseen(self, plan: CompactResult) -> None:
        """A dry run: what would be done, and no more."""
        if self._json:
            self._emit_plan(plan)
            render.emit({"event": "result", "table": self._table, **_summary(plan)})
            return
        if plan.steps:
            columns = ("partition", "bucket", "reason", "files_before", "bytes_read")
            more = ("runs_before", "runs_after")
            render.print_rows([render.fields_of(step) for step in plan.steps], (*columns, *more))
        render.say(f"{self._table}: {plan!r}")

    def plan(self, plan: CompactResult) -> None:
        """The plan, before the work."""
        self._planned = len(plan.steps)
        if self._json:
            self._emit_plan(plan)
        elif plan.steps:
            render.say(
                f"{self._table}: {len(plan.steps)} picks, {plan.files_before} files, "
                f"{plan.bytes_read:,} bytes to rewrite"
            )

    def _emit_plan(self, plan: CompactResult) -> None:
        for step in plan.steps:
            render.emit({"event": "plan", "table": self._table, **render.fields_of(step)})

    def step(self, step: CompactionStep) -> None:
        """A pick that is committed."""
        self._done += 1
        if self._json:
            render.emit({"event": "step", "table": self._table, **render.fields_of(step)})
            return
        # a pick may call for another one, which no plan foresees
        known = self._done <= self._planned
        place = f"{self._done} of {self._planned}" if known else f"{self._done}"
        render.say(
            f"  {place}: {step.partition}bucket {step.bucket}, {step.reason}: "
            f"{step.files_before} -> {step.files_after} files, runs {step.runs_before} -> "
            f"{step.runs_after}, {step.bytes_read:,} bytes in {step.seconds or 0:.1f} s"
        )

    def result(self, result: CompactResult) -> None:
        """What came of it."""
        table = self._table
        if self._json:
            render.emit({"event": "result", "table": table, **_summary(result)})
            return
        if not result.snapshot_ids:
            render.tell(f"{table}: nothing to compact")
        else:
            render.tell(f"{table}: {result!r}")
        if result.given_up:
            render.say(f"{table}: {result.given_up} picks given up, other commits came before them")
        if result.over_budget:
            render.say(f"{table}: {result.over_budget} picks left for lack of budget")
        if result.stopped:
            render.say(f"{table}: stopped; what was done is committed")


def _summary(result: CompactResult) -> dict[str, object]:
    return {name: value for name, value in render.fields_of(result).items() if name != "steps"}


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set; the second time they end the process as ever."""
    stop = threading.Event()
    before: dict[int, Any] = {}

    def ask(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, before[number])

    if threading.current_thread() is threading.main_thread():
        for number in map(int, (signal.SIGTERM, signal.SIGINT)):
            before[number] = signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
