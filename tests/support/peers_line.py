"""Talk to another engine in a process of its own: one JSON line each way, so that a crash there is
contained here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


class PeerError(RuntimeError):
    """The other engine answered with an error, or died; the text is its own."""


def serve(
    answer: Callable[..., Any],
    describe: Callable[[BaseException], str],
    clean: Callable[[], None] = lambda: None,
) -> None:
    """Answer requests until standard input ends, then `clean`. Whatever the engine prints goes to
    standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            reply = json.dumps({"value": answer(**json.loads(line))})
        except BaseException as problem:  # noqa: BLE001 (the edge of this process; Rust's panics)
            reply = json.dumps({"error": describe(problem)})
        out.write(reply + "\n")
        out.flush()
    out.flush()
    clean()
    os._exit(0)  # a JVM's or a runtime's own threads must not keep the process


class Worker:
    """The other end of `serve`: starts the process at the first call, one call at a time."""

    def __init__(self, python: Path, module: str, *arguments: str, seconds: float = 300):
        self.command = [str(python), "-m", module, *arguments]
        self.module = module
        self.seconds = seconds
        self.process: subprocess.Popen[str] | None = None
        # its standard error
        self.complaints = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self.lock = threading.Lock()

    def start(self) -> subprocess.Popen[str]:
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(
                self.command,
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.complaints,
                text=True,
                encoding="utf-8",
            )
        return self.process

    def call(self, op: str, **arguments: Any) -> Any:
        with self.lock:
            process = self.start()
            timer = threading.Timer(self.seconds, process.kill)
            timer.start()
            try:
                process.stdin.write(json.dumps({"op": op, **arguments}) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
            except BrokenPipeError:
                line = ""
            finally:
                timer.cancel()
        if not line:
            self.complaints.seek(0)
            last = self.complaints.read()[-600:]
            raise PeerError(f"{self.module} died in {op} (exit {process.wait()}): {last}")
        reply = json.loads(line)
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply["value"]

    def close(self) -> None:
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                pipe.close()
            self.process.wait(timeout=20)
            self.process = None
        self.complaints.close()
