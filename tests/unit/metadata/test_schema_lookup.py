from __future__ import annotations

import uuid

import pytest

from tablestore.errors import CorruptDataError, NotFoundError, StorageUnavailableError
from tablestore.format.schema import TableSchema, encode_schema
from tablestore.metadata.schemas import Schemas
from tablestore.store.local import LocalStore
from tablestore.store.memory import MemoryStore
from tablestore.store.metered import Metered
from tablestore.store.redirected import Redirected
from tablestore.types.model import AtomicType, DataField


def schema(schema_id, comment=None):
    fields = (DataField(0, "a", AtomicType(name="INT")),)
    return TableSchema(id=schema_id, fields=fields, highest_field_id=0, comment=comment)


@pytest.fixture
def store():
    return Metered(MemoryStore(uuid.uuid4().hex))


def test_the_latest_schema_is_probed_for_upwards(store):
    for schema_id in range(4):
        store.put(f"schema/schema-{schema_id}", encode_schema(schema(schema_id)))
    mark, seconds = store.snapshot(), iter([0.0, 2.0, 2.0, 4.0, 4.0])
    schemas = Schemas(store, lambda: next(seconds))
    assert schemas.latest(floor=2).id == 3
    assert dict(store.since(mark).verbs) == {"get": 3}
    mark = store.snapshot()
    assert schemas.latest().id == 3
    assert dict(store.since(mark).verbs) == {"get": 1}
    store.put("schema/schema-4", encode_schema(schema(4)))
    assert schemas.latest().id == 4


def test_nobody_is_asked_twice_within_a_second_whether_there_is_a_newer_schema(store):
    now = [0.0]
    store.put("schema/schema-0", encode_schema(schema(0)))
    schemas = Schemas(store, lambda: now[0])
    assert schemas.latest().id == 0
    for schema_id in (1, 2):
        store.put(f"schema/schema-{schema_id}", encode_schema(schema(schema_id)))
    now[0], mark = 0.9, store.snapshot()
    assert schemas.latest().id == 0
    assert store.since(mark).total == 0
    # a snapshot that names a schema shows that it is there
    assert schemas.latest(floor=1).id == 2
    now[0] = 5.0
    schemas.create(schema(3))
    assert schemas.latest().id == 3


def test_on_a_local_disk_a_newer_schema_is_seen_at_once(tmp_path):
    for store in (Metered(LocalStore(str(tmp_path))), Redirected(LocalStore(str(tmp_path)), {})):
        store.put("schema/schema-0", encode_schema(schema(0)))
        schemas = Schemas(store, lambda: 0.0)
        assert schemas.latest().id == 0
        store.put("schema/schema-1", encode_schema(schema(1)))
        assert schemas.latest().id == 1
        store.delete("schema/schema-1")


def test_the_first_two_schemas_may_be_told(store):
    zero, one = encode_schema(schema(0)), encode_schema(schema(1))
    mark = store.snapshot()
    assert Schemas(store).note(zero, None).id == 0
    assert Schemas(store).note(zero, one) is None
    assert Schemas(store).note(None, None) is None
    assert store.since(mark).total == 0


def test_a_folder_without_schemas_is_no_table(store):
    assert Schemas(store).latest() is None


def test_missing_older_schemas_are_no_hindrance(store):
    store.put("schema/schema-2", encode_schema(schema(2)))
    assert Schemas(store).latest().id == 2


def test_a_missing_schema_is_not_found(store):
    with pytest.raises(NotFoundError, match="no schema 7"):
        Schemas(store).load(7)


def test_a_damaged_schema_is_named(store):
    store.put("schema/schema-0", b'{"fields": 3}')
    with pytest.raises(CorruptDataError, match="schema/schema-0"):
        Schemas(store).load(0)


def test_a_schema_with_the_id_of_another_is_damaged(store):
    store.put("schema/schema-0", encode_schema(schema(5)))
    with pytest.raises(CorruptDataError, match="expected id 0, found id 5"):
        Schemas(store).load(0)


def test_a_schema_id_is_given_once(store):
    assert Schemas(store).create(schema(0, "mine")) is True
    assert Schemas(store).create(schema(0, "yours")) is False
    assert Schemas(store).load(0).comment == "mine"


@pytest.mark.parametrize("lands", [True, False])
def test_a_lost_answer_is_settled_by_reading_back(lands):
    inner = MemoryStore(uuid.uuid4().hex)
    put = inner.put_if_absent

    def lost(key, data):
        if lands:
            put(key, data)
        raise StorageUnavailableError("connection reset")

    inner.put_if_absent = lost
    schemas = Schemas(inner)
    if lands:
        assert schemas.create(schema(0)) is True
    else:
        with pytest.raises(StorageUnavailableError):
            schemas.create(schema(0))
