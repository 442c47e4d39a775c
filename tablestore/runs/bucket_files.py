"""Where the data files of a table are, and what new ones are called."""

from __future__ import annotations

import contextlib
import itertools
import posixpath
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tablestore.errors import StorageUnavailableError, UnsupportedFormatError
from tablestore.format.binary_row import decode_row
from tablestore.format.index_manifest import IndexManifestEntry
from tablestore.format.manifest import DataFileMeta
from tablestore.format.partition import partition_path
from tablestore.format.paths import bucket_folder, index_path, new_file_name
from tablestore.format.schema import TableSchema
from tablestore.options.table import TableOptions
from tablestore.store.base import Store
from tablestore.store.metered import is_place
from tablestore.types.model import DataType


@dataclass(frozen=True)
class BucketFolders:
    """Keys of bucket folders under the table root.

    Attributes:
        partition_keys: names of the partition columns.
        partition_types: their types.
        default_name: directory value of null and blank (``partition.default-name``).
        legacy: how values are spelled (``partition.legacy-name``).
        data_dir: folder between the root and the partitions (``data-file.path-directory``).
        index_beside_data: index files lie in the bucket (``index-file-in-data-file-dir``).
    """

    partition_keys: tuple[str, ...]
    partition_types: tuple[DataType, ...]
    default_name: str
    legacy: bool
    data_dir: str | None
    index_beside_data: bool = False

    @classmethod
    def of(cls, schema: TableSchema, options: TableOptions) -> BucketFolders:
        """The folders of a table."""
        return cls(
            schema.partition_keys,
            tuple(schema.field(name).type for name in schema.partition_keys),
            options.partition_default_name,
            options.partition_legacy_name,
            options.data_file_dir,
            options.index_file_in_data_file_dir,
        )

    def folder(self, partition: bytes, bucket: int) -> str:
        """Key of a bucket's folder, without a slash at the end."""
        return posixpath.join(self.data_dir or "", self.partition(partition), bucket_folder(bucket))

    def partition(self, partition: bytes) -> str:
        """A partition's path, with a slash at the end; empty without partitions."""
        values = decode_row(partition, self.partition_types)
        return partition_path(
            values, self.partition_keys, self.partition_types, self.default_name, self.legacy
        )

    def file(self, partition: bytes, bucket: int, meta: DataFileMeta, store: Store) -> str:
        """Key of a data file; a URI where it lies outside the table.

        Raises:
            UnsupportedFormatError: it lies outside the table at a path without a scheme.
        """
        if meta.external_path is None:
            return posixpath.join(
                self.folder(partition, bucket), posixpath.basename(meta.file_name)
            )
        return _external(store, meta.external_path, f"data file {meta.file_name}")

    def index_file(self, entry: IndexManifestEntry, store: Store) -> str:
        """Key of an index file; a URI where it lies outside the table.

        Raises:
            UnsupportedFormatError: it lies outside the table at a path without a scheme.
        """
        if entry.external_path is not None:
            return _external(store, entry.external_path, f"index file {entry.file_name}")
        name = posixpath.basename(entry.file_name)
        if self.index_beside_data:
            return posixpath.join(self.folder(entry.partition, entry.bucket), name)
        return index_path(name)

    def discard(
        self, store: Store, partition: bytes, bucket: int, files: Iterable[DataFileMeta]
    ) -> None:
        """Remove files that were written and will not be committed, as far as possible."""
        folder = self.folder(partition, bucket)
        for name in (name for meta in files for name in (meta.file_name, *meta.extra_files)):
            # what made the work fail may keep it from being undone; orphans harm nobody
            with contextlib.suppress(StorageUnavailableError):
                store.delete(posixpath.join(folder, name))


def _external(store: Store, path: str, what: str) -> str:
    """The key of an external path: below the table where it lies there, else the URI itself.

    Raises:
        UnsupportedFormatError: it has no scheme.
    """
    root = store.uri.rstrip("/") + "/"
    if path.startswith(root):
        return path[len(root) :]
    if is_place(path):
        return path
    raise UnsupportedFormatError(
        f"{what} lies outside the table, at {path}: expected a URI with a scheme",
        feature="data-file.external-paths",
    )


def file_names(prefix: str, extension: str) -> Callable[[], str]:
    """Names for the new files of one bucket: one uuid, counted up."""
    own, count = str(uuid.uuid4()), itertools.count()
    return lambda: new_file_name(prefix, own, next(count), extension)


def types_of(schema: TableSchema, names: Sequence[str]) -> tuple[DataType, ...]:
    """The types of columns by name."""
    return tuple(schema.field(name).type for name in names)
