"""Merging of old manifests, so that reading a table does not slow down with its history.

Minor: neighbours are merged up to the target size, the small rest once there are many of them.
Full: when much is deleted or small, everything that must change is rewritten without the files
that are gone. Both keep the order that ADD and DELETE need.

Source: ``org.apache.paimon.operation.ManifestFileMerger``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tablestore.format.binary_row import decode_row
from tablestore.format.key_order import key_order
from tablestore.format.manifest import KIND_DELETE, merge_entries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.types.model import DataType

    Read = Callable[[str], Sequence[ManifestEntry]]
    Write = Callable[[Sequence[ManifestEntry]], list[ManifestFileMeta]]


@dataclass(frozen=True, slots=True)
class MergePolicy:
    """When manifests are merged.

    Attributes:
        target_size: bytes of a manifest that is left alone.
        min_count: small manifests at the end that are worth a merge.
        full_threshold: bytes of manifests to be changed that are worth a full rewrite.
    """

    target_size: int = 8 << 20
    min_count: int = 30
    full_threshold: int = 16 << 20

    def must_change(self, meta: ManifestFileMeta) -> bool:
        """True for a manifest that a full rewrite does not leave alone."""
        return meta.num_deleted_files > 0 or meta.file_size < self.target_size

    def wants_full(self, metas: Iterable[ManifestFileMeta]) -> bool:
        """True when a full rewrite is due."""
        changing = sum(meta.file_size for meta in metas if self.must_change(meta))
        return changing >= self.full_threshold

    def minor_groups(self, metas: Iterable[ManifestFileMeta]) -> list[list[ManifestFileMeta]]:
        """The manifests in order, in groups; a group of one stays as it is."""
        groups: list[list[ManifestFileMeta]] = []
        group: list[ManifestFileMeta] = []
        size = 0
        for meta in metas:
            group.append(meta)
            size += meta.file_size
            if size >= self.target_size:
                groups.append(group)
                group, size = [], 0
        if len(group) >= self.min_count:
            return [*groups, group]
        return [*groups, *([meta] for meta in group)]


def merge_manifests(
    metas: Sequence[ManifestFileMeta],
    policy: MergePolicy,
    read: Read,
    write: Write,
    partition_types: Sequence[DataType],
) -> tuple[ManifestFileMeta, ...]:
    """Manifests with the same live files, fewer where that is worth it.

    Args:
        metas: all manifests of a snapshot, in order.
        policy: when to merge.
        read: the entries of a manifest by name.
        write: writes entries to new manifests.
        partition_types: types of the partition columns.

    Raises:
        CorruptDataError: a manifest is damaged.
    """
    if policy.wants_full(metas):
        full = _merge_full(metas, policy, read, write, partition_types)
        if full is not None:
            return full
    merged: list[ManifestFileMeta] = []
    for group in policy.minor_groups(metas):
        if len(group) == 1:
            merged += group
            continue
        entries = merge_entries([read(meta.file_name) for meta in group], strict=False)
        merged += write(entries)
    return tuple(merged)


def _merge_full(
    metas: Sequence[ManifestFileMeta],
    policy: MergePolicy,
    read: Read,
    write: Write,
    partition_types: Sequence[DataType],
) -> tuple[ManifestFileMeta, ...] | None:
    """The result of a full rewrite, or None where it would change nothing."""
    deletes = {
        entry.identifier
        for meta in metas
        if meta.num_deleted_files > 0
        for entry in read(meta.file_name)
        if entry.kind == KIND_DELETE
    }
    partitions = {identifier[0] for identifier in deletes}
    may_hold = _partition_test(partitions, partition_types)
    kept: list[ManifestFileMeta] = []
    changed: list[ManifestFileMeta] = []
    for meta in metas:
        touched = policy.must_change(meta) or may_hold(meta)
        (changed if touched else kept).append(meta)
    if len(changed) <= 1:
        return None
    parts: list[Sequence[ManifestEntry]] = []
    for meta in changed:
        entries = read(meta.file_name)
        if policy.must_change(meta) or any(entry.identifier in deletes for entry in entries):
            parts.append(entries)
        else:
            kept.append(meta)
    # A DELETE that finds no ADD here found none anywhere: all that could hold it was read.
    live = [e for e in merge_entries(parts, strict=False) if e.kind != KIND_DELETE]
    return (*kept, *write(live))


def _partition_test(
    partitions: Iterable[bytes], types: Sequence[DataType]
) -> Callable[[ManifestFileMeta], bool]:
    """Whether a manifest may hold a file of one of the partitions, by its statistics."""
    if not types:
        known = bool(set(partitions))
        return lambda _meta: known
    rows = [decode_row(partition, types) for partition in partitions]
    return lambda meta: bool(rows) and _may_hold(meta, rows, types)


def _may_hold(
    meta: ManifestFileMeta, rows: Iterable[Sequence[Any]], types: Sequence[DataType]
) -> bool:
    stats = meta.partition_stats
    lows = decode_row(stats.min_values, types)
    highs = decode_row(stats.max_values, types)
    nulls = stats.null_counts or (None,) * len(types)
    return any(all(map(_in_range, row, lows, highs, nulls)) for row in rows)


def _in_range(value: Any, low: Any, high: Any, nulls: int | None) -> bool:  # noqa: ANN401
    if value is None:
        return nulls != 0
    if low is None or high is None:
        return True  # unknown
    return bool(key_order([low]) <= key_order([value]) <= key_order([high]))
