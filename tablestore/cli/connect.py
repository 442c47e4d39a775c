"""From what the user typed to the lake and table it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import tablestore
    from tablestore.table.inspect import Inspection

_FOLDER = re.compile(r"^(?P<lake>.+?)/+(?P<database>[^/]+)\.db/+(?P<table>[^/]+)/*$")


@dataclass(frozen=True, slots=True)
class Place:
    """The lake of this command line, and how to reach it."""

    lake: str | None
    storage_options: dict[str, str]


def pairs(texts: Iterable[str], option: str = "--storage-option") -> dict[str, str]:
    """The mapping that repeated ``KEY=VALUE`` options make.

    Raises:
        typer.BadParameter: One of them has no ``=``.
    """
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            # Not what was found: it may be a secret whose key was forgotten.
            raise typer.BadParameter(f"{option} takes KEY=VALUE, found a text without '='")
        found[key.strip()] = value.strip()
    return found


def without_user(uri: str) -> str:
    """A path or URI without the credentials in it, to be shown."""
    scheme, separator, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}" if separator else uri


def is_path(table: str) -> bool:
    """Whether a TABLE argument is a path or URI and not ``db.name``."""
    return "/" in table or "\\" in table or table.startswith("~")


def open_lake(context: typer.Context) -> tablestore.Lake:
    """The lake that ``--lake`` or ``TABLESTORE_LAKE`` names.

    Raises:
        typer.BadParameter: Neither is given.
    """
    import tablestore

    place: Place = context.obj
    if not place.lake:
        raise typer.BadParameter("no lake: give --lake URI before the verb, or set TABLESTORE_LAKE")
    return tablestore.connect(place.lake, storage_options=place.storage_options or None)


def open_table(
    context: typer.Context, table: str, *, branch: str | None = None
) -> tablestore.Table:
    """The existing table that a TABLE argument names, or a branch of it."""
    if not is_path(table):
        return open_lake(context).table(table, branch=branch)
    import tablestore

    place: Place = context.obj
    options = place.storage_options or None
    return tablestore.open_table(table, branch=branch, storage_options=options)


def inspect_file(context: typer.Context, path: str) -> Inspection:
    """What the file of a FILE argument holds."""
    from tablestore.table.inspect import inspect_file as inspect

    place: Place = context.obj
    return inspect(path, storage_options=place.storage_options or None)


def locate(context: typer.Context, table: str) -> tuple[tablestore.Lake, str]:
    """The lake and the ``db.name`` that a TABLE argument names, whether or not it exists.

    Raises:
        typer.BadParameter: The path does not have the form ``.../db.db/table``.
    """
    if not is_path(table):
        return open_lake(context), table
    found = _FOLDER.match(table)
    if found is None:
        raise typer.BadParameter(
            f"{without_user(table)!r} is no table's folder: expected LAKE/DATABASE.db/TABLE, or "
            "give --lake and db.name"
        )
    import tablestore

    place: Place = context.obj
    lake = tablestore.connect(found["lake"], storage_options=place.storage_options or None)
    return lake, f"{found['database']}.{found['table']}"
