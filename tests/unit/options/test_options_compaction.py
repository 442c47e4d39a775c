"""The compaction options of a table."""

from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError
from tablestore.options.compaction import AppendOptions, TreeOptions
from tablestore.options.table import TableOptions

MB = 1 << 20


def tree(**options):
    named = {key.replace("__", ".").replace("_", "-"): value for key, value in options.items()}
    return TreeOptions.of(TableOptions.parse(named, has_primary_key=True))


def append(**options):
    named = {key.replace("__", ".").replace("_", "-"): value for key, value in options.items()}
    return AppendOptions.of(TableOptions.parse(named, has_primary_key=False))


def test_a_table_without_options_has_the_defaults():
    assert tree() == TreeOptions()
    assert append() == AppendOptions()


def test_levels_and_stop_trigger_follow_the_trigger():
    found = tree(num_sorted_run__compaction_trigger="9")
    assert (found.trigger, found.num_levels, found.stop_trigger) == (9, 10, 12)


def test_the_stop_trigger_is_never_below_the_trigger():
    key = {"num_sorted_run__stop_trigger": "2"}
    assert tree(**key).stop_trigger == 5


def test_every_option_is_read():
    named = {
        "num-levels": "4",
        "compaction.max-size-amplification-percent": "50",
        "compaction.size-ratio": "7",
        "compaction.offpeak.start.hour": "22",
        "compaction.offpeak.end.hour": "4",
        "compaction.offpeak-ratio": "30",
        "compaction.optimization-interval": "1 h",
        "compaction.total-size-threshold": "1 mb",
        "compaction.incremental-size-threshold": "2 mb",
        "compaction.force-up-level-0": "true",
        "compaction.force-rewrite-all-files": "true",
        "compaction.small-file-ratio": "0.5",
        "target-file-size": "10 mb",
        "file.format": "avro",
        "file.format.per.level": "0:orc,3:parquet",
    }
    assert TreeOptions.of(TableOptions.parse(named, has_primary_key=True)) == TreeOptions(
        num_levels=4,
        max_size_amplification_percent=50,
        size_ratio=7,
        off_peak=(22, 4, 30),
        full_interval_ms=3_600_000,
        full_below_bytes=MB,
        full_above_bytes=2 * MB,
        force_up_level_0=True,
        force_rewrite_all=True,
        target_file_size=10 * MB,
        small_file_size=5 * MB,
        formats=((0, "orc"), (3, "parquet")),
        format="avro",
    )


@pytest.mark.parametrize(
    "options",
    [
        {"merge-engine": "first-row"},
        {"changelog-producer": "lookup"},
        {"deletion-vectors.enabled": "true"},
        {"force-lookup": "true"},
    ],
)
def test_tables_that_look_up_force_level_0_up(options):
    found = TreeOptions.of(TableOptions.parse(options, has_primary_key=True))
    assert (found.lookup, found.force_up_level_0, found.force_interval) == (True, True, None)


@pytest.mark.parametrize(("interval", "found"), [(None, 10), ("7", 7), ("2", 5)])
def test_gentle_lookups_force_level_0_up_now_and_then(interval, found):
    options = {"force-lookup": "true", "lookup-compact": "Gentle"}
    if interval is not None:
        options["lookup-compact.max-interval"] = interval
    parsed = TableOptions.parse(options, has_primary_key=True)
    assert TreeOptions.of(parsed).force_interval == found
    assert tree(lookup_compact="gentle").force_interval is None


@pytest.mark.parametrize(
    ("options", "newest"),
    [
        ({}, True),
        ({"sequence.field": "v"}, False),
        ({"merge-engine": "partial-update"}, False),
    ],
)
def test_the_version_written_last_wins_only_without_sequence_and_merging(options, newest):
    parsed = TableOptions.parse(options, has_primary_key=True)
    assert TreeOptions.of(parsed).newest_wins == newest


@pytest.mark.parametrize(
    ("window", "hours"),
    [((22, 2, 9), {22, 23, 0, 1}), ((2, 5, 9), {2, 3, 4}), ((5, 5, 9), set()), ((-1, 5, 9), set())],
)
def test_off_peak_hours_may_go_past_midnight(window, hours):
    options = TreeOptions(off_peak=window)
    assert {hour for hour in range(24) if options.off_peak_ratio(hour)} == hours


def test_the_format_of_a_level():
    options = TreeOptions(formats=((0, "avro"),), format="orc")
    assert [options.format_of(level) for level in (0, 1)] == ["avro", "orc"]


def test_append_options_are_read():
    named = {
        "target-file-size": "100 b",
        "compaction.small-file-ratio": "0.5",
        "compaction.min.file-num": "2",
        "compaction.delete-ratio-threshold": "0.9",
        "compaction.force-rewrite-all-files": "true",
        "source.split.open-file-cost": "3 b",
        "deletion-vectors.enabled": "true",
    }
    found = AppendOptions.of(TableOptions.parse(named, has_primary_key=False))
    assert found == AppendOptions(100, 50, 2, 3, 0.9, True, True)


def test_a_bad_value_names_its_option():
    with pytest.raises(InvalidInputError, match=r"compaction\.small-file-ratio.*'much'"):
        tree(compaction__small_file_ratio="much")
