"""Small files of append tables find company."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from tablestore.lsm.append import (
    AppendQueue,
    DeletedRows,
    Waiting,
    needs_compaction,
    pick_bucketed,
    pick_bucketed_full,
    pick_unaware,
    pick_unaware_all,
)
from tablestore.options.compaction import AppendOptions
from tests.support.run_files import File

OPTIONS = AppendOptions(
    target_file_size=100, small_file_size=70, min_files=3, open_file_cost=0, delete_ratio=0.2
)
VECTORS = dataclasses.replace(OPTIONS, deletion_vectors=True)


def files(*sizes):
    return [File(str(place), size, min_sequence_number=place) for place, size in enumerate(sizes)]


def sizes(group):
    return group and [file.file_size for file in group]


def groups(*file_sizes, options=OPTIONS, deleted=None, age=0):
    held = deleted or {}
    waiting = Waiting().add(files(*file_sizes), options, held)
    bins, rest = pick_unaware(dataclasses.replace(waiting, age=age), options, held)
    return [sizes(group) for group in bins], sizes(rest.files), rest.age


def test_large_files_are_left_alone():
    assert groups(70, 500, 71) == ([], (), 1)
    assert groups(69) == ([], [69], 1)


def test_smallest_files_go_together_up_to_twice_the_target():
    assert groups(60, 65, 5, 68, 50)[0] == [[5, 50, 60, 65, 68]]
    # 2 x 100 is reached by four, the fifth waits
    assert groups(40, 50, 60, 65, 69)[:2] == ([[40, 50, 60, 65]], [69])


def test_twice_the_target_to_the_byte_is_enough():
    assert groups(69, 69, 62)[0] == [[62, 69, 69]]
    assert groups(40, 50, 60, 50)[:2] == ([[40, 50, 50, 60]], ())
    large = dataclasses.replace(OPTIONS, small_file_size=500, min_files=9)
    assert groups(100, 100, 100, options=large)[:2] == ([[100, 100]], [100])


def test_too_few_small_files_wait():
    assert groups(1, 2) == ([], [1, 2], 1)
    assert groups(1, 2, 3)[:2] == ([[1, 2, 3]], ())


def test_an_open_file_costs():
    dear = dataclasses.replace(OPTIONS, open_file_cost=99)
    assert groups(1, 2, 3, options=dear)[:2] == ([[1, 2]], [3])


def test_who_waits_too_long_goes_with_whoever_is_there():
    assert groups(1, 2, age=4)[0] == []
    assert groups(1, 2, age=5)[0] == [[1, 2]]
    assert groups(1, age=9)[0] == []


def test_a_partition_is_forgotten_in_the_end():
    waiting = Waiting((File("a", 1),), 9)
    _, waiting = pick_unaware(waiting, OPTIONS, {})
    assert not waiting.forgotten
    _, waiting = pick_unaware(waiting, OPTIONS, {})
    assert waiting.forgotten
    assert Waiting().forgotten


def test_new_files_begin_a_new_wait_and_are_known_once():
    (first, *_) = every = files(1, 2, 3)
    waiting = Waiting((first,), 4).add(every, OPTIONS, {})
    assert (sizes(waiting.files), waiting.age) == ([1, 2, 3], 0)


def test_nothing_waits_where_all_is_asked_for():
    waiting = Waiting(tuple(files(1, 2)))
    assert [sizes(group) for group in pick_unaware_all(waiting, OPTIONS, {})] == [[1, 2]]
    assert pick_unaware_all(Waiting(tuple(files(1))), OPTIONS, {}) == ()


def test_a_file_with_many_deleted_rows_is_compacted_however_large():
    (large,) = files(1000)

    def wanted(count, options=VECTORS):
        return needs_compaction(large, options, {"0": DeletedRows("i", count)})

    assert [wanted(count) for count in (0, 2, 3, None)] == [False, False, True, True]
    assert not wanted(9, OPTIONS)


def test_files_of_one_index_file_go_together_and_do_not_wait():
    deleted = {"0": DeletedRows("i", 9), "1": DeletedRows("j", 9), "3": DeletedRows("i", 9)}
    found = groups(60, 200, 30, 65, 10, options=VECTORS, deleted=deleted)
    # index i: 60 + 65; with index j 325 bytes. Two files without deletions wait
    assert found[:2] == ([[60, 65, 200]], [30, 10])


def test_one_file_without_deletions_waits_however_few_are_enough():
    single = dataclasses.replace(VECTORS, min_files=1)
    assert groups(5, options=single)[0] == []


def test_one_file_with_deletions_is_enough():
    deleted = {"0": DeletedRows("i", 1)}
    assert groups(5, options=VECTORS, deleted=deleted)[0] == [[5]]


def queue(*file_sizes):
    return AppendQueue.of(reversed(files(*file_sizes)))


def test_neighbours_in_write_order_are_compacted_in_a_bucket():
    picked, rest = pick_bucketed(queue(9, 1, 5, 2), OPTIONS)
    assert (sizes(picked), sizes(rest.files)) == ([9, 1, 5], [2])


def test_a_large_file_slides_out_of_the_window():
    picked, rest = pick_bucketed(queue(500, 1, 500, 1, 2, 3), OPTIONS)
    assert (sizes(picked), rest.files) == ([1, 2, 3], ())


def test_the_window_slides_at_twice_the_target_to_the_byte():
    picked, _ = pick_bucketed(queue(100, 100, 1, 2), OPTIONS)
    assert sizes(picked) == [100, 1, 2]


def test_what_was_not_picked_waits_on():
    picked, rest = pick_bucketed(queue(500, 1, 2), OPTIONS)
    assert picked is None
    assert sizes(rest.files) == [1, 2]


def test_only_a_small_last_output_is_taken_up_again():
    start = queue(1)
    assert sizes(start.done(files(100, 30), OPTIONS).files) == [1, 30]
    assert sizes(start.done(files(30, 100), OPTIONS).files) == [1]
    assert start.done([], OPTIONS) == start


def full(*file_sizes, options=OPTIONS, deleted=()):
    held = {name: DeletedRows("i", 1) for name in deleted}
    return sizes(pick_bucketed_full(queue(*file_sizes), options, held))


def test_a_full_pick_in_a_bucket_leaves_large_files_at_the_head():
    assert full(100, 70, 1, 80, 2) == [1, 80, 2]


def test_a_full_pick_is_not_worth_it_for_few_or_mostly_large_files():
    assert full(1, 2) is None
    assert full(100, 1, 2) is None
    assert full(1, 80, 80, 2) is None
    assert full(1, 80, 2) == [1, 80, 2]


def test_with_deletion_vectors_a_full_pick_is_always_worth_it():
    assert full(1, options=VECTORS) == [1]
    assert full(100, 200, 1, options=VECTORS, deleted=["1"]) == [200, 1]
    assert full(100, 200, options=VECTORS) is None


def test_every_file_is_taken_where_it_is_forced():
    forced = dataclasses.replace(OPTIONS, force_rewrite_all=True)
    assert full(100, 200, options=forced) == [100, 200]
    assert full(options=forced) is None


SIZES = st.lists(st.integers(1, 300), max_size=25)


@given(SIZES, st.sampled_from([OPTIONS, VECTORS]), st.sets(st.integers(0, 24)))
def test_groups_share_no_file_and_lose_none(file_sizes, options, gone):
    deleted = {str(place): DeletedRows(f"i{place % 3}", 5) for place in gone}
    waiting = Waiting().add(files(*file_sizes), options, deleted)
    bins, rest = pick_unaware(waiting, options, deleted)
    taken = [file for group in bins for file in group]
    assert sorted([*taken, *rest.files], key=str) == sorted(waiting.files, key=str)
    assert all(bins)
    if not options.deletion_vectors:
        assert all(len(group) > 1 for group in bins)


@given(SIZES)
def test_picks_in_a_bucket_are_neighbours_and_come_to_an_end(file_sizes):
    rest, places = queue(*file_sizes), []
    while True:
        before = len(rest.files)
        picked, rest = pick_bucketed(rest, OPTIONS)
        if picked is None:
            break
        assert len(rest.files) < before
        places.append([file.min_sequence_number for file in picked])
    for run in places:
        assert run == list(range(run[0], run[0] + OPTIONS.min_files))
