"""Programs that use one table on simulated storage, and a record of what they were told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tablestore.errors import CommitUnknownError, TablestoreError
from tablestore.store.metered import Metered
from tablestore.table.components import Components
from tablestore.table.table import Table
from tests.support.faulty_store import FaultyStore
from tests.support.faulty_world import Objects, Process, ProcessDeath, World

State = dict[int, int]
ACKED, FAILED, UNKNOWN, DEAD = "acknowledged", "failed", "unknown", "dead"
DEADLINE_MS = 150_000


@dataclass(frozen=True)
class Operation:
    """One call of the product.

    Attributes:
        name: for people.
        run: the call; gets the table and the play, which may let others go in between.
        change: what it does to the rows, id to value; None changes none.
        reads: True gives the rows that it saw.
    """

    name: str
    run: Callable[[Table, Play], Any]
    change: Callable[[State], State] | None = None
    reads: bool = False


OPEN = Operation("open", lambda table, _: table.snapshot_id)


@dataclass
class Event:
    """What a program was told of one operation.

    Attributes:
        began: steps of the log before it.
        ended: steps of the log after it.
        ids: snapshots that it made, as it was told.
    """

    operation: Operation
    process: str
    began: int
    ended: int = -1
    outcome: str = ""
    ids: tuple[int, ...] = ()
    seen: State | None = None
    error: BaseException | None = None
    took_ms: int = 0

    def __str__(self) -> str:
        told = f" {self.ids}" if self.ids else f" {self.error!r}" if self.error else ""
        return f"{self.process}: {self.operation.name} -> {self.outcome}{told}"


@dataclass
class Play:
    """A world, its processes and what they were told.

    Attributes:
        skews: clock errors of processes.
        deadline_ms: no call takes longer.
        expected: the rows at the end, where a program that goes on until it is done says so.
    """

    world: World
    events: list[Event] = field(default_factory=list)
    skews: Mapping[str, int] = field(default_factory=dict)
    deadline_ms: int = DEADLINE_MS
    expected: State | None = None
    _tables: dict[str, tuple[Process, Table]] = field(default_factory=dict)
    _lives: dict[str, int] = field(default_factory=dict)

    def table(self, name: str) -> Table:
        """The table as a process has it open; a process that died is started again."""
        known = self._tables.get(name)
        if known is not None and not known[0].dead:
            return known[1]
        life = self._lives[name] = self._lives.get(name, 0) + 1
        process = Process(f"{name}{life}" if life > 1 else name, self.skews.get(name, 0))
        self._tables[name] = (process, open_table(self.world, process))
        return self._tables[name][1]

    def do(self, name: str, operation: Operation) -> Event:
        """One operation by one process; its errors are noted, not raised."""
        world = self.world
        event = Event(operation, name, len(world.steps))
        self.events.append(event)
        began = world.now_ms
        try:
            result = operation.run(self.table(name), self)
        except CommitUnknownError as error:
            event.outcome, event.error = UNKNOWN, error
        except TablestoreError as error:
            event.outcome, event.error = FAILED, error
        except ProcessDeath as error:
            event.outcome, event.error = DEAD, error
        else:
            event.outcome = ACKED
            event.ids = tuple(getattr(result, "snapshot_ids", ()))
            if operation.reads:
                event.seen = result
        event.ended, event.took_ms = len(world.steps), world.now_ms - began
        return event


def open_table(world: World, process: Process) -> Table:
    return Table(Components("db.t", Metered(FaultyStore(world, process))))


@dataclass(frozen=True)
class Base:
    """A table that scenarios begin with.

    Attributes:
        objects: of its storage.
        states: the rows after each of its snapshots.
        lags: rows are seen once they are compacted (deletion vectors, first-row).
    """

    objects: Objects
    states: Mapping[int, State]
    lags: bool = False


@dataclass(frozen=True)
class Scenario:
    """A few operations on a small table."""

    name: str
    base: Callable[[], Base]
    play: Callable[[Play], None]

    def run(self, script: Mapping[int, str], seed: int = 0) -> Play:
        world = World(dict(self.base().objects), script, seed)
        play = Play(world)
        with world.running():
            self.play(play)
            world.land_all()
        return play


def rows(schema: pa.Schema, values: State) -> pa.Table:
    """Rows of a scenario's table; the partition of a row is its id modulo 2."""
    columns = {
        "id": list(values),
        "v": list(values.values()),
        "p": [number % 2 for number in values],
    }
    return pa.Table.from_pydict({name: columns[name] for name in schema.names}, schema=schema)


def contents(table: pa.Table) -> State:
    """The rows; a key that comes twice is an error."""
    ids = table["id"].to_pylist()
    assert len(set(ids)) == len(ids), f"a key came twice: {sorted(ids)}"
    return dict(zip(ids, table["v"].to_pylist(), strict=True))


@contextlib.contextmanager
def fresh(objects: Objects, seed: int = -1) -> Iterator[Table]:
    """The table as a new process without any fault finds it."""
    world = World(objects, {}, seed)
    with world.running():
        yield open_table(world, Process("fresh"))
