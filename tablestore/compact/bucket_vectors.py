"""The deletion vectors of one bucket while it is compacted.

A bucket has one index file with all its vectors: one that changes is written anew with the others
and takes the former one's place.

Source: ``org.apache.paimon.deletionvectors.BucketedDvMaintainer``.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tablestore.format.deletion_vector import encode_index_file
from tablestore.format.index_manifest import DELETION_VECTORS_INDEX, IndexManifestEntry
from tablestore.format.manifest import KIND_ADD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta


class BucketVectors:
    """Vectors of a bucket: those of the snapshot, and what is found to be deleted since.

    Args:
        context: the table.
        place: partition and bucket.
    """

    def __init__(self, context: CompactContext, place: tuple[bytes, int]) -> None:
        self._context = context
        self._place = place
        self._marked: dict[str, list[NDArray[np.int64]]] = {}
        self._former = context.deletions.entries(*place)

    def mark(self, data_file: str, positions: NDArray[np.int64]) -> None:
        """Delete rows of a file, by their ordinals."""
        self._marked.setdefault(data_file, []).append(positions)

    def write(
        self, kept: Iterable[DataFileMeta]
    ) -> tuple[tuple[IndexManifestEntry, ...], tuple[IndexManifestEntry, ...]]:
        """The index files that come and those that go; none where nothing changes.

        Args:
            kept: the files of the bucket that are not rewritten; vectors of others go.
        """
        partition, bucket = self._place
        files = {meta.file_name: meta for meta in kept}
        before = self._context.deletions.files(partition, bucket)
        if not self._marked and before <= files.keys():
            return (), ()
        vectors = {name: self._vector(meta) for name, meta in files.items()}
        vectors = {name: rows for name, rows in vectors.items() if len(rows)}
        if not vectors:  # Java writes an index file without vectors in this case
            return (), self._former
        data, ranges = encode_index_file(vectors, bitmap64=self._context.tree.bitmap64)
        entry = IndexManifestEntry(
            kind=KIND_ADD,
            partition=partition,
            bucket=bucket,
            index_type=DELETION_VECTORS_INDEX,
            file_name=f"index-{uuid.uuid4()}-0",
            file_size=len(data),
            row_count=len(ranges),
            dv_ranges=ranges,
        )
        store = self._context.state.store
        store.put(self._context.folders.index_file(entry, store), data)
        return (entry,), self._former

    def _vector(self, meta: DataFileMeta) -> NDArray[np.int64]:
        known = self._context.deletions.of(*self._place, meta)
        parts: Sequence[NDArray[np.int64]] = self._marked.get(meta.file_name, [])
        if known is not None:
            parts = [known, *parts]
        return np.unique(np.concatenate(parts)) if parts else np.empty(0, dtype=np.int64)
