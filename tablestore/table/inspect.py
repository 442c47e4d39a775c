"""Any one file of a table as plain values, chosen by its name.

::

    snapshot-…, tag-…, changelog-…, schema-…, consumer-…, stat-…     the JSON that they hold
    manifest-list-…, index-manifest-…, manifest-…                    one row an entry
    ….parquet                                                        footer, columns, row groups
    ….index                                                          one row an index
    LATEST, EARLIEST                                                 the number
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import CorruptDataError, InvalidInputError, TablestoreError
from tablestore.format.binary_row import decode_row
from tablestore.format.changelog import decode_changelog
from tablestore.format.consumer import decode_consumer
from tablestore.format.file_index import decode_file_index
from tablestore.format.index_manifest import decode_index_manifest
from tablestore.format.manifest import ManifestEntry, SimpleStats, decode_manifest
from tablestore.format.manifest_list import ManifestFileMeta, decode_manifest_list
from tablestore.format.schema import TableSchema, decode_schema
from tablestore.format.snapshot import decode_snapshot
from tablestore.format.statistics import decode_statistics
from tablestore.format.tag import decode_tag
from tablestore.metadata.schemas import Schemas
from tablestore.runs.bucket_files import types_of
from tablestore.store.registry import open_store
from tablestore.table.info import plain_values

if TYPE_CHECKING:
    from tablestore.store.base import Store
    from tablestore.types.model import DataType

Row = dict[str, Any]


@dataclass(frozen=True)
class Inspection:
    """What one file holds.

    Attributes:
        kind: what the file is, e.g. "manifest list".
        name: its name.
        size: bytes.
        content: what it says of itself as a whole.
        rows: its entries, for files that are lists.
    """

    kind: str
    name: str
    size: int
    content: Row
    rows: tuple[Row, ...] = ()

    def __repr__(self) -> str:
        return f"Inspection({self.kind} {self.name}: {self.size} bytes, {len(self.rows)} rows)"


def inspect_file(path: str, *, storage_options: Mapping[str, Any] | None = None) -> Inspection:
    """Show a file of a table.

    Args:
        path: path or URI of the file.
        storage_options: options of the fsspec filesystem.

    Raises:
        NotFoundError: there is no such file.
        CorruptDataError: it is damaged.
        InvalidInputError: its name is none that a table's files have.
    """
    folder, _, name = str(path).rpartition("/")
    store = open_store(folder or ".", storage_options)
    kind, show = _kind_of(name)
    data = store.get(name)
    content, rows = show(data, name, _schema(f"{folder or '.'}/..", kind, storage_options))
    return Inspection(kind, name, len(data), content, tuple(rows))


Shown = tuple[Row, Sequence[Row]]
Show = Callable[[bytes, str, TableSchema | None], Shown]


def _kind_of(name: str) -> tuple[str, Show]:
    for pattern, kind, show in _KINDS:
        if pattern.fullmatch(name):
            return kind, show
    raise InvalidInputError(
        f"{name!r} is no name of a table's file: snapshot-…, schema-…, tag-…, changelog-…, "
        "consumer-…, stat-…, manifest-…, manifest-list-…, index-manifest-…, LATEST, EARLIEST, "
        "….parquet or ….index"
    )


def _schema(root: str, kind: str, storage_options: Mapping[str, Any] | None) -> TableSchema | None:
    """The schema to decode partitions and keys with; None where it cannot be had."""
    if kind not in _WITH_SCHEMA:
        return None
    store: Store = open_store(_parent(root), storage_options)
    try:
        return Schemas(store).latest()
    except TablestoreError:
        return None


def _parent(root: str) -> str:
    """The folder above, without ``..``, which object stores do not know."""
    folder = root.removesuffix("/..").rstrip("/")
    above, slash, last = folder.rpartition("/")
    if not slash:
        return f"{folder}/.." if last in {".", ".."} else "."
    return above or "/"


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bytes):
        return value.hex()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _json(decode: Callable[..., object]) -> Show:
    """The JSON of a file that ``decode`` accepts."""

    def show(data: bytes, name: str, schema: TableSchema | None) -> Shown:
        decode(data, name=name)
        document: Row = json.loads(data)
        return document, ()

    return show


def _hint(data: bytes, name: str, schema: TableSchema | None) -> Shown:
    text = data.decode("ascii", "replace").strip()
    if not text.isdigit():
        raise CorruptDataError("hint", name=name, expected="a number", found=repr(text[:40]))
    return {"snapshot": int(text)}, ()


def _manifest_list(data: bytes, name: str, schema: TableSchema | None) -> Shown:
    rows = [_meta(meta, schema) for meta in decode_manifest_list(data, name)]
    return {"manifests": len(rows)}, rows


def _meta(meta: ManifestFileMeta, schema: TableSchema | None) -> Row:
    row: Row = _plain(meta)
    types = _partition_types(schema)
    row["partition_stats"] = _stats(meta.partition_stats, types)
    return row


def _stats(stats: SimpleStats, types: Sequence[DataType] | None) -> Row:
    return {
        "min": _row(stats.min_values, types),
        "max": _row(stats.max_values, types),
        "null_counts": _plain(stats.null_counts),
    }


def _manifest(data: bytes, name: str, schema: TableSchema | None) -> Shown:
    entries = decode_manifest(data, name)
    rows = [_entry(entry, schema) for entry in entries]
    added = sum(entry.kind == 0 for entry in entries)
    return {"added": added, "deleted": len(rows) - added}, rows


def _entry(entry: ManifestEntry, schema: TableSchema | None) -> Row:
    partition, file = _partition_types(schema), entry.file
    key = None
    if schema is not None:
        key = types_of(schema, schema.trimmed_primary_key if schema.primary_keys else ())
    columns = None
    if schema is not None and schema.id == file.schema_id:
        names = file.value_stats_cols
        names = tuple(schema.field_names) if names is None else names
        columns = types_of(schema, names) if set(names) <= set(schema.field_names) else None
    shown: Row = {
        "kind": "DELETE" if entry.kind else "ADD",
        "partition": _row(entry.partition, partition),
        "bucket": entry.bucket,
        "total_buckets": entry.total_buckets,
        **_plain(file),
    }
    shown["min_key"], shown["max_key"] = _row(file.min_key, key), _row(file.max_key, key)
    shown["key_stats"] = _stats(file.key_stats, key)
    shown["value_stats"] = _stats(file.value_stats, columns)
    if file.embedded_index is not None:
        shown["embedded_index"] = _index_rows(file.embedded_index, file.file_name)
    return shown


def _file_index(data: bytes, name: str, schema: TableSchema | None) -> Shown:
    rows = _index_rows(data, name)
    return {"indexes": len(rows)}, rows


def _index_rows(data: bytes, name: str) -> list[Row]:
    """One row an index of a container; the empty index has no bytes."""
    return [
        {"column": column, "index": kind, "bytes": None if body is None else len(body)}
        for column, kinds in decode_file_index(data, name).items()
        for kind, body in kinds.items()
    ]


def _partition_types(schema: TableSchema | None) -> Sequence[DataType] | None:
    return None if schema is None else types_of(schema, schema.partition_keys)


def _row(data: bytes, types: Sequence[DataType] | None) -> Any:  # noqa: ANN401
    """The values of a BinaryRow, or its bytes as hex where the types are not known."""
    if types is not None:
        try:
            return list(plain_values(decode_row(data, types), types))
        except TablestoreError:
            pass
    return data.hex()


def _index_manifest(data: bytes, name: str, schema: TableSchema | None) -> Shown:
    rows = []
    for entry in decode_index_manifest(data, name):
        row = _plain(entry)
        row["partition"] = _row(entry.partition, _partition_types(schema))
        rows.append(row)
    return {"index_files": len(rows)}, rows


def _parquet(data: bytes, name: str, schema: TableSchema | None) -> Shown:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(pa.BufferReader(data))
        groups = [_group(footer.row_group(i), i) for i in range(footer.num_row_groups)]
        columns = [
            {
                "name": column.path,
                "physical": column.physical_type,
                "logical": str(column.logical_type),
            }
            for column in (footer.schema.column(i) for i in range(footer.num_columns))
        ]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise CorruptDataError(
            "data file", name=name, expected="a Parquet footer", found=str(error)[:200]
        ) from error
    about = {
        "rows": footer.num_rows,
        "created_by": footer.created_by,
        "format_version": footer.format_version,
        "footer_bytes": footer.serialized_size,
        "columns": columns,
    }
    return about, groups


def _group(group: Any, number: int) -> Row:  # noqa: ANN401 (pyarrow has no types)
    chunks = []
    for chunk in (group.column(i) for i in range(group.num_columns)):
        known = chunk.statistics
        bounds = known is not None and known.has_min_max
        chunks.append(
            {
                "column": chunk.path_in_schema,
                "codec": chunk.compression,
                "encodings": list(chunk.encodings),
                "bytes": chunk.total_compressed_size,
                "plain_bytes": chunk.total_uncompressed_size,
                "min": known.min if bounds else None,
                "max": known.max if bounds else None,
                "nulls": known.null_count if known is not None and known.has_null_count else None,
            }
        )
    return {
        "row_group": number,
        "rows": group.num_rows,
        "plain_bytes": group.total_byte_size,
        "columns": chunks,
    }


_WITH_SCHEMA: Final = frozenset({"manifest list", "manifest", "index manifest"})
_KINDS: Final[tuple[tuple[re.Pattern[str], str, Show], ...]] = (
    (re.compile(r"snapshot-[0-9]+"), "snapshot", _json(decode_snapshot)),
    (re.compile(r"schema-[0-9]+"), "schema", _json(decode_schema)),
    (re.compile(r"LATEST|EARLIEST"), "hint", _hint),
    (re.compile(r".+\.parquet"), "data file", _parquet),
    (re.compile(r".+\.index"), "file index", _file_index),
    (re.compile(r"changelog-[0-9]+"), "changelog", _json(decode_changelog)),
    (re.compile(r"tag-.+"), "tag", _json(decode_tag)),
    (re.compile(r"consumer-.+"), "consumer", _json(decode_consumer)),
    (re.compile(r"stat-.+"), "statistics", _json(decode_statistics)),
    (re.compile(r"manifest-list-.+"), "manifest list", _manifest_list),
    (re.compile(r"index-manifest-.+"), "index manifest", _index_manifest),
    (re.compile(r"manifest-.+"), "manifest", _manifest),
)
