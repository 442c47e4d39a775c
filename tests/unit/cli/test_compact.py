"""``tablestore compact``: the plan, the work, its report, and how it ends."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import tablestore as ts
from tablestore.cli import compact as compact_verb
from tablestore.cli.compact_output import Output
from tablestore.cli.connect import Place
from tablestore.cli.main import FAILED, OK, RETRY, USAGE, run
from tablestore.table import table as table_module
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


def of_another_engine(lake, name):
    """A table whose compaction would lose its changelog."""
    table = filled(lake, name)
    schema = Path(table.path, "schema", "schema-0")
    found = json.loads(schema.read_text())
    found["options"]["changelog-producer"] = "lookup"
    schema.write_text(json.dumps(found))


def test_all_passes_over_what_it_must_not_compact_and_says_why(lake, capsys):
    of_another_engine(lake, "a.t")
    table = filled(lake, "b.u")
    assert compact(lake, "--all") == OK
    out, err = capsys.readouterr()
    assert "error: table a.t has changelog-producer 'lookup'" in err
    assert "b.u: CompactResult(snapshots 7" in out
    assert [info.runs for info in table.buckets()] == [1, 1]
    assert compact(lake, "a.t") == FAILED


def test_all_goes_on_behind_a_broken_table_and_fails_at_the_end(lake, capsys):
    broken, table = filled(lake, "a.t"), filled(lake, "b.u")
    Path(broken.path, "schema", "schema-0").write_text("{")
    assert compact(lake, "--all", "--json") == FAILED
    out, err = capsys.readouterr()
    assert events(out)[-1]["table"] == "b.u"
    assert [line["retryable"] for line in events(err)] == [False]
    assert [info.runs for info in table.buckets()] == [1, 1]


def test_a_storage_that_is_away_for_a_while_is_worth_a_retry(lake, monkeypatch, capsys):
    filled(lake, "a.t")
    monkeypatch.setattr(table_module, "compact_table", away)
    assert compact(lake, "--all") == RETRY
    assert compact(lake, "a.t") == RETRY
    assert capsys.readouterr().err.count("error: ") == 2


def away(parts, request):
    raise ts.StorageUnavailableError("the storage does not answer")


def watching(lake, table=None):
    context = types.SimpleNamespace(obj=Place(lake=lake.uri, storage_options={}))
    output = Output(as_json=False)
    return compact_verb._Job(context, table, {}, output, threading.Event(), watch=True)


@pytest.mark.parametrize("name", [None, "a.t"])
def test_a_watch_goes_on_when_the_storage_answers_again(lake, name, monkeypatch, capsys):
    table = filled(lake, "a.t")
    job = watching(lake, name)
    with monkeypatch.context() as patched:
        patched.setattr(table_module, "compact_table", away)
        job.look(None)
        job.look(None)
    assert capsys.readouterr().err.count("does not answer") == 1
    job.look(None)
    assert [info.runs for info in table.buckets()] == [1, 1]


def test_a_watch_of_all_tables_meets_new_ones_and_forgets_dropped_ones(lake, capsys):
    filled(lake, "a.t")
    job = watching(lake)
    job.look(None)
    lake.drop_table("a.t")
    table = filled(lake, "b.u")
    job.look(None)
    assert [info.runs for info in table.buckets()] == [1, 1]
    assert "error" not in capsys.readouterr().err


def test_a_watch_of_one_table_ends_when_it_is_dropped(lake):
    filled(lake, "a.t")
    job = watching(lake, "a.t")
    job.look(None)
    lake.drop_table("a.t")
    with pytest.raises(ts.NotFoundError):
        job.look(None)


def test_a_gentle_table_is_watched_by_one_count(lake):
    options = {
        "bucket": "1",
        "write-only": "true",
        "deletion-vectors.enabled": "true",
        "lookup-compact": "gentle",
        "lookup-compact.max-interval": "6",
    }
    columns = {"id": "BIGINT NOT NULL", "v": "STRING"}
    table = lake.create_table("a.t", columns, primary_key=["id"], options=options)
    table.upsert(rows([1]))
    job = watching(lake, "a.t")
    for _ in range(5):
        job.look(None)
    assert stored(table) == {}
    job.look(None)
    assert stored(table) == {1: "1"}


def test_an_empty_lake_is_said_to_be_empty(lake, capsys):
    assert compact(lake, "--all") == OK
    assert capsys.readouterr().err == f"{lake.uri}: no tables\n"


@pytest.mark.parametrize("number", ["2", "-1"])
def test_a_bucket_that_no_table_of_this_kind_has_is_refused(lake, number, capsys):
    filled(lake)
    assert compact(lake, "shop.t", "--bucket", number) == FAILED
    assert f"no bucket {number}; its buckets are 0 to 1" in capsys.readouterr().err


def test_little_memory_is_enough(lake):
    table = filled(lake)
    before = stored(table)
    assert compact(lake, "shop.t", "--full", "--memory", "1") == OK
    assert stored(table) == before
