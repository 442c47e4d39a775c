"""What is kept of a commit whose outcome is unknown, and what becomes of it.

The token is plain text, so that it can be logged, stored and settled by another process.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from tablestore.errors import InvalidInputError
from tablestore.format.manifest import KIND_ADD
from tablestore.format.paths import EARLIEST_HINT

if TYPE_CHECKING:
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.base import CommittedState

FILES_MAX: Final = 8
"""Files of the commit that a token names: any of them in the table proves it."""
_TEXT_MAX: Final = 1 << 20

Outcome = Literal["committed", "not committed", "unknown"]


@dataclass(frozen=True, kw_only=True)
class CommitToken:
    """A commit whose outcome is unknown.

    Attributes:
        user: the commit user.
        identifier: the commit identifier.
        kind: APPEND, OVERWRITE or COMPACT.
        open: snapshot ids that an attempt tried to create with unknown outcome.
        uuids: of the attempts' snapshots.
        job: the job that committed, or None.
        identity: of the commit, in the job's state.
        files: names of some files that it adds.
    """

    user: str
    identifier: int
    kind: str
    open: tuple[int, ...]
    uuids: tuple[str, ...]
    job: str | None = None
    identity: str | None = None
    files: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The token as one line of JSON."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def parse(cls, text: str) -> CommitToken:
        """The token of a text.

        Raises:
            InvalidInputError: it is none.
        """
        token = None
        with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
            found = json.loads(text[:_TEXT_MAX])
            token = cls(**{key: _tuples(value) for key, value in found.items()})
        if token is None or not _is_token(token):
            raise InvalidInputError(
                "expected the token of a CommitUnknownError, found "
                f"{text[:80] if isinstance(text, str) else type(text).__name__!r}"
            )
        return token


@dataclass(frozen=True)
class Resolution:
    """What became of a commit.

    Attributes:
        outcome: "committed", "not committed" (its files may be deleted) or "unknown".
        snapshot_id: the snapshot that it made, where that is known.
        reason: what shows it.
    """

    outcome: Outcome
    snapshot_id: int | None
    reason: str

    def __repr__(self) -> str:
        where = "" if self.snapshot_id is None else f" in snapshot {self.snapshot_id}"
        return f"Resolution({self.outcome}{where}: {self.reason})"


def resolve(state: CommittedState, token: CommitToken) -> Resolution:
    """What became of a commit, as far as it can be told; changes nothing.

    Args:
        state: of the table.
        token: of the commit.

    Cost:
        the snapshots that were tried, and where these were expired the live files.
    """
    latest = state.snapshots.latest(proven=True)
    if token.job is not None and latest is not None:
        found = state.jobs.at(latest).find(token.job)
        if found is not None and found.commit == token.identity:
            return Resolution("committed", found.snapshot, f"job {token.job!r} says so")
    gone = pending = None
    earliest = state.snapshots.read_hint(EARLIEST_HINT) or 0
    for tried in token.open:
        snapshot = state.snapshots.find(tried, fresh=True)
        mine = snapshot is not None and snapshot.uuid in token.uuids
        if mine and tried >= earliest:
            return Resolution("committed", tried, "the snapshot is there")
        if mine:  # its writer may have slept through an expiry: then nobody reads it
            gone = tried
        elif snapshot is None and (latest is None or tried > latest.id):
            pending = tried
        elif snapshot is None:
            gone = tried
    if gone is not None:
        return _by_files(state, token, latest, gone)
    if pending is not None:
        return Resolution(
            "unknown",
            None,
            f"snapshot {pending} is not there, but a delayed request may yet create it until "
            "another commit takes its number",
        )
    return Resolution("not committed", None, "other commits hold the snapshots that were tried")


def _by_files(
    state: CommittedState, token: CommitToken, latest: Snapshot | None, gone: int
) -> Resolution:
    live = {e.file.file_name for e in state.base.live(latest).entries() if e.kind == KIND_ADD}
    if live.intersection(token.files):
        return Resolution("committed", None, "its files are part of the table")
    return Resolution(
        "unknown",
        None,
        f"snapshot {gone} was expired, and none of its files is live: it was never there, or what "
        "it wrote has been compacted or replaced since",
    )


def _tuples(value: Any) -> Any:  # noqa: ANN401
    return tuple(value) if isinstance(value, list) else value


def _is_token(token: CommitToken) -> bool:
    texts = [token.user, token.kind, *token.uuids, *token.files]
    texts += [text for text in (token.job, token.identity) if text is not None]
    numbers = [token.identifier, *token.open]
    return (
        all(isinstance(text, str) for text in texts)
        and all(type(number) is int and 0 <= number < 2**63 for number in numbers)
        and all(isinstance(value, tuple) for value in (token.open, token.uuids, token.files))
    )
