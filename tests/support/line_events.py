"""Watch which lines run, with the fastest means that this Python has."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

Wants = Callable[[CodeType], bool]
Seen = Callable[[CodeType, int], bool]


@contextmanager
def line_events(wants: Wants, seen: Seen) -> Iterator[None]:
    """Have `seen` called for lines that run meanwhile.

    Args:
        wants: whether lines of a function are wanted still; asked again and again.
        seen: takes a line; False where it need not come a second time (it may).
    """
    watch = _monitored if sys.version_info >= (3, 12) else _traced
    yield from watch(wants, seen)


def _monitored(wants: Wants, seen: Seen) -> Iterator[None]:
    monitoring = sys.monitoring  # type: ignore[attr-defined]
    tool = next(i for i in range(6) if monitoring.get_tool(i) is None)

    def line(code: CodeType, number: int) -> object:
        return None if wants(code) and seen(code, number) else monitoring.DISABLE

    monitoring.use_tool_id(tool, "lines")
    monitoring.register_callback(tool, monitoring.events.LINE, line)
    monitoring.restart_events()
    monitoring.set_events(tool, monitoring.events.LINE)
    try:
        yield
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)


def _traced(wants: Wants, seen: Seen) -> Iterator[None]:
    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if not wants(frame.f_code):
            return None
        if event == "line":
            seen(frame.f_code, frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
