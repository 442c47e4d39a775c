"""The deletion vectors that stay when a compaction has applied those of its files.

Source: ``org.apache.paimon.deletionvectors.append.AppendDeleteFileMaintainer``,
``org.apache.paimon.deletionvectors.DeletionVectorIndexFileWriter``.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tablestore.format.deletion_vector import join_vectors
from tablestore.format.index_manifest import (
    DELETION_VECTORS_INDEX,
    DeletionVectorRange,
    IndexManifestEntry,
)
from tablestore.format.manifest import KIND_ADD
from tablestore.format.paths import index_name

if TYPE_CHECKING:
    from tablestore.compact.context import CompactContext
    from tablestore.format.manifest import DataFileMeta

Framed = tuple[DeletionVectorRange, bytes]
_VERSION_BYTES: Final = 1


@dataclass(frozen=True)
class IndexRewrite:
    """What becomes of a bucket's index files.

    Attributes:
        new: hold the vectors that stay.
        deleted: are replaced by them.
    """

    new: tuple[IndexManifestEntry, ...] = ()
    deleted: tuple[IndexManifestEntry, ...] = ()

    @classmethod
    def of(
        cls, context: CompactContext, place: tuple[bytes, int], gone: Collection[DataFileMeta]
    ) -> IndexRewrite:
        """Write the index files of a bucket again, without the vectors of files that go.

        Nothing is written where these have none.

        Args:
            context: the table.
            place: partition and bucket.
            gone: the data files.
        """
        names = {meta.file_name for meta in gone}
        touched = tuple(
            entry
            for entry in context.deletions.entries(*place)
            if any(vector.data_file in names for vector in entry.dv_ranges or ())
        )
        if not touched:
            return cls()
        new: list[IndexManifestEntry] = []
        try:
            if context.options.bucket > 0:
                # a bucket has one index file; where it would be empty Java writes it all the same
                kept = [item for entry in touched for item in _kept(context, entry, names)]
                new += [_write(context, place, kept)] if kept else []
            else:
                for entry in touched:
                    for group in _rolled(context, entry, names):
                        new.append(_write(context, place, group))
        except BaseException:
            context.discard_indexes(new)
            raise
        return cls(tuple(new), touched)


def _kept(
    context: CompactContext, entry: IndexManifestEntry, gone: Collection[str]
) -> Iterator[Framed]:
    for vector in entry.dv_ranges or ():
        if vector.data_file not in gone:
            yield vector, context.deletions.framed(entry, vector)


def _rolled(
    context: CompactContext, entry: IndexManifestEntry, gone: Collection[str]
) -> Iterator[list[Framed]]:
    """The vectors of a file, in files that end once they are larger than the target."""
    group: list[Framed] = []
    size = _VERSION_BYTES
    for item in _kept(context, entry, gone):
        group.append(item)
        size += len(item[1])
        if size > context.append.index_file_size:
            yield group
            group, size = [], _VERSION_BYTES
    if group:
        yield group


def _write(
    context: CompactContext, place: tuple[bytes, int], vectors: list[Framed]
) -> IndexManifestEntry:
    data, ranges = join_vectors(vectors)
    entry = IndexManifestEntry(
        kind=KIND_ADD,
        partition=place[0],
        bucket=place[1],
        index_type=DELETION_VECTORS_INDEX,
        file_name=index_name(str(uuid.uuid4()), 0),
        file_size=len(data),
        row_count=len(ranges),
        dv_ranges=ranges,
    )
    store = context.state.store
    store.put(context.folders.index_file(entry, store), data)
    return entry
