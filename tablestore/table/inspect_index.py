"""What an index file holds: deletion vectors, key hashes, or indexes of a data file's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import CorruptDataError, TablestoreError, UnsupportedFormatError
from tablestore.format.deletion_vector import INDEX_FILE_VERSION, V1_MAGIC, decode_vector
from tablestore.format.file_index import (
    BITMAP,
    BLOOM_FILTER,
    BSI,
    RANGE_BITMAP,
    decode_file_index,
)
from tablestore.format.file_index_bitmap import decode_bitmap_index
from tablestore.format.file_index_bloom import decode_bloom
from tablestore.format.file_index_bsi import decode_bsi
from tablestore.format.file_index_range import decode_range_bitmap
from tablestore.format.hash_index import decode_hash_index
from tablestore.format.index_manifest import IndexManifestEntry, decode_index_manifest
from tablestore.format.paths import MANIFEST_FOLDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tablestore.format.schema import TableSchema
    from tablestore.store.base import Store
    from tablestore.types.model import DataType

    Row = dict[str, Any]

_SHOWN: Final = 100
"""Positions of a vector, or hashes, that are shown."""


def show_index_file(data: bytes, name: str, store: Store | None) -> tuple[Row, Sequence[Row]]:
    """The vectors or hashes of an index file.

    Args:
        data: the whole file.
        name: of the file.
        store: rooted at its table, whose index manifests know the data files; None without.

    Raises:
        CorruptDataError: it holds neither.
    """
    entry = None if store is None else _entry_of(name, store)
    names = {} if entry is None else {r.offset: r.data_file for r in entry.dv_ranges or ()}
    vectors = _vectors(data, names)
    if vectors is not None:
        deleted = sum(row["deleted"] for row in vectors)
        return {"type": "deletion vectors", "vectors": len(vectors), "deleted": deleted}, vectors
    if entry is not None and entry.index_type == "DELETION_VECTORS":
        for place in entry.dv_ranges or ():
            decode_vector(data, place.offset, name=name)  # says what is damaged
    hashes = decode_hash_index(data, name=name).tolist()
    return {"type": "key hashes", "hashes": len(hashes), "first": hashes[:_SHOWN]}, ()


def _vectors(data: bytes, names: dict[int, str]) -> list[Row] | None:
    """The vectors of a file from its first byte to its last; None where it holds none."""
    if data[:1] != bytes([INDEX_FILE_VERSION]):
        return None
    rows: list[Row] = []
    at = 1
    while at < len(data):
        try:
            positions, end = decode_vector(data, at)
        except CorruptDataError:
            return None
        rows.append(
            {
                "data_file": names.get(at),
                "version": 1 if data[at + 4 : at + 8] == V1_MAGIC else 2,
                "offset": at,
                "bytes": end - at,
                "deleted": len(positions),
                "rows": positions[:_SHOWN].tolist(),
            }
        )
        at = end
    return rows


def _entry_of(name: str, store: Store) -> IndexManifestEntry | None:
    """What an index manifest of the table says of the file."""
    for info in store.list(MANIFEST_FOLDER):
        if not info.name.startswith("index-manifest-"):
            continue
        try:
            entries = decode_index_manifest(store.get(info.key), info.key)
        except TablestoreError:
            continue
        for entry in entries:
            if entry.file_name == name:
                return entry
    return None


def index_rows(data: bytes, name: str, schema: TableSchema | None) -> list[Row]:
    """One row for each index of each column of a data file.

    Args:
        data: the container, a file or from a manifest entry.
        name: of the file, for messages.
        schema: to decode values with.

    Raises:
        CorruptDataError: it is no such container.
    """
    types = {} if schema is None else {field.name: field.type for field in schema.fields}
    rows = []
    for column, indexes in decode_file_index(data, name).items():
        for kind, packed in indexes.items():
            row: Row = {"column": column, "index": kind, "bytes": len(packed or b"")}
            if packed is None:
                row["empty"] = True
            else:
                try:
                    row |= _about(kind, packed, types.get(column))
                except (CorruptDataError, UnsupportedFormatError) as error:
                    row["problem"] = str(error)
            rows.append(row)
    return rows


def _about(kind: str, packed: bytes, data_type: DataType | None) -> Row:
    if kind == BLOOM_FILTER:
        bloom = decode_bloom(packed)
        return {"functions": bloom.functions, "bits": 8 * len(bloom.bits)}
    if kind == BSI:
        numbers = decode_bsi(packed)
        return {"rows": numbers.rows, "nulls": numbers.rows - len(numbers.places)}
    if data_type is None or kind not in (BITMAP, RANGE_BITMAP):
        return {}
    if kind == BITMAP:
        bitmap = decode_bitmap_index(packed, data_type)
        return {
            "rows": bitmap.rows,
            "values": len(bitmap.values),
            "nulls": len(bitmap.null_rows()),
        }
    found = decode_range_bitmap(packed, data_type)
    return {
        "rows": found.rows,
        "values": len(found.values),
        "nulls": found.rows - len(found.places),
    }
