from __future__ import annotations

from random import Random

import pytest

from tablestore.errors import CorruptDataError
from tablestore.format.avro_columns import Program
from tablestore.format.manifest import ManifestEntry, encode_manifest
from tablestore.kernels.avro_rows import read_records
from tablestore.metadata import manifests
from tablestore.metadata.base import CommittedState
from tablestore.metadata.manifests import EntryFilter
from tests.unit.commit.commit_builders import PARTITIONED, Table, added, data_file, partition


@pytest.fixture(scope="module")
def table() -> Table:
    """A table whose manifests hold adds and deletes of four days and three buckets."""
    rng, table, live, keys = Random(1), Table(PARTITIONED), [], 0
    for step in range(8):
        messages = []
        gone = [live.pop(rng.randrange(len(live))) for _ in range(min(len(live), 5))]
        for part, bucket, file in gone:
            messages.append(added(part=part, bucket=bucket, total=3, deleted=[file]))
        for _ in range(20):
            part, bucket = partition(f"day {rng.randrange(4)}"), rng.randrange(3)
            keys += 10
            file = data_file(level=rng.randrange(3), seq=(step, step), keys=(keys, keys + 5))
            live.append((part, bucket, file))
            messages.append(added(file, part=part, bucket=bucket, total=3))
        table.commit(*messages)
    return table


FILTERS = [
    None,
    EntryFilter(partition=lambda part: part == partition("day 2")),
    EntryFilter(bucket=lambda bucket, total: bucket == 1 and total == 3),
    EntryFilter(levels=(1, 2)),
    EntryFilter(
        partition=lambda part: part != partition("day 0"),
        bucket=lambda bucket, total: bucket < 2,
        levels=(0, 1),
    ),
    EntryFilter(partition=lambda part: False),
]


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Scans read columns; counts the manifests that were."""
    read_records.warm_up()
    counted: list[int] = []
    decode = manifests.decode_manifest_columns

    def counting(data: bytes) -> object:
        found = decode(data)
        counted.append(found is not None)
        return found

    monkeypatch.setattr(manifests, "_KEPT_ENTRIES", 0)
    monkeypatch.setattr(manifests, "decode_manifest_columns", counting)
    monkeypatch.setattr(Program, "ready", lambda self, rows: True)
    return counted


@pytest.mark.parametrize("wanted", FILTERS)
def test_columns_are_selected_as_entries_are(
    table: Table, wide: list[int], wanted: EntryFilter | None, monkeypatch: pytest.MonkeyPatch
):
    latest = table.state.snapshots.latest()
    found = CommittedState(table.store).manifests.live(latest, wanted)
    assert wide
    assert all(wide)
    monkeypatch.setattr(manifests, "_KEPT_ENTRIES", 1 << 20)
    assert CommittedState(table.store).manifests.live(latest, wanted) == found
    if wanted is None:
        assert found.files == len(found.entries) == 8 * 20 - 7 * 5


@pytest.mark.usefixtures("wide")
@pytest.mark.parametrize("cut", [40, -20])
def test_a_damaged_manifest_is_named(table: Table, cut: int):
    other = table.other()
    latest = other.state.snapshots.latest()
    (meta, *_) = other.state.manifests.read_list(latest.delta_manifest_list)
    key = f"manifest/{meta.file_name}"
    whole = other.store.get(key)
    other.store.put(key, whole[:cut])
    try:
        with pytest.raises(CorruptDataError, match=key):
            CommittedState(other.store).manifests.live(latest)
    finally:
        other.store.put(key, whole)


@pytest.mark.usefixtures("wide")
def test_a_partition_that_is_no_row_is_damage_as_it_is_for_entries(table: Table):
    other = table.other()
    latest = other.state.snapshots.latest()
    (meta, *_) = other.state.manifests.read_list(latest.delta_manifest_list)
    key = f"manifest/{meta.file_name}"
    whole = other.store.get(key)
    broken = ManifestEntry(0, b"\0", 0, 3, data_file())
    other.store.put(key, encode_manifest([broken] * 2))

    def refuse(part: bytes) -> bool:
        if part == b"\0":
            raise CorruptDataError("BinaryRow", offset=0, expected="4 bytes", found=1)
        return True

    try:
        with pytest.raises(CorruptDataError, match="BinaryRow"):
            CommittedState(other.store).manifests.live(latest, EntryFilter(partition=refuse))
    finally:
        other.store.put(key, whole)
