"""What ``upsert`` and ``append`` share: input, progress, result."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

import typer

from tablestore.cli import render
from tablestore.cli.source import Source, guess_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    import tablestore


_SPARSE: Final = ("partial-update", "aggregation")
"""Merge engines that take a column that the input lacks for one that does not change."""


def missing_word(text: str | None) -> Literal["error", "null"]:
    """The value of ``--missing``.

    Raises:
        typer.BadParameter: It is another word than ``null``.
    """
    if text is None:
        return "error"
    if text == "null":
        return "null"
    raise typer.BadParameter(f"--missing takes null, found {text!r}")


def source_for(
    table: tablestore.Table,
    path: str,
    *,
    given_format: str | None,
    row_kind: str | None = None,
    missing: Literal["error", "null"] = "error",
    nulls: Sequence[str] = (),
) -> Source:
    """A source whose text is read with the table's column types."""
    return Source(
        path=path,
        format=guess_format(path, given_format),
        schema=table.schema,
        nulls=nulls,
        sparse=missing == "null" or table.options.get("merge-engine") in _SPARSE,
        aside=row_kind,
    )


def run(
    source: Source,
    write: Callable[[pa.RecordBatchReader], tablestore.CommitResult],
    *,
    as_json: bool,
) -> None:
    """Sends a source through one writing call and prints what came of it."""
    from tablestore.cli.reader import open_source

    began = time.perf_counter()
    with open_source(source) as reader, _progress(source):
        result = write(reader)
    report(result, rows=source.rows, began=began, as_json=as_json)


def report(result: tablestore.CommitResult, *, rows: int, began: float, as_json: bool) -> None:
    """Prints the snapshot, rows, files and seconds of a commit."""
    seconds = time.perf_counter() - began
    if as_json:
        render.emit(
            {
                "snapshot_id": result.snapshot_id,
                "rows": rows,
                "files_added": result.files_added,
                "retries": result.retries,
                "seconds": round(seconds, 3),
            }
        )
        return
    if result.snapshot_id is None:
        render.tell(f"no snapshot: nothing to commit ({rows:,} rows, {seconds:.2f} s)")
        return
    render.tell(
        f"snapshot {result.snapshot_id}: {rows:,} rows, {result.files_added:,} files, "
        f"{seconds:.2f} s"
    )


@contextmanager
def _progress(source: Source) -> Iterator[None]:
    """A line on standard error that counts rows, where a terminal watches."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(source.name)
        source.watch = lambda rows: progress.update(
            task, description=f"{source.name}: {rows:,} rows"
        )
        yield
