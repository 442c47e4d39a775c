"""Names of databases and tables: what is allowed, and how ``db.table`` is read."""

from __future__ import annotations

import re
from typing import Final

from tablestore.errors import InvalidInputError

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_\-]{0,127}\Z")


def check_name(kind: str, name: str) -> str:
    """The name itself.

    Args:
        kind: "database" or "table", for the message.
        name: what the user gave.

    Raises:
        InvalidInputError: it could leave its folder, or other engines could not spell it.
    """
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidInputError(
            f"{name!r} is not a {kind} name: expected 1 to 128 letters, digits, '_' or '-', not "
            "beginning with '-'",
            name=str(name),
        )
    return name


def split_name(name: str) -> tuple[str, str]:
    """Database and table of ``db.table``.

    Raises:
        InvalidInputError: it has another form.
    """
    if not isinstance(name, str) or name.count(".") != 1:
        raise InvalidInputError(
            f"{name!r} is not a table name: expected database.table", name=str(name)
        )
    database, table = name.split(".")
    return check_name("database", database), check_name("table", table)
