"""Storage, time and chance of a simulated deployment: what happened once can be played again.

Every call that a process makes of the storage is one numbered step. A script says which step
fails and how. The clock moves by steps and sleeps only, ids and waits come from a seed, so that
the same scenario with the same script makes the same calls.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from unittest import mock

from tablestore.metadata.schemas import Schemas
from tablestore.metadata.snapshots import Snapshots

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
START_MS = 1_760_000_000_000
STEP_MS = 2
LATER_MS = 5_000
Objects = dict[str, tuple[bytes, int]]


class ProcessDeath(BaseException):
    """The end of a simulated process: no handler for errors may stop it."""


class TooManyStepsError(AssertionError):
    """A call that does not come to an end."""


@dataclass
class Process:
    """A program: it has its own clock error, and does nothing any more once it is dead.

    Attributes:
        away_until_ms: the storage does not answer it before this moment.
    """

    name: str
    skew_ms: int = 0
    dead: bool = False
    away_until_ms: int = 0

    def die(self) -> None:
        self.dead = True
        raise ProcessDeath(self.name)


@dataclass(frozen=True)
class Step:
    """One call of the storage; ids in the key are replaced, so that runs can be compared."""

    number: int
    process: str
    verb: str
    key: str
    fault: str | None

    def __str__(self) -> str:
        fault = f"  <- {self.fault}" if self.fault else ""
        return f"{self.number:3} {self.process} {self.verb} {self.key}{fault}"


def _at_once(pool: ThreadPoolExecutor, work: Callable[..., object], *args: object) -> Future:
    """What ``submit`` does here: the work, in the thread that asks for it."""
    future: Future = Future()
    try:
        future.set_result(work(*args))
    except BaseException as error:  # noqa: BLE001 (raised to who asks for the result)
        future.set_exception(error)
    return future


@dataclass
class World:
    """All that processes share.

    Attributes:
        objects: the storage: key to bytes and time of the last change.
        script: faults by number of the step.
        seed: of ids and random waits.
        steps: the log.
        now_ms: the clock of the storage.
        before_step: called before each step; a scheduler lets others go first there.
        on_sleep: called instead of moving the clock; a scheduler lets others go on meanwhile.
        current: the process that runs.
        steps_max: a run with more does not come to an end.
        created: the step at which an object was created that must not exist before.
    """

    objects: Objects = field(default_factory=dict)
    script: Mapping[int, str] = field(default_factory=dict)
    seed: int = 0
    steps: list[Step] = field(default_factory=list)
    now_ms: int = START_MS
    before_step: Callable[[Process, str, str], None] | None = None
    on_sleep: Callable[[float], None] | None = None
    current: Process | None = None
    steps_max: int = 5_000
    created: dict[str, int] = field(default_factory=dict)
    _late: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    _hints: dict[str, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # a clock that stood before what is there would make it too young for every expiry
        newest = max((at for _, at in self.objects.values()), default=0)
        self.now_ms = max(self.now_ms, newest + LATER_MS)

    # -- steps ------------------------------------------------------------------------------------

    def step(
        self, process: Process, verb: str, key: str, kinds: tuple[str, ...] = ()
    ) -> str | None:
        """Takes the next number for a call; gives the fault that it must suffer.

        A script that says ``any:N`` means the Nth of the kinds that the call can suffer.
        """
        if process.dead:
            raise ProcessDeath(process.name)
        if self.before_step is not None:
            self.before_step(process, verb, key)
            if process.dead:
                raise ProcessDeath(process.name)
        self.current = process
        number = len(self.steps)
        if number >= self.steps_max:
            raise TooManyStepsError(f"{number} steps, the last one {verb} {key}")
        self._land(number)
        self.now_ms += STEP_MS
        fault = self.script.get(number)
        if fault is not None and fault.startswith("any:"):
            fault = kinds[int(fault[4:]) % len(kinds)]
        self.steps.append(Step(number, process.name, verb, _UUID.sub("*", key), fault))
        return fault

    def later(self, steps: int, effect: Callable[[], object]) -> None:
        """Lets a request arrive some steps from now."""
        self._late.append((len(self.steps) + steps, effect))

    def _land(self, number: int) -> None:
        due = [effect for at, effect in self._late if at <= number]
        self._late = [item for item in self._late if item[0] > number]
        for effect in due:
            effect()

    def land_all(self) -> None:
        """All requests that are still on their way arrive."""
        late, self._late = sorted(self._late, key=lambda item: item[0]), []
        for _, effect in late:
            effect()

    # -- objects ----------------------------------------------------------------------------------

    def put(self, key: str, data: bytes) -> None:
        if key.endswith(("LATEST", "EARLIEST")):
            self._hints.setdefault(key, []).append(data)
        self.objects[key] = (data, self.now_ms)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        if key in self.objects:
            return False
        self.put(key, data)
        self.created.setdefault(key, len(self.steps))
        return True

    def old_hint(self, key: str) -> bytes | None:
        """The oldest value that a hint had, as far as it is known."""
        return next(iter(self._hints.get(key, [])), None)

    # -- time and chance --------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        if self.on_sleep is not None:
            sleeper = self.current
            self.on_sleep(seconds)
            self.current = sleeper
        else:
            self.now_ms += max(1, round(seconds * 1000))

    def wall_ms(self) -> int:
        """The clock of the process that runs."""
        return self.now_ms + (self.current.skew_ms if self.current else 0)

    @contextlib.contextmanager
    def running(self) -> Iterator[World]:
        """Time, ids and random waits come from this world inside the block."""
        ids = random.Random(f"ids {self.seed}")
        state = random.getstate()
        random.seed(f"waits {self.seed}")
        with contextlib.ExitStack() as stack:
            patch = lambda owner, name, new: stack.enter_context(  # noqa: E731
                mock.patch.object(owner, name, new)
            )
            patch(time, "time", lambda: self.wall_ms() / 1000)
            patch(time, "time_ns", lambda: self.wall_ms() * 1_000_000)
            patch(time, "monotonic", lambda: self.now_ms / 1000)
            patch(time, "sleep", self.sleep)
            patch(uuid, "uuid4", lambda: uuid.UUID(int=ids.getrandbits(128), version=4))
            for owner in (Snapshots, Schemas):  # their stop watch is the default of an argument
                patch(owner.__init__, "__defaults__", (lambda: self.now_ms / 1000,))
            # One thread a process: what runs beside another is decided by the schedule alone.
            patch(os, "cpu_count", lambda: 1)
            patch(ThreadPoolExecutor, "submit", _at_once)
            try:
                yield self
            finally:
                random.setstate(state)
