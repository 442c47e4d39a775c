from __future__ import annotations

import uuid

import fsspec
import pytest

from tablestore.errors import InvalidInputError
from tablestore.store.fsspec_store import FsspecStore
from tablestore.store.local import LocalStore
from tablestore.store.memory import MemoryStore
from tablestore.store.metered import Metered, Watch
from tablestore.store.ranged import WHOLE_BYTES
from tablestore.store.redirected import Redirected
from tablestore.store.registry import open_store


def test_an_operation_reports_its_own_requests_only():
    store = Metered(MemoryStore(uuid.uuid4().hex))
    store.put("before", b"12345")
    mark = store.snapshot()
    store.put("x", b"123")
    store.get("x")
    store.get("x")
    list(store.list())
    spent = store.since(mark)
    assert dict(spent.verbs) == {"put": 1, "get": 2, "list": 1}
    assert (spent.total, spent.bytes_in, spent.bytes_out) == (4, 6, 3)
    assert spent["delete"] == 0
    assert "get 2" in str(spent)


def test_a_failed_request_counts_too():
    store = Metered(MemoryStore(uuid.uuid4().hex))
    with pytest.raises(LookupError):
        store.get("nothing")
    assert store.snapshot()["get"] == 1


def test_the_bytes_of_a_stream_count_when_it_is_closed():
    store = Metered(MemoryStore(uuid.uuid4().hex))
    stream = store.open_write("x")
    stream.write(b"12345678")
    stream.close()
    store.open_write("y").abort()
    assert store.snapshot().bytes_out == 8
    assert store.snapshot()["open_write"] == 2


def test_each_piece_of_a_remote_file_is_a_request():
    inner = FsspecStore(fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}", "memory")
    store = Metered(inner)
    store.put("x", bytes(WHOLE_BYTES + 1))
    mark = store.snapshot()
    with store.open_read("x", WHOLE_BYTES + 1) as file:
        file.seek(900)
        file.read(50)
        file.seek(0)
        file.read(100)
    spent = store.since(mark)
    assert dict(spent.verbs) == {"get_range": 2}
    assert spent.bytes_in == 150


def test_a_small_remote_file_comes_in_one_piece():
    inner = FsspecStore(fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}", "memory")
    store = Metered(inner)
    store.put("x", bytes(range(200)))
    with store.open_read("x", 200) as file:
        assert file.read(2) == b"\0\1"
        file.seek(150)
        assert file.read() == bytes(range(150, 200))
    assert store.snapshot()["get_range"] == 1


def test_a_scheme_chooses_its_store(tmp_path):
    assert isinstance(open_store(str(tmp_path)).inner, LocalStore)
    assert open_store(f"file://{tmp_path}").uri == str(tmp_path)
    assert isinstance(open_store("memory://x").inner, MemoryStore)
    with pytest.raises(InvalidInputError, match="nope://"):
        open_store("nope://x")


def test_nested_memory_roots_see_the_same_objects():
    name = uuid.uuid4().hex
    open_store(f"memory://{name}").put("db/t/x", b"1")
    assert open_store(f"memory://{name}/db/t").get("x") == b"1"


def test_secrets_in_a_uri_are_not_shown():
    store = open_store("s3://key:secret@bucket/path")
    assert "secret" not in store.uri
    assert "secret" not in repr(store)
    assert store.uri == "s3://bucket/path"


def test_a_storage_that_cannot_arbitrate_is_refused():
    store = FsspecStore(fsspec.filesystem("file"), "/tmp/x", "file")
    with pytest.raises(InvalidInputError, match="no way to create"):
        store.put_if_absent("snapshot/snapshot-1", b"")


def test_a_watch_sums_what_the_stores_made_meanwhile_are_asked_for():
    before = open_store(f"memory://{uuid.uuid4().hex}")
    with Watch() as watch:
        one, two = (open_store(f"memory://{uuid.uuid4().hex}") for _ in range(2))
        one.put("a", b"123")
        two.get_many(["x", "y"])
        before.put("b", b"1")
        branch = Metered(Redirected(two, {"snapshot": "branch/snapshot"}))
        branch.put("snapshot/z", b"12")
    found = watch.requests
    assert (found.verbs, found.rounds, found.bytes_out) == ({"put": 2, "get": 2}, 3, 5)
    open_store("memory://later").put("c", b"1")
    assert watch.requests == found
