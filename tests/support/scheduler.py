"""Several processes of a simulated deployment, interleaved call by call as a seed says.

Each process is a thread, and only the one with the baton runs. Before every call of the storage
the baton may go to another; who sleeps gives it away until the clock has come that far. Some
processes fall asleep in the middle for longer than anything is retained. The same seed gives the
same run.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.faulty_world import Process, World

JOIN_SECONDS = 60


@dataclass
class _Actor:
    name: str
    work: Callable[[], None]
    baton: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    wake_ms: int = 0
    ended: bool = False
    thread: threading.Thread | None = None


@dataclass
class Scheduler:
    """Runs actors to their end.

    Attributes:
        world: what they share.
        seed: of all choices.
        pause_ms: how long a zombie sleeps.
        pauses: how many sleeps there may be.
    """

    world: World
    seed: int
    pause_ms: int = 0
    pauses: int = 0
    switches: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(f"schedule {self.seed}")
        # from nearly one after another to a change at every call
        self._switching = self._chance.choice((0.05, 0.2, 0.5, 1.0))
        self._pausing = self._chance.choice((0.0, 0.01, 0.05)) if self.pauses else 0.0
        self._actors: list[_Actor] = []
        self._running: _Actor | None = None
        self._over = threading.Event()
        self._errors: list[BaseException] = []

    def run(self, works: dict[str, Callable[[], None]]) -> None:
        """Runs all of them, interleaved.

        Raises:
            AssertionError: one of them does not end.
        """
        self._actors = [_Actor(name, work) for name, work in works.items()]
        for actor in self._actors:
            actor.thread = threading.Thread(target=self._body, args=(actor,), daemon=True)
            actor.thread.start()
        self.world.before_step = self._before_step
        self.world.on_sleep = self._sleep
        try:
            self._hand_on()
            assert self._over.wait(JOIN_SECONDS), "the processes do not come to an end"
        finally:
            self.world.before_step = self.world.on_sleep = None
        for actor in self._actors:
            assert actor.thread is not None
            actor.thread.join(JOIN_SECONDS)
        if self._errors:
            raise self._errors[0]

    def _body(self, actor: _Actor) -> None:
        actor.baton.acquire()
        try:
            actor.work()
        except BaseException as error:  # noqa: BLE001 (a thread's edge: raised to who waits)
            self._errors.append(error)
        actor.ended = True
        self._hand_on()

    def _next(self) -> _Actor | None:
        alive = [actor for actor in self._actors if not actor.ended]
        if not alive:
            return None
        ready = [actor for actor in alive if actor.wake_ms <= self.world.now_ms]
        if not ready:
            self.world.now_ms = min(actor.wake_ms for actor in alive)
            ready = [actor for actor in alive if actor.wake_ms <= self.world.now_ms]
        return self._chance.choice(ready)

    def _hand_on(self) -> None:
        """Gives the baton to another; the caller does not run on unless it gets it back."""
        following = self._running = self._next()
        if following is None:
            self._over.set()
        else:
            following.baton.release()

    def _yield_baton(self) -> None:
        mine = self._running
        assert mine is not None
        following = self._next()
        if following is mine or following is None:
            return
        self.switches += 1
        self._running = following
        following.baton.release()
        mine.baton.acquire()

    def _before_step(self, process: Process, verb: str, key: str) -> None:
        mine = self._running
        assert mine is not None
        if self.pauses and self._chance.random() < self._pausing:
            self.pauses -= 1
            mine.wake_ms = self.world.now_ms + self.pause_ms
            self._yield_baton()
        elif self._chance.random() < self._switching:
            self._yield_baton()

    def _sleep(self, seconds: float) -> None:
        mine = self._running
        assert mine is not None
        mine.wake_ms = self.world.now_ms + max(1, round(seconds * 1000))
        self._yield_baton()
