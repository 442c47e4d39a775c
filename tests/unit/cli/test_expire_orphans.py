"""The verbs ``expire`` and ``orphans``: what they print, and where."""

from __future__ import annotations

import json
import os

import pytest

import tablestore as ts
from tablestore.cli.main import run
from tests.support.lines import make_branch, make_tag, snapshot_ids


@pytest.fixture
def table(tmp_path) -> ts.Table:
    lake = ts.connect(str(tmp_path))
    options = {"bucket": "1", "write-only": "true"}
    options |= {"snapshot.num-retained.min": "1", "snapshot.num-retained.max": "2"}
    made = lake.create_table("shop.t", {"id": "INT NOT NULL"}, primary_key=["id"], options=options)
    for number in range(5):
        made.overwrite([{"id": number}])
    return made


@pytest.fixture
def shell(tmp_path, capsys):
    def call(*arguments: str, code: int = 0) -> tuple[str, str]:
        assert run(["--lake", str(tmp_path), *arguments]) == code
        return capsys.readouterr()

    return call


def test_a_dry_run_lists_the_files_and_expires_nothing(table, shell):
    out, err = shell("expire", "shop.t", "--dry-run")
    assert out.splitlines() == list(table.expire(dry_run=True).files)
    assert err.startswith("ExpireResult(would expire 3 snapshots up to 3, kept 4..5")
    assert snapshot_ids(table) == [1, 2, 3, 4, 5]


def test_expire_says_what_it_did(table, shell):
    out, err = shell("expire", "shop.t", "--limit", "1", "--json")
    found = json.loads(out)
    assert (found["snapshots"], found["earliest"], found["dry_run"]) == ([1], 2, False)
    assert found["kept_by"] == "snapshot.expire.limit"
    assert err == ""
    out, err = shell("expire", "shop.t", "--keep-last", "1", "--older-than", "7d")
    assert out == ""
    assert "expired 2 snapshots up to 3" in err
    assert snapshot_ids(table) == [4, 5]
    assert "nothing to expire" in shell("expire", "shop.t")[1]


def test_expire_refuses_what_makes_no_sense(table, shell):
    _, err = shell("expire", "shop.t", "--older-than", "soon", code=1)
    assert "'soon' is not a duration" in err


def test_a_branch_expires_by_itself(table, shell):
    make_tag(table, "v", 2)
    make_branch(table, "b", "v")
    branch = ts.open_table(table.path, branch="b")
    branch.overwrite([{"id": 9}])
    branch.overwrite([{"id": 9}])
    assert "expired 1 snapshots up to 2" in shell("expire", "shop.t", "--branch", "b")[1]
    assert snapshot_ids(table, "branch/branch-b/") == [3, 4]
    assert snapshot_ids(table) == [1, 2, 3, 4, 5]


def test_orphans_lists_what_it_deletes(table, shell):
    path = f"{table.path}/bucket-0/data-left-0.parquet"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"left")
    os.utime(path, (0, 1))
    out, err = shell("orphans", "shop.t", "--dry-run")
    assert out == "bucket-0/data-left-0.parquet\n"
    assert "would delete 1 files: 1 data" in err
    found = json.loads(shell("orphans", "shop.t", "--older-than", "2d", "--json")[0])
    assert found["files"] == ["bucket-0/data-left-0.parquet"]
    assert not os.path.exists(path)  # noqa: PTH110
    assert shell("orphans", "shop.t")[0] == ""


def test_orphans_refuses_an_age_of_running_writers(table, shell):
    _, err = shell("orphans", "shop.t", "--older-than", "5 min", code=1)
    assert "older_than=5 min would delete files of writers" in err
    shell("orphans", "shop.t", "--older-than", "5 min", "--force")
