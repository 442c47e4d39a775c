"""Every store keeps the same promises."""

from __future__ import annotations

import threading
import uuid

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tablestore.errors import InvalidInputError, NotFoundError
from tablestore.store.fsspec_store import FsspecStore
from tablestore.store.local import LocalStore
from tablestore.store.memory import MemoryStore
from tablestore.store.metered import Metered
from tablestore.store.registry import open_store
from tests.support.fake_s3 import FakeS3


@pytest.fixture(scope="module")
def server():
    with FakeS3() as fake:
        yield fake


@pytest.fixture(params=["local", "memory", "fsspec", "s3"])
def store(request, tmp_path, server):
    name = uuid.uuid4().hex
    if request.param == "s3":
        return open_store(f"s3://bucket/{name}", server.options)
    if request.param == "local":
        inner = LocalStore(str(tmp_path / "root"))
    elif request.param == "memory":
        inner = MemoryStore(name)
    else:
        inner = FsspecStore(fsspec.filesystem("memory"), f"/{name}", "memory")
    return Metered(inner)


def test_what_was_put_is_got(store):
    store.put("a/b/c", b"first")
    store.put("a/b/c", b"second")
    assert store.get("a/b/c") == b"second"
    assert store.head("a/b/c").size == 6
    assert store.head("a/b/c").modified_ms > 0


def test_several_objects_come_in_one_round(store):
    store.put("a", b"1")
    store.put("c", b"3")
    mark = store.snapshot()
    assert store.get_many(["a", "b", "c"]) == [b"1", None, b"3"]
    spent = store.since(mark)
    assert (dict(spent.verbs), spent.rounds, spent.bytes_in) == ({"get": 3}, 1, 2)


def test_a_missing_object_is_not_found(store):
    with pytest.raises(NotFoundError, match="does not exist"):
        store.get("nothing/here")
    assert store.head("nothing/here") is None
    store.delete("nothing/here")


def test_a_range_ends_at_the_objects_end(store):
    store.put("x", bytes(range(100)))
    assert store.get_range("x", 10, 5) == bytes(range(10, 15))
    assert store.get_range("x", 95, 50) == bytes(range(95, 100))


def test_put_if_absent_never_replaces(store):
    assert store.put_if_absent("snapshot/snapshot-1", b"mine") is True
    assert store.put_if_absent("snapshot/snapshot-1", b"yours") is False
    assert store.get("snapshot/snapshot-1") == b"mine"


def test_exactly_one_of_many_racing_creators_wins(tmp_path):
    for inner in (LocalStore(str(tmp_path)), MemoryStore(uuid.uuid4().hex)):
        start = threading.Barrier(8)
        won: list[int] = []

        def create(n, inner=inner, start=start, won=won):
            start.wait()
            if inner.put_if_absent("s/one", str(n).encode()):
                won.append(n)

        threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert inner.get("s/one") == str(won[0]).encode()
        assert [info.name for info in inner.list("s")] == ["one"]


def test_a_listing_shows_the_direct_children_or_all_objects(store):
    for key in ("t/schema/schema-0", "t/snapshot/snapshot-1", "t/note", "other/x"):
        store.put(key, b"1")
    direct = {(info.key, info.is_folder) for info in store.list("t")}
    assert direct == {("t/schema", True), ("t/snapshot", True), ("t/note", False)}
    deep = {info.key for info in store.list("t", recursive=True)}
    assert deep == {"t/schema/schema-0", "t/snapshot/snapshot-1", "t/note"}
    assert list(store.list("absent")) == []
    assert {info.key for info in store.list()} == {"t", "other"}


def test_a_stream_becomes_an_object_when_closed(store):
    table = pa.table({"a": list(range(1000))})
    stream = store.open_write("data/part-0.parquet")
    with pq.ParquetWriter(stream, table.schema) as writer:
        writer.write_table(table)
    stream.close()
    stream.close()
    assert stream.closed
    size = store.head("data/part-0.parquet").size
    for known in (None, size):
        with store.open_read("data/part-0.parquet", known) as file:
            assert pq.ParquetFile(file).read().equals(table)


def test_an_aborted_stream_leaves_nothing(store):
    stream = store.open_write("data/part-1")
    stream.write(b"x" * 100)
    stream.abort()
    stream.abort()
    assert stream.closed
    assert store.head("data/part-1") is None
    assert list(store.list("data")) == []


def test_folders_are_made_renamed_and_deleted(store):
    store.make_folder("shop.db")
    assert store.has_folder("shop.db")
    store.put("shop.db/orders/schema/schema-0", b"{}")
    store.rename_folder("shop.db/orders", "shop.db/o2")
    assert store.get("shop.db/o2/schema/schema-0") == b"{}"
    assert store.head("shop.db/orders/schema/schema-0") is None
    store.delete_folder("shop.db")
    store.delete_folder("shop.db")
    assert not store.has_folder("shop.db")


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a\0b", "a/", ".."]
)
def test_a_hostile_key_is_refused_by_every_verb(store, key):
    calls = [
        lambda: store.get(key),
        lambda: store.get_range(key, 0, 1),
        lambda: store.head(key),
        lambda: store.open_read(key),
        lambda: store.open_write(key),
        lambda: store.put(key, b""),
        lambda: store.put_if_absent(key, b""),
        lambda: store.delete(key),
    ]
    for call in calls:
        with pytest.raises(InvalidInputError, match="not a plain relative path"):
            call()
    if key not in {"", "a/"}:
        with pytest.raises(InvalidInputError, match="not a plain relative path"):
            list(store.list(key))
