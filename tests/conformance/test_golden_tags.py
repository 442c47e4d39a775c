"""Tags, branches and consumers that Java left, read to the rows that Java reads from them."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import tablestore as ts
from tablestore.cli.main import run
from tests.support import golden
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import difference

WRITERS = ["java-2.1", "java-1.4", "java-0.9"]


@pytest.fixture(scope="module", params=WRITERS)
def table(request, tmp_path_factory):
    """The golden table with tags and branches of one release."""
    root = tmp_path_factory.mktemp("golden")
    tables = {t.name: t for t in golden.unpack(request.param, root)}
    return tables["tags_branches"]


def same(read, columns, rows):
    return not difference("rows", canonical_rows(read.to_arrow(), columns), rows)


def test_tags_read_to_their_rows(table):
    opened, columns = ts.open_table(str(table.path)), table.snapshots[-1]["columns"]
    assert [tag.name for tag in opened.tags()] == sorted(table.expected["tags"])
    for name, rows in table.expected["tags"].items():
        assert same(opened.at(tag=name), columns, rows)


def test_branches_read_to_their_rows(table):
    opened, columns = ts.open_table(str(table.path)), table.snapshots[-1]["columns"]
    expected = table.expected["branches"]
    assert set(expected) <= {branch.name for branch in opened.branches()}
    lake = ts.connect(str(table.warehouse))
    for name, rows in expected.items():
        branch = lake.table(f"db.{table.name}", branch=name)
        assert same(branch, columns, rows)
        assert same(ts.open_table(str(table.path), branch=name), columns, rows)
    assert same(opened, columns, table.snapshots[-1]["rows"])


def test_consumers_are_listed(table):
    found = ts.open_table(str(table.path)).consumers()
    assert {item.name: item.next_snapshot for item in found} == table.expected["consumers"]


def test_a_tag_with_a_retention_says_so(table):
    kept = {tag.name: tag.retained for tag in ts.open_table(str(table.path)).tags()}
    assert kept["t1"] is None
    assert kept["t2"] == dt.timedelta(hours=25)


def test_a_branch_is_written_without_touching_the_table(table):
    branch = ts.open_table(str(table.path), branch="b1")
    before = ts.open_table(str(table.path)).snapshot_id
    rows = branch.to_arrow()
    branch.upsert([{"k": 77, "v": "new"}])
    assert branch.to_arrow().num_rows == rows.num_rows + 1
    assert ts.open_table(str(table.path)).snapshot_id == before
    again = ts.open_table(str(table.path), branch="b1")
    assert 77 in again.to_arrow().column("k").to_pylist()


def test_manifests_add_up_to_the_files(table):
    opened = ts.open_table(str(table.path))
    found = [m for m in opened.manifests() if m.list in ("base", "delta")]
    assert sum(m.added - m.deleted for m in found) == len(opened.files())
    assert all((table.path / "manifest" / m.name).stat().st_size == m.bytes for m in found)


def test_unknown_names_are_refused_in_words(table):
    opened = ts.open_table(str(table.path))
    with pytest.raises(ts.NotFoundError, match=r"no tag 't11' \(did you mean 't1'"):
        opened.at(tag="t11")
    with pytest.raises(ts.NotFoundError, match="no branch 'b11'"):
        ts.open_table(str(table.path), branch="b11")
    with pytest.raises(ts.InvalidInputError, match="exactly one of snapshot=, tag="):
        opened.at(tag="t1", snapshot=1)


def test_head_takes_tags_snapshots_times_and_branches(table, capsys):
    def head(*arguments):
        code = run(["head", str(table.path), "-n", "1000", "--json", *arguments])
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, sorted(row["k"] for row in rows)

    opened = ts.open_table(str(table.path))

    def keys(read):
        return 0, sorted(read.to_arrow()["k"].to_pylist())

    for tag in opened.tags():
        assert (
            head("--at", tag.name)
            == head("--at", f"tag:{tag.name}")
            == keys(opened.at(tag=tag.name))
        )
    for info in opened.history():
        assert head("--at", str(info.id)) == keys(opened.at(snapshot=info.id))
        assert head("--at", info.time.isoformat()) == keys(opened.at(timestamp=info.time))
    for branch in opened.branches():
        there = ts.open_table(str(table.path), branch=branch.name)
        assert head("--branch", branch.name) == keys(there)
    assert head("--at", "no-such-tag") == (2, [])
