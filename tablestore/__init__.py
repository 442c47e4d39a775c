"""A streaming lakehouse table store: Apache Paimon tables without a JVM.

The public names are listed here once and loaded when they are first used, so that
``import tablestore`` costs milliseconds and brings in neither pyarrow nor numba.

Knows: where each public name lives. Does not know: anything else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tablestore.catalog.filesystem import Lake, connect, open_table
    from tablestore.commit.committer import CommitResult
    from tablestore.commit.message_bytes import PreparedCheckpoint
    from tablestore.errors import (
        AlreadyExistsError,
        CommitConflictError,
        CommitUnknownError,
        CorruptDataError,
        InvalidInputError,
        JobStateExpiredError,
        NotFoundError,
        SnapshotExpiredError,
        StorageUnavailableError,
        TablestoreError,
        UnsupportedFormatError,
        WriterFencedError,
    )
    from tablestore.predicate.nodes import col
    from tablestore.store.doctor import doctor
    from tablestore.table.table import Table

__version__ = "0.1.0"

__all__ = [
    "AlreadyExistsError",
    "CommitConflictError",
    "CommitResult",
    "CommitUnknownError",
    "CorruptDataError",
    "InvalidInputError",
    "JobStateExpiredError",
    "Lake",
    "NotFoundError",
    "PreparedCheckpoint",
    "SnapshotExpiredError",
    "StorageUnavailableError",
    "Table",
    "TablestoreError",
    "UnsupportedFormatError",
    "WriterFencedError",
    "col",
    "connect",
    "doctor",
    "open_table",
]

_HOMES = {
    "CommitResult": "tablestore.commit.committer",
    "Lake": "tablestore.catalog.filesystem",
    "PreparedCheckpoint": "tablestore.commit.message_bytes",
    "Table": "tablestore.table.table",
    "col": "tablestore.predicate.nodes",
    "connect": "tablestore.catalog.filesystem",
    "doctor": "tablestore.store.doctor",
    "open_table": "tablestore.catalog.filesystem",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'tablestore' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES.get(name, "tablestore.errors")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
