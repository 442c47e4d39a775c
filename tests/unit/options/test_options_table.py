from __future__ import annotations

import pytest

from tablestore.errors import InvalidInputError, UnsupportedFormatError
from tablestore.options.table import (
    TableOptions,
    check_new_options,
    check_readable,
    check_writable,
)

MB = 1 << 20


def _check(options: dict[str, str], *, has_primary_key: bool = True) -> None:
    check_new_options(options, has_primary_key=has_primary_key, columns=["id", "amount", "a.b"])


def test_defaults_are_those_of_java() -> None:
    options = TableOptions.parse({}, has_primary_key=True)
    assert (options.bucket, options.bucket_key, options.bucket_function) == (-1, (), "default")
    assert (options.file_format, options.file_compression, options.zstd_level) == (
        "parquet",
        "zstd",
        1,
    )
    assert (options.stats_mode, options.stats_dense_store) == ("truncate(16)", True)
    assert (options.manifest_target_size, options.manifest_merge_min_count) == (8 * MB, 30)
    assert options.manifest_full_threshold == 16 * MB
    assert (options.compaction_trigger, options.num_levels) == (5, 6)
    assert (options.commit_max_retries, options.commit_timeout_ms) == (10, None)
    assert (options.write_buffer_size, options.target_file_size) == (256 * MB, 128 * MB)
    assert (options.partition_default_name, options.data_file_prefix) == (
        "__DEFAULT_PARTITION__",
        "data-",
    )
    assert options.partition_legacy_name
    assert options.dynamic_partition_overwrite
    assert not options.thin_mode
    assert TableOptions.parse({}, has_primary_key=False).target_file_size == 256 * MB


def test_values_are_parsed_with_their_units() -> None:
    options = TableOptions.parse(
        {
            "bucket": "4",
            "bucket-key": "b, a",
            "bucket-function.type": "MOD",
            "target-file-size": "1 kb",
            "commit.timeout": "1 min",
            "num-sorted-run.compaction-trigger": "3",
            "metadata.stats-mode": "TRUNCATE(4)",
            "fields.v.stats-mode": "none",
            "metadata.stats-mode.per.level": "0:none",
            "file.compression.per.level": "0:snappy,5:zstd",
            "data-file.path-directory": "data",
            "made-by": "another engine",
        },
        has_primary_key=True,
    )
    assert (options.bucket, options.bucket_key, options.bucket_function) == (4, ("b", "a"), "mod")
    assert (options.target_file_size, options.commit_timeout_ms) == (1024, 60_000)
    assert options.num_levels == 4
    assert (options.stats_mode, options.column_stats_modes) == ("truncate(4)", {"v": "none"})
    assert (options.level_stats_mode(0), options.level_stats_mode(1)) == ("none", "truncate(4)")
    assert [options.compression(level) for level in (0, 1, 5)] == ["snappy", "zstd", "zstd"]
    assert options.data_file_dir == "data"
    assert options.raw["made-by"] == "another engine"


@pytest.mark.parametrize("key", ["ignore-delete", "deduplicate.ignore-delete"])
def test_an_older_name_of_an_option_counts(key: str) -> None:
    assert TableOptions.parse({key: "true"}, has_primary_key=True).ignore_delete


def test_a_bad_value_names_its_option() -> None:
    with pytest.raises(InvalidInputError, match="option 'bucket': expected a whole number"):
        TableOptions.parse({"bucket": "four"}, has_primary_key=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buckets": "4"}, r"unknown option 'buckets' \(did you mean 'bucket'\?\)"),
        ({"bucket": "many"}, "option 'bucket': expected a whole number, found 'many'"),
        ({"bucket": str(2**31)}, "expected a number of 32 bits"),
        ({"write-only": "yes"}, "option 'write-only': 'yes' is neither 'true' nor 'false'"),
        ({"target-file-size": "big"}, "'big' is not a size"),
        ({"commit.timeout": "soon"}, "'soon' is not a duration"),
        ({"metadata.stats-mode": "some"}, "expected none, counts, truncate"),
        ({"fields.id.stats-mode": "some"}, "option 'fields.id.stats-mode'"),
        ({"file.compression.per.level": "zstd"}, "expected 'key:value' entries"),
        ({"file.compression.per.level": "x:zstd"}, "expected a whole number"),
        ({"bucket-function.type": "crc"}, "expected one of default, mod, hive, found 'crc'"),
        ({"merge-engine": "x"}, "expected one of deduplicate, partial-update"),
        ({"row-tracking.enabled": "true"}, "not supported yet"),
        ({"changelog-producer": "lookup"}, "not supported yet; only 'none' is"),
        ({"postpone.merge-on-read": "true"}, "not supported yet; only 'false' is"),
        ({"file.format": "csv"}, "'file.format' = 'csv' is not supported yet"),
        ({"file.format.per.level": "0:row"}, "not supported yet"),
        ({"file.format": "orc", "file.compression": "gzip"}, "'gzip' does not exist for orc"),
        ({"file.format": "avro", "file.compression": "none"}, "'none' does not exist for avro"),
        ({"file.format.per.level": "0:avro", "file.compression": "lz4"}, "does not exist for avro"),
        ({"row-tracking.enabled": "true"}, "not supported yet"),
        ({"record-level.expire-time": "1 fortnight"}, "is not a duration"),
        ({"scan.snapshot-id": "3"}, "not supported yet"),
        ({"fields.amuont.stats-mode": "none"}, "'amuont', which the table does not have.*amount"),
        ({"fields.id,no.sequence-group": "id"}, "column 'no'"),
        ({"s3.secret-key": "x"}, "looks like a secret"),
        ({"fs.oss.accessKeyId": "x"}, "looks like a secret"),
    ],
)
def test_an_option_that_cannot_be_kept_is_refused_by_name(
    options: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        _check(options)


@pytest.mark.parametrize(
    "options",
    [
        {"merge-engine": "DEDUPLICATE", "deletion-vectors.enabled": "True"},
        {"file.format": "parquet", "file.format.per.level": "0:parquet, 5:ORC"},
        {"scan.mode": "latest-full", "changelog-producer": "none"},
        {"snapshot.num-retained.min": "3", "num-levels": "4", "write-only": "true"},
        {"fields.amount.stats-mode": "full", "fields.a.b.stats-mode": "counts"},
        {"compaction.size-ratio": "5", "parquet.page.size": "1000", "sink.parallelism": "4"},
    ],
)
def test_defaults_and_harmless_options_are_accepted(options: dict[str, str]) -> None:
    _check(options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequence.snapshot-ordering": "true"}, "cannot be read yet"),
        ({"bucket": "-2", "postpone.merge-on-read": "true"}, "'postpone.merge-on-read'"),
        ({"scan.snapshot-id": "1"}, "'scan.snapshot-id'"),
    ],
)
def test_an_existing_table_that_would_be_read_wrongly_is_refused(
    options: dict[str, str], message: str
) -> None:
    with pytest.raises(UnsupportedFormatError, match=message):
        check_readable(options, has_primary_key=True)


@pytest.mark.parametrize(
    "options",
    [
        {"changelog-producer": "lookup", "file.format": "orc", "rowkind.field": "op"},
        {"bucket": "-1", "row-tracking.enabled": "true", "made-by": "another engine"},
        {"ignore-delete": "true", "tag.automatic-creation": "batch"},
        {"deletion-vectors.enabled": "true", "deletion-vectors.merge-on-read": "true"},
        {"bucket": "-2", "postpone.default-bucket-num": "4"},
    ],
)
def test_options_that_only_matter_to_writers_do_not_stop_a_reader(options: dict[str, str]) -> None:
    check_readable(options, has_primary_key=True)


def test_options_of_merging_do_not_stop_the_reader_of_an_append_table() -> None:
    check_readable({"sequence.snapshot-ordering": "true"}, has_primary_key=False)


@pytest.mark.parametrize(
    ("options", "has_primary_key", "message"),
    [
        ({"changelog-producer": "input", "bucket": "1"}, True, "'changelog-producer'"),
        ({"file.format": "row", "bucket": "1"}, True, "'file.format' = 'row' cannot be written"),
        ({}, True, "dynamic buckets"),
        ({"bucket": "-2"}, True, "postponed buckets"),
        ({"bucket": "3"}, False, "without 'bucket-key'"),
        ({"row-tracking.enabled": "true"}, False, "'row-tracking.enabled'"),
    ],
)
def test_an_existing_table_that_would_be_written_wrongly_is_refused(
    options: dict[str, str],
    has_primary_key: bool,  # noqa: FBT001
    message: str,
) -> None:
    with pytest.raises(UnsupportedFormatError, match=message):
        check_writable(options, has_primary_key=has_primary_key)


def test_plain_tables_may_be_written() -> None:
    check_writable({"bucket": "4"}, has_primary_key=True)
    check_writable({}, has_primary_key=False)
    check_writable({"bucket": "3", "bucket-key": "a"}, has_primary_key=False)
