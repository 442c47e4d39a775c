"""Any one file of a table as plain values, chosen by its name.

::

    snapshot-…, tag-…, changelog-…, schema-…, consumer-…, stat-…     the JSON that they hold
    manifest-list-…, index-manifest-…, manifest-…                    one row an entry
    ….parquet                                    footer, columns, row groups, column chunks, pages
    ….orc, ….avro                                columns, stripes or blocks
    index-…, ….index                             deletion vectors or hashes; indexes of columns
    LATEST, EARLIEST                                                 the number
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

from tablestore.errors import (
    CorruptDataError,
    InvalidInputError,
    NotFoundError,
    TablestoreError,
)
from tablestore.format.binary_row import decode_row
from tablestore.format.changelog import decode_changelog
from tablestore.format.consumer import decode_consumer
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
from tablestore.table.inspect_data import show_avro, show_orc, show_parquet
from tablestore.table.inspect_index import index_rows, show_index_file

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
    show_data = _DATA_FILES.get(name.rpartition(".")[2])
    if show_data is not None:
        info = store.head(name)
        if info is None:
            raise NotFoundError(f"there is no file {path}")
        with store.open_read(name, info.size) as source:
            content, rows = show_data(source, name)
        return Inspection("data file", name, info.size, content, tuple(rows))
    if store.has_folder(name):
        raise InvalidInputError(f"{path} is a folder: expected one file of a table")
    kind, show = _kind_of(name)
    data = store.get(name)
    content, rows = show(data, name, _around(folder or ".", kind, storage_options))
    return Inspection(kind, name, len(data), content, tuple(rows))


@dataclass(frozen=True)
class Around:
    """The table around a file, as far as it is there.

    Attributes:
        store: rooted at the table; None where no table was found.
        latest: its newest schema.
    """

    store: Store | None = None
    latest: TableSchema | None = None

    def schema(self, schema_id: int) -> TableSchema | None:
        """A schema by id."""
        if self.latest is None or self.store is None or schema_id == self.latest.id:
            return self.latest
        try:
            return Schemas(self.store).load(schema_id)
        except TablestoreError:
            return None


Shown = tuple[Row, Sequence[Row]]
Show = Callable[[bytes, str, Around], Shown]


def _kind_of(name: str) -> tuple[str, Show]:
    for pattern, kind, show in _KINDS:
        if pattern.fullmatch(name):
            return kind, show
    raise InvalidInputError(
        f"{name!r} is no name of a table's file: snapshot-…, schema-…, tag-…, changelog-…, "
        "consumer-…, stat-…, manifest-…, manifest-list-…, index-manifest-…, index-…, LATEST, "
        "EARLIEST, ….parquet, ….orc, ….avro or ….index"
    )


def _around(folder: str, kind: str, storage_options: Mapping[str, Any] | None) -> Around:
    """The table that a file belongs to: the nearest folder above with a schema."""
    if kind not in _WITH_TABLE:
        return Around()
    root = folder
    for _ in range(_DEEPEST):
        root = _parent(root)
        store = open_store(root, storage_options)
        try:
            latest = Schemas(store).latest()
        except TablestoreError:
            return Around()
        if latest is not None:
            return Around(store, latest)
        if root in {"/", "."} or root.endswith(":/"):
            break
    return Around()


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

    def show(data: bytes, name: str, around: Around) -> Shown:
        decode(data, name=name)
        document: Row = json.loads(data)
        return document, ()

    return show


def _hint(data: bytes, name: str, around: Around) -> Shown:
    text = data.decode("ascii", "replace").strip()
    if not text.isdigit():
        raise CorruptDataError("hint", name=name, expected="a number", found=repr(text[:40]))
    return {"snapshot": int(text)}, ()


def _manifest_list(data: bytes, name: str, around: Around) -> Shown:
    rows = [_meta(meta, around.latest) for meta in decode_manifest_list(data, name)]
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


def _manifest(data: bytes, name: str, around: Around) -> Shown:
    entries = decode_manifest(data, name)
    rows = [_entry(entry, around.schema(entry.file.schema_id)) for entry in entries]
    added = sum(entry.kind == 0 for entry in entries)
    return {"added": added, "deleted": len(rows) - added}, rows


def _entry(entry: ManifestEntry, schema: TableSchema | None) -> Row:
    partition, file = _partition_types(schema), entry.file
    key = None
    if schema is not None:
        key = types_of(schema, schema.trimmed_primary_key if schema.primary_keys else ())
    columns = None
    if schema is not None:
        names = file.value_stats_cols
        names = tuple(file.write_cols or schema.field_names) if names is None else names
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
        shown["embedded_index"] = index_rows(file.embedded_index, file.file_name, schema)
    return shown


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


def _index_manifest(data: bytes, name: str, around: Around) -> Shown:
    rows = []
    for entry in decode_index_manifest(data, name):
        row = _plain(entry)
        row["partition"] = _row(entry.partition, _partition_types(around.latest))
        rows.append(row)
    return {"index_files": len(rows)}, rows


def _index_file(data: bytes, name: str, around: Around) -> Shown:
    return show_index_file(data, name, around.store)


def _file_index(data: bytes, name: str, around: Around) -> Shown:
    rows = index_rows(data, name, around.latest)
    return {"indexes": len(rows)}, rows


_DEEPEST: Final = 8  # folders between a file and its table that are looked at
_WITH_TABLE: Final = frozenset(
    {"manifest list", "manifest", "index manifest", "index file", "file index"}
)
_DATA_FILES: Final = {"parquet": show_parquet, "orc": show_orc, "avro": show_avro}
_KINDS: Final[tuple[tuple[re.Pattern[str], str, Show], ...]] = (
    (re.compile(r"snapshot-[0-9]+"), "snapshot", _json(decode_snapshot)),
    (re.compile(r"schema-[0-9]+"), "schema", _json(decode_schema)),
    (re.compile(r"LATEST|EARLIEST"), "hint", _hint),
    (re.compile(r".+\.index"), "file index", _file_index),
    (re.compile(r"index-[0-9a-f].*-[0-9]+"), "index file", _index_file),
    (re.compile(r"changelog-[0-9]+"), "changelog", _json(decode_changelog)),
    (re.compile(r"tag-.+"), "tag", _json(decode_tag)),
    (re.compile(r"consumer-.+"), "consumer", _json(decode_consumer)),
    (re.compile(r"stat-.+"), "statistics", _json(decode_statistics)),
    (re.compile(r"manifest-list-.+"), "manifest list", _manifest_list),
    (re.compile(r"index-manifest-.+"), "index manifest", _index_manifest),
    (re.compile(r"manifest-.+"), "manifest", _manifest),
)
