"""A program that writes to a real table until it is done, or killed; it tells of every commit.

It runs in a process of its own. What it tells goes straight to a pipe, one line at a time, so
that nothing is told twice or late: ``B n`` before commit n begins, ``A n snapshot began ended``
once it is acknowledged, ``E n error`` where it was refused.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tablestore.errors import TablestoreError
from tablestore.store.metered import Metered
from tablestore.store.registry import open_store
from tablestore.table.components import Components, table_name
from tablestore.table.table import Table

KEYS = 7
COUNTED = ("get", "head", "put", "put_if_absent", "open_read", "open_write", "list", "delete")


@dataclass(frozen=True)
class Job:
    """What a worker does.

    Attributes:
        uri: of the table.
        name: of the worker; tells its rows from those of others.
        first: number of its first commit.
        count: how many commits.
        seed: of what it does beside commits.
        die_at: the call of the storage at which it kills itself, -1 for never.
        after: it dies after that call, not before.
        upkeep: it compacts and expires now and then.
        start: a moment on the monotonic clock to wait for.
    """

    uri: str
    name: int = 0
    first: int = 1
    count: int = 1_000_000
    seed: int = 0
    die_at: int = -1
    after: bool = False
    upkeep: bool = True
    start: float = 0.0
    storage_options: Mapping[str, Any] = field(default_factory=dict)


def rows_of(name: int, number: int) -> dict[int, int]:
    """What commit ``number`` of a worker writes: a row that stays, and one that others replace."""
    value = name * 1_000_000 + number
    return {1_000_000 * (name + 1) + number: value, number % KEYS: value}


class _Mortal:
    """A store whose process dies at one call."""

    def __init__(self, inner: Any, job: Job) -> None:
        self._inner, self._job = inner, job
        self._numbers = itertools.count(1)  # one number a call in all threads

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in COUNTED:
            return method

        def call(*args: Any, **more: Any) -> Any:
            dies = next(self._numbers) == self._job.die_at
            if dies and not self._job.after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return method(*args, **more)
            finally:  # also where the call ends with an error: an object that is not there
                if dies:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def work(job: Job, pipe: int) -> None:
    """The body of the process."""

    def tell(*words: object) -> None:
        os.write(pipe, (" ".join(map(str, words)) + "\n").encode())

    store = open_store(job.uri, dict(job.storage_options))
    table = Table(Components(table_name(job.uri), Metered(_Mortal(store.inner, job))))
    chance = random.Random(f"{job.seed} {job.name} {job.first}")
    while time.monotonic() < job.start:
        time.sleep(0.001)
    for number in range(job.first, job.first + job.count):
        values = rows_of(job.name, number)
        rows = pa.table(
            {
                "id": pa.array(list(values), pa.int64()),
                "v": pa.array(list(values.values()), pa.int64()),
            }
        )
        began = time.monotonic()
        tell("B", number)
        try:
            result = table.upsert(rows)
        except TablestoreError as error:
            tell("E", number, type(error).__name__)
            raise
        tell("A", number, result.snapshot_ids[0], began, time.monotonic())
        if job.upkeep:
            _upkeep(table, chance)
    tell("D", job.name)


def _upkeep(table: Table, chance: random.Random) -> None:
    if chance.random() < 0.15:
        table.compact(full=True, workers=1)
    expire = getattr(table, "expire", None)
    if expire is not None and chance.random() < 0.15:
        expire(older_than="0 s", keep_last=4)
