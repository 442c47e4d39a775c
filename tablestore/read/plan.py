"""Which files of a snapshot a read must open, and how each bucket is read.

Pruning goes from cheap to dear: manifests by their list's statistics, then entries by partition,
bucket, key statistics and value statistics. On a primary-key table a filter on a value column may
drop a file only where no other file can hold another version of its keys.

Source: ``org.apache.paimon.operation.KeyValueFileStoreScan``, ``AppendOnlyFileStoreScan``,
``table.source.MergeTreeSplitGenerator``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tablestore.format.avro_columns import without_collections
from tablestore.format.binary_row import decode_row, field_decoder
from tablestore.format.bucket import bucket_ids
from tablestore.format.key_order import key_order
from tablestore.format.key_rows import integer_fields
from tablestore.format.values import values_to_arrow
from tablestore.lsm.sections import Section, sections
from tablestore.metadata.manifests import EntryFilter
from tablestore.predicate.arrow_scalar import array_of
from tablestore.predicate.evaluate import columns, mask
from tablestore.predicate.prune import equality_values, may_match, split
from tablestore.read.file_index import FileIndexTest
from tablestore.read.ranges import StatsRanges, ValueRanges, stats_ranges
from tablestore.read.verdicts import value_verdicts
from tablestore.types.arrow import to_arrow

if TYPE_CHECKING:
    from tablestore.format.manifest import ManifestEntry
    from tablestore.format.manifest_list import ManifestFileMeta
    from tablestore.predicate.nodes import Predicate
    from tablestore.read.view import TableView
    from tablestore.types.model import DataType


@dataclass(frozen=True)
class BucketPlan:
    """The files to read of one bucket.

    Attributes:
        partition: serialized partition.
        bucket: the bucket.
        sections: disjoint in keys, ascending; each a list of sorted runs. Append tables have one
            section with one run, in write order.
    """

    partition: bytes
    bucket: int
    sections: list[Section[ManifestEntry]]

    @property
    def files(self) -> list[ManifestEntry]:
        """All files of the bucket."""
        return [entry for section in self.sections for run in section for entry in run]


@dataclass
class Funnel:
    """How many objects were left after each pruning step."""

    manifests: int = 0
    manifests_read: int = 0
    files: int = 0
    files_after: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ReadPlan:
    """What to read.

    Attributes:
        buckets: in manifest order.
        predicate: to apply to every row; None when all rows are wanted.
        key_part: the part of the predicate that reads primary-key columns only.
        funnel: how the files were found.
    """

    buckets: list[BucketPlan]
    predicate: Predicate | None
    key_part: Predicate | None
    funnel: Funnel


@without_collections()
def plan_read(
    view: TableView,
    predicate: Predicate | None,
    *,
    cached: bool = True,
    waiting: bool = False,
) -> ReadPlan:
    """Plan a read of a snapshot.

    Args:
        view: the table at a snapshot.
        predicate: bound to the table's columns, or None.
        cached: use the committed base where it is in memory; otherwise count manifests.
        waiting: name also the files whose rows wait for a compaction before they are read.
    """
    funnel = Funnel()
    partition_part, _ = split(predicate, view.schema.partition_keys)
    if not view.schema.partition_keys:
        partition_part = None  # a constant reads no column, so it would count as a part
    key_part, _ = split(predicate, view.schema.primary_keys)
    plan = ReadPlan([], predicate, key_part, funnel)
    if view.snapshot is None:
        return plan
    wanted = EntryFilter(
        manifest=_manifest_test(view, partition_part),
        partition=None if partition_part is None else partition_matcher(view, partition_part),
        bucket=_bucket_test(view, predicate),
    )
    source = view.state.base.scan if cached else view.state.manifests.live
    scan = source(view.snapshot, wanted)
    funnel.manifests, funnel.manifests_read = scan.manifests_total, scan.manifests_read
    entries = list(scan.entries)
    funnel.files = scan.files
    funnel.files_after = {"partition": scan.files_by_partition, "bucket": len(entries)}
    steps: list[tuple[str, Callable[[ManifestEntry], bool] | None]] = [
        ("key", _key_test(view, key_part)),
        ("level", _level_test(view, waiting=waiting)),
    ]
    for name, test in steps:
        if test is not None:
            entries = [entry for entry in entries if test(entry)]
        funnel.files_after[name] = len(entries)
    grouped: dict[tuple[bytes, int], list[ManifestEntry]] = {}
    for entry in entries:
        grouped.setdefault((entry.partition, entry.bucket), []).append(entry)
    fits = _value_test(view, predicate, entries)
    for (partition, bucket), files in grouped.items():
        bucket_plan = BucketPlan(partition, bucket, _sections(view, files, fits))
        if bucket_plan.sections:
            plan.buckets.append(bucket_plan)
    funnel.files_after["value"] = sum(len(bucket.files) for bucket in plan.buckets)
    return plan


def _manifest_test(
    view: TableView, part: Predicate | None
) -> Callable[[ManifestFileMeta], bool] | None:
    names = view.schema.partition_keys
    if part is None:
        return None
    types = [view.schema.field(name).type for name in names]

    def test(meta: ManifestFileMeta) -> bool:
        count = meta.num_added_files + meta.num_deleted_files
        return may_match(part, stats_ranges(meta.partition_stats, names, types), count)

    return test


def partition_matcher(view: TableView, part: Predicate) -> Callable[[bytes], bool]:
    """Whether the rows of a partition can be selected by a predicate on partition columns."""
    names = view.schema.partition_keys
    types = [view.schema.field(name).type for name in names]
    known: dict[bytes, bool] = {}

    def test(partition: bytes) -> bool:
        found = known.get(partition)
        if found is None:
            values = decode_row(partition, types)
            arrays = [
                values_to_arrow([value], kind) for value, kind in zip(values, types, strict=True)
            ]
            row = pa.RecordBatch.from_arrays(arrays, names=list(names))
            found = known[partition] = bool(mask(part, row)[0].as_py())
        return found

    return test


def _bucket_test(view: TableView, predicate: Predicate | None) -> Callable[[int, int], bool] | None:
    if predicate is None or view.options.bucket <= 0:
        return None
    keys = view.schema.bucket_keys
    values = equality_values(predicate, keys)
    if values is None:
        return None
    types = [view.schema.field(name).type for name in keys]
    arrays = [
        array_of([row[index] for row in values], to_arrow(kind)) for index, kind in enumerate(types)
    ]
    chosen: dict[int, frozenset[int]] = {}

    def test(bucket: int, total: int) -> bool:
        # a partition keeps the bucket count that it was written with
        if total <= 0:
            return True
        if total not in chosen:
            ids = bucket_ids(arrays, types, view.options.bucket_function, total)
            chosen[total] = frozenset(ids.tolist())
        return bucket in chosen[total]

    return test


def _key_test(view: TableView, part: Predicate | None) -> Callable[[ManifestEntry], bool] | None:
    if part is None or not view.key or not columns(part) & set(view.key):
        return None

    ranges_of = StatsRanges(view.key, view.key_types, columns(part))

    def test(entry: ManifestEntry) -> bool:
        return may_match(part, ranges_of(entry.file.key_stats), entry.file.row_count)

    return test


def _level_test(view: TableView, *, waiting: bool) -> Callable[[ManifestEntry], bool] | None:
    if waiting or not view.has_waiting:
        return None
    return lambda entry: not view.waits(entry)


def _sections(
    view: TableView, files: list[ManifestEntry], fits: Callable[[ManifestEntry], bool]
) -> list[Section[ManifestEntry]]:
    if not view.key:
        kept = [entry for entry in files if fits(entry)]
        kept.sort(key=lambda entry: entry.file.min_sequence_number)
        return [[kept]] if kept else []
    if _one_version_each(view, files):
        return [[[entry]] for entry in files if fits(entry)]
    lows = _keys([entry.file.min_key for entry in files], view.key_types)
    highs = _keys([entry.file.max_key for entry in files], view.key_types)
    low_of = dict(zip(map(id, files), lows, strict=True))
    high_of = dict(zip(map(id, files), highs, strict=True))
    found = sections(files, lambda e: low_of[id(e)], lambda e: high_of[id(e)])
    # these engines make a row of several: none of them may fit, and the row all the same
    mixes = view.options.mixes_versions
    kept_sections = []
    for section in found:
        if len(section) == 1:
            run = [entry for entry in section[0] if fits(entry)]
            if run:
                kept_sections.append([run])
        elif mixes or any(fits(entry) for run in section for entry in run):
            kept_sections.append(section)
    return kept_sections


def _keys(rows: Sequence[bytes], types: Sequence[DataType]) -> Sequence[Any]:
    """The keys of serialized rows as values that compare like Paimon's keys."""
    numbers = integer_fields(rows, types)
    if numbers is None:
        decode = field_decoder(types, range(len(types)))
        return [key_order(decode(row)) for row in rows]
    return numbers[0] if len(numbers) == 1 else list(zip(*numbers, strict=True))


def _one_version_each(view: TableView, files: list[ManifestEntry]) -> bool:
    """Whether files hold one version of each key, so that they are read unmerged.

    Deletion vectors take the older versions out; first-row never writes a key twice above level 0.
    """
    one = view.options.deletion_vectors or view.options.merge_engine == "first-row"
    return one and all(
        entry.file.level != 0 and entry.file.delete_row_count == 0 for entry in files
    )


def _value_test(
    view: TableView, predicate: Predicate | None, entries: Sequence[ManifestEntry]
) -> Callable[[ManifestEntry], bool]:
    if predicate is None:
        return lambda entry: True
    names = columns(predicate)
    fields = [item for item in view.schema.fields if item.name in names]

    indexes = file_index_test(view, predicate)
    ranges_of = ValueRanges(view.file_schema, fields)
    verdicts = value_verdicts(predicate, entries, view.file_schema, view.schema)

    def test(entry: ManifestEntry) -> bool:
        fits = verdicts.get(id(entry))
        if fits is None:
            fits = may_match(predicate, ranges_of(entry.file), entry.file.row_count)
        if not fits or indexes is None or entry.file.embedded_index is None:
            return fits
        return indexes.embedded(entry.file, view.file_schema(entry.file.schema_id))

    return test


def file_index_test(view: TableView, predicate: Predicate | None) -> FileIndexTest | None:
    """A test of files by their own indexes, or None where there is nothing to ask them."""
    if predicate is None or not view.options.file_index_read:
        return None
    names = columns(predicate)
    return FileIndexTest(predicate, [item for item in view.schema.fields if item.name in names])
