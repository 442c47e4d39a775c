"""Claims about the verbs: what they print, on which stream, and with which exit code."""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tablestore as ts
from tablestore.cli import render
from tablestore.cli.main import run
from tablestore.errors import StorageUnavailableError


class Shell:
    """Runs command lines on one lake and keeps what they printed."""

    def __init__(self, lake: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.lake = lake
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        code = run(["--lake", str(self.lake), *map(str, arguments)])
        self.out, self.err = self._capsys.readouterr()
        return code

    def ok(self, *arguments: object) -> str:
        assert self(*arguments) == 0, self.err
        assert self.err == ""
        return self.out

    def rows(self, *arguments: object) -> list[dict]:
        return [json.loads(line) for line in self.ok(*arguments, "--json").splitlines()]

    def error(self, *arguments: object, code: int = 1) -> dict:
        assert self(*arguments, "--json") == code
        assert self.out == ""
        return json.loads(self.err)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "lake", capsys)


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "rows.csv"
        path.write_text(text)
        return path

    return write


def keyed(key: str, bucket: int = 1) -> list[str]:
    return ["--primary-key", key, "--option", f"bucket={bucket}"]


def orders(shell: Shell, bucket: int = 1) -> None:
    columns = "id BIGINT NOT NULL, name STRING, amount DECIMAL(10, 2) COMMENT 'euros'"
    shell.ok("create", "shop.orders", "--schema", columns, *keyed("id", bucket))


def test_rows_written_from_csv_are_printed_by_head(shell, csv):
    orders(shell, bucket=2)
    [done] = shell.rows("upsert", "shop.orders", csv("id,name,amount\n1,ann,1.5\n2,,3\n"))
    assert done["snapshot_id"] == 1
    assert done["rows"] == 2
    assert done["seconds"] >= 0
    found = sorted(shell.rows("head", "shop.orders"), key=lambda row: row["id"])
    assert found == [
        {"id": 1, "name": "ann", "amount": "1.50"},
        {"id": 2, "name": None, "amount": "3.00"},
    ]


def test_head_selects_columns_rows_and_snapshots(shell, csv):
    orders(shell)
    shell.ok("upsert", "shop.orders", csv("id,name,amount\n1,ann,1\n2,bob,2\n"))
    shell.ok("upsert", "shop.orders", csv("id,name,amount\n1,eve,9\n"))
    assert shell.rows("head", "shop.orders", "--columns", "name", "--where", "amount > 5") == [
        {"name": "eve"}
    ]
    at_first = shell.rows("head", "shop.orders", "--at", "1", "--columns", "id,name")
    assert at_first == [{"id": 1, "name": "ann"}, {"id": 2, "name": "bob"}]
    assert len(shell.rows("head", "shop.orders", "-n", "1")) == 1
    assert shell.rows("head", "shop.orders", "--at", "0s", "--columns", "name")[0]["name"] == "eve"
    assert shell.ok("head", "shop.orders").splitlines() == [
        "id  name  amount",
        "1   eve   9.00",
        "2   bob   2.00",
    ]


def test_a_table_can_be_named_by_its_folder(shell, csv, tmp_path, capsys):
    folder = tmp_path / "lake" / "shop.db" / "orders"
    shell.ok("create", folder, "--column", "id INT NOT NULL", *keyed("id"))
    shell.ok("upsert", folder, csv("id\n1\n"))
    assert run(["head", str(folder), "--json"]) == 0
    assert capsys.readouterr().out == '{"id": 1}\n'
    assert shell.rows("ls") == [{"name": "shop.orders", "database": "shop", "table": "orders"}]


def test_keys_are_deleted_by_text_and_by_file(shell, csv):
    orders(shell)
    shell.ok("upsert", "shop.orders", csv("id,name,amount\n1,a,1\n2,b,2\n3,c,3\n4,d,4\n"))
    assert shell.rows("delete", "shop.orders", "--key", "1", "--key", "3")[0]["rows"] == 2
    assert [row["id"] for row in shell.rows("head", "shop.orders")] == [2, 4]
    shell.ok("delete", "shop.orders", "--keys", csv("id\n4\n"))
    assert [row["id"] for row in shell.rows("head", "shop.orders")] == [2]


@pytest.mark.parametrize("key", ["'x,y',7", '"x,y",7', '["x,y", 7]', '{"n": 7, "day": "x,y"}'])
def test_a_key_of_two_columns_is_csv_or_json(shell, csv, key):
    columns = "day STRING NOT NULL, n INT NOT NULL"
    shell.ok("create", "a.t", "--schema", columns, *keyed("day,n"))
    shell.ok("upsert", "a.t", csv('day,n\n"x,y",7\nz,8\n'))
    code = shell("delete", "a.t", "--key", key)
    if key.startswith("'"):
        assert code == 1
        assert "expected 2 values (day, n), found 3" in shell.err
    else:
        assert code == 0, shell.err
        assert shell.rows("head", "a.t") == [{"day": "z", "n": 8}]


def test_row_kinds_come_from_a_column_that_is_not_stored(shell, csv):
    orders(shell)
    rows = csv("op,id,name,amount\n+I,1,a,1\n+I,2,b,2\n-D,1,a,1\n+U,2,c,3\n")
    shell.ok("upsert", "shop.orders", rows, "--row-kind", "op")
    assert shell.rows("head", "shop.orders") == [{"id": 2, "name": "c", "amount": "3.00"}]


def test_a_missing_column_is_an_error_unless_null_is_asked_for(shell, csv):
    orders(shell)
    rows = csv("id,name\n1,a\n")
    assert shell.error("upsert", "shop.orders", rows)["error"] == "invalid_input"
    shell.ok("upsert", "shop.orders", rows, "--missing", "null")
    assert shell.rows("head", "shop.orders") == [{"id": 1, "name": "a", "amount": None}]


def test_what_head_prints_can_be_upserted_again(shell, tmp_path):
    columns = (
        "id INT NOT NULL, b BYTES, d DATE, t TIME(3), ts TIMESTAMP(9), z TIMESTAMP_LTZ(6), "
        "l ARRAY<DATE>, m MAP<STRING, BYTES>, r ROW<x INT, y DECIMAL(5, 2)>, f DOUBLE, o BOOLEAN"
    )
    for name in ("a.one", "a.two"):
        shell.ok("create", name, "--schema", columns, *keyed("id"))
    row = {
        "id": 1,
        "b": base64.b64encode(b"\x00\xff").decode(),
        "d": "2026-11-01",
        "t": "10:11:12.500",
        "ts": "2026-11-01T01:02:03.000000004",
        "z": "2026-11-01T01:02:03.000004Z",
        "l": ["2026-11-01", None],
        "m": [{"key": "k", "value": "AQ=="}],
        "r": {"x": 1, "y": "1.50"},
        "f": 1.5,
        "o": True,
    }
    nothing = {"id": 2} | {name: None for name in row if name != "id"}
    lines = tmp_path / "rows.jsonl"
    lines.write_text("".join(json.dumps(line) + "\n" for line in (row, nothing)))
    shell.ok("upsert", "a.one", lines)
    printed = shell.ok("head", "a.one", "--json")
    assert [json.loads(line) for line in printed.splitlines()] == [row, nothing]
    lines.write_text(printed)
    shell.ok("upsert", "a.two", lines)
    assert (
        ts.connect(str(shell.lake))
        .table("a.two")
        .to_arrow()
        .equals(ts.connect(str(shell.lake)).table("a.one").to_arrow())
    )


def test_parquet_is_appended_and_its_columns_can_be_taken(shell, tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"x": [1, 2, 3], "y": ["a", "b", None]}), path)
    shell.ok("create", "a.log", "--like", path)
    [done] = shell.rows("append", "a.log", path)
    assert done["rows"] == 3
    assert shell.rows("head", "a.log", "-n", "100") == [
        {"x": 1, "y": "a"},
        {"x": 2, "y": "b"},
        {"x": 3, "y": None},
    ]


def test_describe_shows_what_create_was_given(shell):
    options = ["--partition-by", "day", "--comment", "a table"]
    columns = ["--column", "day STRING", "--column", "id DECIMAL(9, 2) COMMENT 'key'"]
    shell.ok("create", "a.t", *columns, *keyed("day,id", 3), *options)
    [about] = shell.rows("describe", "a.t")
    assert about["name"] == "a.t"
    assert about["primary_key"] == ["day", "id"]
    assert about["partition_by"] == ["day"]
    assert about["options"]["bucket"] == "3"
    assert about["comment"] == "a table"
    assert about["snapshot_id"] is None
    assert about["columns"] == [
        {"column": "day", "type": "STRING NOT NULL", "comment": None},
        {"column": "id", "type": "DECIMAL(9, 2) NOT NULL", "comment": "key"},
    ]
    assert "DECIMAL(9, 2) NOT NULL" in shell.ok("describe", "a.t")


def test_history_and_files_grow_with_commits(shell, csv):
    orders(shell)
    assert shell("history", "shop.orders") == 0
    assert "nothing was written" in shell.err
    shell.ok("upsert", "shop.orders", csv("id,name,amount\n1,a,1\n"))
    shell.ok("upsert", "shop.orders", csv("id,name,amount\n2,b,2\n"))
    history = shell.rows("history", "shop.orders")
    assert [entry["id"] for entry in history] == [2, 1]
    assert [e["id"] for e in shell.rows("history", "shop.orders", "-n", "1")] == [2]
    assert len(shell.rows("files", "shop.orders")) == 2
    assert len(shell.rows("files", "shop.orders", "--at", "1")) == 1
    assert len(shell.ok("history", "shop.orders").splitlines()) == 3
    assert len(shell.ok("files", "shop.orders").splitlines()) == 3


def test_drop_asks_for_yes_where_nobody_can_be_asked(shell):
    orders(shell)
    assert shell.error("drop", "shop.orders", code=2)["error"] == "usage"
    assert shell.rows("ls", "shop") != []
    assert shell.rows("drop", "shop.orders", "--yes") == [{"dropped": "shop.orders"}]
    assert shell.rows("ls") == []
    assert shell.rows("ls", "--databases") == [{"database": "shop"}]


def test_a_drop_that_is_declined_drops_nothing(shell, monkeypatch):
    orders(shell)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert shell("drop", "shop.orders") == 1
    assert "nothing was dropped" in shell.err
    assert shell.ok("ls") == "shop.orders\n"


def test_create_twice_fails_unless_it_may_exist(shell):
    orders(shell)
    again = ["create", "shop.orders", "--column", "id INT NOT NULL", *keyed("id")]
    assert shell.error(*again)["error"] == "already_exists"
    shell.ok(*again, "--if-not-exists")


# -- errors ----------------------------------------------------------------------------------


def test_an_error_is_one_sentence_on_standard_error(shell):
    orders(shell)
    assert shell("head", "shop.order") == 1
    assert shell.out == ""
    assert shell.err.startswith("error: ")
    assert shell.err.count("\n") == 1
    assert "shop.orders" in shell.err or "'orders'" in shell.err
    found = shell.error("head", "shop.order")
    assert found["error"] == "not_found"
    assert found["retryable"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        ["head"],
        ["nonsense"],
        ["head", "a.b", "--nonsense"],
        ["create", "a.b"],
        ["create", "a.b", "--column", "x INT", "--schema", "x INT"],
        ["create", "a.b", "--column", "x INT", "--option", "bucket"],
        ["create", "/no/database/table", "--column", "x INT"],
        ["delete", "a.b"],
    ],
)
def test_a_wrong_command_line_is_usage(shell, arguments):
    assert shell(*arguments) == 2
    assert shell.out == ""
    assert shell.err
    assert shell.error(*arguments, code=2)["error"] == "usage"


def test_a_moment_that_is_none_is_usage(shell):
    orders(shell)
    assert shell("head", "shop.orders", "--at", "yesterday") == 2
    assert "snapshot id, a tag, a timestamp or an age" in shell.err


def test_no_lake_is_usage(capsys, monkeypatch):
    monkeypatch.delenv("TABLESTORE_LAKE", raising=False)
    assert run(["ls"]) == 2
    assert "TABLESTORE_LAKE" in capsys.readouterr().err


def test_the_lake_comes_from_the_environment(shell, monkeypatch, capsys):
    orders(shell)
    monkeypatch.setenv("TABLESTORE_LAKE", str(shell.lake))
    assert run(["ls"]) == 0
    assert capsys.readouterr().out == "shop.orders\n"


@pytest.mark.parametrize(
    "text", ["id", "id BIGNT", "id INT,, b INT", "id INT, id INT", "id INT NOT NULL NOT", ""]
)
def test_a_column_that_cannot_be_read_is_one_sentence(shell, text):
    assert shell("create", "a.b", "--schema", text) == 1
    assert shell.err.count("\n") == 1


def test_what_may_succeed_later_exits_with_75(shell, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise StorageUnavailableError("the disk is full")

    monkeypatch.setattr(ts, "connect", refuse)
    assert shell.error("ls", code=75) == {
        "error": "storage_unavailable",
        "message": "the disk is full",
        "retryable": True,
    }


def test_an_interrupt_exits_with_130(shell, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ts, "connect", interrupt)
    assert shell("ls") == 130
    assert "interrupted" in shell.err


def test_an_unexpected_error_says_how_to_see_more(shell, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(ts, "connect", fail)
    assert shell("ls") == 1
    assert shell.err.startswith("error: unexpected ZeroDivisionError: by zero (")


# -- what people see on a terminal -------------------------------------------------------------


def test_a_terminal_gets_the_same_cells_in_a_table(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    render.print_rows([{"a": "[red]x", "b": None}], ["a", "b"])
    out = capsys.readouterr().out
    assert "[red]x" in out
    assert "─" in out


def test_cells_stay_on_one_line(capsys):
    render.print_rows([{"a": "x\ny"}], ["a"])
    assert capsys.readouterr().out.splitlines() == ["a", "x\\ny"]


@pytest.mark.parametrize("place", ["before the verb", "after it"])
def test_what_was_asked_of_the_storage_is_told_on_request(tmp_path, capsys, place):
    words = ["--lake", str(tmp_path), "ls"]
    assert run(words) == 0
    assert "storage:" not in capsys.readouterr().err
    words = ["--explain-io", *words] if place == "before the verb" else [*words, "--explain-io"]
    assert run(words) == 0
    assert "storage: 1 requests in 1 rounds (list 1)" in capsys.readouterr().err
