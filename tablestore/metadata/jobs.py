"""How far the jobs that write to a table have come: found in its snapshots.

Every snapshot of ours holds the states of all jobs, so the newest one of ours says all. Only where
another engine has committed since, the snapshots in between are passed over; where that engine has
expired all of ours, the states are lost, and the id from which on they are known says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, JobStateExpiredError, NotFoundError
from tablestore.format.job import (
    JOB_PROPERTY,
    JOBS_PATH,
    KNOWN_SINCE_PROPERTY,
    JobMarker,
    decode_job_marker,
    decode_job_state,
    encode_job_marker,
    encode_job_state,
    marker_path,
)
from tablestore.format.paths import snapshot_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tablestore.format.job import JobState
    from tablestore.format.snapshot import Snapshot
    from tablestore.metadata.snapshots import Snapshots
    from tablestore.store.base import Store

_OURS: Final = "tablestore-"


def is_ours(snapshot: Snapshot) -> bool:
    """Whether we made a snapshot, so that it holds the states of all jobs."""
    return (snapshot.writer_version or "").startswith(_OURS)


def holds_jobs(snapshot: Snapshot) -> bool:
    """Whether a snapshot says of any job how far it came."""
    return any(key.startswith(JOB_PROPERTY) for key in snapshot.properties)


@dataclass(frozen=True)
class JobStates:
    """The states of all jobs as of one snapshot.

    Attributes:
        texts: property to value, as stored.
        known_since: states in snapshots below this id may be missing; 0 where none can be.
        source: the snapshot that holds them, for messages.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    known_since: int = 0
    source: int | None = None

    @classmethod
    def of(cls, snapshot: Snapshot) -> JobStates:
        """What a snapshot of ours holds.

        Raises:
            CorruptDataError: a number is none.
        """
        properties = snapshot.properties
        texts = {key: text for key, text in properties.items() if key.startswith(JOB_PROPERTY)}
        since = properties.get(KNOWN_SINCE_PROPERTY, "0")
        if not (since.isascii() and since.isdigit() and len(since) < 20):
            raise CorruptDataError(
                "snapshot",
                name=snapshot_path(snapshot.id),
                expected=f"an id as {KNOWN_SINCE_PROPERTY}",
                found=since,
            )
        return cls(texts, int(since), snapshot.id)

    @property
    def names(self) -> list[str]:
        """The jobs, sorted."""
        return sorted(key[len(JOB_PROPERTY) :] for key in self.texts)

    def find(self, job: str) -> JobState | None:
        """The state of one job, or None.

        Raises:
            CorruptDataError: it is damaged.
        """
        text = self.texts.get(JOB_PROPERTY + job)
        if text is None:
            return None
        place = "snapshot" if self.source is None else snapshot_path(self.source)
        data = text.encode(errors="surrogatepass")
        return decode_job_state(data, name=f"{place} {JOB_PROPERTY}{job}")

    def after(self, marker: JobMarker | None, job: str) -> JobState | None:
        """The state of a job; None only where it never had one.

        Args:
            marker: says that the job was opened once; None where it never was.
            job: its name.

        Raises:
            JobStateExpiredError: it may have had one, in a snapshot that is gone.
        """
        found = self.find(job)
        if found is None and marker is not None and self.known_since > marker.after + 1:
            raise JobStateExpiredError(
                f"job {job!r} has written to this table, but the snapshots that said how far it "
                f"came (those below {self.known_since}) were expired by another engine; find out "
                "from the rows or the source where it has to go on, and open its writer with "
                "restart_from=…",
                job=job,
                known_since=self.known_since,
            )
        return found

    def following(self, changes: Mapping[str, JobState | None]) -> dict[str, str]:
        """The properties of the next snapshot.

        Args:
            changes: new states by job; None drops a job.
        """
        texts = dict(self.texts)
        for job, state in changes.items():
            if state is None:
                texts.pop(JOB_PROPERTY + job, None)
            else:
                texts[JOB_PROPERTY + job] = encode_job_state(state)
        if self.known_since:
            texts[KNOWN_SINCE_PROPERTY] = str(self.known_since)
        return texts


class Jobs:
    """The jobs of one table; may be shared between threads.

    Args:
        store: rooted at the table.
        snapshots: of the table.
    """

    def __init__(self, store: Store, snapshots: Snapshots) -> None:
        self._store = store
        self._snapshots = snapshots
        self._any = False

    def at(self, latest: Snapshot | None) -> JobStates:
        """The states as of a snapshot.

        Cost:
            nothing where the snapshot is ours; else a look whether there are jobs at all, and if
            so the snapshots down to the newest of ours.
        """
        if latest is None:
            return JobStates()
        if is_ours(latest):
            return JobStates.of(latest)
        if not self._exist():
            return JobStates()
        snapshot = latest
        while snapshot.id > 1:
            below = self._snapshots.find(snapshot.id - 1)
            if below is None:
                return JobStates(known_since=snapshot.id, source=snapshot.id)
            if is_ours(below):
                return JobStates.of(below)
            snapshot = below
        return JobStates()

    def marker(self, job: str) -> JobMarker | None:
        """What says that a job was opened once, or None.

        Raises:
            CorruptDataError: it is damaged.
        """
        key = marker_path(job)
        try:
            data = self._store.get(key)
        except NotFoundError:
            return None
        return decode_job_marker(data, name=key)

    def mark(self, job: str, latest: Snapshot | None) -> JobMarker:
        """The marker of a job, made where there is none; it is durable when this returns."""
        found = self.marker(job)
        if found is not None:
            return found
        # first that there are jobs at all: who sees the state of this one must look for states
        self._store.put_if_absent(JOBS_PATH, b"")
        marker = JobMarker(0 if latest is None else latest.id)
        self._store.put_if_absent(marker_path(job), encode_job_marker(marker))
        return self.marker(job) or marker

    def unmark(self, job: str) -> None:
        """Removes the marker of a job."""
        self._store.delete(marker_path(job))

    def _exist(self) -> bool:
        """Whether a job was ever opened; that there are some does not change any more."""
        if not self._any:
            self._any = self._store.head(JOBS_PATH) is not None
        return self._any
