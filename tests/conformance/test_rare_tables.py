"""Tables of Java that histories do not make: buckets that are not fixed, rows with ids, deletion
vectors of append tables; and those that are refused by the name of their feature."""

from __future__ import annotations

import shutil

import pytest

import tablestore as ts
from tests.support.oracle_judge import difference

pytestmark = pytest.mark.interop
READ = {
    "dynamic_bucket": "-1",
    "cross_partition": "-1",
    "postponed": "-2",
    "row_tracking": "-1",
    "append_deletes": "-1",
    "append_deletes_64": "-1",
}
REFUSED = {
    "data_evolution": "data-evolution",
    "blob": "data-evolution",
    "variant": "'v': (reading|writing|verifying) VARIANT",
    "vector": "'e': (reading|writing|verifying) VECTOR<FLOAT, 3>",
}
NAME = "db.t"


@pytest.fixture(scope="module")
def engines(java, newer_java):
    return {e.name: e for e in (java, newer_java) if e is not None}


@pytest.fixture(scope="module")
def tables(java, tmp_path_factory):
    """Each readable table once, by name: its warehouse and what Java reads of it."""
    folders = {what: tmp_path_factory.mktemp(what) for what in READ}
    return {what: (at, java.rare(at, name=NAME, what=what)) for what, at in folders.items()}


@pytest.mark.parametrize("what", READ)
def test_every_snapshot_reads_to_the_rows_of_java(what, tables, ours, figures):
    warehouse, snapshots = tables[what]
    assert ours.table(warehouse, NAME).options.get("bucket") == READ[what]
    for snapshot in snapshots:
        columns = [tuple(c) for c in snapshot["columns"]]
        rows = ours.read(warehouse, name=NAME, columns=columns, snapshot=snapshot["id"])
        assert not difference(f"{what} {snapshot['id']}", rows, snapshot["rows"])
        figures["rare tables: snapshots of Java read"] += 1
    assert len(snapshots) > 3


@pytest.mark.parametrize("what", READ)
def test_they_are_sound(what, tables, ours):
    report = ours.table(tables[what][0], NAME).verify()
    assert report.ok, report.findings


def test_the_tables_hold_what_they_are_for(tables, ours):
    def files(what, snapshot):
        return ours.table(tables[what][0], NAME).at(snapshot=snapshot).files()

    assert {f.bucket for f in files("dynamic_bucket", 5)} == {0, 1, 2}
    assert {f.bucket for f in files("postponed", 5)} == {-2, 0, 1}
    rows = {n: len(s["rows"]) for n, s in enumerate(tables["append_deletes"][1], 1)}
    stored = {n: sum(f.rows for f in files("append_deletes", n)) for n in rows}
    assert {n: stored[n] - rows[n] for n in rows} == {1: 0, 2: 0, 3: 0, 4: 2, 5: 3, 6: 3, 7: 0}
    kinds = [s["commit_kind"] for s in tables["row_tracking"][1]]
    assert kinds.count("COMPACT") == 2


@pytest.mark.parametrize("what", READ)
def test_a_filter_on_each_column_selects_its_rows(what, tables, ours):
    table = ours.table(tables[what][0], NAME)
    every = table.to_arrow()
    for name in every.column_names:
        for value in {v for v in every[name].to_pylist() if v is not None}:
            some = table.to_arrow(where=ts.col(name) == value)
            assert some.num_rows == every[name].to_pylist().count(value), (name, value)


@pytest.mark.parametrize("what", ["dynamic_bucket", "postponed", "row_tracking"])
def test_what_is_only_read_is_refused_when_written(what, tables, ours, tmp_path):
    shutil.copytree(tables[what][0], tmp_path / "copy")
    table = ts.open_table(str(tmp_path / "copy" / "db.db" / "t"))
    row = dict.fromkeys(table.columns) | {"k": 1}
    before = sorted(p for p in (tmp_path / "copy").rglob("*"))
    word = {"dynamic_bucket": "dynamic", "postponed": "postponed", "row_tracking": "row-tracking"}
    with pytest.raises(ts.UnsupportedFormatError, match=word[what]):
        table.upsert([row | {"p": "a"}]) if table.primary_key else table.append([row])
    assert sorted(p for p in (tmp_path / "copy").rglob("*")) == before


@pytest.mark.parametrize("version", ["2.0.0", "2.1"])
@pytest.mark.parametrize("what", REFUSED)
def test_a_table_that_we_do_not_understand_is_refused_by_name(
    what, version, engines, ours, tmp_path
):
    java = engines.get(f"java {version}")
    if java is None:
        pytest.skip(f"Java Paimon {version} is not here")
    assert java.rare(tmp_path, name=NAME, what=what) == 1
    table = ours.table(tmp_path, NAME)
    attempts = [
        table.to_arrow,
        lambda: table.to_arrow(columns=["k"]),
        lambda: table.to_arrow(limit=0),
        lambda: table.at(snapshot=1).to_arrow(),
        table.files,
        table.explain,
        table.verify,
        lambda: table.append([{"k": 1}], missing="null"),
        table.truncate,
    ]
    for attempt in attempts:
        with pytest.raises(ts.UnsupportedFormatError, match=REFUSED[what]):
            attempt()
