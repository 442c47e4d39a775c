"""What the README shows can be typed as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import tablestore as ts
from tablestore.cli.main import run

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def block(language: str, word: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    [text] = [text for text in found if word in text]
    return text


def test_the_python_tour_runs(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(block("python", "import tablestore"), "README.md", "exec"), names)
    assert capsys.readouterr().out == "1\n"
    kinds = [entry.kind for entry in names["orders"].history()]
    assert kinds == ["OVERWRITE", "OVERWRITE", *["APPEND"] * 5]
    assert names["orders"].to_arrow().num_rows == 0
    assert names["orders"].at(snapshot=5).to_arrow(columns=["name"])["name"].to_pylist() == ["EVE"]


def test_the_tour_of_merge_engines_and_compaction_runs(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"lake": ts.connect("lake")}
    exec(compile(block("python", "shop.totals"), "README.md", "exec"), names)
    assert names["totals"].to_arrow().to_pylist() == [
        {"shop": "a", "orders": 3, "last": "ann", "best": 2.5}
    ]
    assert [info.runs for info in names["totals"].buckets()] == [1]


def test_the_tour_of_jobs_runs(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {"lake": ts.connect("lake"), "ts": ts}
    for word in ("shop.events", "prepare_only"):
        exec(compile(block("python", word), "README.md", "exec"), names)
    events = names["events"]
    assert sorted(events.to_arrow()["id"].to_pylist()) == [0, 1, 2, 10]
    assert {job.name: job.offsets for job in events.jobs()} == {
        "orders": {"orders": {"0": 3}},
        "flow": {},
    }
    with events.writer(job="orders") as writer:  # what a restart finds
        assert writer.offsets == {"orders": {"0": 3}}


def test_the_tour_of_expiry_runs(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {"lake": ts.connect("lake")}
    exec(compile(block("python", "shop.readings"), "README.md", "exec"), names)
    made = names["made"]
    assert len(made.history()) == 3
    assert made.to_arrow().to_pylist() == [{"id": 1, "v": 19.0}]
    lines = block("console", "expire shop.readings").splitlines()
    for line in lines:
        assert run(["--lake", "lake", *line.split()[2:]]) == 0, capsys.readouterr().err
    assert len(lines) == 2


def test_the_tour_of_the_compact_command_runs(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    lake = ts.connect("lake")
    columns = {"id": "BIGINT NOT NULL", "name": "STRING"}
    lake.create_table("shop.items", columns, primary_key=["id"], options={"bucket": "1"})
    lake.create_table("shop.log", {"day": "DATE", "shop": "STRING"})
    lines = block("console", "compact --all").splitlines()
    lines.append("$ " + re.search(r"`(tablestore compact shop.log[^`]*)`", README)[1])
    for line in lines:
        words = line.partition("#")[0].split()[2:]
        if "--watch" not in words:
            assert run(["--lake", "lake", *words]) == 0, capsys.readouterr().err
    assert len(lines) == 4


def test_the_command_line_tour_runs(tmp_path: Path):
    lines = re.sub(r"\\\n\s*", "", block("console", "TABLESTORE_LAKE")).splitlines()
    script = "set -euo pipefail\n" + "\n".join(line.removeprefix("$ ") for line in lines)
    command = tmp_path / "bin" / "tablestore"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tablestore.cli "$@"\n')
    command.chmod(0o755)
    path = f"{command.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "id  price\n1   4.50\n" in done.stdout
    assert '{"id": 1, "name": "cup", "price": "4.50"}' in done.stdout


def test_the_tour_of_verify_and_inspect_runs(tmp_path: Path, monkeypatch, capsys):
    """With a tag and a branch as another engine makes them, and the name of a real data file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TABLESTORE_LAKE", "lake")
    lake = ts.connect("lake")
    lake.create_table("shop.items", {"id": "BIGINT NOT NULL"}, primary_key=["id"])
    lake["shop.items"].upsert([{"id": 1}])
    home = tmp_path / "lake/shop.db/items"
    for target in ("tag/tag-v1", "branch/branch-b1/snapshot/snapshot-1"):
        (home / target).parent.mkdir(parents=True)
        (home / target).write_bytes((home / "snapshot/snapshot-1").read_bytes())
    (home / "branch/branch-b1/schema").mkdir()
    (home / "branch/branch-b1/schema/schema-0").write_bytes((home / "schema/schema-0").read_bytes())
    (data,) = home.glob("bucket-0/*.parquet")
    for line in block("console", "inspect").splitlines():
        words = line.partition("#")[0].replace("data-….parquet", data.name).split()
        assert run(words[2:]) == 0, line
    assert "all well" in capsys.readouterr().err
    names = {"ts": ts, "lake": lake, "orders": lake["shop.items"], "rows": [{"id": 2}]}
    code = block("python", "consumers").replace("shop.orders", "shop.items")
    exec(compile(code.replace("shop.db/orders", "shop.db/items"), "README.md", "exec"), names)
    assert lake.table("shop.items", branch="b1").to_arrow().num_rows == 2
    assert lake["shop.items"].to_arrow().num_rows == 1
