"""``tablestore doctor``: whether tables can be kept at a place."""

from __future__ import annotations

from typing import Annotated

import typer

from tablestore.cli import connect, options, render


def doctor(
    context: typer.Context,
    *,
    uri: Annotated[
        str | None, typer.Argument(metavar="[URI]", help="Path or URI; by default the lake.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Look at a storage: reach, rights, speed, clock, and whether it can keep commits apart.

    Takes up to five seconds. Exit code 1 when tables cannot be kept there.
    """
    import tablestore

    place: connect.Place = context.obj
    target = uri or place.lake
    if not target:
        raise typer.BadParameter("no place: give a URI, or --lake before the verb")
    found = tablestore.doctor(target, storage_options=place.storage_options or None)
    if as_json:
        findings = [render.fields_of(finding) for finding in found.findings]
        render.emit({**render.fields_of(found), "findings": findings, "ok": found.ok})
    else:
        words = {True: "ok", False: "WRONG", None: "?"}
        for finding in found.findings:
            render.tell(
                f"{finding.name:<10} {words[finding.ok]:<6} {finding.detail} "
                f"({finding.milliseconds} ms)"
            )
        render.tell("versions   " + ", ".join(f"{n} {v}" for n, v in found.versions.items()))
        advice = f": {found.advice}" if found.advice else ""
        render.tell(f"{found.uri}: {found.verdict}{advice}")
    if not found.ok:
        raise typer.Exit(1)
