from __future__ import annotations

import uuid

from tablestore.commit.manifest_writer import ManifestWriter
from tablestore.format.manifest import EMPTY_ROW, ManifestEntry
from tablestore.metadata.base import CommittedState
from tablestore.store.memory import MemoryStore
from tests.unit.commit.commit_builders import data_file


def entries(count):
    return [ManifestEntry(0, EMPTY_ROW, 0, 1, data_file()) for _ in range(count)]


def make(target_size):
    state = CommittedState(MemoryStore(uuid.uuid4().hex))
    return state, ManifestWriter(state, [], target_size)


def test_a_full_manifest_is_followed_by_another():
    state, writer = make(40_000)
    written = entries(5_500)
    metas = writer.write(written, 0)
    assert len(metas) > 1
    fresh = CommittedState(state.store).manifests
    assert [e for meta in metas for e in fresh.read(meta.file_name)] == written
    assert all(meta.file_size >= 40_000 for meta in metas[:-1])


def test_few_entries_make_one_manifest():
    state, writer = make(1 << 20)
    (meta,) = writer.write(entries(1_500), 0)
    assert meta.num_added_files == 1_500
    assert len(state.store.get(f"manifest/{meta.file_name}")) == meta.file_size


def test_no_entries_make_no_manifest_but_an_empty_list():
    state, writer = make(1 << 20)
    assert writer.write([], 0) == []
    name, size = writer.write_list([])
    assert len(state.store.get(f"manifest/{name}")) == size
    assert CommittedState(state.store).manifests.read_list(name) == ()


def test_what_was_written_can_be_taken_back():
    state, writer = make(1 << 20)
    (meta,) = writer.write(entries(1), 0)
    kept, _ = writer.write_list([meta])
    writer.write_list([])
    writer.discard(keep={kept, meta.file_name})
    assert {info.name for info in state.store.list("manifest")} == {kept, meta.file_name}
    writer.discard()
    assert list(state.store.list("manifest")) == []
