"""Commits that nobody disturbs."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from tablestore.commit.manifest_merge import MergePolicy
from tablestore.commit.message import CommitMessage, DataIncrement
from tablestore.commit.settings import CommitSettings
from tablestore.errors import CommitConflictError, InvalidInputError
from tablestore.format.index_manifest import HASH_INDEX, IndexManifestEntry
from tablestore.metadata.base import CommittedState
from tablestore.options.table import TableOptions
from tests.unit.commit.commit_builders import (
    APPENDING,
    PARTITIONED,
    Table,
    added,
    compacted,
    data_file,
    partition,
)


def test_a_first_commit_makes_snapshot_one_with_an_empty_base():
    table = Table()
    result = table.commit(added(data_file("a", rows=7)), operation="WRITE", properties={"k": "v"})
    assert result.snapshot_ids == (1,)
    assert (result.files_added, result.files_deleted, result.rows) == (1, 0, 7)
    snapshot = CommittedState(table.store).snapshots.latest()
    assert snapshot is not None
    assert (snapshot.id, snapshot.schema_id, snapshot.commit_kind) == (1, 0, "APPEND")
    assert (snapshot.total_record_count, snapshot.delta_record_count) == (7, 7)
    assert (snapshot.next_row_id, snapshot.operation) == (0, "WRITE")
    assert snapshot.properties == {"k": "v"}
    assert snapshot.commit_identifier == 2**63 - 1
    assert snapshot.writer_version.startswith("tablestore-")
    assert snapshot.uuid
    assert table.state.manifests.read_list(snapshot.base_manifest_list) == ()
    assert table.store.get("snapshot/LATEST") == b"1"


def test_the_sizes_of_manifest_lists_are_exact():
    table = Table()
    for _ in range(3):
        table.commit(added(data_file()))
        snapshot = table.state.snapshots.latest()
        for name, size in (
            (snapshot.base_manifest_list, snapshot.base_manifest_list_size),
            (snapshot.delta_manifest_list, snapshot.delta_manifest_list_size),
        ):
            assert len(table.store.get(f"manifest/{name}")) == size
            for meta in table.state.manifests.read_list(name):
                assert len(table.store.get(f"manifest/{meta.file_name}")) == meta.file_size


def test_counts_and_watermark_follow_the_previous_snapshot():
    table = Table()
    old = data_file("old", rows=10)
    table.commit(added(old), watermark=500)
    table.commit(added(data_file(rows=5)), watermark=300)
    table.commit(compacted([old], [data_file(rows=4, level=1, keys=(100, 200))]))
    snapshot = table.state.snapshots.latest()
    assert (snapshot.total_record_count, snapshot.delta_record_count) == (9, -6)
    assert (snapshot.commit_kind, snapshot.watermark) == ("COMPACT", 500)


def test_rows_and_their_compaction_are_two_snapshots_of_one_commit():
    table = Table()
    new, after = data_file("new"), data_file("after", level=1)
    result = table.committer("job").commit([compacted([new], [after], new=[new])], identifier=4)
    assert result.snapshot_ids == (1, 2)
    assert result.compaction == "committed"
    first, second = table.state.snapshots.load(1), table.state.snapshots.load(2)
    assert [first.commit_kind, second.commit_kind] == ["APPEND", "COMPACT"]
    assert {(s.commit_user, s.commit_identifier) for s in (first, second)} == {("job", 4)}
    assert first.uuid != second.uuid
    assert table.live() == ["after"]


def test_an_empty_commit_makes_no_snapshot_unless_asked():
    table = Table()
    assert table.commit().snapshot_ids == ()
    assert table.commit(overwrite_filter=lambda _: True).snapshot_ids == ()
    assert table.state.snapshots.latest() is None
    result = table.commit(allow_empty=True, properties={"offset": "7"})
    assert result.snapshot_ids == (1,)
    assert table.state.snapshots.latest().properties == {"offset": "7"}


def test_a_commit_that_deletes_files_is_an_overwrite():
    table = Table()
    old = data_file("old")
    table.commit(added(old))
    table.commit(added(data_file("new"), deleted=[old]))
    assert table.state.snapshots.latest().commit_kind == "OVERWRITE"
    assert table.live() == ["new"]


def test_an_overwrite_replaces_only_the_partitions_it_names():
    table = Table(PARTITIONED)
    a, b = partition("a"), partition("b")
    table.commit(added(data_file("a1"), part=a), added(data_file("b1"), part=b))
    result = table.commit(added(data_file("a2"), part=a), overwrite_filter=lambda p: p == a)
    assert table.live() == ["a2", "b1"]
    assert (result.files_added, result.files_deleted) == (1, 1)


def test_an_overwrite_also_deletes_what_came_since_it_was_planned():
    table = Table()
    table.commit(added(data_file("one")))
    table.other().commit(added(data_file("two")))
    table.commit(added(data_file("new")), overwrite_filter=lambda _: True, operation="OVERWRITE")
    assert table.live() == ["new"]


def test_a_truncate_is_an_overwrite_without_files():
    table = Table()
    table.commit(added(data_file(rows=3)), added(data_file(rows=4), bucket=1))
    result = table.commit(overwrite_filter=lambda _: True, operation="TRUNCATE")
    snapshot = table.state.snapshots.latest()
    assert table.live() == []
    assert result.rows == -7
    assert (snapshot.commit_kind, snapshot.total_record_count) == ("OVERWRITE", 0)
    assert table.state.base.live(snapshot).buckets == {}


def test_a_file_outside_of_the_overwritten_partitions_is_refused():
    table = Table(PARTITIONED)
    with pytest.raises(InvalidInputError, match="outside"):
        table.commit(
            added(data_file("x"), part=partition("b")),
            overwrite_filter=lambda p: p == partition("a"),
        )
    assert table.objects("manifest") == []


def test_bucket_counts_change_only_by_overwrite():
    table = Table()
    table.commit(added(data_file("two"), total=2))
    with pytest.raises(CommitConflictError, match=r"has 2 buckets .* written for 4"):
        table.commit(added(data_file("four"), total=4))
    assert table.state.snapshots.latest().id == 1
    table.commit(added(data_file("four"), total=4), overwrite_filter=lambda _: True)
    assert table.live() == ["four"]
    table.commit(added(data_file("more"), total=4))
    assert table.live() == ["four", "more"]


def test_a_conflict_takes_back_its_manifests_and_names_the_winner():
    table = Table()
    old = data_file("old")
    table.commit(added(old))
    table.other().commit(compacted([old], [data_file("theirs", level=1)]))
    before = table.objects("manifest")
    with pytest.raises(CommitConflictError, match=r"snapshot 2 \(COMPACT\).*old") as caught:
        table.commit(compacted([old], [data_file("mine", level=1)]))
    assert caught.value.detail["snapshot_id"] == 2
    assert caught.value.detail["files"] == ("old",)
    assert table.objects("manifest") == before
    assert table.live() == ["theirs"]


def test_a_compaction_that_came_too_late_does_not_undo_the_rows():
    table = Table()
    old, new = data_file("old"), data_file("new", seq=(10, 19))
    table.commit(added(old))
    table.other().commit(compacted([old], [data_file("theirs", level=1)]))
    result = table.commit(compacted([old, new], [data_file("mine", level=1)], new=[new]))
    assert result.snapshot_ids == (3,)
    assert result.compaction == "not committed"
    assert "old" in result.compaction_error
    assert table.live() == ["new", "theirs"]


def test_a_replayed_append_is_found_when_asked_to_check():
    table = Table()
    message = added(data_file("same"))
    table.commit(message)
    with pytest.raises(CommitConflictError, match="there already"):
        table.commit(message, check=True)


def test_reached_sequence_numbers_are_raised_before_publishing():
    table = Table()
    stale = added(data_file("mine", seq=(0, 9)))
    unaffected = added(data_file("other", seq=(0, 9)), bucket=1)
    table.other().commit(added(data_file("theirs", seq=(0, 14))))
    calls = []

    def resequence(messages, reached):
        calls.append((messages, reached))
        (bucket, highest) = next(iter(reached.items()))
        file = replace(
            messages[0].data.new_files[0],
            file_name="raised",
            min_sequence_number=highest + 1,
            max_sequence_number=highest + 10,
        )
        return [CommitMessage(*bucket, 2, data=DataIncrement(new_files=(file,)))]

    table.committer(resequence=resequence).commit([stale, unaffected])
    assert calls == [([stale], {(stale.partition, 0): 14})]
    assert table.live() == ["other", "raised", "theirs"]
    latest = table.state.snapshots.latest()
    assert table.state.base.live(latest).max_sequence(stale.partition, 0) == 24


def test_an_overwrite_may_start_its_sequence_numbers_again():
    table = Table()
    table.commit(added(data_file(seq=(0, 99))))

    def resequence(messages, reached):
        raise AssertionError("nothing that stays has these numbers")

    table.committer(resequence=resequence).commit(
        [added(data_file("new", seq=(0, 9)))], overwrite_filter=lambda _: True
    )
    assert table.live() == ["new"]


def test_the_schema_of_a_snapshot_is_the_latest_of_the_table():
    table = Table()
    table.commit(added(data_file()))
    table.other().state.schemas.create(replace(table.schema, id=1))
    table.state.schemas._clock = lambda: float("inf")  # a second later, when it is looked for
    table.commit(added(data_file(seq=(10, 19))))
    assert table.state.snapshots.latest().schema_id == 1


@pytest.mark.parametrize(("made_for", "inherited"), [(0, "stat-1"), (3, None)])
def test_statistics_are_inherited_while_their_schema_is_in_force(made_for, inherited):
    table = Table()
    table.commit(added(data_file()))
    table.store.put("statistics/stat-1", f'{{"snapshotId":1,"schemaId":{made_for}}}'.encode())
    latest = table.state.snapshots.latest()
    from tablestore.format.snapshot import encode_snapshot

    table.store.put("snapshot/snapshot-1", encode_snapshot(replace(latest, statistics="stat-1")))
    table.other().commit(added(data_file(seq=(10, 19))))
    assert table.state.snapshots.latest().statistics == inherited


def test_index_files_live_until_replaced_or_overwritten():
    table = Table(PARTITIONED)
    a, b = partition("a"), partition("b")

    def index(name, part):
        return IndexManifestEntry(0, part, 0, HASH_INDEX, name, 10, 2)

    def with_index(name, part, seq):
        data = DataIncrement(
            new_files=(data_file(seq=(seq, seq)),), new_index_files=(index(name, part),)
        )
        return CommitMessage(part, 0, 2, data=data)

    def live_indexes():
        name = table.state.snapshots.latest().index_manifest
        return sorted(e.file_name for e in table.state.manifests.read_index(name))

    table.commit(with_index("a1", a, 0), with_index("b1", b, 0))
    assert live_indexes() == ["a1", "b1"]
    first = table.state.snapshots.latest().index_manifest
    table.commit(added(data_file(seq=(5, 5)), part=a))
    assert table.state.snapshots.latest().index_manifest == first
    table.commit(with_index("a2", a, 6))
    assert live_indexes() == ["a2", "b1"]
    table.commit(overwrite_filter=lambda p: p == a)
    assert live_indexes() == ["b1"]
    table.commit(overwrite_filter=lambda _: True)
    assert table.state.snapshots.latest().index_manifest is None


def test_changelog_files_have_their_own_list():
    table = Table()
    data = DataIncrement(
        new_files=(data_file("data"),), changelog_files=(data_file("changelog", rows=12),)
    )
    table.commit(CommitMessage(bytes(12), 0, 2, data=data))
    snapshot = table.state.snapshots.latest()
    assert snapshot.changelog_record_count == 12
    names = [e.file.file_name for e in table.other().state.manifests.changelog(snapshot)]
    assert names == ["changelog"]
    assert table.live() == ["data"]


def test_a_warm_commit_reads_no_manifest_and_lists_nothing():
    table = Table()
    committer = table.committer()
    committer.commit([added(data_file(seq=(0, 9)))])
    result = committer.commit([added(data_file(seq=(10, 19)))])
    verbs = dict(result.requests.verbs)
    # the delta, two lists, the snapshot; LATEST read and written; EARLIEST
    assert verbs == {"get": 2, "put": 4, "put_if_absent": 1}


def test_a_commit_in_a_new_process_lists_nothing():
    table = Table()
    for n in range(3):
        table.commit(added(data_file(seq=(n * 10, n * 10 + 9))))
    result = table.other().commit(added(data_file(seq=(90, 99))))
    assert result.snapshot_ids == (4,)
    assert result.requests["list"] == 0


def test_blind_appends_do_not_load_the_live_files():
    table = Table(APPENDING)
    for _ in range(3):
        table.commit(added(data_file(), total=-1))
    other = table.other()
    result = other.commit(added(data_file(), total=-1))
    # beside the reads of any commit: two manifest lists, no manifest
    assert result.requests["get"] == 10
    assert result.requests["list"] == 0
    assert len(table.live()) == 4


def test_what_follows_a_commit_is_known_without_reading():
    table = Table()
    table.commit(added(data_file("a")))
    table.commit(added(data_file("b", seq=(10, 19)), bucket=1))
    latest = table.state.snapshots.latest()
    live = table.state.base.peek(latest)
    assert live is not None
    fresh = CommittedState(table.store).base.live(latest)
    assert live.buckets == fresh.buckets
    assert live.max_sequences == fresh.max_sequences
    assert live.totals == fresh.totals


def test_many_commits_keep_few_manifests():
    table = Table()
    policy = MergePolicy(min_count=5)
    committer = table.committer(settings=CommitSettings(merge=policy))
    for n in range(40):
        committer.commit([added(data_file(f"f{n:02}", seq=(n, n)))])
        manifests = table.state.manifests.of(table.state.snapshots.latest())
        assert len(manifests) <= 6
    assert table.live() == [f"f{n:02}" for n in range(40)]


def test_an_unknown_operation_is_refused():
    with pytest.raises(InvalidInputError, match="FROBNICATE"):
        Table().commit(added(data_file()), operation="FROBNICATE")


def test_messages_survive_pickling():
    new = data_file("new")
    message = compacted([new], [data_file("after", level=1)], new=[new], part=partition("x"))
    assert pickle.loads(pickle.dumps(message)) == message
    assert message.min_sequence_number == 0
    assert added().min_sequence_number is None


def test_a_result_is_one_readable_line():
    result = Table().commit(added(data_file(rows=7)))
    assert repr(result).startswith("CommitResult(snapshots 1: +1 -0 files, +7 rows, 0 retries, ")
    assert result.snapshot_id == 1


def test_tries_are_counted_only_where_the_user_set_a_limit():
    def settings(**options):
        parsed = TableOptions.parse(
            {name.replace("_", "."): value for name, value in options.items()},
            has_primary_key=True,
        )
        return CommitSettings.of(parsed)

    assert settings().max_retries is None
    assert settings().timeout_ms == 120_000
    assert settings(**{"commit.max-retries": "3"}).max_retries == 3
    assert settings(**{"commit.timeout": "5 s"}).timeout_ms == 5_000
    assert settings(**{"manifest.merge-min-count": "7"}).merge.min_count == 7
