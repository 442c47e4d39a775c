"""Java expires one copy of a table, we another: the same snapshots and files are left in both.

The tables are drawn from a seed: made by Java alone with columns that change, or by both engines in
turn; with tags and consumers, deletion vectors, index files, and changelog files of all producers.
The seeds are fixed (or from TABLESTORE_SEED); TABLESTORE_EXPIRIES says how many (50).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from random import Random

import pytest

import tablestore as ts
from tests.support import golden
from tests.support.lines import FAR_MS, expire_now
from tests.support.oracle_interleaved import NAME, Interleaved

pytestmark = pytest.mark.interop
COUNT = int(os.environ.get("TABLESTORE_EXPIRIES", "50"))
FIRST = int(os.environ.get("TABLESTORE_SEED", "20261123")) * 1000
COLUMNS = [["k", "INT NOT NULL"], ["v", "STRING"]]


@pytest.fixture(scope="module")
def engine(newer_java, java):
    """The Java whose rules these are: by age, a snapshot goes once the next one is old."""
    return newer_java or java


@pytest.fixture
def folder():
    shared = Path("/dev/shm")  # syncing to disk is not what is tested here
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as found:
        yield Path(found)


def files_of(warehouse: Path, name: str = "t") -> set[str]:
    root = warehouse / "db.db" / name
    hints = {"EARLIEST", "LATEST"}
    return {
        str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and p.name not in hints
    }


def snapshots_of(warehouse: Path, name: str = "t") -> dict[int, int]:
    """Ids and times of the snapshots."""
    found = (warehouse / "db.db" / name / "snapshot").glob("snapshot-*")
    documents = (json.loads(path.read_text()) for path in found)
    return {item["id"]: item["timeMillis"] for item in documents}


def hint_of(warehouse: Path, name: str = "t") -> str:
    return (warehouse / "db.db" / name / "snapshot" / "EARLIEST").read_text()


def make(r: Random, engine, warehouse: Path, seed: int) -> str:
    """A random table; what kind it is."""
    kind = r.choice(["plain", "format", "engines", "interleaved", "interleaved", "changelog"])
    if kind == "interleaved":
        table = Interleaved(engine, warehouse, seed)
        table.create()
        for _ in range(r.randrange(6, 12)):
            table.step()
    elif kind == "changelog":
        make_changelog(r, engine, warehouse)
    else:
        engine.history(warehouse, name=NAME, seed=seed, scope=kind)
    return kind


def make_changelog(r: Random, engine, warehouse: Path) -> None:
    producer = r.choice(["input", "lookup", "full-compaction"])
    options = {"bucket": "2", "changelog-producer": producer}
    common = {"columns": COLUMNS, "primary_key": ["k"], "options": options}
    engine.create(warehouse, name=NAME, **common)
    for number in range(r.randrange(5, 10)):
        rows = [[r.randrange(9), f"{number}"] for _ in range(r.randrange(1, 6))]
        compact = r.choice([None, None, "full"])
        engine.write(warehouse, name=NAME, rows=rows, compact=compact)


def protect(r: Random, engine, warehouse: Path) -> None:
    """Tags, and at times a consumer."""
    ids = sorted(snapshots_of(warehouse))
    for number in r.sample(ids, min(r.choice([0, 1, 1, 2, 3]), len(ids))):
        arguments = {"tag": f"t{number}", "snapshot": number}
        engine.expiry(warehouse, name=NAME, what="tag", **arguments)
    if r.random() < 0.3:
        consumers = warehouse / "db.db" / "t" / "consumer"
        consumers.mkdir()
        (consumers / "consumer-bi").write_text(json.dumps({"nextSnapshot": r.choice(ids)}))


def asked(r: Random, warehouse: Path) -> dict:
    """What to keep: by number, by age, or both."""
    times = sorted(snapshots_of(warehouse).items())
    least = r.randrange(1, 5)
    most = least + r.choice([0, 1, 3, 100])
    moment = r.choice([FAR_MS, FAR_MS, *(made for _, made in times)])
    limit = r.choice([1, 3, 50, 50, 50])
    age = {"now_ms": moment, "time_ms": 0}
    return {"keep": [least, most], "limit": limit, **age}


@pytest.mark.parametrize("step", range(COUNT))
def test_the_same_snapshots_and_files_are_left(step, engine, folder, figures):
    seed = FIRST + step
    r = Random(f"expiry {seed}")
    ours, theirs = folder / "ours", folder / "theirs"
    kind = make(r, engine, ours, seed)
    protect(r, engine, ours)
    shutil.copytree(ours, theirs)
    changes = [1, 1000] if r.random() < 0.25 else None
    for _ in range(3):
        what = asked(r, ours)
        if changes is not None:
            least = what["keep"][0] + r.randrange(3)
            changes = [least, max(least, what["keep"][1] + r.choice([0, 1, 50]))]
        said = f"seed {seed}: {kind} {what} {changes}"
        before = files_of(ours)
        gone = engine.expiry(theirs, name=NAME, what="expire", changes=changes, **what)
        # Java takes the options of changes for coupled where they allow no more
        outlives = changes if changes and changes != what["keep"] else None
        table = ts.connect(str(ours)).table(NAME)
        done = expire_now(table, changes=outlives, **what)
        assert len(done.going) == gone, said
        assert snapshots_of(ours) == snapshots_of(theirs), said
        assert files_of(ours) == files_of(theirs), said
        assert hint_of(ours) == hint_of(theirs), said
        assert done.doomed.skipped == [], said
        figures["expiries beside Java's: snapshots"] += gone
        figures["expiries beside Java's: files"] += len(before - files_of(ours))
    kept = snapshots_of(ours)
    for number in {min(kept), max(kept)}:
        same = [engine.read(w, name=NAME, snapshot=number) for w in (ours, theirs)]
        assert same[0] == same[1]
    for path in (ours / "db.db" / "t" / "tag").glob("tag-*"):
        options = {"scan.tag-name": path.name.removeprefix("tag-")}
        same = [engine._call("read", w, name=NAME, options=options) for w in (ours, theirs)]
        assert same[0] == same[1]
    report = ts.connect(str(ours)).table(NAME).verify()
    assert report.ok, report.findings


def test_java_reads_a_branch_whose_tag_was_deleted_before_our_expiry(engine, folder):
    engine.create(folder, name=NAME, columns=COLUMNS, primary_key=["k"], options={"bucket": "1"})
    for number in range(6):
        engine.write(folder, name=NAME, rows=[[number, "x"], [0, f"{number}"]], compact="full")
    engine.expiry(folder, name=NAME, what="tag", tag="t", snapshot=3)
    engine.expiry(folder, name=NAME, what="branch", branch="b", tag="t")
    before = engine.read(folder, name="db.t$branch_b")
    engine.expiry(folder, name=NAME, what="untag", tag="t")
    (folder / "db.db/t/branch/branch-b/tag/tag-t").unlink()
    assert expire_now(ts.connect(str(folder)).table(NAME), keep=(1, 1)).going
    assert engine.read(folder, name="db.t$branch_b") == before
    engine.write(folder, name="db.t$branch_b", rows=[[9, "b"]])
    assert len(engine.read(folder, name="db.t$branch_b")) == len(before) + 1


def test_orphans_are_those_of_java_and_what_no_snapshot_has(engine, folder, figures):
    r = Random(f"orphans {FIRST}")
    for step in range(6):
        ours, theirs = folder / f"ours{step}", folder / f"theirs{step}"
        make(r, engine, ours, FIRST + step)
        protect(r, engine, ours)
        root = ours / "db.db" / "t"
        litter = [*root.rglob("bucket-*"), root / "manifest", root / "snapshot", root / "index"]
        for number, place in enumerate(p for p in litter if p.is_dir()):
            (place / f"left-{number}").write_bytes(b"left")
            (place / f".left-{number}.tmp").write_bytes(b"left")
        (root / "my notes.txt").write_text("stays")
        old = (0, 10**9)
        for path in root.rglob("*"):
            os.utime(path, old)
        shutil.copytree(ours, theirs)
        before = files_of(ours)
        taken = engine.expiry(theirs, name=NAME, what="orphans", before_ms=2 * 10**12)
        done = ts.connect(str(ours)).table(NAME).remove_orphans()
        assert set(taken) == {key.rpartition("/")[2] for key in done.files}
        assert files_of(ours) == files_of(theirs) == before - set(done.files)
        assert len(done.files) >= 4
        figures["orphans beside Java's"] += len(done.files)
        report = ts.connect(str(ours)).table(NAME).verify()
        assert report.ok, report.findings


@pytest.mark.parametrize("writer", ["java-2.1", "java-1.4", "java-0.9"])
def test_what_java_tagged_and_branched_outlives_the_expiry(writer, folder):
    found = next(t for t in golden.unpack(writer, folder) if t.name == "tags_branches")
    path = str(found.path)

    def held():
        table = ts.open_table(path)
        tags = [table.at(tag=tag.name).to_arrow() for tag in table.tags()]
        branches = [ts.open_table(path, branch=b.name).to_arrow() for b in table.branches()]
        return [table.to_arrow(), *tags, *branches]

    before = held()
    shutil.rmtree(found.path / "consumer")
    assert expire_now(ts.open_table(path), keep=(1, 1)).going
    assert held() == before
    assert ts.open_table(path).verify().ok


@pytest.mark.parametrize(
    "writer", golden.writers("deletion-vectors") + golden.writers("changelogs")
)
def test_the_latest_snapshot_of_golden_tables_outlives_the_expiry(writer, folder, figures):
    for found in golden.unpack(writer, folder):
        table = ts.open_table(str(found.path))
        if table.snapshot_id is None:
            continue
        before = repr(table.to_arrow().to_pydict())  # NaN is no equal of itself
        done = expire_now(table, keep=(1, 1))
        assert done.doomed.skipped == []
        again = ts.open_table(str(found.path))
        assert repr(again.to_arrow().to_pydict()) == before
        assert again.verify().ok
        figures["golden tables expired"] += bool(done.going)
