"""What a commit does to the state of its job, decided against the snapshot it builds on.

The decision is taken anew in each attempt, and only one attempt of all writers becomes snapshot
N + 1: so of two writers of one job exactly one goes on, and a checkpoint takes effect once.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tablestore.commit.offsets import moved
from tablestore.errors import WriterFencedError
from tablestore.format.job import JobState

if TYPE_CHECKING:
    from tablestore.format.job import JobMarker
    from tablestore.metadata.jobs import JobStates


@dataclass(frozen=True)
class JobCommit:
    """The part of a job in one commit.

    Attributes:
        job: its name.
        marker: from the time before its first commit.
        writer: the identity of the writer; an older one of the job may not commit.
        claims: the writer takes the job over with this commit; else it must hold it.
        checkpoint: the id of the checkpoint; None leaves them as they are.
        offsets: changes of the source's positions; None changes nothing. A value of None in it
            forgets a position.
        restarts: positions are given anew; what was stored does not count.
        forgets: the job ends for good and is not carried on.
        identity: the same in all attempts of this commit.
    """

    job: str
    marker: JobMarker | None
    writer: str
    claims: bool = False
    checkpoint: int | None = None
    offsets: Mapping[str, Any] | None = None
    restarts: bool = False
    forgets: bool = False
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))

    def done(self, states: JobStates) -> JobState | None:
        """The job's state, where the checkpoint is committed already; None where it is to be.

        Raises:
            WriterFencedError: another writer took the job over.
            JobStateExpiredError: what was committed is not known any more.
        """
        state = states.find(self.job) if self.restarts else states.after(self.marker, self.job)
        if state is not None and state.commit == self.identity:
            return state
        if not self.claims and (state is None or state.writer != self.writer):
            raise WriterFencedError(
                f"another writer of job {self.job!r} was opened after this one, which may commit "
                "nothing any more; its rows since the last checkpoint were not committed",
                job=self.job,
                epoch=None if state is None else state.epoch,
            )
        if state is None or self.checkpoint is None or state.checkpoint is None:
            return None
        return state if self.checkpoint <= state.checkpoint else None

    def following(self, states: JobStates, snapshot_id: int, now_ms: int) -> JobState | None:
        """The job's state once the snapshot is there; None where the job ends for good.

        Args:
            states: as of the snapshot before.
            snapshot_id: of the snapshot to be made.
            now_ms: its time.
        """
        if self.forgets:
            return None
        before = states.find(self.job) or JobState(epoch=0)
        taken = self.checkpoint is not None or self.restarts
        return JobState(
            epoch=before.epoch + self.claims,
            writer=self.writer,
            checkpoint=before.checkpoint if self.checkpoint is None else self.checkpoint,
            snapshot=snapshot_id if taken else before.snapshot,
            commit=self.identity,
            time_millis=now_ms if taken else before.time_millis,
            offsets=self._moved(before.offsets) if taken else before.offsets,
        )

    def _moved(self, before: Mapping[str, Any] | None) -> dict[str, Any]:
        return moved({} if self.restarts else before or {}, self.offsets or {})
