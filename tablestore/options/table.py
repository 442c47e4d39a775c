"""Table options as one frozen value, and what may be created, read and written.

Source: ``org.apache.paimon.CoreOptions``, ``org.apache.paimon.schema.SchemaValidation``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from tablestore.errors import InvalidInputError, UnsupportedFormatError, nearest
from tablestore.options.ranges import check_ranges
from tablestore.options.spec import (
    all_options,
    find,
    parse_int,
    parse_long,
    parse_stats_mode,
    raw_value,
)
from tablestore.options.units import parse_bytes, parse_duration_ms
from tablestore.options.values import OptionValues, split_names

DYNAMIC_BUCKET: Final = -1
POSTPONE_BUCKET: Final = -2

FORMAT_CODECS: Final[Mapping[str, frozenset[str]]] = {
    "orc": frozenset({"zstd", "snappy", "lz4", "none", "uncompressed"}),
    "avro": frozenset({"zstd", "snappy"}),
}
"""The ``file.compression`` values of the formats that have not all of them.

Java cannot write Avro without compression, and its blocks would have no checksum.
"""

_MB: Final = 1 << 20
_COLUMN_KEY = re.compile(r"fields\.(?!default-aggregate-function)(.+?)\.[a-z]")
_COLUMN_STATS_KEY = re.compile(r"fields\.(.+)\.stats-mode")
_SECRET = re.compile(r"secret|password|access-?key|token|credential", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TableOptions:
    """The options of a table that change what tablestore does, parsed, defaults filled in.

    ``raw`` keeps every option as it is stored, those of other engines too.
    """

    raw: Mapping[str, str]
    # layout
    bucket: int
    bucket_key: tuple[str, ...]
    bucket_function: str
    partition_default_name: str
    partition_legacy_name: bool
    data_file_prefix: str
    data_file_dir: str | None
    thin_mode: bool
    # data files
    file_format: str
    file_format_per_level: Mapping[int, str]
    file_compression: str
    file_compression_per_level: Mapping[int, str]
    zstd_level: int
    target_file_size: int
    target_file_row_num: int | None
    stats_mode: str
    stats_mode_per_level: Mapping[int, str]
    column_stats_modes: Mapping[str, str]
    stats_dense_store: bool
    stats_keep_first_n: int
    # manifests and commits
    manifest_target_size: int
    manifest_merge_min_count: int
    manifest_full_threshold: int
    commit_user_prefix: str | None
    commit_max_retries: int
    commit_timeout_ms: int | None
    commit_min_retry_wait_ms: int
    commit_max_retry_wait_ms: int
    # rows
    merge_engine: str
    sequence_field: tuple[str, ...]
    sequence_field_descending: bool
    sequence_snapshot_ordering: bool
    aggregation_removes_on_delete: bool
    partial_update_removes_on_delete: bool
    rowkind_field: str | None
    ignore_delete: bool
    ignore_update_before: bool
    changelog_producer: str
    deletion_vectors: bool
    deletion_vectors_merge_on_read: bool
    index_file_in_data_file_dir: bool
    force_lookup: bool
    dynamic_partition_overwrite: bool
    # reading
    file_index_read: bool
    # memory, tree, splits
    write_only: bool
    write_buffer_size: int
    compaction_trigger: int
    num_levels: int
    source_split_target_size: int
    source_split_open_file_cost: int

    @classmethod
    def parse(cls, options: Mapping[str, str], *, has_primary_key: bool) -> TableOptions:
        """Parsed options of a table; unknown keys are kept in ``raw`` and otherwise ignored.

        Raises:
            InvalidInputError: names the option whose value is not of its type.
        """
        values = OptionValues(options)
        trigger = values.number("num-sorted-run.compaction-trigger")
        default_size = (128 if has_primary_key else 256) * _MB
        return cls(
            raw=dict(options),
            bucket=values.number("bucket"),
            bucket_key=values.names("bucket-key"),
            bucket_function=values.word("bucket-function.type"),
            partition_default_name=values.text("partition.default-name"),
            partition_legacy_name=values.flag("partition.legacy-name"),
            data_file_prefix=values.text("data-file.prefix"),
            data_file_dir=values.maybe("data-file.path-directory", str),
            thin_mode=values.flag("data-file.thin-mode"),
            file_format=values.word("file.format"),
            file_format_per_level=values.levels("file.format.per.level", str.lower),
            file_compression=values.word("file.compression"),
            file_compression_per_level=values.levels("file.compression.per.level", str.lower),
            zstd_level=values.number("file.compression.zstd-level"),
            target_file_size=values.maybe("target-file-size", parse_bytes) or default_size,
            target_file_row_num=values.maybe("target-file-row-num", parse_long),
            stats_mode=values.get("metadata.stats-mode", parse_stats_mode),
            stats_mode_per_level=values.levels("metadata.stats-mode.per.level", parse_stats_mode),
            column_stats_modes=_column_stats_modes(options),
            stats_dense_store=values.flag("metadata.stats-dense-store"),
            stats_keep_first_n=values.number("metadata.stats-keep-first-n-columns"),
            manifest_target_size=values.get("manifest.target-file-size", parse_bytes),
            manifest_merge_min_count=values.number("manifest.merge-min-count"),
            manifest_full_threshold=values.get(
                "manifest.full-compaction-threshold-size", parse_bytes
            ),
            commit_user_prefix=values.maybe("commit.user-prefix", str),
            commit_max_retries=values.number("commit.max-retries"),
            commit_timeout_ms=values.maybe("commit.timeout", parse_duration_ms),
            commit_min_retry_wait_ms=values.get("commit.min-retry-wait", parse_duration_ms),
            commit_max_retry_wait_ms=values.get("commit.max-retry-wait", parse_duration_ms),
            merge_engine=values.word("merge-engine"),
            sequence_field=values.names("sequence.field"),
            sequence_field_descending=values.word("sequence.field.sort-order") == "descending",
            sequence_snapshot_ordering=values.flag("sequence.snapshot-ordering"),
            aggregation_removes_on_delete=values.flag("aggregation.remove-record-on-delete"),
            partial_update_removes_on_delete=values.flag("partial-update.remove-record-on-delete"),
            rowkind_field=values.maybe("rowkind.field", str),
            ignore_delete=values.flag("ignore-delete"),
            ignore_update_before=values.flag("ignore-update-before"),
            changelog_producer=values.word("changelog-producer"),
            deletion_vectors=values.flag("deletion-vectors.enabled"),
            deletion_vectors_merge_on_read=values.flag("deletion-vectors.merge-on-read"),
            index_file_in_data_file_dir=values.flag("index-file-in-data-file-dir"),
            force_lookup=values.flag("force-lookup"),
            dynamic_partition_overwrite=values.flag("dynamic-partition-overwrite"),
            file_index_read=values.flag("file-index.read.enabled"),
            write_only=values.flag("write-only"),
            write_buffer_size=values.get("write-buffer-size", parse_bytes),
            compaction_trigger=trigger,
            num_levels=values.maybe("num-levels", parse_int) or trigger + 1,
            source_split_target_size=values.get("source.split.target-size", parse_bytes),
            source_split_open_file_cost=values.get("source.split.open-file-cost", parse_bytes),
        )

    def format(self, level: int) -> str:
        """The format of new data files of a level."""
        return self.file_format_per_level.get(level, self.file_format)

    @property
    def needs_lookup(self) -> bool:
        """Whether level 0 is compacted by looking keys up in the levels above.

        Source: ``org.apache.paimon.lookup.LookupStrategy``.
        """
        return (
            self.merge_engine == "first-row"
            or self.changelog_producer == "lookup"
            or self.deletion_vectors
            or self.force_lookup
        )

    @property
    def mixes_versions(self) -> bool:
        """Whether a row is put together from several versions of its key."""
        return self.merge_engine in {"partial-update", "aggregation"}

    @property
    def formats(self) -> tuple[str, ...]:
        """The formats that new data files may have, each once."""
        return tuple(sorted({self.file_format, *self.file_format_per_level.values()}))

    def compression(self, level: int) -> str:
        """The codec of data files of a level."""
        return self.file_compression_per_level.get(level, self.file_compression)

    def level_stats_mode(self, level: int) -> str:
        """The statistics mode of data files of a level, before the columns' own modes."""
        return self.stats_mode_per_level.get(level, self.stats_mode)


def check_new_options(
    options: Mapping[str, str], *, has_primary_key: bool, columns: Collection[str]
) -> None:
    """Refuse options that a new table may not be created with.

    Raises:
        InvalidInputError: names the option: unknown, a bad value, not supported yet, a secret,
            or about a column that the table does not have.
    """
    for key, value in options.items():
        _check_new_option(key, value, columns)
    check_ranges(options)
    _check_codecs(TableOptions.parse(options, has_primary_key=has_primary_key))


def check_readable(options: Mapping[str, str], *, has_primary_key: bool) -> None:
    """Refuse to read an existing table that would be read wrongly.

    Raises:
        UnsupportedFormatError: names the option.
    """
    _check_existing(options, "R", "read", has_primary_key=has_primary_key)


def check_writable(options: Mapping[str, str], *, has_primary_key: bool) -> None:
    """Refuse to write an existing table that would be written wrongly.

    Raises:
        UnsupportedFormatError: names the option.
    """
    _check_existing(options, "W", "written", has_primary_key=has_primary_key)
    bucket = _bucket(options)
    if has_primary_key and bucket == DYNAMIC_BUCKET:
        raise UnsupportedFormatError("writing tables with dynamic buckets is not supported yet")
    if bucket == POSTPONE_BUCKET:
        raise UnsupportedFormatError("writing tables with postponed buckets is not supported yet")
    if not has_primary_key and bucket > 0 and not raw_value(options, "bucket-key"):
        raise UnsupportedFormatError(
            "writing an append table with buckets but without 'bucket-key' is not supported"
        )


def _bucket(options: Mapping[str, str]) -> int:
    return OptionValues(options).number("bucket")


def _check_existing(
    options: Mapping[str, str], flag: str, verb: str, *, has_primary_key: bool
) -> None:
    for key, value in options.items():
        spec = find(key)
        if spec is None or flag not in spec.flags or spec.accepts(value):
            continue
        if spec.keyed_only and not has_primary_key:
            continue
        raise UnsupportedFormatError(
            f"a table with option {key!r} = {value!r} cannot be {verb} yet", option=key, value=value
        )


def _check_new_option(key: str, value: str, columns: Collection[str]) -> None:
    if _SECRET.search(key):
        raise InvalidInputError(
            f"option {key!r} looks like a secret, and options are stored as plain text with the "
            "table; give it as a storage option instead"
        )
    spec = find(key)
    if spec is None:
        raise InvalidInputError(f"unknown option {key!r}{nearest(key, all_options())}", option=key)
    try:
        spec.check(value)
    except InvalidInputError as error:
        raise InvalidInputError(f"option {key!r}: {error}", option=key, value=value) from None
    if not spec.accepts(value):
        only = f"; only {spec.default!r} is" if spec.only_default else ""
        raise InvalidInputError(
            f"option {key!r} = {value!r} is not supported yet{only}", option=key, value=value
        )
    _check_column_key(key, columns)


def _check_codecs(options: TableOptions) -> None:
    codecs = {options.file_compression, *options.file_compression_per_level.values()}
    for file_format in options.formats:
        known = FORMAT_CODECS.get(file_format)
        for codec in sorted(codecs):
            if known is not None and codec not in known:
                raise InvalidInputError(
                    f"file.compression {codec!r} does not exist for {file_format} files; use one "
                    f"of {', '.join(sorted(known))}",
                    option="file.compression",
                    value=codec,
                )


def _check_column_key(key: str, columns: Collection[str]) -> None:
    match = _COLUMN_KEY.match(key)
    # a sequence group names several columns; a column's own name may contain a dot
    if match is None or any(key.startswith(f"fields.{column}.") for column in columns):
        return
    for name in split_names(match[1]):
        if name not in columns:
            hint = nearest(name, columns)
            raise InvalidInputError(
                f"option {key!r} is about column {name!r}, which the table does not have{hint}"
            )


def _column_stats_modes(options: Mapping[str, str]) -> dict[str, str]:
    matches = ((_COLUMN_STATS_KEY.fullmatch(key), value) for key, value in options.items())
    return {match[1]: parse_stats_mode(value) for match, value in matches if match}
