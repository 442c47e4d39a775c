"""Looks at a storage as a physician would: does it answer, may we write, can it arbitrate?

Everything is over within five seconds: a server that does not answer is known after three, and the
races of the last step end when the time is up.
"""

from __future__ import annotations

import platform
import statistics
import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Final, Literal

from tablestore.errors import InvalidInputError, TablestoreError
from tablestore.store.arbitration import WAY_OUT, broken_race, broken_rule, remove, scratch_key
from tablestore.store.registry import Storage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tablestore.store.metered import Metered

Verdict = Literal["good", "cannot arbitrate", "not writable", "unavailable", "wrong options"]
_RACES_UNTIL_SECONDS: Final = 3.5
_RACERS: Final = 4
_RACES_MAX: Final = 40
_LOOKS: Final = 5
# S3 signs with the time and refuses what is off by a quarter of an hour; expiry counts in hours.
_SKEW_SECONDS_MAX: Final = 60.0
_PACKAGES: Final = ("tablestore-lake", "pyarrow", "fsspec", "s3fs", "aiobotocore", "botocore")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: False where it is wrong, None where it could not be looked at.
        detail: one sentence.
        milliseconds: how long it took.
    """

    name: str
    ok: bool | None
    detail: str
    milliseconds: int = 0


@dataclass(frozen=True)
class Diagnosis:
    """What is known of a storage after a look at it.

    Attributes:
        uri: the place, without secrets.
        verdict: one of a few phrases; ``good`` is the only one that commits can rest on.
        advice: what to do; empty where nothing is.
        findings: in the order they were made.
        versions: of Python and the packages that take part.
        milliseconds: how long it took.
    """

    uri: str
    verdict: Verdict
    advice: str
    findings: tuple[Finding, ...]
    versions: Mapping[str, str] = field(default_factory=dict)
    milliseconds: int = 0

    @property
    def ok(self) -> bool:
        """Whether tables can be kept there."""
        return self.verdict == "good"

    def __repr__(self) -> str:
        tail = f": {self.advice}" if self.advice else ""
        return f"Diagnosis({self.uri} is {self.verdict}, {self.milliseconds} ms{tail})"


def doctor(uri: str, *, storage_options: Mapping[str, Any] | None = None) -> Diagnosis:
    """Whether tables can be kept at a path or URI; never raises for what it finds.

    A few small objects are written there and removed again.

    Args:
        uri: of a lake, a table's folder, or any folder.
        storage_options: as ``connect`` takes them.
    """
    began = time.monotonic()
    try:
        storage = Storage(uri, storage_options)
        look = _Look(storage.store(), began)
    except InvalidInputError as error:
        found = (Finding("options", ok=False, detail=str(error)),)
        return Diagnosis("?", "wrong options", str(error), found, _versions())
    verdict, advice = look.all()
    milliseconds = round((time.monotonic() - began) * 1000)
    return Diagnosis(storage.uri, verdict, advice, tuple(look.found), _versions(), milliseconds)


class _Look:
    """One visit: what was found so far."""

    def __init__(self, store: Metered, began: float) -> None:
        self._store = store
        self._began = began
        self._key = scratch_key()
        self.found: list[Finding] = []

    def all(self) -> tuple[Verdict, str]:
        """Looks at one thing after the other until one is wrong; the verdict and the way out."""
        if (wrong := self._note("answers", self._answers)) is not None:
            return "unavailable", wrong
        try:
            if (wrong := self._note("writes", self._writes)) is not None:
                return "not writable", wrong
            self._note("latency", self._latency)
            self._note("clock", self._clock)
        finally:
            remove(self._store, self._key)
        for name, step in (("condition", self._condition), ("races", self._races)):
            if (wrong := self._note(name, step)) is not None:
                return "cannot arbitrate", f"{wrong}; {WAY_OUT}"
        return "good", ""

    def _note(self, name: str, step: Callable[[], tuple[bool, str]]) -> str | None:
        """Takes a step and notes it; the reason where something is wrong."""
        began = time.monotonic()
        try:
            ok, detail = step()
        except TablestoreError as error:
            ok, detail = False, str(error)
        milliseconds = round((time.monotonic() - began) * 1000)
        self.found.append(Finding(name, ok, detail, milliseconds))
        return None if ok else detail

    def _answers(self) -> tuple[bool, str]:
        count = sum(1 for _ in zip(range(1000), self._store.list(""), strict=False))
        return True, f"the folder holds {count if count < 1000 else 'over 1,000'} entries"

    def _writes(self) -> tuple[bool, str]:
        self._store.put(self._key, b"scratch")
        if self._store.get(self._key) != b"scratch":
            return False, "what was written is not what is read"
        return True, "an object that was written is read at once"

    def _latency(self) -> tuple[bool, str]:
        def spent(call: Callable[[], object]) -> float:
            began = time.perf_counter()
            call()
            return (time.perf_counter() - began) * 1000

        reads = [spent(lambda: self._store.get(self._key)) for _ in range(_LOOKS)]
        writes = [spent(lambda: self._store.put(self._key, b"scratch")) for _ in range(_LOOKS)]
        read, write = statistics.median(reads), statistics.median(writes)
        return True, f"read {read:.1f} ms, write {write:.1f} ms (medians of {_LOOKS})"

    def _clock(self) -> tuple[bool, str]:
        before = time.time()
        self._store.put(self._key, b"scratch")
        after = time.time()
        info = self._store.head(self._key)
        if info is None or not info.modified_ms:
            return True, "the storage does not tell its time"
        theirs = info.modified_ms / 1000
        # servers tell whole seconds: only what lies outside of the write by more is a difference
        skew = max(before - 1 - theirs, theirs - after, 0.0)
        behind = "behind" if theirs < before else "ahead"
        if skew > _SKEW_SECONDS_MAX:
            return False, f"the storage's clock is {skew:.0f} s {behind}: set one of the two"
        return True, "agrees" if skew == 0 else f"the storage's clock is {skew:.1f} s {behind}"

    def _condition(self) -> tuple[bool, str]:
        reason = broken_rule(self._store)
        return reason is None, reason or "an object is created only if it is absent"

    def _races(self) -> tuple[bool, str]:
        rounds = 0
        while rounds < _RACES_MAX:
            reason = broken_race(self._store, _RACERS)
            rounds += 1
            if reason is not None:
                return False, f"{reason} (round {rounds})"
            if time.monotonic() - self._began > _RACES_UNTIL_SECONDS:
                break
        return True, f"exactly one of {_RACERS} won in each of {rounds} races"


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
