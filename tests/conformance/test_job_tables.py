"""Tables that jobs write to, with Java as reader, as writer, and as the one that expires them."""

from __future__ import annotations

from pathlib import Path

import pytest

import tablestore as ts
from tablestore.errors import JobStateExpiredError

pytestmark = pytest.mark.interop
NAME = "db.t"
COLUMNS = {"id": "BIGINT NOT NULL", "v": "STRING"}
# a commit of Java under these options keeps its own snapshot only
KEEP_ONE = {
    "snapshot.num-retained.min": "1",
    "snapshot.num-retained.max": "1",
    "snapshot.time-retained": "1 ms",
}


@pytest.fixture(params=["primary key", "append"])
def lake(request, tmp_path):
    lake = ts.connect(str(tmp_path))
    key = ["id"] if request.param == "primary key" else []
    lake.create_table(NAME, COLUMNS, primary_key=key, options={"bucket": "1", "bucket-key": "id"})
    return lake


def checkpoints(lake, numbers):
    with lake.table(NAME).writer("orders") as writer:
        began = writer.offsets
        for n in numbers:
            writer.write([{"id": n, "v": f"row {n}"}])
            writer.checkpoint({"p0": n}, watermark=1_000 + n)
    return began


def rows_of(java, lake):
    return sorted(row[0] for row in java.read(lake.uri, name=NAME))


def ours(lake):
    return sorted(lake.table(NAME).to_arrow()["id"].to_pylist())


def test_java_reads_the_table_of_a_job_and_its_offsets_outlive_our_expiry_of_history(java, lake):
    assert checkpoints(lake, [1, 2, 3]) is None
    assert rows_of(java, lake) == ours(lake) == [1, 2, 3]
    # Java commits and compacts, then we commit on top: that one carries the offsets on
    java.write(lake.uri, name=NAME, rows=[[4, "java"]], compact="full")
    with lake.table(NAME).batch() as batch:
        batch.write([{"id": 5, "v": "ours"}])
    expired_below_latest(lake)
    assert checkpoints(lake, [6]) == {"p0": 3}
    assert rows_of(java, lake) == ours(lake) == [1, 2, 3, 4, 5, 6]
    assert lake.table(NAME).history()[0].watermark == 1_006


def expired_below_latest(lake):
    """Only the latest snapshot is left, with all that it needs."""
    home = Path(lake.table(NAME).path)
    latest = lake.table(NAME).snapshot_id
    for number in range(1, latest):
        (home / f"snapshot/snapshot-{number}").unlink()
    (home / "snapshot/EARLIEST").write_text(str(latest))


def test_offsets_that_java_expired_are_an_error(java, lake):
    checkpoints(lake, [1, 2, 3])
    java.write(lake.uri, name=NAME, rows=[[4, "java"]], options=KEEP_ONE)
    table = lake.table(NAME)
    assert [info.id for info in table.history()] == [table.snapshot_id]
    with pytest.raises(JobStateExpiredError, match="restart_from"):
        table.writer("orders")
    with pytest.raises(JobStateExpiredError):
        table.committer("orders").filter_committed([4])
    assert rows_of(java, lake) == ours(lake) == [1, 2, 3, 4]
    with table.writer("orders", restart_from={"p0": 3}) as writer:
        writer.write([{"id": 5, "v": "again"}])
        writer.checkpoint({"p0": 5})
    assert lake.table(NAME).writer("orders").offsets == {"p0": 5}
    assert rows_of(java, lake) == ours(lake) == [1, 2, 3, 4, 5]


def test_java_leaves_the_folder_of_jobs_alone(java, lake):
    checkpoints(lake, [1])
    java.write(lake.uri, name=NAME, rows=[[2, "java"]])
    java.write(lake.uri, name=NAME, rows=[[3, "java"]], overwrite={})
    home = Path(lake.table(NAME).path)
    assert {path.name for path in (home / "tablestore").iterdir()} == {"jobs", "job-orders"}
    assert lake.table(NAME).writer("orders").offsets == {"p0": 1}
    assert rows_of(java, lake) == ours(lake) == [3]
