"""Real processes that commit to one table on a local disk at once."""

from __future__ import annotations

import multiprocessing

from tablestore.commit.committer import Committer
from tablestore.metadata.base import CommittedState
from tablestore.store.registry import open_store
from tests.unit.commit.commit_builders import KEYED, added, data_file

COMMITS = 10


def commit_many(root, name, start, results):
    """Body of one process: all commits, as fast as it can."""
    state = CommittedState(open_store(root))
    committer = Committer(state, KEYED, name)
    start.wait()
    for n in range(COMMITS):
        file = data_file(f"{name}-{n}", seq=(n, n))
        results.put((name, n, committer.commit([added(file)], identifier=n).snapshot_ids))


def test_two_processes_that_commit_at_once_both_succeed(tmp_path):
    root = str(tmp_path / "t")
    CommittedState(open_store(root)).schemas.create(KEYED)
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=commit_many, args=(root, name, start, results))
        for name in ("one", "two")
    ]
    for process in processes:
        process.start()
    answers = [results.get(timeout=60) for _ in range(2 * COMMITS)]
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0

    state = CommittedState(open_store(root))
    history = list(state.snapshots.history())
    assert [snapshot.id for snapshot in history] == list(range(2 * COMMITS, 0, -1))
    made = {(s.commit_user, s.commit_identifier): (s.id,) for s in history}
    assert made == {(name, n): ids for name, n, ids in answers}
    names = {entry.file.file_name for entry in state.manifests.live(history[0]).entries}
    assert names == {f"{name}-{n}" for name in ("one", "two") for n in range(COMMITS)}
    leftovers = [i.name for i in state.store.list(recursive=True) if i.name.startswith(".")]
    assert leftovers == []
