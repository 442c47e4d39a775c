"""The ``tablestore`` command: verbs, exit codes, and the one door where errors become text.

Exit codes: 0 ok, 1 failed, 2 usage, 75 worth a retry, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tablestore.cli import (
    append,
    compact,
    connect,
    create,
    delete,
    describe,
    doctor,
    drop,
    expire,
    files,
    head,
    history,
    inspect,
    ls,
    orphans,
    render,
    upsert,
    verify,
)
from tablestore.errors import TablestoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

_EXPLAIN = "--explain-io"
OK, FAILED, USAGE, RETRY, INTERRUPTED = 0, 1, 2, 75, 130

# typer carries its own click from 0.2x on and imports one before, so the class is taken from
# what typer exports in both: BadParameter < UsageError < ClickException.
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]

app = typer.Typer(
    name="tablestore",
    help="Create, write and read tables of an Apache Paimon lake, without a JVM.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:  # noqa: FBT001  (typer calls it with the flag's value)
    if wanted:
        from tablestore import __version__

        print(f"tablestore {__version__}")
        raise typer.Exit


@app.callback()
def _global(
    context: typer.Context,
    *,
    lake: Annotated[
        str | None,
        typer.Option(envvar="TABLESTORE_LAKE", metavar="URI", help="Folder or URI of the lake."),
    ] = None,
    storage_option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Option of the storage, e.g. endpoint_url=..."),
    ] = None,
    explain_io: Annotated[
        bool,
        typer.Option("--explain-io", help="Tell what was asked of the storage; after a verb, too."),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Create, write and read tables of an Apache Paimon lake, without a JVM.

    TABLE is db.name of the lake given by --lake, or a path or URI to the table's folder.
    """
    del (
        explain_io
    )  # taken out of the arguments before they are parsed, so that it may stand anywhere
    context.obj = connect.Place(lake=lake, storage_options=connect.pairs(storage_option or []))


for _verb in (
    create.create,
    ls.ls,
    describe.describe,
    upsert.upsert,
    append.append,
    delete.delete,
    head.head,
    history.history,
    files.files,
    drop.drop,
    compact.compact,
    expire.expire,
    orphans.orphans,
    verify.verify,
    inspect.inspect,
    doctor.doctor,
):
    app.command()(_verb)


def main() -> None:
    """Runs the command with the process's arguments and exits with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line.

    Args:
        arguments: what follows the command's name.

    Returns:
        The exit code.
    """
    if _EXPLAIN in arguments:
        return _explained([word for word in arguments if word != _EXPLAIN])
    try:
        code = app(list(arguments), prog_name="tablestore", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED  # some releases of typer end with this code themselves
    except (BrokenPipeError, render.ReaderLeftError):
        return _reader_left()
    except Exception as problem:  # noqa: BLE001  (the door: every error becomes one sentence here)
        return _report(problem, as_json="--json" in arguments)
    if code == INTERRUPTED:
        render.say("interrupted: a commit is whole or absent, never half")
    return code if isinstance(code, int) else OK


def _explained(arguments: Sequence[str]) -> int:
    """Runs one command line and tells on standard error what it asked of the storage."""
    from tablestore.store.metered import Watch

    with Watch() as watch:
        code = run(arguments)
    render.say(f"storage: {watch.requests}")
    return code


def _reader_left() -> int:
    # `tablestore head ... | head -1` is no failure. Standard output goes nowhere from here on,
    # or the interpreter would complain once more when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK


def _report(problem: Exception, *, as_json: bool) -> int:
    if isinstance(problem, _ClickError):
        return _report_usage(problem, as_json=as_json)
    if os.environ.get("TABLESTORE_TRACEBACK"):
        sys.excepthook(type(problem), problem, problem.__traceback__)
    if isinstance(problem, TablestoreError):
        render.fail(problem.kind, str(problem), retryable=problem.retryable, as_json=as_json)
        return RETRY if problem.retryable else FAILED
    if isinstance(problem, OSError):
        render.fail("os_error", str(problem), retryable=False, as_json=as_json)
        return FAILED
    message = f"unexpected {type(problem).__name__}: {problem}"
    if not as_json:
        message += " (TABLESTORE_TRACEBACK=1 shows where)"
    render.fail("internal", message, retryable=False, as_json=as_json)
    return FAILED


def _report_usage(problem: Exception, *, as_json: bool) -> int:
    code = int(getattr(problem, "exit_code", USAGE))
    if as_json:
        message = getattr(problem, "format_message", problem.__str__)()
        render.fail("usage", str(message), retryable=False, as_json=True)
    else:
        problem.show()  # type: ignore[attr-defined]
    return code
