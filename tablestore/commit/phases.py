"""Where the time of a commit goes."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tablestore.commit.clock import Clock


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds of the parts of a commit; they add up to a little less than the whole.

    Attributes:
        flush: rows that were still in the buffer became files.
        find: the latest snapshot was looked for, and earlier attempts in it.
        prepare: conflicts were checked, manifests written.
        publish: the snapshot was created and verified.
        wait: pauses after lost races.
        compact: the compaction that the rows made due, with its own commit.
    """

    flush: float = 0.0
    find: float = 0.0
    prepare: float = 0.0
    publish: float = 0.0
    wait: float = 0.0
    compact: float = 0.0

    def __add__(self, other: Phases) -> Phases:
        names = [field.name for field in fields(self)]
        return Phases(*(getattr(self, name) + getattr(other, name) for name in names))

    def __str__(self) -> str:
        named = ((field.name, getattr(self, field.name)) for field in fields(self))
        return ", ".join(f"{name} {value:.1f} ms" for name, value in named if value >= 0.05)


class PhaseWatch:
    """Adds up the time of named phases.

    Args:
        clock: the stop watch.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._spent: Counter[str] = Counter()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Counts the time of the block for a phase of ``Phases``."""
        began = self._clock.monotonic()
        try:
            yield
        finally:
            self._spent[name] += self._clock.monotonic() - began  # type: ignore[assignment]

    @property
    def phases(self) -> Phases:
        """What was spent so far."""
        return Phases(**{name: round(spent * 1000, 1) for name, spent in self._spent.items()})
