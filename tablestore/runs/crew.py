"""Threads that share the steps of one piece of work: decoding, merging and encoding.

The caller is one of them: a step that no other thread has taken up when its result is wanted is
done by whoever wants it. So a crew of one has no threads, and no step can wait for itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")


class Step(Generic[T]):
    """Work that is begun in another thread, or done where its result is wanted."""

    def __init__(self, work: Callable[[], T], pool: ThreadPoolExecutor | None) -> None:
        self._work = work
        self._future: Future[T] | None = None if pool is None else pool.submit(work)

    @property
    def done(self) -> bool:
        """Whether the result is there, or an error."""
        return self._future is not None and self._future.done()

    def help(self) -> bool:
        """Do it here and now; False where a thread has it already, or it is done."""
        pending = self._future is None or self._future.cancel()
        if pending:
            future: Future[T] = Future()
            self._future = future
            try:
                future.set_result(self._work())
            except BaseException as error:  # noqa: BLE001 (raised to who asks for the result)
                future.set_exception(error)
        return pending

    def wait(self) -> None:
        """Return when it is done; do it here where no thread has it."""
        self.help()
        assert self._future is not None
        self._future.exception()

    def result(self) -> T:
        """The result; an error of the work is raised."""
        self.wait()
        assert self._future is not None
        return self._future.result()

    def leave(self) -> None:
        """Do not begin it; wait where it has begun."""
        if self._future is not None and not self._future.cancel():
            self._future.exception()


class Crew:
    """A number of threads, the caller's among them.

    Args:
        threads: how many work at a time.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1, "tablestore-crew") if threads > 1 else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let the threads end; steps that nobody has begun are left."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def alone(self) -> bool:
        """Whether the caller's thread is the only one."""
        return self._pool is None

    def begin(self, work: Callable[[], T]) -> Step[T]:
        """A step that the next free thread takes up."""
        return Step(work, self._pool)

    def each(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """The results of steps that do not need one another, in order."""
        return list(self.in_order(works, len(works)))

    def in_order(self, works: Iterable[Callable[[], T]], waiting: int) -> Iterator[T]:
        """The results of steps in their order, some of them begun before they are wanted.

        Args:
            works: taken from the iterator by the caller's thread only.
            waiting: steps that may be begun, or done, beyond the one that is wanted.
        """
        begun: deque[Step[T]] = deque()
        try:
            for work in works:
                begun.append(self.begin(work))
                if len(begun) > waiting or self.alone:
                    finish_first(begun)
                    yield begun.popleft().result()
            while begun:
                finish_first(begun)
                yield begun.popleft().result()
        finally:
            for step in begun:
                step.leave()


def finish_first(steps: Collection[Step[T]]) -> None:
    """Wait for the first step; while another thread works on it, the caller does the next ones."""
    first: Step[T] | None = None
    for step in steps:
        first = first or step
        if first.done:
            return
        step.help()
    if first is not None:
        first.wait()


ALONE: Final = Crew()
"""The caller's thread and no other."""
