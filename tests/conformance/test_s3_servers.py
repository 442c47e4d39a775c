"""Tables on real S3 servers of two makes: read and written by us and by other engines, and raced
for by several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tablestore as ts
from tablestore.store.registry import open_store
from tests.support import golden, peers, servers
from tests.support.oracle import ArrowPeer, Java
from tests.support.oracle_arrow import canonical_rows
from tests.support.oracle_judge import check_read, difference, java_continues, write_shape
from tests.support.oracle_shapes import shapes
from tests.support.peers import Peers
from tests.support.peers_s3 import warehouse_text
from tests.support.racer import race

pytestmark = [pytest.mark.interop, pytest.mark.slow]
SHAPES = {shape.name: shape for shape in shapes()}
# Every shape on one of the two servers, every golden table of the newest Java on both.
SHARE = {name: sorted(SHAPES)[at :: len(servers.JUDGES)] for at, name in enumerate(servers.JUDGES)}
CONTINUED = 4
GOLDEN_EACH = 12
PROCESSES, COMMITS = 4, 15


@pytest.fixture(scope="module", params=servers.JUDGES)
def server(request, tmp_path_factory):
    """A running server; in CI it must be there, elsewhere its tests are skipped."""
    name = request.param
    folder = tmp_path_factory.mktemp(name)
    try:
        started = servers.start(name, folder)
    except servers.ServerMissingError as problem:
        if peers.strict():
            pytest.fail(f"{name} is needed in CI: {problem}")
        pytest.skip(str(problem))
    yield started
    servers.stop(name, folder)


@pytest.fixture(scope="module")
def java_on_s3(peers):
    """Java Paimon with its plug-in for S3."""
    from tests.support.peers import S3_OF_JAVA, PeerMissingError, java_with_s3, strict

    try:
        paths = {S3_OF_JAVA: java_with_s3()}
    except PeerMissingError as problem:
        if strict():
            pytest.fail(f"Java with S3 is needed in CI: {problem}")
        pytest.skip(str(problem))
    engine = Java(Peers(paths, peers.pythons, peers.missing), S3_OF_JAVA)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def pypaimon(peers):
    if "pypaimon" in peers.missing:
        pytest.skip(peers.missing["pypaimon"])
    engine = ArrowPeer(peers, "pypaimon")
    yield engine
    engine.close()


def test_other_engines_read_what_we_write_on_s3(server, ours, java_on_s3, pypaimon, figures):
    warehouse, said = warehouse_text(server.place(), server.options), []
    for at, name in enumerate(SHARE[server.name]):
        shape = SHAPES[name]
        write_shape(ours, warehouse, shape)
        want = shape.model()
        rows = ours.read(warehouse, name=f"db.{name}", columns=shape.columns)
        said += difference(f"tablestore, {name}", rows, want)
        for reader in (java_on_s3, pypaimon):
            said += check_read(reader, warehouse, shape, want)
            figures[f"reads of our tables on {server.name} by {reader.name}"] += 1
        if at % CONTINUED == 0 and shape.commits and not name.endswith("_alone"):
            after = java_continues(java_on_s3, warehouse, shape)
            rows = ours.read(warehouse, name=f"db.{name}", columns=shape.columns)
            said += difference(f"tablestore, {name} continued by Java", rows, after)
            figures[f"tables on {server.name} continued by Java"] += 1
    assert not said


def test_golden_tables_copied_to_s3_read_to_the_expected_rows(server, tmp_path, figures):
    names = [n for n in golden.writers() if n.startswith("java-2")]
    tables = [t for n in names for t in golden.unpack(n, tmp_path / n)]
    step = max(1, len(tables) // GOLDEN_EACH)
    said = []
    for table in tables[::step]:
        place = f"{server.place()}/db.db/{table.name}"
        copy_up(table.path, place, server.options)
        opened = ts.open_table(place, storage_options=server.options)
        for snapshot in table.snapshots:
            read = opened.at(snapshot=snapshot["id"]).to_arrow()
            rows = canonical_rows(read, snapshot["columns"])
            said += difference(f"{table.name} at {snapshot['id']}", rows, snapshot["rows"])
            figures[f"golden snapshots on {server.name}"] += 1
    assert not said
    assert figures[f"golden snapshots on {server.name}"] >= GOLDEN_EACH


def copy_up(folder: Path, place: str, options: dict[str, str]) -> None:
    """Copies a folder to S3, object by object."""
    store = open_store(place, options)
    files = [path for path in folder.rglob("*") if path.is_file()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda p: store.put(str(p.relative_to(folder)), p.read_bytes()), files))


def test_no_commit_of_racing_processes_is_lost(server, figures):
    found = race(server.place(), server.options, processes=PROCESSES, commits=COMMITS)
    assert not found.refused
    assert len(found.rows) == PROCESSES * COMMITS
    assert not found.lost
    assert set(found.read.values()) == {1}
    assert len(set(found.acknowledged)) == len(found.acknowledged) == PROCESSES * COMMITS
    assert sorted(found.history) == list(range(1, PROCESSES * COMMITS + 1))
    figures[f"commits of a race on {server.name}"] += len(found.rows)


def test_a_lake_on_s3_is_managed_like_a_folder(server):
    lake = ts.connect(server.place(), storage_options=server.options)
    lake.create_database("empty")
    table = lake.create_table("shop.o", {"id": "BIGINT NOT NULL", "v": "STRING"}, primary_key="id")
    table.upsert([{"id": 1, "v": "a"}])
    lake.rename_table("shop.o", "shop.p")
    assert (lake.databases(), lake.tables()) == (["empty", "shop"], ["shop.p"])
    assert lake["shop.p"].to_arrow().to_pylist() == [{"id": 1, "v": "a"}]
    lake.drop_database("shop", cascade=True)
    assert lake.tables() == []


def test_the_command_line_reaches_s3_by_the_words_of_any_library(server):
    words = {
        "AWS_ACCESS_KEY_ID": server.options["key"],
        "s3.secret-key": server.options["secret"],
        "fs.s3.endpoint": server.options["endpoint_url"],
    }
    options = [part for n, v in words.items() for part in ("--storage-option", f"{n}={v}")]
    command = [sys.executable, "-m", "tablestore.cli", "--lake", server.place(), *options]
    steps = [
        ["create", "shop.o", "--schema", "id BIGINT NOT NULL", "--primary-key", "id"],
        ["head", "shop.o", "--json"],
    ]
    for step in steps:
        done = subprocess.run(
            [*command, *step], capture_output=True, text=True, env={**os.environ}, check=False
        )
        assert done.returncode == 0, done.stderr
        assert server.options["secret"] not in done.stdout + done.stderr
