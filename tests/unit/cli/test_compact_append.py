"""``tablestore compact`` on append tables: small files, and rows in an order."""

from __future__ import annotations

import json

import pytest

import tablestore as ts
from tablestore.cli.main import FAILED, OK, USAGE, run
from tests.support.builders import rows, stored


@pytest.fixture
def lake(tmp_path):
    return ts.connect(str(tmp_path / "lake"))


def filled(lake, commits=6, **options):
    table = lake.create_table("shop.t", {"id": "BIGINT", "v": "STRING"}, options=options)
    for n in range(commits):
        table.append(rows(range(n * 10, n * 10 + 10)[::-1]))
    return table


def compact(lake, *arguments):
    return run(["--lake", lake.uri, "compact", "shop.t", *arguments])


def test_small_files_become_one(lake, capsys):
    table = filled(lake)
    before = stored(table)
    assert compact(lake, "--json") == OK
    plan, step, result = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert plan["files_before"] == 6
    assert (step["files_before"], step["files_after"], step["reason"]) == (6, 1, "small files")
    assert (result["read_amplification_before"], result["read_amplification_after"]) == (6, 1)
    assert stored(table) == before


@pytest.mark.parametrize("curve", [[], ["--zorder"], ["--hilbert"]])
def test_rows_are_sorted(lake, capsys, curve):
    table = filled(lake, commits=2)
    assert compact(lake, "--order-by", "id, v", *curve) == OK
    assert "2 -> 1 files" in capsys.readouterr().out
    assert table.history()[0].kind == "OVERWRITE"
    if not curve:
        assert table.to_arrow()["id"].to_pylist() == list(range(20))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--order-by", "nope"], "has no column 'nope'"),
        (["--zorder"], "need order_by"),
        (["--order-by", "id", "--bucket", "0"], "leave buckets out"),
    ],
)
def test_what_cannot_be_sorted_is_said(lake, capsys, arguments, message):
    filled(lake, commits=1)
    assert compact(lake, *arguments) == FAILED
    assert message in capsys.readouterr().err


def test_an_order_goes_with_one_call_on_one_table(lake, capsys):
    filled(lake, commits=1)
    assert compact(lake, "--order-by", "id", "--watch") == USAGE
    assert "--watch goes with none of" in capsys.readouterr().err
    assert run(["--lake", lake.uri, "compact", "--all", "--order-by", "id"]) == USAGE
