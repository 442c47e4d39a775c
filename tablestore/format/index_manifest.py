"""The index manifest: an Avro file with every live index file of a snapshot.

::

    record {
      _VERSION int = 1, _KIND int, _PARTITION bytes, _BUCKET int,
      _INDEX_TYPE string            "HASH", "DELETION_VECTORS" or a global index
      _FILE_NAME string, _FILE_SIZE long, _ROW_COUNT long,
      _DELETIONS_VECTORS_RANGES ["null", array<["null", {f0 string, f1 int, f2 int,
                                                         _CARDINALITY ["null", long]}]>],
      _EXTERNAL_PATH ["null", string],                                       since 1.3
      _GLOBAL_INDEX ["null", {…}]                                            since 1.4
    }

It is the full state, not a change: an index file that is left out is gone.

Source: ``org.apache.paimon.manifest.IndexManifestEntry``, ``IndexManifestEntrySerializer``.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import CorruptDataError, UnsupportedFormatError
from tablestore.format.avro import decode_container, encode_container
from tablestore.format.avro_schema import BYTES, INT, LONG, STRING, ArrayOf, Nullable, RecordOf

if TYPE_CHECKING:
    from collections.abc import Iterable

INDEX_MANIFEST_VERSION: Final = 1
HASH_INDEX: Final = "HASH"
DELETION_VECTORS_INDEX: Final = "DELETION_VECTORS"


@dataclass(frozen=True, slots=True)
class DeletionVectorRange:
    """Where the deletion vector of one data file lies in its index file.

    Attributes:
        data_file: name of the data file.
        offset: first byte, in the index file.
        length: bytes; without the 8 framing bytes in V1, with them in V2.
        cardinality: rows deleted, since 1.0.
    """

    data_file: str
    offset: int
    length: int
    cardinality: int | None = None


@dataclass(frozen=True, slots=True)
class GlobalIndexMeta:
    """Which rows and columns a global index file covers."""

    row_range_start: int
    row_range_end: int
    index_field_id: int
    extra_field_ids: tuple[int, ...] | None = None
    index_meta: bytes | None = None
    source_meta: bytes | None = None


@dataclass(frozen=True, slots=True)
class IndexManifestEntry:
    """One index file; the fields in written order.

    Attributes:
        row_count: hashes in a HASH file, vectors in a DELETION_VECTORS file.
    """

    kind: int
    partition: bytes
    bucket: int
    index_type: str
    file_name: str
    file_size: int
    row_count: int
    dv_ranges: tuple[DeletionVectorRange, ...] | None = None
    external_path: str | None = None
    global_index: GlobalIndexMeta | None = None


Value = Any  # of a field
_fields_of = attrgetter(*IndexManifestEntry.__slots__)


def _build(version: int, *values: Value) -> IndexManifestEntry:
    if version != INDEX_MANIFEST_VERSION:
        raise UnsupportedFormatError(
            f"index manifest has version {version}; this version reads {INDEX_MANIFEST_VERSION}"
        )
    entry = IndexManifestEntry(*values)
    if entry.dv_ranges is not None and None in entry.dv_ranges:
        raise CorruptDataError(
            "record", offset=0, expected="ranges of deletion vectors", found="null among them"
        )
    return entry


def _parts(entry: IndexManifestEntry) -> tuple[Any, ...]:
    return (INDEX_MANIFEST_VERSION, *_fields_of(entry))


_DV_RANGE: Final = RecordOf(
    fields=(("f0", STRING), ("f1", INT), ("f2", INT), ("_CARDINALITY", Nullable(LONG))),
    build=DeletionVectorRange,
    parts=attrgetter(*DeletionVectorRange.__slots__),
)
_GLOBAL_INDEX: Final = RecordOf(
    fields=(
        ("_ROW_RANGE_START", LONG),
        ("_ROW_RANGE_END", LONG),
        ("_INDEX_FIELD_ID", INT),
        ("_EXTRA_FIELD_IDS", Nullable(ArrayOf(INT))),
        ("_INDEX_META", Nullable(BYTES)),
        ("_SOURCE_META", Nullable(BYTES)),
    ),
    build=GlobalIndexMeta,
    parts=attrgetter(*GlobalIndexMeta.__slots__),
)
_SHAPE: Final = RecordOf(
    fields=(
        ("_VERSION", INT),
        ("_KIND", INT),
        ("_PARTITION", BYTES),
        ("_BUCKET", INT),
        ("_INDEX_TYPE", STRING),
        ("_FILE_NAME", STRING),
        ("_FILE_SIZE", LONG),
        ("_ROW_COUNT", LONG),
        ("_DELETIONS_VECTORS_RANGES", Nullable(ArrayOf(Nullable(_DV_RANGE)))),
        ("_EXTERNAL_PATH", Nullable(STRING)),
        ("_GLOBAL_INDEX", Nullable(_GLOBAL_INDEX)),
    ),
    build=_build,
    parts=_parts,
)


def encode_index_manifest(entries: Iterable[IndexManifestEntry]) -> bytes:
    """The bytes of an index manifest with these entries."""
    return encode_container(entries, _SHAPE)


def decode_index_manifest(data: bytes, name: str | None = None) -> list[IndexManifestEntry]:
    """The index files that the manifest names.

    Args:
        data: the whole file.
        name: the file's name, for error messages.

    Raises:
        CorruptDataError: the bytes are not an index manifest.
        UnsupportedFormatError: a version or a codec that this library does not know.
    """
    return decode_container(data, _SHAPE, what="index manifest", name=name)
