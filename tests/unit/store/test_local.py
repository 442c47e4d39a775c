"""What only a local disk must promise."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from tablestore.errors import InvalidInputError, NotFoundError, StorageUnavailableError
from tablestore.store.local import LocalStore


@pytest.fixture
def store(tmp_path):
    return LocalStore(str(tmp_path / "t"))


def _fail(monkeypatch, name, code):
    def failing(*args, **kwargs):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, name, failing)


def test_a_full_disk_is_one_clear_sentence_and_leaves_nothing(store, monkeypatch, tmp_path):
    store.put("a/first", b"1")
    _fail(monkeypatch, "fsync", errno.ENOSPC)
    with pytest.raises(StorageUnavailableError) as caught:
        store.put_if_absent("a/x", b"data")
    path = tmp_path / "t" / "a" / "x"
    assert str(caught.value) == (
        f"cannot write {path}: No space left on device (the disk is full: free some space)"
    )
    assert caught.value.detail["landed"] is False
    assert [found.name for found in path.parent.iterdir()] == ["first"]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EROFS, "read-only"),
        (errno.EACCES, "right"),
        (errno.EMFILE, "ulimit"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "disk reports an error"),
    ],
)
def test_a_refusing_disk_says_what_to_do(store, monkeypatch, code, words):
    store.put("first", b"1")
    _fail(monkeypatch, "fsync", code)
    for call in (store.put, store.put_if_absent):
        with pytest.raises(StorageUnavailableError, match=words):
            call("x", b"data")


def test_a_failing_sync_after_the_link_leaves_the_outcome_open(store, monkeypatch):
    store.put("s/first", b"1")
    real = os.fsync

    def only_files(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EIO, "io")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", only_files)
    with pytest.raises(StorageUnavailableError) as caught:
        store.put_if_absent("s/x", b"data")
    assert "landed" not in caught.value.detail
    assert store.get("s/x") == b"data"


def test_a_stream_whose_sync_fails_is_removed(store, monkeypatch):
    stream = store.open_write("d/part-0")
    stream.write(b"abc")
    _fail(monkeypatch, "fsync", errno.ENOSPC)
    with pytest.raises(StorageUnavailableError, match="disk is full"):
        stream.close()
    assert stream.closed
    assert store.head("d/part-0") is None


def test_a_file_system_without_hard_links_cannot_commit(store, monkeypatch):
    _fail(monkeypatch, "link", errno.ENOTSUP)
    with pytest.raises(StorageUnavailableError, match="no hard links") as caught:
        store.put_if_absent("snapshot/snapshot-1", b"data")
    assert caught.value.detail["landed"] is False
    assert list(store.list("snapshot")) == []


def test_the_file_and_then_its_folder_are_synced_before_success(store, monkeypatch, tmp_path):
    store.put("s/first", b"1")
    order = []
    real_sync, real_link = os.fsync, os.link

    def sync(descriptor):
        mode = os.fstat(descriptor).st_mode
        order.append("sync folder" if stat.S_ISDIR(mode) else "sync file")
        real_sync(descriptor)

    def link(*args, **kwargs):
        order.append("link")
        real_link(*args, **kwargs)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "link", link)
    store.put_if_absent("s/x", b"data")
    assert order == ["sync file", "link", "sync folder"]


def test_new_folders_are_synced_in_their_parents(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def sync(descriptor):
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    LocalStore(str(tmp_path / "wh")).put("a/b/x", b"1")
    for folder in (tmp_path, tmp_path / "wh", tmp_path / "wh/a", tmp_path / "wh/a/b"):
        assert str(folder) in synced


def test_temporary_names_begin_with_a_dot(store, monkeypatch, tmp_path):
    names = []
    real = os.link

    def link(source, *args, **kwargs):
        names.append(Path(source).name)
        real(source, *args, **kwargs)

    monkeypatch.setattr(os, "link", link)
    store.put_if_absent("snapshot/snapshot-1", b"data")
    assert names[0].startswith(".snapshot-1.")
    assert names[0].endswith(".tmp")
    assert [info.name for info in store.list("snapshot")] == ["snapshot-1"]


def test_a_dangling_link_counts_as_present(store, tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "x").symlink_to(tmp_path / "nowhere")
    assert store.put_if_absent("x", b"data") is False


def test_a_name_too_long_is_bad_input(store):
    with pytest.raises(InvalidInputError, match="too long"):
        store.put("n" * 300, b"")


def test_a_file_in_the_way_of_a_folder_is_not_found(store):
    store.put("a", b"1")
    with pytest.raises(NotFoundError):
        store.get("a/b")
    assert store.head("a/b") is None


def test_a_truncated_file_does_not_kill_the_reader(store, tmp_path):
    store.put("x", b"a" * 100_000)
    with store.open_read("x") as file:
        os.truncate(tmp_path / "t" / "x", 10)
        assert len(file.read()) == 10
