"""Rows in local files come back as they were, and the files never stay."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import pyarrow as pa
import pytest

from tablestore.errors import InvalidInputError, StorageUnavailableError
from tablestore.options.write_buffer import BufferOptions
from tablestore.write.spill import SpillSpace

NESTED = pa.table(
    {
        "id": pa.array(range(10), pa.int64()),
        "t": ["x" * i if i % 3 else None for i in range(10)],
        "l": [[i, None] for i in range(10)],
        "s": [{"a": i, "b": None} for i in range(10)],
        "m": pa.array([[("k", i)] for i in range(10)], pa.map_(pa.string(), pa.int64())),
    }
)


def batches():
    """Slices, as a writer puts them aside."""
    whole = NESTED.to_batches()[0]
    return [whole.slice(3, 4), whole.slice(7, 3), whole.slice(0, 0)]


@pytest.mark.parametrize("codec", ["zstd", "lz4", "none"])
@pytest.mark.parametrize("batch_rows", [1, 3, 100])
def test_rows_come_back_as_often_as_they_are_asked_for(codec, batch_rows):
    space = SpillSpace(codec, 1, None)
    space.add(batches(), batch_rows)
    run = space.runs[0]
    for _ in range(2):
        found = list(run.batches())
        assert pa.Table.from_batches(found).equals(NESTED.slice(3))
        assert max(batch.num_rows for batch in found) <= batch_rows
    assert run.size > 0
    space.clear()
    assert space.runs == []


def test_the_smallest_neighbours_are_joined_and_keep_their_place():
    space = SpillSpace("none", 1, None)
    whole = NESTED.to_batches()[0]
    for start, count in ((0, 5), (5, 1), (6, 1), (7, 3)):
        space.add([whole.slice(start, count)], 10)
    which = space.smallest(2)
    assert which == slice(1, 3)
    space.replace(which, [b for run in space.runs[which] for b in run.batches()], 10)
    assert [sum(b.num_rows for b in run.batches()) for run in space.runs] == [5, 2, 3]
    space.clear()


def test_no_run_is_begun_once_the_files_have_their_bytes():
    space = SpillSpace("none", 1, 10)
    assert space.has_room
    space.add(batches(), 100)
    assert not space.has_room
    space.clear()
    assert space.has_room


def test_a_file_that_lost_its_end_is_an_error():
    space = SpillSpace("zstd", 1, None)
    space.add(batches(), 2)
    file = space.runs[0]._file
    file.truncate(space.runs[0].size - 1)
    with pytest.raises(StorageUnavailableError, match="too short"):
        list(space.runs[0].batches())
    space.clear()


def test_a_run_that_cannot_be_written_leaves_those_before_it():
    space = SpillSpace("zstd", 1, None)
    space.add(batches(), 2)

    def broken():
        yield from batches()
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        space.add(broken(), 2)
    with pytest.raises(OSError, match="No space"):
        space.replace(slice(0, 1), broken(), 2)
    assert [sum(b.num_rows for b in run.batches()) for run in space.runs] == [7]
    space.clear()


@pytest.mark.skipif(sys.platform == "win32", reason="no kill")
def test_a_killed_process_leaves_no_file(tmp_path):
    code = (
        "import os, pyarrow as pa\n"
        "from tablestore.write.spill import SpillSpace\n"
        "space = SpillSpace('none', 1, None)\n"
        "space.add([pa.record_batch({'a': [1, 2]})], 1)\n"
        "print(sum(b.num_rows for b in space.runs[0].batches()), flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (-9, "2\n"), run.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_pythons_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(FileNotFoundError):
        SpillSpace("none", 1, None).add(batches(), 1)


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, BufferOptions()),
        (
            {"write-buffer-size": "64 mb", "write-buffer-spillable": "false"},
            BufferOptions(size=64 << 20, spillable=False),
        ),
        (
            {"spill-compression": "LZO", "write-buffer-spill.max-disk-size": "1 gb"},
            BufferOptions(codec="lz4", disk_max=1 << 30),
        ),
        (
            {"local-merge-buffer-size": "8 mb", "local-sort.max-num-file-handles": "1"},
            BufferOptions(local_merge_size=8 << 20, files_max=2),
        ),
    ],
)
def test_options_of_the_buffer(options, found):
    assert BufferOptions.of(options) == found


def test_a_bad_option_is_named():
    with pytest.raises(InvalidInputError, match=r"option 'spill-compression'.*'gzip'"):
        BufferOptions.of({"spill-compression": "gzip"})
