"""A read-only or full disk gives one clear sentence; the table stays as it was."""

from __future__ import annotations

import errno
import io
import os

import pytest

import tablestore as ts
from tablestore.errors import StorageUnavailableError
from tests.support.builders import append_table, keyed_table, rows, stored, tree

READING = {os.O_RDONLY, os.O_RDONLY | os.O_DIRECTORY}


@pytest.fixture(params=["primary key", "append"])
def table(request, tmp_path):
    make = keyed_table if request.param == "primary key" else append_table
    made = make(tmp_path, target_file_row_num=1)
    with made.batch() as batch:
        batch.write(rows([1]))
    return made


def write(table):
    with table.batch() as batch:
        batch.write(rows([2], "x" * 5_000_000))


def read_only(monkeypatch):
    """No file can be created or changed, as on a disk that is mounted read-only (root, too)."""
    inner = io.FileIO.__init__

    class FileIO(io.FileIO):
        def __init__(self, path, mode="r", *args, **more):
            if mode != "r" and not mode.startswith("r"):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            inner(self, path, mode, *args, **more)

    def refuse(*args, **more):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(io, "FileIO", FileIO)
    for name in ("mkdir", "unlink", "rename", "replace", "link"):
        monkeypatch.setattr(os, name, refuse)


def test_a_read_only_disk_is_named(table, tmp_path, monkeypatch):
    before = tree(tmp_path)
    with monkeypatch.context() as m:
        read_only(m)
        with pytest.raises(StorageUnavailableError) as caught:
            write(table)
        assert stored(table) == {1: "1"}
    text = str(caught.value)
    assert "read-only" in text.lower()
    assert "bucket-0" in text
    assert "\n" not in text
    assert caught.value.retryable
    assert tree(tmp_path) == before
    write(table)
    assert set(stored(table)) == {1, 2}


def test_a_table_cannot_be_made_on_a_read_only_disk(tmp_path, monkeypatch):
    lake = ts.connect(str(tmp_path))
    with monkeypatch.context() as m:
        read_only(m)
        with pytest.raises(StorageUnavailableError, match=r"(?i)read-only"):
            lake.create_table("shop.t", {"id": "INT"})
    assert tree(tmp_path) == {}


def full_after(monkeypatch, room):
    """A disk with `room` bytes left."""
    left = [room]
    inner = io.FileIO

    class FileIO(inner):
        def write(self, data):
            size = memoryview(data).nbytes
            if size > left[0]:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            left[0] -= size
            return super().write(data)

    monkeypatch.setattr(io, "FileIO", FileIO)


@pytest.mark.parametrize("room", [0, 4, 500, 2_000, 4_000, 5_000, 6_000])
def test_a_full_disk_is_named_and_leaves_no_file(table, tmp_path, monkeypatch, room):
    before, snapshot = tree(tmp_path), table.snapshot_id
    with monkeypatch.context() as m:
        full_after(m, room)
        try:
            with table.batch() as batch:
                batch.write(rows(range(2, 200)))
        except StorageUnavailableError as error:
            assert "disk is full" in str(error)
            assert "\n" not in str(error)
            assert table.snapshot_id == snapshot
            assert tree(tmp_path) == before
        else:
            assert room >= 5_000, "a commit needs more room than that"
    assert 1 in stored(ts.open_table(table.path))


def test_a_disk_that_fills_up_while_files_are_written_leaves_none(table, tmp_path, monkeypatch):
    before = tree(tmp_path)
    with monkeypatch.context() as m:
        full_after(m, 300_000)
        with pytest.raises(StorageUnavailableError, match="disk is full"), table.batch() as batch:
            for n in range(8):
                texts = [f"{n}-{i * 7919}" for i in range(70_000)]
                batch.write(rows(range(n * 70_000, (n + 1) * 70_000), texts))
    assert tree(tmp_path) == before


def test_a_disk_that_fails_to_sync_does_not_commit(table, tmp_path, monkeypatch):
    before, snapshot = tree(tmp_path), table.snapshot_id

    def fail(_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as m:
        m.setattr(os, "fsync", fail)
        with pytest.raises(StorageUnavailableError):
            write(table)
    assert table.snapshot_id == snapshot
    assert tree(tmp_path) == before
