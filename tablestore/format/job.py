"""What a table knows of the jobs that write to it: one property of a snapshot each, and a marker.

::

    snapshot "properties" : {
      "tablestore.job.<name>"        sealed JSON of a ``JobState``
      "tablestore.jobs.known-since"  decimal id: states in snapshots below it may be missing
    }
    tablestore/jobs                  exists where a job was ever opened
    tablestore/job-<name>            sealed JSON of a ``JobMarker``

Other engines ignore all of it. See ``format_spec/job.md``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from tablestore.errors import CorruptDataError, InvalidInputError
from tablestore.format.json_object import take
from tablestore.format.paths import OWN_FOLDER
from tablestore.format.sealed_json import read_sealed, seal

JOB_PROPERTY: Final = "tablestore.job."
KNOWN_SINCE_PROPERTY: Final = "tablestore.jobs.known-since"
JOBS_PATH: Final = f"{OWN_FOLDER}/jobs"
CHECKPOINT_MAX: Final = 2**63 - 2
"""2^63 - 1 stands for batch commits, and in Java for the end of a job."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,127}")
_BYTES_MAX: Final = 16 << 20
_STATE: Final = "job state"
_MARKER: Final = "job marker"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """How far a job has come, as of the snapshot that holds it.

    Attributes:
        epoch: how many writers have taken the job over.
        writer: the identity of the last of them; an older one may not commit.
        checkpoint: the highest committed checkpoint id; None before the first.
        snapshot: the snapshot of that checkpoint's rows.
        commit: the identity of the call that made it.
        time_millis: when.
        offsets: where the source goes on; None before the first checkpoint.
    """

    epoch: int
    writer: str = ""
    checkpoint: int | None = None
    snapshot: int | None = None
    commit: str = ""
    time_millis: int = 0
    offsets: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class JobMarker:
    """That a job was opened once, for the time when no snapshot says so any more.

    Attributes:
        after: the latest snapshot before it, 0 without any: its state is in later ones only.
    """

    after: int


def check_job_name(name: object) -> str:
    """The name of a job.

    Raises:
        InvalidInputError: it cannot be one.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInputError(
            "the name of a job has 1 to 128 of the characters A-Z a-z 0-9 _ . - and begins with "
            f"a letter, a digit or _; found {name!r}"
        )
    return name


def job_user(name: str) -> str:
    """The commit user of a job: the same for ever, so that other engines can tell its commits."""
    return f"tablestore-job-{name}"


def marker_path(name: str) -> str:
    """Place of a job's marker."""
    return f"{OWN_FOLDER}/job-{name}"


def encode_job_state(state: JobState) -> str:
    """The value of the job's property."""
    return seal(
        {
            "epoch": state.epoch,
            "writer": state.writer,
            "checkpoint": state.checkpoint,
            "snapshot": state.snapshot,
            "commit": state.commit,
            "timeMillis": state.time_millis,
            "offsets": None if state.offsets is None else dict(state.offsets),
        }
    )


def decode_job_state(data: bytes, *, name: str | None = None) -> JobState:
    """The state that a property holds.

    Args:
        data: the property's value.
        name: the property, for error messages.

    Raises:
        CorruptDataError: it is damaged.
    """
    body = read_sealed(data, _STATE, name, bytes_max=_BYTES_MAX)
    state = JobState(
        epoch=take(body, "epoch", int, _STATE, name, needed=True),
        writer=take(body, "writer", str, _STATE, name, needed=True),
        checkpoint=take(body, "checkpoint", int, _STATE, name, needed=False),
        snapshot=take(body, "snapshot", int, _STATE, name, needed=False),
        commit=take(body, "commit", str, _STATE, name, needed=True),
        time_millis=take(body, "timeMillis", int, _STATE, name, needed=True),
        offsets=take(body, "offsets", dict, _STATE, name, needed=False),
    )
    for number in (state.epoch, state.checkpoint or 0, state.snapshot or 0):
        if not 0 <= number < 2**63:
            raise CorruptDataError(_STATE, name=name, expected="a positive long", found=number)
    return state


def encode_job_marker(marker: JobMarker) -> bytes:
    """The bytes of a marker file."""
    return seal({"after": marker.after}).encode()


def decode_job_marker(data: bytes, *, name: str | None = None) -> JobMarker:
    """The marker that the bytes hold.

    Raises:
        CorruptDataError: the bytes are damaged.
    """
    body = read_sealed(data, _MARKER, name, bytes_max=_BYTES_MAX)
    after = take(body, "after", int, _MARKER, name, needed=True)
    if not 0 <= after < 2**63:
        raise CorruptDataError(_MARKER, name=name, expected="a snapshot id", found=after)
    return JobMarker(after)
