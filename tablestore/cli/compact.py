"""``tablestore compact``: fewer sorted runs, once or as a service beside writers."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tablestore.cli import connect, options, render
from tablestore.cli.compact_output import Output

if TYPE_CHECKING:
    import tablestore
    from tablestore.errors import TablestoreError

FAILED = 1
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
    with _stop_signals() as stop:
        job = _Job(context, table, asked, Output(as_json=as_json), stop, watch=watch)
        job.look(partition, dry_run=dry_run)
        while watch and not stop.wait(interval):
            job.look(partition)
    if job.code and not watch:
        raise typer.Exit(job.code)


class _Job:
    """Looks at one table, or at every table of the lake, and compacts what is due.

    Args:
        context: of the command line.
        table: a TABLE argument; None for every table.
        asked: arguments of ``Table.compact``.
        output: takes the lines.
        stop: set when the job shall end.
        watch: there will be another look.

    Attributes:
        code: of the process, where this was the last look.
    """

    def __init__(
        self,
        context: typer.Context,
        table: str | None,
        asked: Mapping[str, object],
        output: Output,
        stop: threading.Event,
        *,
        watch: bool,
    ) -> None:
        self._context = context
        self._table = table
        self._asked = asked
        self._output = output
        self._stop = stop
        self._watch = watch
        self._open: dict[str, tablestore.Table] = {}
        self.code = 0

    def look(self, partition: list[str] | None, *, dry_run: bool = False) -> None:
        """Compact what is due now.

        Args:
            partition: the texts of ``--partition``.
            dry_run: only say what is due.

        Raises:
            TablestoreError: a table that was named could not be compacted.
        """
        from tablestore.errors import TablestoreError

        for name in self._names():
            if self._stop.is_set():
                break
            try:
                self._compact(name, partition, dry_run=dry_run)
            except TablestoreError as error:
                self._open.pop(name, None)
                self._pass_over(name, error)

    def _names(self) -> list[str]:
        """The tables that are there.

        Raises:
            TablestoreError: the lake cannot be listed.
        """
        from tablestore.errors import TablestoreError

        if self._table is not None:
            return [self._table]
        lake = connect.open_lake(self._context)
        try:
            names = lake.tables()
        except TablestoreError as error:
            if not (self._watch and error.retryable):
                raise
            self._output.failed(lake.uri, error)
            return [*self._open]
        self._open = {name: table for name, table in self._open.items() if name in names}
        if not names and not self._watch:
            render.say(f"{lake.uri}: no tables")
        return names

    def _compact(self, name: str, partition: list[str] | None, *, dry_run: bool) -> None:
        # anew at each look: the table may have been dropped, or made again
        table = connect.open_table(self._context, name)
        if name in self._open:
            table.resume(self._open[name])
        self._open[name] = table
        told = self._output.of(table.name)
        result = table.compact(
            **self._asked,  # type: ignore[arg-type]
            partition=_partition(table, partition),
            dry_run=dry_run,
            planned=None if dry_run else told.plan,
            progress=told.step,
            stop=self._stop.is_set,
        )
        if dry_run:
            told.foreseen(result)
        elif result.steps or result.given_up or not self._watch:
            told.result(result)
        if result.stopped:
            self.code = STOPPED

    def _pass_over(self, name: str, error: TablestoreError) -> None:
        """Go on with the next table, or end: one broken table must not stop the service of others.

        Raises:
            TablestoreError: the table was named, and another look would not help.
        """
        from tablestore.errors import UnsupportedFormatError

        if self._table is not None and not (self._watch and error.retryable):
            raise error
        self._output.failed(name, error)
        if not isinstance(error, UnsupportedFormatError) and self.code != FAILED:
            self.code = STOPPED if error.retryable else FAILED


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
