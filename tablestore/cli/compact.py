"""``tablestore compact``: fewer sorted runs, once or as a service beside writers."""

from __future__ import annotations

import dataclasses
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablestore.cli import connect, options, render

if TYPE_CHECKING:
    import tablestore
    from tablestore.table.compaction import CompactionStep, CompactResult

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
    with _stop_signals() as stop:
        while True:
            stopped = False
            for opened in _tables(context, table):
                chosen = {**asked, "partition": _partition(opened, partition)}
                stopped |= _compact(opened, chosen, output, stop, dry_run=dry_run, quiet=watch)
                if stop.is_set():
                    break
            if not watch or stop.wait(interval):
                break
    if stopped and not watch:
        raise typer.Exit(STOPPED)


def _tables(context: typer.Context, table: str | None) -> Iterator[tablestore.Table]:
    if table is not None:
        yield connect.open_table(context, table)
        return
    lake = connect.open_lake(context)
    for name in lake.tables():
        yield lake.table(name)


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

    try:
        plan = table.compact(dry_run=True, **asked)  # type: ignore[arg-type]
    except UnsupportedFormatError as error:
        if not quiet:
            raise
        output.refused(table.name, str(error))
        return False
    if dry_run:
        output.plan(table.name, plan)
        return False
    if not plan.steps:
        if not quiet:
            output.result(table.name, dataclasses.replace(plan, dry_run=False))
        return False
    output.begin(table.name, plan)
    result = table.compact(
        **asked,  # type: ignore[arg-type]
        progress=output.step(table.name, len(plan.steps)),
        stop=stop.is_set,
    )
    output.result(table.name, result)
    return result.stopped


class _Output:
    """Lines for people on standard error and out, or JSON lines."""

    def __init__(self, *, as_json: bool) -> None:
        self._json = as_json
        self._refused: set[str] = set()

    def refused(self, table: str, reason: str) -> None:
        """A table that --watch passes over; said once."""
        if table not in self._refused:
            self._refused.add(table)
            render.say(f"passed over: {reason}")

    def plan(self, table: str, plan: CompactResult) -> None:
        """What would be done."""
        for step in plan.steps:
            if self._json:
                render.emit({"event": "plan", "table": table, **render.fields_of(step)})
        if self._json:
            render.emit({"event": "result", "table": table, **_summary(plan)})
            return
        if plan.steps:
            columns = ("partition", "bucket", "reason", "files_before", "bytes_read")
            more = ("runs_before", "runs_after")
            render.print_rows([render.fields_of(step) for step in plan.steps], (*columns, *more))
        render.say(f"{table}: {plan!r}")

    def begin(self, table: str, plan: CompactResult) -> None:
        """The plan in a line, before the work."""
        if not self._json:
            render.say(
                f"{table}: {len(plan.steps)} picks, {plan.files_before} files, "
                f"{plan.bytes_read:,} bytes to rewrite"
            )

    def step(self, table: str, planned: int) -> Callable[[CompactionStep], None]:
        """What tells of each pick that is committed."""
        count = 0

        def tell(step: CompactionStep) -> None:
            nonlocal count
            count += 1
            if self._json:
                render.emit({"event": "step", "table": table, **render.fields_of(step)})
                return
            # a pick may call for another one, which no plan foresees
            place = f"{count} of {planned}" if count <= planned else f"{count}"
            render.say(
                f"  {place}: {step.partition}bucket {step.bucket}, {step.reason}: "
                f"{step.files_before} -> {step.files_after} files, runs {step.runs_before} -> "
                f"{step.runs_after}, {step.bytes_read:,} bytes in {step.seconds or 0:.1f} s"
            )

        return tell

    def result(self, table: str, result: CompactResult) -> None:
        """What came of it."""
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
