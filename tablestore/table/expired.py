"""Tells a reader whose files went that its snapshot was expired, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tablestore.errors import (
    CorruptDataError,
    NotFoundError,
    SnapshotExpiredError,
    is_missing,
)
from tablestore.format.paths import tag_path

if TYPE_CHECKING:
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.base import CommittedState


@contextmanager
def reading(
    state: CommittedState, name: str, snapshot: Snapshot | None, tag: str | None = None
) -> Iterator[None]:
    """A block that reads a snapshot: where a file is missing because it was expired, that is said.

    Args:
        state: of the table.
        name: of the table, for messages.
        snapshot: what is read.
        tag: the tag that it was found by, or None.

    Raises:
        SnapshotExpiredError: the snapshot, or the tag that kept it, is gone.
        NotFoundError: something is missing for another reason.
        CorruptDataError: something is damaged, or missing for another reason.
    """
    try:
        yield
    except (NotFoundError, CorruptDataError) as error:
        gone = _explained(state, name, snapshot, tag, error)
        if gone is None:
            raise
        raise gone from error


def _explained(
    state: CommittedState,
    name: str,
    snapshot: Snapshot | None,
    tag: str | None,
    error: Exception,
) -> SnapshotExpiredError | None:
    if snapshot is None or isinstance(error, SnapshotExpiredError) or not is_missing(error):
        return None
    if tag is None:
        if not state.snapshots.is_expired(snapshot.id):
            return None
        return expired_error(state, name, snapshot.id, " while you read it")
    if state.store.head(tag_path(tag)) is not None:
        return None
    return SnapshotExpiredError(
        f"table {name}: tag {tag!r} was deleted while you read it", snapshot=snapshot.id, tag=tag
    )


def expired_error(
    state: CommittedState, name: str, snapshot_id: int, when: str = ""
) -> SnapshotExpiredError:
    """The error for a snapshot that once was."""
    latest = state.snapshots.latest()
    newest = None if latest is None else latest.id
    return SnapshotExpiredError(
        f"table {name}: snapshot {snapshot_id} was expired{when}; read again (the latest is "
        f"{newest}), or keep snapshots longer: a larger snapshot.time-retained, a tag, or a "
        "consumer",
        snapshot=snapshot_id,
        latest=newest,
    )
