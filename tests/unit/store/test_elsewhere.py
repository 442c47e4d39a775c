"""Objects whose key is a URI are read from where it says."""

from __future__ import annotations

import pytest

from tablestore.errors import NotFoundError
from tablestore.store import registry
from tablestore.store.registry import open_store


@pytest.fixture
def store(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x").write_bytes(b"0123456789")
    return open_store(str(tmp_path / "lake"))


@pytest.mark.parametrize("scheme", ["file:", "file://"])
def test_objects_elsewhere_are_read_and_counted(store, tmp_path, scheme):
    key = f"{scheme}{tmp_path}/out/x"
    mark = store.snapshot()
    assert store.get(key) == b"0123456789"
    assert store.get_range(key, 2, 3) == b"234"
    assert store.head(key).size == 10
    with store.open_read(key) as file:
        assert file.read() == b"0123456789"
    assert store.since(mark).total == 4


def test_objects_that_are_not_there_are_missed_by_name(store, tmp_path):
    assert store.head(f"file:{tmp_path}/out/y") is None
    with pytest.raises(NotFoundError, match="y"):
        store.get(f"file:{tmp_path}/out/y")


def test_names_with_a_colon_are_no_uris(store):
    store.put("dt=a:b/x", b"1")
    assert store.get("dt=a:b/x") == b"1"


def test_options_go_to_their_own_scheme_only(monkeypatch):
    opened = []

    class Anything:
        def head(self, key):
            return None

    def note(scheme, root, options):
        opened.append((scheme, root, sorted(options)))
        return Anything()

    monkeypatch.setattr(registry, "_open_fsspec", note)
    store = open_store("gs://lake/t", {"token": "secret"})
    store.head("gs://other/b/x")
    store.head("oss://other/b/x")
    assert opened[1:] == [("gs", "other/b", ["token"]), ("oss", "other/b", [])]
