from __future__ import annotations

import pytest

from tablestore.store.memory import MemoryStore
from tablestore.store.redirected import Redirected


@pytest.fixture
def stores():
    inner = MemoryStore("redirected-test")
    inner.delete_folder("")
    return inner, Redirected(inner, {"a": "b/c/a"})


def test_a_redirected_folder_lies_elsewhere_and_others_do_not(stores):
    inner, store = stores
    store.put("a/x", b"1")
    store.put("d/y", b"2")
    assert store.put_if_absent("a/x", b"3") is False
    stream = store.open_write("a/z")
    stream.write(b"zz")
    stream.close()
    assert (inner.get("b/c/a/x"), inner.get("d/y"), inner.get("b/c/a/z")) == (b"1", b"2", b"zz")
    assert store.get("a/x") == b"1"
    assert store.get_range("a/z", 1, 1) == b"z"
    assert store.open_read("a/z").read() == b"zz"
    assert store.head("a/x").key == "a/x"
    assert store.head("a/none") is None
    assert sorted(info.key for info in store.list("a")) == ["a/x", "a/z"]
    store.delete("a/x")
    assert inner.head("b/c/a/x") is None
    assert store.uri == inner.uri


def test_folders_are_redirected_too(stores):
    inner, store = stores
    store.make_folder("a/f")
    assert inner.has_folder("b/c/a/f")
    store.put("a/f/x", b"1")
    store.rename_folder("a/f", "a/g")
    assert inner.get("b/c/a/g/x") == b"1"
    assert store.has_folder("a/g")
    store.delete_folder("a/g")
    assert not inner.has_folder("b/c/a/g")
