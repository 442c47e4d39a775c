"""``tablestore compact``: the plan, the work, its report, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time

import pytest

import tablestore as ts
from tablestore.cli.main import FAILED, OK, USAGE, run
from tests.support.builders import rows, stored

MAIN = "from tablestore.cli.main import main; main()"


@pytest.fixture
def lake(tmp_path):
    return ts.connect(str(tmp_path / "lake"))


def filled(lake, name="shop.t", commits=6, bucket="2"):
    options = {"bucket": bucket, "write-only": "true"}
    columns = {"id": "BIGINT NOT NULL", "v": "STRING"}
    table = lake.create_table(name, columns, primary_key=["id"], options=options)
    for n in range(commits):
        table.upsert(rows(range(200), str(n)))
    return table


def compact(lake, *arguments):
    return run(["--lake", lake.uri, "compact", *arguments])


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_it_says_the_plan_each_pick_and_the_result(lake, capsys):
    table = filled(lake)
    before = stored(table)
    assert compact(lake, "shop.t") == OK
    out, err = capsys.readouterr()
    assert "2 picks, 12 files" in err
    assert "1 of 2: bucket" in err
    assert "runs a bucket 6.0 -> 1.0" in out
    assert stored(table) == before
    assert [info.runs for info in table.buckets()] == [1, 1]


def test_json_lines_hold_every_step_and_the_result(lake, capsys):
    filled(lake)
    assert compact(lake, "shop.t", "--json") == OK
    lines = events(capsys.readouterr().out)
    assert [line["event"] for line in lines] == ["plan", "plan", "step", "step", "result"]
    assert all(line["table"] == "shop.t" for line in lines)
    assert (lines[0]["runs_before"], lines[0]["runs_after"]) == (6, 1)
    assert lines[0]["bytes_written"] is None
    assert lines[2]["bytes_written"] > 0
    assert lines[-1]["files_before"] == 12
    assert lines[-1]["snapshot_ids"] == [7]


def test_a_dry_run_prints_the_picks_and_does_nothing(lake, capsys):
    table = filled(lake)
    assert compact(lake, "shop.t", "--dry-run") == OK
    assert capsys.readouterr().out.count("size amplification") == 2
    assert compact(lake, "shop.t", "--dry-run", "--json") == OK
    assert [line["event"] for line in events(capsys.readouterr().out)] == ["plan", "plan", "result"]
    assert table.snapshot_id == 6


def test_nothing_to_do_is_said(lake, capsys):
    filled(lake, commits=1)
    assert compact(lake, "shop.t") == OK
    assert "nothing to compact" in capsys.readouterr().out


def test_all_tables_of_the_lake_are_compacted(lake, capsys):
    tables = [filled(lake, name) for name in ("a.t", "b.u")]
    assert compact(lake, "--all", "--full", "--workers", "1", "--memory", "64mb") == OK
    assert [[info.runs for info in table.buckets()] for table in tables] == [[1, 1], [1, 1]]


def test_a_budget_leaves_the_rest_and_says_so(lake, capsys):
    filled(lake)
    assert compact(lake, "shop.t", "--budget-bytes", "1") == OK
    assert "nothing to compact" in capsys.readouterr().out
    assert compact(lake, "shop.t", "--bucket", "1", "--partition", "x=1") == FAILED
    assert "not partitioned by 'x'" in capsys.readouterr().err


def test_a_partition_is_named_in_the_type_of_its_column(lake, capsys):
    columns = {"id": "BIGINT NOT NULL", "day": "DATE NOT NULL", "n": "INT NOT NULL"}
    table = lake.create_table(
        "shop.p",
        columns,
        primary_key=["id", "day", "n"],
        partition_by=["day", "n"],
        options={"bucket": "1", "write-only": "true"},
    )
    for _ in range(2):
        table.upsert([{"id": 1, "day": dt.date(2026, 11, d), "n": d} for d in (1, 2)])
    named = ("--partition", "day=2026-11-02", "--partition", "n=2")
    assert compact(lake, "shop.p", "--full", *named) == OK
    assert [info.runs for info in table.buckets()] == [2, 1]
    assert compact(lake, "shop.p", "--partition", "n=two") == FAILED
    assert "--partition n=two" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("shop.t", "--all"),
        ("--all", "--bucket", "1"),
        ("shop.t", "--watch", "--full"),
        ("shop.t", "--interval", "0"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(lake, arguments, capsys):
    filled(lake, commits=1)
    assert compact(lake, *arguments) == USAGE
    assert "Invalid value" in capsys.readouterr().err


def start(lake, *arguments):
    command = [sys.executable, "-c", MAIN, "--lake", lake.uri, "compact", *arguments, "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_watch_compacts_what_comes_and_ends_at_sigterm(lake):
    table = filled(lake)
    watch = start(lake, "shop.t", "--watch", "--interval", "0.05")
    try:
        assert json.loads(watch.stdout.readline())["event"] == "plan"
        for n in range(6):
            table.upsert(rows(range(200), f"again {n}"))
        while json.loads(watch.stdout.readline())["event"] != "result":
            pass
    finally:
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(60) == OK
        watch.stdout.close()
    assert set(stored(table).values()) == {"again 5"}
    assert table.verify().ok


@pytest.mark.parametrize("after_seconds", [0.0, 0.3, 0.6, 0.9])
def test_a_killed_compaction_loses_nothing(lake, after_seconds):
    table = filled(lake, commits=8, bucket="4")
    before = stored(table)
    job = start(lake, "shop.t", "--full")
    time.sleep(after_seconds)
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    job.stdout.close()
    assert stored(table) == before
    assert table.verify().ok
    table.compact(full=True)
    assert stored(table) == before
    assert [info.runs for info in table.buckets()] == [1] * 4
