"""Every exception that tablestore raises on purpose, named by what the caller does next.

::

    TablestoreError                      kind, retryable, detail
    ├── InvalidInputError (ValueError)   fix the call, the data or the option
    ├── NotFoundError (LookupError)      use another name, or create it
    │   └── SnapshotExpiredError         read again, or keep snapshots longer
    ├── AlreadyExistsError               use another name, or drop it
    ├── CommitConflictError              plan again from the latest snapshot
    ├── CommitUnknownError               ask again what became of it; delete nothing
    ├── WriterFencedError                stop: another writer of the job took over
    ├── JobStateExpiredError             say from where the job goes on
    ├── StorageUnavailableError          try later
    ├── CorruptDataError                 stop; names object, offset, expected, found
    └── UnsupportedFormatError           names the feature

Knows: words and values. Does not know: any other module of the project.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


_SHOWN_MAX: Final = 300


class TablestoreError(Exception):
    """Base of all errors raised on purpose.

    Attributes:
        kind: a stable word for programs (``--json`` prints it).
        retryable: True where the same call may succeed later without a change.
        detail: what happened, as plain values (object, offset, expected, found, ...).
    """

    kind: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **detail: object) -> None:
        super().__init__(message)
        self.detail: dict[str, object] = detail


class InvalidInputError(TablestoreError, ValueError):
    """The call, the data or an option is wrong; nothing was changed."""

    kind = "invalid_input"


class NotFoundError(TablestoreError, LookupError):
    """A database, table, snapshot or object is not there."""

    kind = "not_found"


class SnapshotExpiredError(NotFoundError):
    """The snapshot was there and is not kept any longer; a newer one can be read."""

    kind = "snapshot_expired"


class AlreadyExistsError(TablestoreError):
    """The name is taken; nothing was changed."""

    kind = "already_exists"


class CommitConflictError(TablestoreError):
    """Another commit won and overlaps with this one; plan again from the latest snapshot."""

    kind = "commit_conflict"
    retryable = True


class CommitUnknownError(TablestoreError):
    """Whether the commit took effect is not known; ask again, delete nothing."""

    kind = "commit_unknown"
    retryable = True

    @property
    def token(self) -> str:
        """What ``Table.resolve`` takes to settle the outcome later."""
        return str(self.detail.get("token", ""))


class WriterFencedError(TablestoreError):
    """Another writer took the job over; this one has committed nothing since, and must stop."""

    kind = "writer_fenced"


class JobStateExpiredError(TablestoreError):
    """The job has written to the table, and the snapshots that said how far it came are gone."""

    kind = "job_state_expired"


class StorageUnavailableError(TablestoreError):
    """The storage did not answer, refused, or has no room; try later."""

    kind = "storage_unavailable"
    retryable = True


class CorruptDataError(TablestoreError):
    """Bytes of a table are not what the format says they must be.

    Args:
        what: the kind of object, e.g. ``"manifest"``.
        name: the object's name or path, where it is known.
        offset: byte offset of the finding, where there is one.
        expected: what the format demands.
        found: what is there.
    """

    kind = "corrupt_data"

    def __init__(
        self,
        what: str,
        *,
        name: str | None = None,
        offset: int | None = None,
        expected: object = None,
        found: object = None,
    ) -> None:
        self.what = what
        self.name = name
        self.offset = offset
        self.expected = expected
        self.found = found
        super().__init__(
            self._sentence(), object=name, what=what, offset=offset, expected=expected, found=found
        )

    def _sentence(self) -> str:
        where = f" {self.name}" if self.name else ""
        at = f" at byte {self.offset}" if self.offset is not None else ""
        text = f"{self.what}{where} is damaged{at}"
        if self.expected is not None:
            text += f": expected {_short(self.expected)}"
        if self.found is not None:
            found = _short(self.found)
            text += f", found {found}" if self.expected is not None else f": found {found}"
        return text

    def named(self, name: str) -> CorruptDataError:
        """The same finding with the object's name, for callers that know it."""
        if self.name:
            return self
        return CorruptDataError(
            self.what, name=name, offset=self.offset, expected=self.expected, found=self.found
        )


def _short(value: object) -> str:
    """A value as text of at most ``_SHOWN_MAX`` characters: damaged objects can be long."""
    text = str(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


class UnsupportedFormatError(TablestoreError):
    """The table uses a feature that this version does not support; the message names it."""

    kind = "unsupported_format"


def is_missing(error: BaseException | None) -> bool:
    """Whether an object that is not there is at the bottom of an error."""
    while error is not None:
        if isinstance(error, NotFoundError | FileNotFoundError):
            return True
        error = error.__cause__ or error.__context__
    return False


def nearest(name: str, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` for the closest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
