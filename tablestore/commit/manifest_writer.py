"""Writes the manifests, lists and index manifests of one commit, and can take them back.

Source: ``org.apache.paimon.manifest.ManifestFile``, ``ManifestList``, ``IndexManifestFile``.
"""

from __future__ import annotations

import contextlib
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Final

from tablestore.errors import TablestoreError
from tablestore.format.index_manifest import encode_index_manifest
from tablestore.format.manifest import encode_manifest
from tablestore.format.manifest_list import encode_manifest_list, summarize
from tablestore.format.paths import (
    index_manifest_name,
    manifest_list_name,
    manifest_name,
    manifest_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from tablestore.format.index_manifest import IndexManifestEntry
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.metadata.base import CommittedState
    from tablestore.types.model import DataType

# Java looks at the size of a growing manifest after this many entries.
_ROLL_ENTRIES: Final = 1000


class ManifestWriter:
    """Writes objects under names that nobody else uses; each is durable when its call returns.

    Args:
        state: of the table.
        partition_types: types of the partition columns.
        target_size: bytes at which a manifest is full.
    """

    def __init__(
        self, state: CommittedState, partition_types: Sequence[DataType], target_size: int
    ) -> None:
        self._state = state
        self._partition_types = partition_types
        self._target_size = target_size
        self._uuid = str(uuid.uuid4())
        self._counts: Counter[Callable[[str, int], str]] = Counter()
        self._written: list[str] = []

    def write(self, entries: Sequence[ManifestEntry], schema_id: int) -> list[ManifestFileMeta]:
        """Manifests with the entries, a new one after each ``target_size`` bytes.

        Args:
            entries: in order; none make no manifest.
            schema_id: the latest of the table.
        """
        metas: list[ManifestFileMeta] = []
        start, step = 0, _ROLL_ENTRIES
        while start < len(entries):
            part = entries[start : start + step]
            data = encode_manifest(part)
            if len(data) < self._target_size and start + step < len(entries):
                grown = max(step + _ROLL_ENTRIES, step * self._target_size // len(data))
                step = grown // _ROLL_ENTRIES * _ROLL_ENTRIES
                continue
            name = self._put(manifest_name, data)
            self._state.manifests.keep_entries(name, part)
            metas.append(summarize(part, self._partition_types, name, len(data), schema_id))
            start += step
        return metas

    def write_list(self, metas: Sequence[ManifestFileMeta]) -> tuple[str, int]:
        """A manifest list; its name and exact size (Java stops reading where the size says)."""
        data = encode_manifest_list(metas)
        name = self._put(manifest_list_name, data)
        self._state.manifests.keep_list(name, metas)
        return name, len(data)

    def write_index(self, entries: Sequence[IndexManifestEntry]) -> str | None:
        """An index manifest, or None for no index files."""
        if not entries:
            return None
        return self._put(index_manifest_name, encode_index_manifest(entries))

    def discard(self, keep: Collection[str] = ()) -> None:
        """Deletes what was written, as far as the storage lets us.

        Args:
            keep: names that a published snapshot refers to.
        """
        for name in self._written:
            if name not in keep:
                with contextlib.suppress(TablestoreError):
                    self._state.store.delete(manifest_path(name))
        self._written = [name for name in self._written if name in keep]

    def _put(self, name_of: Callable[[str, int], str], data: bytes) -> str:
        name = name_of(self._uuid, self._counts[name_of])
        self._counts[name_of] += 1
        self._written.append(name)
        self._state.store.put(manifest_path(name), data)
        return name
