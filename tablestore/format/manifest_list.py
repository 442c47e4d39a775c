"""The manifest list: an Avro file of manifests with what is needed to skip them.

::

    record {
      _VERSION int = 2, _FILE_NAME string, _FILE_SIZE long, _NUM_ADDED_FILES long,
      _NUM_DELETED_FILES long, _PARTITION_STATS record__PARTITION_STATS, _SCHEMA_ID long,
      _MIN_BUCKET _MAX_BUCKET _MIN_LEVEL _MAX_LEVEL ["null", int]       since 1.1
      _MIN_ROW_ID _MAX_ROW_ID ["null", long]                            since 1.4
    }

Bounds are inclusive and over all entries, added and deleted; ``None`` is unknown.

Source: ``org.apache.paimon.manifest.ManifestFileMeta``, ``ManifestFile.ManifestEntryWriter``.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import UnsupportedFormatError
from tablestore.format.avro import decode_container, encode_container
from tablestore.format.avro_schema import INT, LONG, STRING, Nullable, RecordOf
from tablestore.format.manifest import KIND_ADD, ManifestEntry, SimpleStats, simple_stats_shape
from tablestore.format.partition_stats import partition_stats

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tablestore.types.model import DataType

MANIFEST_LIST_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class ManifestFileMeta:
    """What a manifest list says about one manifest; the fields in written order.

    Attributes:
        partition_stats: bounds of the partition columns over all entries; null counts by entry.
        schema_id: highest schema id of the files, or the latest of the table without files.
        min_row_id: ``None`` unless every entry has a first row id.
    """

    file_name: str
    file_size: int
    num_added_files: int
    num_deleted_files: int
    partition_stats: SimpleStats
    schema_id: int
    min_bucket: int | None = None
    max_bucket: int | None = None
    min_level: int | None = None
    max_level: int | None = None
    min_row_id: int | None = None
    max_row_id: int | None = None


Value = Any  # of a field
_fields_of = attrgetter(*ManifestFileMeta.__slots__)


def _build(version: int, *values: Value) -> ManifestFileMeta:
    if version != MANIFEST_LIST_VERSION:
        raise UnsupportedFormatError(
            f"manifest list has version {version}; this version reads {MANIFEST_LIST_VERSION}"
        )
    return ManifestFileMeta(*values)


def _parts(meta: ManifestFileMeta) -> tuple[Any, ...]:
    return (MANIFEST_LIST_VERSION, *_fields_of(meta))


_SHAPE: Final = RecordOf(
    fields=(
        ("_VERSION", INT),
        ("_FILE_NAME", STRING),
        ("_FILE_SIZE", LONG),
        ("_NUM_ADDED_FILES", LONG),
        ("_NUM_DELETED_FILES", LONG),
        ("_PARTITION_STATS", simple_stats_shape()),
        ("_SCHEMA_ID", LONG),
        ("_MIN_BUCKET", Nullable(INT)),
        ("_MAX_BUCKET", Nullable(INT)),
        ("_MIN_LEVEL", Nullable(INT)),
        ("_MAX_LEVEL", Nullable(INT)),
        ("_MIN_ROW_ID", Nullable(LONG)),
        ("_MAX_ROW_ID", Nullable(LONG)),
    ),
    build=_build,
    parts=_parts,
)


def encode_manifest_list(manifests: Iterable[ManifestFileMeta]) -> bytes:
    """The bytes of a manifest list; an empty one is a file too."""
    return encode_container(manifests, _SHAPE)


def decode_manifest_list(data: bytes, name: str | None = None) -> list[ManifestFileMeta]:
    """The manifests that the list names, in order.

    Args:
        data: the whole file.
        name: the file's name, for error messages.

    Raises:
        CorruptDataError: the bytes are not a manifest list.
        UnsupportedFormatError: a version or a codec that this library does not know.
    """
    return decode_container(data, _SHAPE, what="manifest list", name=name)


def summarize(
    entries: Sequence[ManifestEntry],
    partition_types: Sequence[DataType],
    file_name: str,
    file_size: int,
    schema_id: int,
) -> ManifestFileMeta:
    """The line of a manifest list for a manifest with these entries.

    Args:
        entries: all entries of the manifest.
        partition_types: types of the partition columns in key order.
        file_name: name of the manifest.
        file_size: its exact size in bytes.
        schema_id: the latest schema id; used when there are no entries.
    """
    added = sum(entry.kind == KIND_ADD for entry in entries)
    files = [entry.file for entry in entries]
    buckets = [entry.bucket for entry in entries]
    levels = [file.level for file in files]
    min_row_id, max_row_id = _row_ids(entries)
    return ManifestFileMeta(
        file_name=file_name,
        file_size=file_size,
        num_added_files=added,
        num_deleted_files=len(entries) - added,
        partition_stats=partition_stats([e.partition for e in entries], partition_types),
        schema_id=max((file.schema_id for file in files), default=schema_id),
        min_bucket=min(buckets, default=None),
        max_bucket=max(buckets, default=None),
        min_level=min(levels, default=None),
        max_level=max(levels, default=None),
        min_row_id=min_row_id,
        max_row_id=max_row_id,
    )


def _row_ids(entries: Sequence[ManifestEntry]) -> tuple[int | None, int | None]:
    firsts, lasts = [], []
    for entry in entries:
        first = entry.file.first_row_id
        if first is None:
            return None, None
        firsts.append(first)
        lasts.append(first + entry.file.row_count - 1)
    return min(firsts, default=None), max(lasts, default=None)
