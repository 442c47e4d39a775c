"""Small tables, files and faults for the tests of commits; no rows are ever written."""

from __future__ import annotations

import uuid

from tablestore.commit.committer import Committer
from tablestore.commit.message import CommitMessage, CompactIncrement, DataIncrement
from tablestore.commit.settings import CommitSettings
from tablestore.errors import StorageUnavailableError
from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import EMPTY_ROW, EMPTY_STATS, DataFileMeta
from tablestore.format.schema import TableSchema
from tablestore.metadata.base import CommittedState
from tablestore.store.memory import MemoryStore
from tablestore.store.metered import Metered
from tablestore.types.model import AtomicType, DataField

INT = AtomicType(name="INT", nullable=False)
TEXT = AtomicType(name="VARCHAR", length=10, nullable=False)

KEYED = TableSchema(
    id=0,
    fields=(DataField(0, "id", INT), DataField(1, "v", TEXT)),
    highest_field_id=1,
    primary_keys=("id",),
    options={"bucket": "2"},
)
PARTITIONED = TableSchema(
    id=0,
    fields=(DataField(0, "dt", TEXT), DataField(1, "id", INT)),
    highest_field_id=1,
    partition_keys=("dt",),
    primary_keys=("dt", "id"),
    options={"bucket": "2"},
)
APPENDING = TableSchema(
    id=0,
    fields=(DataField(0, "id", INT),),
    highest_field_id=0,
    options={"bucket": "-1"},
)


def key(number):
    return encode_row([number], [INT])


def partition(text):
    return encode_row([text], [TEXT])


def data_file(name=None, *, rows=10, seq=(0, 9), level=0, keys=(1, 10)):
    return DataFileMeta(
        file_name=name or f"data-{uuid.uuid4()}-0.parquet",
        file_size=1000,
        row_count=rows,
        min_key=key(keys[0]),
        max_key=key(keys[1]),
        key_stats=EMPTY_STATS,
        value_stats=EMPTY_STATS,
        min_sequence_number=seq[0],
        max_sequence_number=seq[1],
        schema_id=0,
        level=level,
        creation_time_ms=0,
        delete_row_count=0,
        file_source=0,
        value_stats_cols=(),
    )


def added(*files, part=EMPTY_ROW, bucket=0, total=2, deleted=()):
    return CommitMessage(
        part, bucket, total, data=DataIncrement(new_files=files, deleted_files=tuple(deleted))
    )


def compacted(before, after, *, part=EMPTY_ROW, bucket=0, total=2, new=()):
    return CommitMessage(
        part,
        bucket,
        total,
        data=DataIncrement(new_files=tuple(new)),
        compact=CompactIncrement(before=tuple(before), after=tuple(after)),
    )


class FakeClock:
    """Time that passes only by sleeping."""

    def __init__(self):
        self.seconds = 1_000.0
        self.slept = []

    def now_ms(self):
        return int(self.seconds * 1000)

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.seconds += max(seconds, 0.001)


class FaultyStore:
    """Passes calls on, except those a script says must fail.

    ``script[(verb, key)]`` is a list of faults, one for each such call: None passes; "absent"
    fails before the effect; "landed" fails after it; "refused" fails and says so; a callable is
    run first.
    """

    def __init__(self, inner):
        self.inner = inner
        self.uri = inner.uri
        self.script = {}
        self.log = []

    def fail(self, verb, object_key, *faults):
        self.script[verb, object_key] = list(faults)

    def _call(self, verb, object_key, *args):
        self.log.append((verb, object_key))
        faults = self.script.get((verb, object_key), [])
        fault = faults.pop(0) if faults else None
        if fault == "refused":
            raise StorageUnavailableError("the disk is full", landed=False)
        if fault == "absent":
            raise StorageUnavailableError("connection reset")
        if callable(fault):
            fault()
        result = getattr(self.inner, verb)(object_key, *args)
        if fault == "landed":
            raise StorageUnavailableError("connection reset after the effect")
        return result

    def get(self, object_key):
        return self._call("get", object_key)

    def head(self, object_key):
        return self._call("head", object_key)

    def put(self, object_key, data):
        return self._call("put", object_key, data)

    def put_if_absent(self, object_key, data):
        return self._call("put_if_absent", object_key, data)

    def delete(self, object_key):
        return self._call("delete", object_key)

    def __getattr__(self, name):
        return getattr(self.inner, name)


class Table:
    """A table in memory, and committers to it."""

    def __init__(self, schema=KEYED, store=None):
        self.name = uuid.uuid4().hex
        self.schema = schema
        self.store = Metered(store or MemoryStore(self.name))
        self.state = CommittedState(self.store)
        self.clock = FakeClock()
        if self.state.schemas.latest() is None:
            self.state.schemas.create(schema)

    def other(self, store=None):
        """The same table as another process sees it."""
        other = object.__new__(Table)
        other.name, other.schema, other.clock = self.name, self.schema, FakeClock()
        other.store = Metered(store or self.store.inner)
        other.state = CommittedState(other.store)
        return other

    def committer(self, user=None, **more):
        settings = more.pop("settings", CommitSettings())
        user = user or uuid.uuid4().hex
        return Committer(self.state, self.schema, user, settings=settings, clock=self.clock, **more)

    def commit(self, *messages, **more):
        return self.committer().commit(messages, **more)

    def live(self):
        """Names of the live files as a reader without caches finds them."""
        state = CommittedState(getattr(self.store.inner, "inner", self.store.inner))
        latest = state.snapshots.latest()
        return sorted(e.file.file_name for e in state.manifests.live(latest).entries)

    def objects(self, folder):
        return sorted(info.name for info in self.store.inner.list(folder))
