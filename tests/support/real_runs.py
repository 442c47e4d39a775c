"""Real processes on real storage: killed with SIGKILL, or racing; compared with the model."""

from __future__ import annotations

import multiprocessing
import os
import random
import select
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import tablestore as ts
from tests.support.faulty_objects import java_latest, referred, snapshot_ids
from tests.support.linear import Call, violations
from tests.support.real_worker import Job, rows_of, work

COLUMNS = {"id": "BIGINT NOT NULL", "v": "BIGINT"}
ANSWER_SECONDS = 60.0


@dataclass
class Tally:
    """What came of real runs.

    Attributes:
        kills: processes killed.
        within: of these, inside a commit.
        landed: commits that were not acknowledged, and are there: the process died in between.
        acknowledged: commits whose end was told.
        verified: of these, found in the table.
        lost: acknowledged, and not found.
        doubled: found twice.
    """

    kills: int = 0
    within: int = 0
    landed: int = 0
    acknowledged: int = 0
    verified: int = 0
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)


def context():
    """Processes that begin as copies of one that has loaded everything, and has run nothing."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["tests.support.real_worker"])
    return made


def _body(job: Job, connection) -> None:
    work(job, connection.fileno())


@dataclass
class Worker:
    """A running process and what it told so far."""

    process: Any
    pipe: Any
    told: list[list[str]] = field(default_factory=list)
    _rest: bytes = b""

    @classmethod
    def start(cls, job: Job) -> Worker:
        made = context()
        reading, writing = made.Pipe(duplex=False)
        process = made.Process(target=_body, args=(job, writing), daemon=True)
        process.start()
        writing.close()
        return cls(process, reading)

    def listen(self, seconds: float) -> bool:
        """Takes what was told; False once the process has ended and all was heard."""
        ready, _, _ = select.select([self.pipe], [], [], seconds)
        if not ready:
            return True
        data = os.read(self.pipe.fileno(), 1 << 16)
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.told += [line.decode().split() for line in lines]
        return bool(data)

    def listen_to_the_end(self, seconds: float = ANSWER_SECONDS) -> None:
        end = time.monotonic() + seconds
        while self.listen(0.2):
            if time.monotonic() > end:
                self.kill()
                raise AssertionError(
                    f"the process did not end within {seconds} s: {self.told[-3:]}"
                )
        self.process.join(ANSWER_SECONDS)

    def kill(self) -> None:
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(ANSWER_SECONDS)

    def numbers(self, word: str) -> list[int]:
        return [int(line[1]) for line in self.told if line[0] == word]


def new_table(uri: str, storage_options: Mapping[str, Any] | None = None, **options: str) -> str:
    """A table for real runs; its URI."""
    lake = ts.connect(uri, storage_options=storage_options)
    settings = {"bucket": "1", "num-sorted-run.compaction-trigger": "4", **options}
    return lake.create_table("db.t", COLUMNS, primary_key=["id"], options=settings).path


def fold(commits: list[tuple[int, int]]) -> dict[int, int]:
    """The rows after commits (worker, number) in order."""
    state: dict[int, int] = {}
    for name, number in commits:
        state.update(rows_of(name, number))
    return state


def content(uri: str, storage_options: Mapping[str, Any] | None = None) -> dict[int, int]:
    table = ts.open_table(uri, storage_options=storage_options).to_arrow()
    ids = table["id"].to_pylist()
    assert len(set(ids)) == len(ids), "a key came twice"
    return dict(zip(ids, table["v"].to_pylist(), strict=True))


def check_files(uri: str) -> None:
    """On a local disk: nothing that a snapshot refers to is missing, and Java finds the newest."""
    if "://" in uri:
        return
    root = Path(uri)
    objects = {
        path.relative_to(root).as_posix(): (path.read_bytes(), 0)
        for path in root.rglob("*")
        if path.is_file()
    }
    referred(objects)
    found = java_latest(objects)
    newest = max(snapshot_ids(objects), default=None)
    assert (found.id if found else None) == newest, f"Java reads {found}, newest is {newest}"


def kill_runs(
    uri: str,
    kills: int,
    seed: int,
    *,
    storage_options: Mapping[str, Any] | None = None,
    until: float = float("inf"),
) -> Tally:
    """Kills a writer again and again, at random moments; each time the table is looked at."""
    chance, tally = random.Random(f"kills {seed}"), Tally()
    done: list[tuple[int, int]] = []
    while tally.kills < kills and time.monotonic() < until:
        first = done[-1][1] + 1 if done else 1
        job = Job(uri, 0, first, seed=seed, storage_options=dict(storage_options or {}))
        if chance.random() < 0.5:
            job = replace(job, die_at=chance.randrange(1, 90), after=chance.random() < 0.5)
        worker = Worker.start(job)
        if job.die_at < 0:
            _kill_at_some_moment(worker, chance)
        worker.listen_to_the_end()
        tally.kills += 1
        acked, begun = worker.numbers("A"), worker.numbers("B")
        assert worker.process.exitcode == -signal.SIGKILL, worker.told[-2:]
        done += [(0, number) for number in acked]
        tally.acknowledged += len(acked)
        open_now = [number for number in begun if number not in acked]
        tally.within += bool(open_now)
        _compare(uri, done, open_now, tally, storage_options)
    return tally


def _kill_at_some_moment(worker: Worker, chance: random.Random) -> None:
    """After a few commits, some milliseconds later."""
    wanted = chance.randrange(1, 4)
    end = time.monotonic() + ANSWER_SECONDS
    while len(worker.numbers("B")) < wanted and time.monotonic() < end:
        if not worker.listen(0.2):
            break
    time.sleep(chance.random() * 0.03)
    worker.kill()


def _compare(
    uri: str,
    done: list[tuple[int, int]],
    open_now: list[int],
    tally: Tally,
    storage_options: Mapping[str, Any] | None,
) -> None:
    found = content(uri, storage_options)
    for number in open_now:
        if found == fold([*done, (0, number)]):
            done.append((0, number))
            tally.landed += 1
    tally.verified = len(done) - tally.landed
    if found != fold(done):
        tally.lost += len(set(fold(done).items()) - set(found.items()))
        tally.problems.append(f"after kill {tally.kills}: {found} is not {fold(done)}")
    check_files(uri)


def race(
    uri: str,
    processes: int,
    commits: int,
    *,
    storage_options: Mapping[str, Any] | None = None,
    seconds: float = 300.0,
) -> Tally:
    """Some processes commit to one table as fast as they can; every commit must be there once."""
    start = time.monotonic() + 1.0
    workers = [
        Worker.start(
            Job(
                uri,
                name,
                1,
                commits,
                upkeep=False,
                start=start,
                storage_options=dict(storage_options or {}),
            )
        )
        for name in range(processes)
    ]
    for worker in workers:
        worker.listen_to_the_end(seconds)
    tally = Tally()
    calls = []
    for name, worker in enumerate(workers):
        for line in (line for line in worker.told if line[0] == "A"):
            calls.append(Call(f"{name} {line[1]}", float(line[3]), float(line[4]), int(line[2])))
    tally.acknowledged = len(calls)
    tally.problems += violations(calls, {})
    tally.doubled = len(calls) - len({call.snapshot for call in calls})
    ordered = sorted(calls, key=lambda call: call.snapshot)
    names = [tuple(map(int, call.process.split())) for call in ordered]
    expected, found = fold(names), content(uri, storage_options)
    tally.verified = sum(
        found.get(1_000_000 * (name + 1) + number) == name * 1_000_000 + number
        for name, number in names
    )
    tally.lost = tally.acknowledged - tally.verified
    if found != expected:
        tally.problems.append("the rows are not those of the commits in snapshot order")
    check_files(uri)
    return tally
