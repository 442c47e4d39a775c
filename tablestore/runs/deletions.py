"""Which rows of which data files are deleted, by the deletion vectors of a snapshot.

Knows the index manifest's entries; reads an index file when the first of its vectors is asked for
and keeps a few of them, since the files of a bucket share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.errors import CorruptDataError, NotFoundError
from tablestore.format.deletion_vector import check_index_file, framed_vector, read_vector
from tablestore.format.index_manifest import DELETION_VECTORS_INDEX

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tablestore.format.index_manifest import DeletionVectorRange, IndexManifestEntry
    from tablestore.format.manifest import DataFileMeta
    from tablestore.store.base import Store

_KEPT_FILES: Final = 4


@dataclass(frozen=True, slots=True)
class _Place:
    entry: IndexManifestEntry
    vector: DeletionVectorRange


class Deletions:
    """Deleted rows by data file.

    Args:
        store: where the table is.
        entries: the index files of a snapshot, of all kinds.
        key_of: the key of an index file in the store.

    Raises:
        CorruptDataError: two vectors for one data file.
    """

    def __init__(
        self,
        store: Store,
        entries: Iterable[IndexManifestEntry],
        key_of: Callable[[IndexManifestEntry], str],
    ) -> None:
        self._store = store
        self._key_of = key_of
        self._places: dict[tuple[bytes, int, str], _Place] = {}
        self._kept: dict[str, bytes] = {}
        self._entries: dict[tuple[bytes, int], list[IndexManifestEntry]] = {}
        for entry in entries:
            if entry.index_type == DELETION_VECTORS_INDEX:
                self._add(entry)

    def _add(self, entry: IndexManifestEntry) -> None:
        self._entries.setdefault((entry.partition, entry.bucket), []).append(entry)
        for vector in entry.dv_ranges or ():
            place = (entry.partition, entry.bucket, vector.data_file)
            if place in self._places:
                raise CorruptDataError(
                    "index manifest",
                    expected=f"one deletion vector for {vector.data_file}",
                    found=f"one in {self._places[place].entry.file_name} and one in "
                    f"{entry.file_name}",
                )
            self._places[place] = _Place(entry, vector)

    def __bool__(self) -> bool:
        return bool(self._places)

    def files(self, partition: bytes, bucket: int) -> set[str]:
        """Names of the data files of a bucket that have a vector."""
        return {
            vector.data_file
            for entry in self.entries(partition, bucket)
            for vector in entry.dv_ranges or ()
        }

    def entries(self, partition: bytes, bucket: int) -> tuple[IndexManifestEntry, ...]:
        """The index files with vectors of a bucket."""
        return tuple(self._entries.get((partition, bucket), ()))

    def of(self, partition: bytes, bucket: int, meta: DataFileMeta) -> NDArray[np.int64] | None:
        """The deleted rows of a file as ascending ordinals, or None where there are none.

        Raises:
            CorruptDataError: the index file is missing or damaged.
        """
        place = self._places.get((partition, bucket, meta.file_name))
        if place is None:
            return None
        key = self._key_of(place.entry)
        data = self._data(key, place.entry)
        return read_vector(data, place.vector, rows=meta.row_count, name=key)

    def framed(self, entry: IndexManifestEntry, vector: DeletionVectorRange) -> bytes:
        """The bytes of a vector as they are in its index file.

        Raises:
            CorruptDataError: the index file is missing or damaged.
        """
        key = self._key_of(entry)
        return framed_vector(self._data(key, entry), vector, name=key)

    def _data(self, key: str, entry: IndexManifestEntry) -> bytes:
        data = self._kept.get(key)
        return self._load(key, entry) if data is None else data

    def _load(self, key: str, entry: IndexManifestEntry) -> bytes:
        try:
            data = self._store.get(key)
        except NotFoundError as error:
            raise CorruptDataError(
                "index file",
                name=key,
                expected="the file that the snapshot refers to",
                found="nothing; it was deleted, or its snapshot expired while it was read",
            ) from error
        if len(data) != entry.file_size:
            raise CorruptDataError(
                "index file", name=key, expected=f"{entry.file_size} bytes", found=len(data)
            )
        check_index_file(data, key)
        # threads share this: the names are taken at once
        for old in list(self._kept)[: 1 - _KEPT_FILES]:
            self._kept.pop(old, None)
        self._kept[key] = data
        return data
