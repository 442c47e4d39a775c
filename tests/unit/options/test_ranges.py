"""Numbers that options may have."""

from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError
from tablestore.options.ranges import check_ranges


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num-sorted-run.compaction-trigger": "0"}, "must be at least 1, found '0'"),
        ({"num-levels": "1"}, "'num-levels' must be at least 2"),
        ({"target-file-row-num": "0"}, "at least 1"),
        ({"target-file-size": "0 b"}, "at least 1, found '0 b'"),
        ({"write-buffer-size": "0"}, "at least 1"),
        ({"snapshot.num-retained.min": "0"}, "at least 1"),
        ({"changelog.num-retained.min": "-1"}, "at least 1"),
        ({"compaction.offpeak.start.hour": "24"}, "an hour from 0 to 23, or -1 for none"),
        ({"compaction.offpeak.end.hour": "-2"}, "an hour from 0 to 24"),
        ({"snapshot.num-retained.max": "5"}, r"\(10\) must not be larger than .*max' \(5\)"),
        (
            {"snapshot.num-retained.min": "2", "changelog.num-retained.max": "1"},
            r"changelog.num-retained.min' \(2\) must not be larger",
        ),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        check_ranges(options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num-levels": "2", "num-sorted-run.compaction-trigger": "1", "target-file-size": "1"},
        {"compaction.offpeak.start.hour": "0", "compaction.offpeak.end.hour": "24"},
        {"snapshot.num-retained.min": "5", "snapshot.num-retained.max": "5"},
        {"changelog.num-retained.min": "3", "changelog.num-retained.max": "20"},
    ],
)
def test_the_least_numbers_are_taken(options):
    check_ranges(options)
