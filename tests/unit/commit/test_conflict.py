"""Which commits may follow which."""

from __future__ import annotations

import random

from tablestore.commit.conflict import find_bucket_mismatch, find_file_conflict
from tablestore.format.binary_row import encode_row
from tablestore.format.manifest import EMPTY_ROW, ManifestEntry
from tablestore.metadata.base import EMPTY, LiveFiles
from tests.unit.commit.commit_builders import INT, TEXT, data_file


def add(file, bucket=0, total=2, part=EMPTY_ROW):
    return ManifestEntry(0, part, bucket, total, file)


def delete(file, bucket=0, total=2, part=EMPTY_ROW):
    return ManifestEntry(1, part, bucket, total, file)


def live(*entries):
    return LiveFiles.of(None, entries)


def test_a_file_is_deleted_once_only():
    old = data_file("old")
    assert find_file_conflict(live(add(old)), [delete(old)], [INT]) is None
    gone = find_file_conflict(live(), [delete(old)], [INT])
    assert (gone.files, gone.bucket) == (("old",), 0)
    assert "not there any more" in gone.reason


def test_a_file_is_added_once_only():
    new = data_file("new")
    assert find_file_conflict(live(), [add(new)], [INT]) is None
    assert "already" in find_file_conflict(live(add(new)), [add(new)], [INT]).reason
    assert "already" in find_file_conflict(live(), [add(new), add(new)], [INT]).reason


def test_a_file_of_another_bucket_or_level_is_another_file():
    low, high = data_file("f", level=0), data_file("f", level=5)
    assert find_file_conflict(live(add(low)), [delete(low), add(high)], [INT]) is None
    assert find_file_conflict(live(add(low, bucket=1)), [delete(low)], [INT]) is not None
    assert find_file_conflict(live(add(low)), [delete(high)], [INT]) is not None


def test_key_ranges_of_a_level_must_not_overlap():
    base = live(add(data_file("old", level=3, keys=(10, 20))))
    for keys, overlaps in (((21, 30), False), ((1, 9), False), ((20, 30), True), ((12, 13), True)):
        found = find_file_conflict(base, [add(data_file("new", level=3, keys=keys))], [INT])
        assert (found is not None) == overlaps
    found = find_file_conflict(base, [add(data_file("new", level=3, keys=(5, 15)))], [INT])
    assert sorted(found.files) == ["new", "old"]
    assert "level 3" in found.reason


def test_level_zero_and_other_levels_may_overlap():
    base = live(add(data_file("old", level=3, keys=(10, 20))))
    for level in (0, 2, 4):
        new = add(data_file("new", level=level, keys=(10, 20)))
        assert find_file_conflict(base, [new], [INT]) is None


def test_append_tables_have_no_key_ranges():
    base = live(add(data_file("old", level=3, keys=(10, 20))))
    assert find_file_conflict(base, [add(data_file("new", level=3, keys=(10, 20)))], []) is None


def test_an_overlap_is_found_in_any_order_of_the_files():
    rng = random.Random(7)
    for _ in range(200):
        files = [
            data_file(f"f{n}", level=1, keys=(start, start + rng.randrange(5)))
            for n, start in enumerate(rng.sample(range(40), 5))
        ]
        spans = [range(*_bounds(file)) for file in files]
        overlaps = any(set(a) & set(b) for n, a in enumerate(spans) for b in spans[n + 1 :])
        found = find_file_conflict(EMPTY, [add(file) for file in files], [INT])
        assert (found is not None) == overlaps


def _bounds(file):
    from tablestore.format.binary_row import decode_row

    (low,), (high,) = decode_row(file.min_key, [INT]), decode_row(file.max_key, [INT])
    return low, high + 1


def test_one_partition_has_one_bucket_count():
    a, b = encode_row(["a"], [TEXT]), encode_row(["b"], [TEXT])
    base = live(add(data_file(), total=4, part=a))
    assert find_bucket_mismatch(base, [add(data_file(), total=4, part=a)]) is None
    assert find_bucket_mismatch(base, [add(data_file(), total=8, part=b)]) is None
    found = find_bucket_mismatch(base, [add(data_file(), total=8, part=a)])
    assert "has 4 buckets" in found.reason
    mixed = [add(data_file(), total=2, part=b), add(data_file(), total=3, part=b)]
    assert find_bucket_mismatch(EMPTY, mixed) is not None


def test_tables_without_buckets_have_no_count_to_keep():
    base = live(add(data_file(), total=-1))
    assert find_bucket_mismatch(base, [add(data_file(), total=-1)]) is None
