"""What the suite lets fail: small tables, and what programs do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pyarrow as pa

from tablestore.format.schema import encode_schema
from tablestore.metadata.new_schema import new_table_schema
from tablestore.table.table import Table
from tests.support.faulty_play import (
    ACKED,
    DEAD,
    OPEN,
    Base,
    Operation,
    Play,
    Scenario,
    State,
    contents,
    rows,
)
from tests.support.faulty_world import Process, World
from tests.support.scheduler import Scheduler

COLUMNS = {"id": "INT NOT NULL", "v": "BIGINT"}
PARTED = {"p": "INT NOT NULL", **COLUMNS}
Change = Callable[[State], State]


# -- operations: each writes values that no other one writes -------------------------------------


def _put(values: State) -> Change:
    return lambda state: {**state, **values}


def upsert(values: State) -> Operation:
    return Operation(
        f"upsert {values}", lambda t, _: t.upsert(rows(t.schema, values)), _put(values)
    )


def append(values: State) -> Operation:
    return Operation(
        f"append {values}", lambda t, _: t.append(rows(t.schema, values)), _put(values)
    )


def upsert_and_delete(values: State, gone: list[int]) -> Operation:
    def run(table: Table, _: Play):
        with table.batch() as batch:
            batch.upsert(rows(table.schema, values))
            batch.delete(keys=pa.table({"id": pa.array(gone, pa.int32())}))
        return batch.result

    return Operation(
        f"upsert {values}, delete {gone}",
        run,
        lambda state: {k: v for k, v in {**state, **values}.items() if k not in gone},
    )


def upsert_while(values: State, name: str, other: Operation) -> Operation:
    """An upsert that another process's operation overtakes between flush and commit."""

    def run(table: Table, play: Play):
        with table.batch() as batch:
            batch.write(rows(table.schema, values))
            play.do(name, other)
        return batch.result

    return Operation(f"write {values}, overtaken by {other.name}", run, _put(values))


def delete(where: str, chosen: Callable[[int, int], bool]) -> Operation:
    return Operation(
        f"delete where {where}",
        lambda t, _: t.delete(where=where),
        lambda state: {k: v for k, v in state.items() if not chosen(k, v)},
    )


def update(value: int, where: str, chosen: Callable[[int, int], bool]) -> Operation:
    return Operation(
        f"update to {value} where {where}",
        lambda t, _: t.update(set={"v": str(value)}, where=where),
        lambda state: {k: value if chosen(k, v) else v for k, v in state.items()},
    )


def overwrite(values: State, **how) -> Operation:
    return Operation(
        f"overwrite with {values}",
        lambda t, _: t.overwrite(rows(t.schema, values), **how),
        lambda _: dict(values),
    )


def overwrite_odd(values: State, *, dynamic: bool) -> Operation:
    how = {"dynamic": True} if dynamic else {"partition": {"p": 1}}
    return Operation(
        f"overwrite partition 1 with {values}",
        lambda t, _: t.overwrite(rows(t.schema, values), **how),
        lambda state: {**{k: v for k, v in state.items() if k % 2 == 0}, **values},
    )


def truncate() -> Operation:
    return Operation("truncate", lambda t, _: t.truncate(), lambda _: {})


def compact(**how) -> Operation:
    return Operation(f"compact {how or ''}", lambda t, _: t.compact(workers=1, **how))


def expire(**how) -> Operation:
    how = {"older_than": "0 s", "keep_last": 1, **how}
    return Operation("expire", lambda t, _: _quiet(t.expire(**how)))


def remove_orphans(older_than: str = "0 s") -> Operation:
    how = {"older_than": older_than, "force": True}
    return Operation("remove orphans", lambda t, _: _quiet(t.remove_orphans(**how)))


def _quiet(_: object) -> None:
    """An expiry's result names snapshots that went, not those that came."""


READ = Operation("read", lambda table, _: contents(table.to_arrow()), reads=True)


# -- tables ---------------------------------------------------------------------------------------


def base(*operations: Operation, keyed: bool = True, parted: bool = False, **options) -> Callable:
    """A table on which some operations were done without any fault; made once."""

    @cache
    def made() -> Base:
        spelled = {k.replace("__", ".").replace("_", "-"): str(v) for k, v in options.items()}
        if keyed:
            spelled.setdefault("bucket", "1")
        key = (("p", "id") if parted else ("id",)) if keyed else ()
        schema = new_table_schema(
            "db.t", PARTED if parted else COLUMNS, key, ("p",) if parted else (), spelled, None, 0
        )
        world = World(seed="base")
        world.put("schema/schema-0", encode_schema(schema))
        play = Play(world)
        states: dict[int, State] = {}
        state: State = {}
        with world.running():
            for operation in operations:
                event = play.do("base", operation)
                assert event.error is None, event
                state = operation.change(state) if operation.change else state
                for number in event.ids:
                    states[number] = state
        lags = spelled.get("deletion-vectors.enabled") == "true"
        return Base(dict(world.objects), states, lags)

    return made


def one_after_another(name: str, made: Callable[[], Base], *operations: Operation) -> Scenario:
    """Operations of one program, which is started again where it dies."""

    def play(play: Play) -> None:
        for operation in operations:
            play.do("w", operation)

    return Scenario(name, made, play)


U1, U2, U3 = upsert({1: 10, 2: 20}), upsert({2: 21, 3: 30}), upsert({3: 31})
A1, A2 = append({1: 10, 2: 20}), append({3: 30})
QUIET = {"write_only": "true"}

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        one_after_another("first commit", base(), upsert({1: 100}), upsert({2: 100})),
        one_after_another("append", base(A1, keyed=False), append({5: 50}), append({6: 60})),
        one_after_another(
            "append, buckets",
            base(A1, keyed=False, bucket=1, bucket_key="id", **QUIET),
            append({5: 50}),
            append({6: 60}),
        ),
        one_after_another(
            "upsert with flush",
            base(U1, U2, target_file_row_num=1, **QUIET),
            upsert({1: 100, 2: 100, 4: 100}),
            upsert_and_delete({5: 200}, [3]),
        ),
        one_after_another(
            "partitions",
            base(upsert({1: 10, 2: 20}), parted=True, **QUIET),
            upsert({2: 7, 3: 7}),
            upsert({4: 8}),
        ),
        one_after_another(
            "inline compaction",
            base(U1, U2, num_sorted_run__compaction_trigger=2),
            upsert({4: 40}),
            upsert({5: 50}),
        ),
        one_after_another(
            "manifest merge",
            base(U1, U2, U3, manifest__merge_min_count=2, **QUIET),
            upsert({4: 40}),
            upsert({5: 50}),
        ),
        one_after_another(
            "compact", base(U1, U2, U3, **QUIET), compact(full=True), upsert({4: 40})
        ),
        one_after_another(
            "compact append files",
            base(A1, A2, append({4: 40}), keyed=False),
            compact(full=True),
            append({5: 50}),
        ),
        one_after_another("overwrite", base(U1, U2, **QUIET), overwrite({7: 70}), upsert({8: 80})),
        one_after_another(
            "overwrite a partition",
            base(upsert({1: 10, 2: 20}), parted=True, **QUIET),
            overwrite_odd({3: 30}, dynamic=False),
            overwrite_odd({5: 50}, dynamic=True),
        ),
        one_after_another("truncate", base(U1, **QUIET), truncate(), upsert({1: 11})),
        one_after_another(
            "delete rows of append files",
            base(A1, A2, keyed=False),
            delete("id = 1", lambda k, _: k == 1),
            update(99, "id = 3", lambda k, _: k == 3),
        ),
        one_after_another(
            "deletion vectors",
            base(U1, U2, deletion_vectors__enabled="true", num_sorted_run__compaction_trigger=2),
            upsert({1: 40}),
            compact(full=True),
        ),
    )
}


def _two_writers(play: Play) -> None:
    play.do("b", OPEN)
    play.do("a", upsert_while({1: 100, 4: 100}, "b", upsert({1: 200, 5: 200})))
    play.do("b", upsert({1: 300}))


def _lost_race(play: Play) -> None:
    """Another's commit comes between a writer's look at the latest snapshot and its creation."""

    def before(process: Process, verb: str, _: str) -> None:
        if process.name == "a" and verb == "put_if_absent":
            play.world.before_step = None
            play.do("b", upsert({1: 200, 5: 200}))

    play.world.before_step = before
    play.do("a", upsert({1: 100, 4: 100}))
    play.world.before_step = None
    play.do("a", upsert({4: 101}))


def _stale_counter(play: Play) -> None:
    """A writer whose sequence counter fell behind another's."""
    play.do("a", OPEN)
    for value in (200, 201):
        play.do("b", upsert({1: value, 2: value}))
    # the other one gives key 1 the higher of two numbers
    play.do("a", upsert_while({1: 100}, "b", upsert({2: 202, 1: 202})))
    play.do("a", upsert({1: 101}))


def _with_objects(made: Callable[[], Base], add: Callable[[World], None]) -> Callable[[], Base]:
    """A table to whose storage something is added."""

    @cache
    def more() -> Base:
        world = World(dict(made().objects))
        add(world)
        return replace(made(), objects=dict(world.objects))

    return more


def _tag_and_consumer(world: World) -> None:
    world.put("tag/tag-kept", world.objects["snapshot/snapshot-2"][0])
    world.put("consumer/consumer-slow", b'{\n  "nextSnapshot" : 3\n}')


def _leftovers(world: World) -> None:
    """A writer died before its commit, and another one between files."""
    for at in (14, 12):
        play = Play(World(world.objects, {at: "dies-after"}, seed=f"left {at}"))
        with play.world.running():
            play.do("dead", upsert({1: 1, 2: 2}))
        assert play.events[0].outcome == DEAD


def _job(play: Play) -> None:
    """A program that takes numbers from a source, and goes on where it was when it dies."""
    batches = {n: {10 * n: n, 10 * n + 1: n} for n in (1, 2, 3)}
    done = 0
    for _ in range(6):
        position = _open_job(play)
        if position is None:
            continue
        writer, done = position
        for number in range(done + 1, len(batches) + 1):
            event = play.do("w", _checkpoint(writer, number, batches[number]))
            if event.outcome != ACKED:
                break
            done = number
        else:
            break
    if done == len(batches):
        base_rows = {1: 10, 2: 20}
        play.expected = {k: v for rows in (base_rows, *batches.values()) for k, v in rows.items()}


def _open_job(play: Play):
    found: list = []

    def run(table: Table, _: Play) -> None:
        writer = table.writer("job", handle_sigterm=False)
        found.append((writer, (writer.offsets or {}).get("n", 0)))

    play.do("w", Operation("open job", run))
    return found[0] if found else None


def _checkpoint(writer, number: int, values: State) -> Operation:
    def run(table: Table, _: Play):
        writer.write(rows(table.schema, values))
        return writer.checkpoint(offsets={"n": number})

    return Operation(f"checkpoint {number}", run, _put(values))


def _together(play: Play) -> None:
    """A writer, a compactor, an expirer and a reader, interleaved in one fixed way."""
    works = {
        "w": [upsert({1: 100, 4: 100}), upsert({1: 101})],
        "c": [compact(full=True)],
        "e": [expire(keep_last=2)],
        "r": [READ, READ],
    }
    together(play, works, seed=5)


def together(play: Play, works: dict[str, list[Operation]], seed: int, **how) -> None:
    """Some programs at a time."""

    def body(name: str) -> Callable[[], None]:
        def work() -> None:
            play.do(name, OPEN)
            for operation in works[name]:
                play.do(name, operation)

        return work

    Scheduler(play.world, seed, **how).run({name: body(name) for name in works})


for _name, _base, _play in (
    ("two writers", base(U1, **QUIET), _two_writers),
    ("a lost race", base(U1, **QUIET), _lost_race),
    ("a counter behind another's", base(U1, **QUIET), _stale_counter),
    ("a job", base(A1, keyed=False), _job),
    ("writer, compactor, expirer and reader", base(U1, U2, U3, **QUIET), _together),
):
    SCENARIOS[_name] = Scenario(_name, _base, _play)

_HISTORY = base(U1, U2, compact(full=True), U3, **QUIET)
for _scenario in (
    one_after_another("expire", _HISTORY, expire(), upsert({4: 40}), expire()),
    one_after_another(
        "expire beside a tag and a consumer",
        _with_objects(_HISTORY, _tag_and_consumer),
        expire(),
        upsert({4: 40}),
    ),
    one_after_another(
        "expire on commit",
        base(
            U1,
            U2,
            snapshot__num_retained__min=1,
            snapshot__num_retained__max=2,
            num_sorted_run__compaction_trigger=2,
        ),
        upsert({4: 40}),
        upsert({5: 50}),
    ),
    one_after_another(
        "orphans",
        _with_objects(base(U1, U2, **QUIET), _leftovers),
        remove_orphans(),
        upsert({4: 40}),
    ),
):
    SCENARIOS[_scenario.name] = _scenario
