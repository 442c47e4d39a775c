"""Real S3 servers for tests: where they come from, how they are started and stopped.

The scripts beside this file install a server through the clients of pip, apt or go, start it in a
folder of its own on 127.0.0.1, and print how to reach it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PORTS = {"seaweedfs": 8, "ceph": 6, "versitygw": 1}
JUDGES = ("seaweedfs", "ceph")
"""Two makes that arbitrate; versitygw does not, and is the control."""
FIRST_PORT, LAST_PORT = 20_000, 32_000  # below those that the system gives to outgoing connections


class ServerMissingError(RuntimeError):
    """A server cannot be installed or started here; the text says why."""


@dataclass(frozen=True)
class Server:
    """A running server.

    Attributes:
        name: of its make.
        bucket: one that exists.
        options: storage options in the words of s3fs.
        pid: of the process whose end is the server's.
    """

    name: str
    bucket: str
    options: dict[str, str]
    pid: int

    def place(self) -> str:
        """A URI that nobody used before."""
        return f"s3://{self.bucket}/{uuid.uuid4().hex[:12]}"


def start(name: str, folder: Path, port: int | None = None) -> Server:
    """Starts a server, or finds it running; its data stays in the folder.

    Raises:
        ServerMissingError: it cannot be had here.
    """
    told = _script(name, "start", str(folder), str(port or _free_port(PORTS[name])))
    words = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    options = {
        "key": words["S3_ACCESS_KEY"],
        "secret": words["S3_SECRET_KEY"],
        "endpoint_url": words["S3_ENDPOINT"],
    }
    return Server(name, words["S3_BUCKET"], options, int(words["PID"]))


def stop(name: str, folder: Path) -> None:
    """Stops a server; one that does not run is no error."""
    _script(name, "stop", str(folder))


@contextlib.contextmanager
def running(name: str, folder: Path) -> Iterator[Server]:
    """A server for the length of a block."""
    server = start(name, folder)
    try:
        yield server
    finally:
        stop(name, folder)


def _script(name: str, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [str(HERE / f"{name}.sh"), *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise ServerMissingError(f"{name}: {problem}") from problem
    if done.returncode:
        raise ServerMissingError(f"{name}: {(done.stderr or done.stdout).strip()[-600:]}")
    return done.stdout


def _free_port(count: int) -> int:
    """The first of some ports in a row that nobody listens to.

    Processes that look at the same time begin at different places.
    """
    span = (LAST_PORT - FIRST_PORT) // 10
    begin = (os.getpid() * 7919 + time.monotonic_ns() // 1000) % span
    for step in range(span):
        port = FIRST_PORT + (begin + step) % span * 10
        if all(_is_free(port + n) for n in range(count)):
            return port
    raise ServerMissingError(f"no {count} free ports between {FIRST_PORT} and {LAST_PORT}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
