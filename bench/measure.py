"""CPU seconds, and one JSON line for each claim.

CPU, not wall: these machines are shared. A figure is the third repetition in its process, so that
imports, page caches and allocators are warm; both sides of a ratio are measured in one run.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import resource
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

REPETITIONS = 3


def cpu_seconds(*, children: bool = False) -> float:
    """User and system time of this process with all its threads, or of its ended children."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def repeat(
    *works: Callable[[], object], after: Callable[[], object] = lambda: None
) -> list[list[float]]:
    """CPU seconds of each repetition of each piece of work, taken in turns.

    Args:
        works: what to measure.
        after: clears up after each piece; not measured.
    """
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(REPETITIONS):
        for seconds, work in zip(taken, works, strict=True):
            start = cpu_seconds()
            kept = work()
            seconds.append(round(cpu_seconds() - start, 3))
            del kept
            after()
    return taken


def check(claim: str, holds: object) -> None:
    """Stop the bench whose answer is wrong: its time means nothing.

    Raises:
        SystemExit: the claim does not hold.
    """
    if not holds:
        raise SystemExit(f"wrong answer: {claim}")


class Report:
    """Prints the lines of one run, and keeps them.

    Args:
        folder: where ``save`` writes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lines: list[dict[str, Any]] = []
        self._emit({"versions": versions()})

    def bound(
        self, bench: str, ours: float, limit: float | None, bound: float, **more: object
    ) -> None:
        """One claim: ``ours / limit``, or ``ours`` itself where there is no limit, is <= bound."""
        found = ours if limit is None else ours / limit
        line: dict[str, object] = {"bench": bench, "ours": _short(ours)}
        if limit is not None:
            line |= {"limit": _short(limit), "ratio": round(found, 3)}
        self._emit(line | {"bound": bound, "ok": found <= bound} | more)

    def note(self, bench: str, ours: float, limit: float, **more: object) -> None:
        """A ratio that is worth knowing and that nothing is promised for."""
        line = {"bench": bench, "ours": _short(ours), "limit": _short(limit)}
        self._emit(line | {"ratio": round(ours / limit, 3)} | more)

    def absent(self, bench: str, reason: str, *, fails: bool) -> None:
        """A claim that could not be measured here."""
        self._emit({"bench": bench, "absent": reason} | ({"ok": False} if fails else {}))

    def _emit(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        print(json.dumps(line), flush=True)

    @property
    def failed(self) -> list[str]:
        """The claims that do not hold."""
        return [line["bench"] for line in self.lines if line.get("ok") is False]

    def save(self) -> Path:
        """Append the lines to ``results/<date>.jsonl``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{dt.datetime.now(tz=dt.UTC).date().isoformat()}.jsonl"
        with path.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in self.lines)
        return path


def _short(value: float) -> float:
    return value if isinstance(value, int) else round(value, 3)


def versions() -> dict[str, str]:
    """What was measured, and with what."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("tablestore-lake", "pyarrow", "numpy", "numba", "tpchgen-cli"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    found["cpus"] = str(len_cpus())
    return found


def len_cpus() -> int:
    """Processors that this process may use."""
    import os

    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
