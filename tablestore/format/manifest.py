"""The manifest: an Avro file of data files added and deleted.

::

    record {
      _VERSION int = 2, _KIND int (0 ADD, 1 DELETE), _PARTITION bytes, _BUCKET int,
      _TOTAL_BUCKETS int, _FILE record__FILE { … 21 fields, see ``DataFileMeta`` }
    }

Java reads the six top fields by position and those of ``_FILE`` by name, so the former are fixed
for ever and the latter may be missing in files of old releases; then they are ``None``.

Source: ``org.apache.paimon.manifest.ManifestEntry``, ``org.apache.paimon.io.DataFileMeta``,
``org.apache.paimon.stats.SimpleStats``.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.avro import decode_columns, decode_container, encode_container
from tablestore.format.avro_columns import Columns, compile_program
from tablestore.format.avro_schema import (
    BYTES,
    INT,
    LONG,
    STRING,
    TIMESTAMP_MILLIS,
    ArrayOf,
    Nullable,
    RecordOf,
    schema_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

MANIFEST_VERSION: Final = 2
KIND_ADD: Final = 0
KIND_DELETE: Final = 1
FILE_SOURCE_APPEND: Final = 0
FILE_SOURCE_COMPACT: Final = 1
EMPTY_ROW: Final = bytes(12)  # the serialized BinaryRow without fields


@dataclass(frozen=True, slots=True)
class SimpleStats:
    """Bounds and null counts of some columns.

    Attributes:
        min_values: serialized BinaryRow of the lower bounds, null where unknown.
        max_values: the same of the upper bounds.
        null_counts: one a column; ``None`` where unknown.
    """

    min_values: bytes
    max_values: bytes
    null_counts: tuple[int | None, ...] | None


EMPTY_STATS: Final = SimpleStats(EMPTY_ROW, EMPTY_ROW, ())


@dataclass(frozen=True, slots=True)
class DataFileMeta:
    """What a manifest says about one data file; the fields of ``_FILE`` in written order.

    Attributes:
        row_count: physical rows, delete rows included.
        min_key: serialized BinaryRow of the first key, never truncated; without fields in append
            tables.
        max_key: an upper bound of the last key.
        creation_time_ms: the writer's local wall clock written as if it were UTC.
        delete_row_count: rows of kind -U and -D; ``None`` is taken as none.
        file_source: ``FILE_SOURCE_APPEND`` or ``FILE_SOURCE_COMPACT``.
        value_stats_cols: the columns of ``value_stats``; ``None`` for all columns written.
        write_cols: the columns in the file; ``None`` for all of schema ``schema_id``.
    """

    file_name: str
    file_size: int
    row_count: int
    min_key: bytes
    max_key: bytes
    key_stats: SimpleStats
    value_stats: SimpleStats
    min_sequence_number: int
    max_sequence_number: int
    schema_id: int
    level: int
    extra_files: tuple[str, ...] = ()
    creation_time_ms: int | None = None
    delete_row_count: int | None = None
    embedded_index: bytes | None = None
    file_source: int | None = None
    value_stats_cols: tuple[str, ...] | None = None
    external_path: str | None = None
    first_row_id: int | None = None
    write_cols: tuple[str, ...] | None = None
    write_cols_sequences: tuple[int, ...] | None = None


Identifier = tuple[bytes, int, int, str, tuple[str, ...], bytes | None, str | None]


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A data file added to or deleted from a bucket.

    Attributes:
        kind: ``KIND_ADD`` or ``KIND_DELETE``.
        partition: serialized BinaryRow of the partition values.
        bucket: -2 for a postponed bucket.
        total_buckets: bucket count when the file was written; -1 dynamic or none, -2 postponed.
    """

    kind: int
    partition: bytes
    bucket: int
    total_buckets: int
    file: DataFileMeta

    @property
    def identifier(self) -> Identifier:
        """What a DELETE must repeat of its ADD, byte for byte."""
        file = self.file
        return (
            self.partition,
            self.bucket,
            file.level,
            file.file_name,
            file.extra_files,
            file.embedded_index,
            file.external_path,
        )


def simple_stats_shape() -> RecordOf:
    """The Avro record of ``SimpleStats``."""
    return RecordOf(
        fields=(
            ("_MIN_VALUES", BYTES),
            ("_MAX_VALUES", BYTES),
            ("_NULL_COUNTS", Nullable(ArrayOf(Nullable(LONG)))),
        ),
        build=SimpleStats,
        parts=attrgetter(*SimpleStats.__slots__),
    )


_FILE: Final = RecordOf(
    fields=(
        ("_FILE_NAME", STRING),
        ("_FILE_SIZE", LONG),
        ("_ROW_COUNT", LONG),
        ("_MIN_KEY", BYTES),
        ("_MAX_KEY", BYTES),
        ("_KEY_STATS", simple_stats_shape()),
        ("_VALUE_STATS", simple_stats_shape()),
        ("_MIN_SEQUENCE_NUMBER", LONG),
        ("_MAX_SEQUENCE_NUMBER", LONG),
        ("_SCHEMA_ID", LONG),
        ("_LEVEL", INT),
        ("_EXTRA_FILES", ArrayOf(STRING)),
        ("_CREATION_TIME", Nullable(TIMESTAMP_MILLIS)),
        ("_DELETE_ROW_COUNT", Nullable(LONG)),
        ("_EMBEDDED_FILE_INDEX", Nullable(BYTES)),
        ("_FILE_SOURCE", Nullable(INT)),
        ("_VALUE_STATS_COLS", Nullable(ArrayOf(STRING))),
        ("_EXTERNAL_PATH", Nullable(STRING)),
        ("_FIRST_ROW_ID", Nullable(LONG)),
        ("_WRITE_COLS", Nullable(ArrayOf(STRING))),
        ("_WRITE_COLS_SEQUENCES", Nullable(ArrayOf(LONG))),
    ),
    build=DataFileMeta,
    parts=attrgetter(*DataFileMeta.__slots__),
)


def _build_entry(
    version: int, kind: int, partition: bytes, bucket: int, total_buckets: int, file: DataFileMeta
) -> ManifestEntry:
    if version != MANIFEST_VERSION:
        raise UnsupportedFormatError(
            f"manifest entry has version {version}; this version reads {MANIFEST_VERSION}"
        )
    if kind not in (KIND_ADD, KIND_DELETE):
        raise CorruptDataError("record", offset=0, expected="_KIND 0 or 1", found=kind)
    return ManifestEntry(kind, partition, bucket, total_buckets, file)


def _entry_parts(entry: ManifestEntry) -> tuple[Any, ...]:
    return (
        MANIFEST_VERSION,
        entry.kind,
        entry.partition,
        entry.bucket,
        entry.total_buckets,
        entry.file,
    )


ENTRY_SHAPE: Final = RecordOf(
    fields=(
        ("_VERSION", INT),
        ("_KIND", INT),
        ("_PARTITION", BYTES),
        ("_BUCKET", INT),
        ("_TOTAL_BUCKETS", INT),
        ("_FILE", _FILE),
    ),
    build=_build_entry,
    parts=_entry_parts,
)


def encode_manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """The bytes of a manifest with these entries."""
    return encode_container(entries, ENTRY_SHAPE)


def decode_manifest(data: bytes, name: str | None = None) -> list[ManifestEntry]:
    """The entries of a manifest in file order.

    Args:
        data: the whole file.
        name: the file's name, for error messages.

    Raises:
        CorruptDataError: the bytes are not a manifest.
        UnsupportedFormatError: an entry version or a codec that this library does not know.
    """
    return decode_container(data, ENTRY_SHAPE, what="manifest", name=name)


def prepare_manifests(entries: int) -> None:
    """Makes ready for so many entries in several manifests, each of which may be small."""
    program = compile_program(schema_text(ENTRY_SHAPE).encode(), ENTRY_SHAPE)
    if program is not None:
        program.ready(entries)


def decode_manifest_columns(data: bytes) -> Columns | None:
    """The entries of a manifest as columns, for those who need few of them.

    Returns:
        None where ``decode_manifest`` must read them, or say what is wrong.
    """
    columns = decode_columns(data, ENTRY_SHAPE)
    if columns is None:
        return None
    kinds = columns.numbers("_KIND")
    known = (columns.numbers("_VERSION") == MANIFEST_VERSION) & ((kinds | 1) == 1)
    return columns if known.all() else None


def merge_entries(
    entries: Iterable[Iterable[ManifestEntry]], *, strict: bool = True
) -> list[ManifestEntry]:
    """The entries that are left when every DELETE has cancelled its ADD, oldest first.

    Args:
        entries: the entries of each manifest: base manifests first, then those of the delta.
        strict: the manifests are complete, so each DELETE must find its ADD; else a DELETE whose
            ADD lies in an older manifest is kept.

    Raises:
        CorruptDataError: a file is added while it is live, or (strict) deleted while it is not.

    Source: ``org.apache.paimon.manifest.FileEntry.mergeEntries``.
    """
    parts = [list(part) for part in entries]
    if _all_differ(parts):
        return [entry for part in parts for entry in part]
    live: dict[Identifier, ManifestEntry] = {}
    for part in parts:
        for entry in part:
            identifier = entry.identifier
            if entry.kind == KIND_ADD:
                if identifier in live:
                    _reject_entry(entry, "a file that is not live yet", "a second ADD")
                live[identifier] = entry
            elif identifier not in live:
                if strict:
                    _reject_entry(entry, "a live file to delete", "a DELETE without its ADD")
                live[identifier] = entry
            elif live.pop(identifier).kind == KIND_DELETE:
                _reject_entry(entry, "a live file to delete", "a second DELETE")
    return list(live.values())


def _all_differ(parts: list[list[ManifestEntry]]) -> bool:
    """Whether all are ADDs of files of different names, so that none can cancel another."""
    if any(entry.kind != KIND_ADD for part in parts for entry in part):
        return False
    names = {entry.file.file_name for part in parts for entry in part}
    return len(names) == sum(map(len, parts))


def _reject_entry(entry: ManifestEntry, expected: str, found: str) -> NoReturn:
    where = f"{entry.file.file_name} (bucket {entry.bucket}, level {entry.file.level})"
    raise CorruptDataError("manifest", expected=expected, found=f"{found} of {where}")
